import { html, nothing } from '../vendor/lit.js';
import '../elements/sheet.js';
import { counted, whole } from '../elements/format.js';
import { Panel, SLIDERS } from './base/panel.js';
import { askHealth } from './base/requests.js';
import { MARK_OF, WORD_OF } from './latents/verdicts.js';

const SHEET = 'diagnosis';
/** Checks with latents worth a click, and what the button says of them. */
const SELECTED = { dead: 'dead', dense: 'dense', rare: 'rare', labels: 'mixed', outliers: 'strong', duplicates: 'duplicate' };

/** What stands between backticks is a command. @param {string} text */
const withCode = (text) => text.split('`').map((part, i) => (i % 2 ? html`<code>${part}</code>` : part));

/** Whether the dictionary trained well: marks in the health card, and what is wrong, from what, and what to do over the tab. */
export class DiagnosisPanel extends Panel {
  static indifferentTo = SLIDERS;
  static properties = { choosing: { state: true } };

  constructor() {
    super();
    this.health = this.query(askHealth);
    /** @type {string|null} the check whose latents are being fetched */
    this.choosing = null;
  }

  /** @param {import('./latents/verdicts.js').Check} check */
  mark({ verdict }) {
    return html`<span class="verdict-mark ${verdict}" aria-hidden="true">${MARK_OF[verdict]}</span><span class="spoken">${WORD_OF[verdict]}: </span>`;
  }

  open() {
    this.store.setSession({ sheet: SHEET });
  }

  /** @param {string} key of a check */
  async choose(key) {
    const { dictionary, step } = this.selection;
    this.choosing = key;
    try {
      const { arrays } = await this.api.healthLatents(dictionary, step, key);
      const latents = Object.freeze(Array.from(arrays.latent));
      if (this.selection.dictionary !== dictionary || this.selection.step !== step) return; // another was chosen meanwhile
      this.store.set({ latents, latent: latents[0] ?? null, over: 'step' });
      this.store.setSession({ sheet: null });
    } catch (error) {
      this.store.setSession({ notice: error instanceof Error ? error.message : String(error), sheet: null });
    } finally {
      this.choosing = null;
    }
  }

  renderCheck(check) {
    const chosen = SELECTED[check.key];
    return html`<li class="diagnosis ${check.verdict}" data-check=${check.key}>
      <h3>${this.mark(check)}${check.title}<b>${check.figure}</b></h3>
      <p>${check.sentence}</p>
      ${check.remedy ? html`<p class="remedy">${withCode(check.remedy)}</p>` : nothing}
      <p class="diagnosis-foot">${
        chosen && check.n_latents
          ? html`<button type="button" class="button small" ?disabled=${this.choosing !== null} @click=${() => this.choose(check.key)}>Select ${
              check.n_latents === 1 ? `the ${chosen} one` : `the ${whole(check.n_latents)} ${chosen} ones`
            }</button>`
          : nothing
      }${check.source ? html`<span class="note">${check.source}</span>` : nothing}</p></li>`;
  }

  renderContent({ checks, problems }) {
    return html`<p class="note">By what the sweep recorded. Well: within what published dictionaries have. Worth a look: outside of it. Wrong: a sign of a
        failed training. No figure proves that latents mean something: look at their pictures.</p>
      ${problems.map((problem) => html`<p class="note" role="alert">${problem}</p>`)}
      <ul class="diagnoses">${checks.map((check) => this.renderCheck(check))}</ul><vs-export-row></vs-export-row>
      ${
        this.store.dictionaryEntry?.has_decoder_map
          ? html`<p><button type="button" class="button small" data-value="to-clusters" @click=${() => this.toClusters()}>Meaningful clusters of the map</button></p>`
          : nothing
      }`;
  }

  toClusters() {
    this.store.set({ mapAs: 'list', over: 'step' });
    this.store.setSession({ sheet: null });
  }

  /** The worst by name, the rest by number. */
  renderLine({ verdict, counts, checks }) {
    const told = checks.filter((check) => check.verdict === 'wrong' || check.verdict === 'look');
    const rest = (key, text) => (counts[key] ? html`<span class="rest"><span class="verdict-mark ${key}" aria-hidden="true">${MARK_OF[key]}</span>${text}</span>` : nothing);
    const summary = {
      wrong: 'It did not train well',
      look: 'No sign of a failed training, but look at',
      well: 'No sign of a failed training',
      unknown: 'Whether it trained well is not known',
    }[verdict];
    return html`<p class="diagnosis-line" data-value="diagnosis" data-verdict=${verdict}><b>${summary}</b>
      ${told.map(
        (check) => html`<button type="button" class="tag ${check.verdict}" aria-haspopup="dialog" data-check=${check.key} title=${check.sentence} @click=${() => this.open()}>${this.mark(check)}${check.title}
          <span class="k">${check.figure}</span></button>`,
      )}${rest('well', `${counted(counts.well, 'check')} well`)}${rest('unknown', `${whole(counts.unknown)} not known`)}
      <button type="button" class="link" aria-haspopup="dialog" aria-label="All checks of the training" @click=${() => this.open()}>all checks</button>
      ${
        this.store.dictionaryEntry?.has_decoder_map
          ? html`<button type="button" class="link" @click=${() => this.toClusters()}>meaningful clusters</button>`
          : nothing
      }</p>`;
  }

  /** Among the figures: the marks with their numbers. */
  renderFigure({ counts }) {
    const shown = ['wrong', 'look', 'well'].filter((verdict) => counts[verdict]);
    const told = shown.map((verdict) => `${whole(counts[verdict])} ${WORD_OF[verdict]}`).join(', ');
    return html`<button type="button" class="diagnosis-figure" aria-haspopup="dialog" title=${told} @click=${() => this.open()}>
      <span>checks</span><b>${shown.slice(0, 2).map((verdict) => html`<i class="verdict-mark ${verdict}" aria-hidden="true">${MARK_OF[verdict]}</i><span aria-hidden="true">${whole(counts[verdict])}</span>`)}</b><span class="spoken">: ${told || 'none could be made'}</span></button>`;
  }

  render() {
    if (this.health.error) return html`<p class="note">The checks of the training cannot be shown: ${this.health.error.message}</p>`;
    const health = this.health.value;
    // room is kept, so that the card does not grow under the pointer
    if (!health) return this.store.overTraining ? nothing : html`<p class="diagnosis-line" aria-hidden="true">&nbsp;</p>`;
    const open = this.store.session.sheet === SHEET;
    return html`${this.store.overTraining ? this.renderFigure(health) : this.renderLine(health)}<vs-sheet class="wide" .open=${open} label="Did this dictionary train well?"
      .content=${open ? this.renderContent(health) : nothing} @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }
}

customElements.define('vs-diagnosis', DiagnosisPanel);
