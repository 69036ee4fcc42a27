import { html, live, nothing } from '../vendor/lit.js';
import '../elements/menu.js';
import { counted, whole } from '../elements/format.js';
import { failureSetItem, openFailureSet, openRun } from '../failure_sets.js';
import { halfMoon, mark, notebook, plus, question, reload, search, share, walk } from '../elements/icons.js';
import { foldedRuns, nameOfSeries } from '../series.js';
import { askVerdicts } from './base/requests.js';
import { MARK_OF } from './latents/verdicts.js';
import { isShortcut, Panel, SLIDERS } from './base/panel.js';

const WORKSPACES = [
  ['dictionary', 'Dictionary'],
  ['scratchpad', 'Scratchpad'],
  ['compare', 'Compare'],
];
const THUMBNAIL_LIMIT = 60;

/** A dictionary's name without what the bar has no room for: the model's name, and the hook but for its last two parts. */
function shortName({ name, hook, vlm_name: vlm }) {
  return name.replace(` of ${vlm}`, '').replace(hook, hook.split('.').slice(-2).join('.'));
}

/** Name, workspaces, what is looked at (run, dictionary, step), and what concerns the tab as a whole. */
export class TopBar extends Panel {
  static indifferentTo = SLIDERS;

  constructor() {
    super();
    this.verdicts = this.query(askVerdicts);
  }

