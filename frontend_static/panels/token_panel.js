import { html, nothing } from '../vendor/lit.js';
import { answered, emptyState } from '../elements/card.js';
import { fixed, percent, tokenText, whole } from '../elements/format.js';
import { areSeveral, extended, marked, MAX_TOGETHER, ranged, toggled } from '../token_set.js';
import { isShortcut, Panel, SLIDERS } from './base/panel.js';
import { askMasses, askRun } from './base/requests.js';

const WRITTEN_OUT_FROM = 1700;
/** The heatmap of so few words needs no more than a strip; the layout gives the room to the ranking, before the heatmap is there. */
const FEW_WORDS = 4;

/** The words: what was put in, what came out; the chosen one with its alternatives. */
export class TokenPanel extends Panel {
  static indifferentTo = SLIDERS;
  static properties = { unfolded: { state: true } };

  constructor() {
    super();
    this.run = this.query(askRun);
    this.masses = this.query(askMasses);
    this.unfolded = false;
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (!this.run.value || !isShortcut(event)) return;
      if (event.key === 'x') this.mark();
      if (event.key === 'y' && this.doubt()) event.preventDefault();
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const { order } = this;
      const at = order.indexOf(this.selection.token);
      const next = order[at < 0 ? order.length - 1 : Math.min(order.length - 1, Math.max(0, at + step))];
      if (next === undefined) return;
      if (event.shiftKey) this.take(extended(this.selection, next));
      else this.store.set({ token: next, source: 'attention' }, { asNew: !event.repeat });
      const chip = this.querySelector(`[data-token="${next}"]`);
      if (this.contains(document.activeElement)) chip?.focus();
      event.preventDefault();
    };
    this.onResize = () => this.requestUpdate();
    window.addEventListener('keydown', this.onKey);
    window.addEventListener('resize', this.onResize);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
    window.removeEventListener('resize', this.onResize);
  }

  updated() {
    const { token } = this.selection;
    // an address may name a token that this run does not have
    if (token !== this.scrolledTo && this.run.value) {
      this.scrolledTo = token;
      this.querySelector('.chip.on')?.scrollIntoView({ block: 'nearest' });
    }
    if (this.run.value && token !== null && !this.run.value.tokens.some(({ index }) => index === token))
      this.store.adjust({ token: null }, { token: `The address asks for token ${token}, which run “${this.run.value.name}” does not have as a word. Another is shown instead.` });
    const { tokens } = this.selection;
    if (this.run.value && tokens.length) {
      const known = tokens.filter((one) => this.run.value.tokens.some(({ index }) => index === one));
      if (known.length < tokens.length)
        this.store.adjust({ tokens: Object.freeze(known) }, { tokens: `The address takes ${whole(tokens.length)} tokens together, of which run “${this.run.value.name}” has ${whole(known.length)} as words.` });
    }
    const { doubt } = this.selection;
    if (this.run.value && doubt !== null && !this.run.value.tokens.some(({ index, span }) => index === doubt && span === 'OUTPUT'))
      this.store.adjust({ doubt: null }, { doubt: `The address doubts token ${doubt}, which run “${this.run.value.name}” does not have in its answer. No word is doubted.` });
  }

  /** Tokens that can be chosen, in order. */
  get order() {
    return this.run.value.tokens.filter(({ span }) => this.systemShown || span !== 'SYSTEM').map(({ index }) => index);
  }

  /** The current word into the set of several or out of it. */
  mark() {
    this.take(marked(this.selection));
  }

  /** @param {import('../token_set.js').Chosen} next */
  take(next) {
    const full = next.tokens === this.selection.tokens && this.selection.tokens.length >= MAX_TOGETHER;
    this.store.setSession({ notice: full ? `${MAX_TOGETHER} words are taken together, no more: take one out first.` : null });
    this.store.set({ ...next, source: 'attention', ...(next.tokens.length > 1 ? { head: null } : {}) });
  }

  /** Ctrl takes a word into the set or out of it, Shift all up to it; a bare click chooses it alone. */
  choose(event, index) {
    if (event.ctrlKey || event.metaKey) this.take(toggled(this.selection, index));
    else if (event.shiftKey) this.take(ranged(this.selection, index, this.order));
    else this.store.set({ token: index, tokens: Object.freeze([]), source: 'attention' });
  }

  /** Marks the chosen word of the answer as wrong, or no longer. @returns {boolean} whether it is one */
  doubt() {
    const { token, doubt } = this.selection;
    if (this.run.value?.tokens.find(({ index }) => index === token)?.span !== 'OUTPUT') return false;
    this.store.set({ doubt: doubt === token ? null : token });
    return true;
  }

  renderDoubt({ index, span }) {
    if (span !== 'OUTPUT') return nothing;
    const on = index === this.selection.doubt;
    return html`<button type="button" class="button small doubt" aria-pressed=${String(on)} aria-keyshortcuts="y"
      title="${on ? 'It is marked as wrong; to take the mark away' : 'Mark this word as wrong: the walk and Compare then speak of it'} (y)" @click=${() => this.doubt()}>${on ? 'Marked as wrong' : 'Mark as wrong'}</button>`;
  }

  get systemShown() {
    return this.unfolded || window.innerWidth >= WRITTEN_OUT_FROM;
  }

  chip(token, mass, top) {
    const on = token.index === this.selection.token;
    const among = this.selection.tokens.includes(token.index);
    const doubted = token.index === this.selection.doubt;
    const shown =
      mass === undefined || mass === null
        ? 'does not see the picture'
        : `${percent(mass)} of its attention on the picture`;
    const classes = ['chip', 'mono', token.span.toLowerCase(), token.template ? 'template' : '', on ? 'on' : '', among ? 'among' : '', doubted ? 'doubted' : ''].join(
      ' ',
    );
    return html`<button type="button" class=${classes} data-token=${token.index} tabindex=${on || token.index === this.entry ? 0 : -1} aria-pressed=${String(areSeveral(this.selection) ? among : on)} title=${`${JSON.stringify(token.text)}: ${doubted ? 'the word you doubt; ' : ''}${shown}`}
      aria-keyshortcuts="x" @click=${(event) => this.choose(event, token.index)}>${tokenText(token.text)}<i aria-hidden="true"
      .style=${`--w:${mass ? Math.min(100, (100 * mass) / top) : 0}%`}></i></button>`;
  }

  imageChip({ n_tokens: n, n_newlines: newlines }) {
    const entry = this.store.runEntry;
    return html`<span class="chip image" title="${whole(n - newlines)} patches and ${whole(newlines)} newlines">
      ${entry?.has_picture ? html`<img src=${this.api.pictureUrl(entry)} alt="" width="16" height="16">` : nothing}image · ${whole(n)} tokens</span>`;
  }

  renderTokens(run) {
    const mass = new Map(
      this.masses.value ? this.masses.value.index.map((index, i) => [index, this.masses.value.mass[i]]) : [],
    );
    const top = Math.max(1e-9, ...[...mass.values()].map((m) => m ?? 0));
    const chips = (tokens) => tokens.map((token) => this.chip(token, mass.get(token.index), top));
    const of = (span) => run.tokens.filter((token) => token.span === span);
    const [system, input, output] = [of('SYSTEM'), of('INPUT'), of('OUTPUT')];
    // one stop of the Tab key among the chips: the chosen one, else the first of the answer; arrows go on from there
    this.entry = this.selection.token === null ? (output[0] ?? input[0])?.index : null;
    const before = input.filter(({ index }) => index < run.image.first_index);
    const after = input.filter(({ index }) => index > run.image.first_index);
    const fold = system.length
      ? html`<button type="button" class="chip fold" aria-expanded=${String(this.systemShown)}
      @click=${() => {
        this.unfolded = !this.unfolded;
      }}>system · ${system.length} tokens</button>`
      : nothing;
    const row = (label, content) =>
      html`<span class="lab">${label}</span><div class="chips" role="group" aria-label="${label} tokens">${content}</div>`;
    return html`<div class="tokens ${output.length <= FEW_WORDS && !this.selection.prompt ? 'few' : ''}">
      ${this.systemShown && system.length ? row('System', chips(system)) : nothing}
      ${row('Prompt', [window.innerWidth >= WRITTEN_OUT_FROM ? nothing : fold, chips(before), this.imageChip(run.image), chips(after)])}
      ${row(
        'Answer',
        output.length
          ? [
              chips(output),
              run.truncated
                ? html`<span class="chip truncated" title="The answer reached its token limit">truncated</span>`
                : nothing,
            ]
          : html`<span class="note">This run has no answer.</span>`,
      )}
    </div>${this.renderDetails(run, mass)}`;
  }

  /** How many words are taken together, and the way back to one. */
  renderTogether() {
    const { tokens } = this.selection;
    if (!tokens.length) return nothing;
    const text = tokens.length > 1 ? `${whole(tokens.length)} words together` : '1 word marked; x marks another';
    return html`<span class="together" data-value="together">${text}<button type="button" class="icon tiny" aria-label="No longer together" title="No longer together: the current word alone"
      @click=${() => this.store.set({ tokens: Object.freeze([]) })}>×</button></span>`;
  }

  renderDetails(run, mass) {
    const token = run.tokens.find(({ index }) => index === this.selection.token);
    if (!token) return html`<div class="token-details" aria-hidden="true"></div>`;
    const seen = mass.get(token.index);
    return html`<div class="token-details" aria-label="The chosen token" role="group">
      ${this.renderTogether()}<b class="mono">${tokenText(token.text)}</b>
      <span class="k">${
        token.span === 'OUTPUT'
          ? html`log-probability <b data-value="logprob">${fixed(token.logprob, 2)}</b> (${percent(Math.exp(token.logprob))})`
          : token.template
            ? 'from the template'
            : token.span === 'SYSTEM'
              ? 'system'
              : 'prompt'
      }</span>
      ${seen === undefined || seen === null ? nothing : html`<span class="k wide"><b data-value="token-mass">${percent(seen)}</b> on the picture</span>`}
      ${
        token.alternatives.length
          ? html`<span class="instead" title=${`Instead of it: ${token.alternatives.map((other) => `${tokenText(other.text)} ${fixed(other.logprob, 2)}`).join(', ')}`}><span class="k">instead of it</span>${token.alternatives.map(
              (other) => html`
        <span class="other"><span class="mono">${tokenText(other.text)}</span> <span class="k">${fixed(other.logprob, 2)}</span></span>`,
            )}</span>`
          : nothing
      }${this.renderDoubt(token)}
    </div>`;
  }

  render() {
    return html`<section class="card token-card" aria-label="Tokens">${answered(this.run, (run) => (run.tokens.length ? this.renderTokens(run) : emptyState('This run has no tokens.')))}</section>`;
  }
}

customElements.define('vs-tokens', TokenPanel);