  /** What of a dictionary's metrics is wrong. @param {string|null} id @returns {string[]} */
  wrongOf(id) {
    return this.verdicts.value?.verdicts.find((one) => one.id === id)?.wrong ?? [];
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (!isShortcut(event)) return;
      const workspace = { 1: 'dictionary', 2: 'scratchpad', 3: 'compare' }[event.key];
      const sheet = { '/': 'find', '?': 'keys' }[event.key];
      if (workspace) this.store.set({ workspace });
      else if (sheet && this.store.session.listing) this.store.setSession({ sheet });
      else if (event.key === 't') this.toggleTheme();
      else return;
      event.preventDefault();
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  toggleTheme() {
    this.dispatchEvent(new CustomEvent('theme'));
  }

  runItems() {
    const sets = (this.store.session.listing.failure_sets ?? []).map(failureSetItem);
    const runs = foldedRuns(this.store.session.listing.vlm_runs, this.selection);
    return sets.concat(runs.map((one, i) => this.runItem(one, i)));
  }

  runItem({ entry, series }, i) {
    return {
      value: JSON.stringify([entry.run, entry.id]),
      title: nameOfSeries(entry),
      note: [
        series.length ? `step ${whole(entry.step)}, one of ${whole(series.length)}` : '',
        new Date(1000 * entry.created).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }),
        entry.steered ? 'steered' : '',
        entry.truncated ? 'truncated' : '',
        entry.superseded ? 'superseded' : '',
        this.wrongOf(entry.dictionary_id).length ? `${MARK_OF.wrong} dictionary trained badly` : '',
      ]
        .filter(Boolean)
        .join(' · '),
      detail: [...(series.length && nameOfSeries(entry) === entry.prompt ? [] : [entry.prompt]), entry.output_text],
      picture: entry.has_picture && i < THUMBNAIL_LIMIT ? this.api.pictureUrl(entry) : null,
      words: [entry.name, entry.prompt, entry.output_text, entry.run, entry.dictionary_name].join(' '),
    };
  }

  dictionaryItems() {
    return this.store.session.listing.dictionaries.map((entry) => ({
      value: entry.id,
      title: entry.name,
      note: [this.wrongOf(entry.id).length ? `${MARK_OF.wrong} trained badly` : '', counted(entry.n_latents, 'latent')].filter(Boolean).join(' · '),
      detail: [...(this.wrongOf(entry.id).length ? [this.wrongOf(entry.id).join(', ')] : []), `${entry.sae_name} at ${entry.hook} of ${entry.vlm_name}`, ...(entry.run ? [`logged in ${entry.run}`] : [])],
      words: [entry.name, entry.run, entry.vlm_name, entry.sae_name, entry.hook].join(' '),
    }));
  }

  renderRun() {
    const entry = this.store.runEntry;
    const current = html`${entry?.has_picture ? html`<img src=${this.api.pictureUrl(entry)} alt="" width="20" height="20">` : nothing}
      <span class="k">Run</span><span class="v mono">${entry ? nameOfSeries(entry) : 'none'}</span>${
        entry?.series_id ? html`<span class="k run-step" data-value="run-step">step ${whole(entry.step)}</span>` : nothing
      }`;
    return html`<vs-menu .name=${'Run'} .current=${current} .items=${this.runItems()} .value=${entry ? JSON.stringify([entry.run, entry.id]) : ''}
      @choose=${(event) => {
        const [run, id, kind] = JSON.parse(event.detail);
        if (kind === 'failure set') {
          openFailureSet(this.store, { run, id });
          return;
        }
        const chosen = this.store.session.listing.vlm_runs.find((other) => other.run === run && other.id === id);
        if (chosen) openRun(this.store, chosen);
      }}></vs-menu>`;
  }

  renderAsk() {
    return html`<button type="button" class="icon" aria-label="New picture and prompt" title="New picture and prompt: ask the model"
      aria-haspopup="dialog" @click=${() => this.store.setSession({ sheet: 'ask' })}>${plus}</button>`;
  }

  renderDictionary() {
    const entry = this.store.dictionaryEntry;
    const name = entry?.name ?? this.store.runEntry?.dictionary_name ?? 'none';
    const wrong = this.wrongOf(entry?.id ?? null);
    const mark = wrong.length
      ? html`<span class="verdict-mark wrong" role="img" aria-label="trained badly" title=${`Its metrics are wrong. ${wrong.join(', ')}`}>${MARK_OF.wrong}</span>`
      : nothing;
    const current = html`<span class="k">Dictionary</span>${mark}<span class="v mono" title=${name}>${entry ? shortName(entry) : name}</span>
      ${entry ? html`<span class="k wide">${whole(entry.n_latents)} latents</span>` : nothing}`;
    return html`<vs-menu .name=${'Dictionary'} .current=${current} .items=${this.dictionaryItems()} .value=${entry?.id ?? ''}
      @choose=${(event) => this.store.chooseDictionary(event.detail)}></vs-menu>`;
  }

  renderStep() {
    const steps = this.store.dictionaryEntry?.steps ?? [];
    if (!steps.length) return nothing;
    const { step } = this.selection;
    const one = steps.length === 1;
    const last = steps.length - 1;
    const at = step === null ? last : Math.max(0, steps.indexOf(step));
    return html`<label class="stepper ${one ? '' : 'several'}" title=${one ? `Only step ${whole(steps[0])} was logged` : `Step ${whole(steps[at])}`}>
      <span class="k">Step</span>
      <input type="range" min="0" max=${Math.max(1, last)} .value=${live(String(one ? 1 : at))} ?disabled=${one} aria-label="Training step"
        aria-valuetext=${one ? `${steps[0]}, the only one logged` : String(steps[at])}
        @input=${(event) => this.store.set({ step: Number(event.target.value) === last ? null : steps[event.target.value] })}>
      <span class="v" data-value="step">${one ? 'only one logged' : whole(steps[at])}</span></label>`;
  }

  renderTheme() {
    const { theme, ownTheme } = this.store.session;
    const other = theme === 'dark' ? 'light' : 'dark';
    const title = `${ownTheme ? `Theme: ${theme}, chosen here` : `Theme: TensorBoard’s, ${theme}`}. To ${other} (t)`;
    return html`<button type="button" class="icon" aria-label="Theme" aria-pressed=${String(ownTheme)} title=${title}
      aria-keyshortcuts="t" @click=${() => this.toggleTheme()}>${halfMoon}</button>`;
  }

  renderWalk() {
    const open = this.store.session.walk;
    return html`<button type="button" class="icon" aria-label="Walk" aria-pressed=${String(open)} aria-keyshortcuts="g"
      title="Walk: from the dictionary to the cause of a wrong word, step by step (g)" @click=${() => this.store.setSession({ walk: !open })}>${walk}</button>`;
  }

  /** @param {string} name @param {string} sheet @param {string} key @param {unknown} icon */
  renderOpener(name, sheet, key, icon) {
    return html`<button type="button" class="icon" aria-label=${name} title="${name} (${key})" aria-haspopup="dialog"
      aria-keyshortcuts=${key} @click=${() => this.store.setSession({ sheet })}>${icon}</button>`;
  }

  render() {
    const { listing, listingError } = this.store.session;
    const any = listing && (listing.vlm_runs.length || listing.dictionaries.length);
    return html`<header class="top-bar">
      <h1 class="brand">${mark}<span class="brand-name">Visual Scratchpad</span></h1>
      <nav class="workspaces" aria-label="Workspaces">${WORKSPACES.map(
        ([key, text], i) => html`
        <button type="button" aria-current=${this.selection.workspace === key ? 'page' : 'false'} aria-keyshortcuts=${i + 1}
          @click=${() => this.store.set({ workspace: key })}>${text}</button>`,
      )}</nav>
      <div class="selectors">${any ? [this.renderRun(), this.renderAsk(), this.renderDictionary(), this.renderStep()] : nothing}
        ${listingError && listing ? html`<span class="offline" role="status">TensorBoard does not answer</span>` : nothing}
        <span class="tools">${
          any
            ? html`<button type="button" class="button share" aria-haspopup="dialog" title="Share view: a link that restores it"
              @click=${() => this.store.setSession({ sheet: 'share' })}>${share}<span class="text">Share view</span></button>
            ${this.renderWalk()}<vs-dense .store=${this.store} .api=${this.api}></vs-dense>${this.renderOpener('Notes', 'notes', 'N', notebook)}${this.renderOpener('Find a latent', 'find', '/', search)}`
            : nothing
        }
        <button type="button" class="icon" aria-label="Reload" title="Reload: look for new runs now"
          @click=${() => this.dispatchEvent(new CustomEvent('reload'))}>${reload}</button>
        ${any ? this.renderOpener('Keyboard', 'keys', '?', question) : nothing}${this.renderTheme()}</span></div>
    </header>`;
  }
}

customElements.define('vs-top-bar', TopBar);
