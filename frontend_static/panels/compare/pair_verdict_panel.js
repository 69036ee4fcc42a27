import { html, nothing } from '../../vendor/lit.js';
import { answered } from '../../elements/card.js';
import { fixed, whole } from '../../elements/format.js';
import '../../elements/menu.js';
import { keyText } from '../../outcomes.js';
import { candidates, entryOf, swap } from '../../run_pairs.js';
import { nameOfSeries } from '../../series.js';
import { isShortcut, Panel, SLIDERS } from '../base/panel.js';
import { pageChoice } from './page_choice.js';
import { askAlike, askPair, shownOther } from './pair_requests.js';
import { pairSentence } from './pair_sentence.js';

const THUMBNAILS = 60;

/** Which two runs, and what came of it in one sentence. */
export class PairVerdictPanel extends Panel {
  static indifferentTo = SLIDERS;
  constructor() {
    super();
    this.alike = this.query(askAlike);
    this.pair = this.query((store, api) => askPair(store, api, this.alike));
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (event.key !== 'x' || !isShortcut(event) || !this.pair.value) return;
      swap(this.store, this.pair.value);
      event.preventDefault();
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  items() {
    return candidates(this.store, this.alike.value ?? []).map(({ entry, why }, i) => ({
      value: keyText(entry),
      title: nameOfSeries(entry),
      note: [
        why,
        entry.step === null ? '' : `step ${whole(entry.step)}`,
        entry.steered ? 'steered' : '',
        entry.superseded ? 'superseded' : '',
        new Date(1000 * entry.created).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }),
      ]
        .filter(Boolean)
        .join(' · '),
      detail: [`${entry.prompt}  →  ${entry.output_text}`, ...(entry.dictionary_id === this.selection.dictionary ? [] : [entry.dictionary_name])],
      picture: entry.has_picture && i < THUMBNAILS ? this.api.pictureUrl(entry) : null,
      words: [entry.name, entry.prompt, entry.output_text, entry.run, entry.dictionary_name, why, entry.step ?? ''].join(' '),
    }));
  }

  renderMenu() {
    const key = shownOther(this.store, this.alike);
    const entry = key && entryOf(this.store, key);
    const name = entry ? nameOfSeries(entry) : key ? key.id : 'choose a run';
    const current = html`<span class="side b" aria-hidden="true">B</span><span class="v mono">${name}</span>${entry?.step === undefined || entry?.step === null ? nothing : html`<span class="k run-step">step ${whole(entry.step)}</span>`}`;
    return html`<vs-menu .name=${'Second run'} .current=${current} .items=${this.items()} .value=${key ? keyText(key) : ''}
      @choose=${({ detail }) => this.store.set({ other: detail, otherToken: null })}></vs-menu>`;
  }

  renderFigures({ first, second, steps }) {
    const kept = steps.filter(([change]) => change === 'kept').length;
    const total = (words) => (words.some(({ logprob }) => logprob === null) ? null : words.reduce((sum, { logprob }) => sum + logprob, 0));
    const cell = (name, value, mark) => html`<div><dt>${name}</dt><dd data-value=${mark}>${value}</dd></div>`;
    const log = (words) => {
      const sum = total(words);
      return sum === null ? '–' : fixed(sum > -0.005 ? 0 : sum, 2);
    };
    return html`<dl class="figures">${cell('words alike', `${whole(kept)} of ${whole(Math.max(first.words.length, second.words.length))}`, 'words-alike')}
      ${cell(html`log p of A’s answer`, log(first.words), 'logprob-first')}${cell(html`log p of B’s`, log(second.words), 'logprob-second')}</dl>`;
  }

  /** What else there is to see of these two. */
  renderNotes(pair) {
    const notes = [];
    const { first, second } = pair;
    const dictionary = this.store.dictionaryEntry;
    const several = (dictionary?.statistics_steps?.length ?? 0) > 1;
    if (pair.same_dictionary && first.step !== null && second.step !== null && first.step !== second.step)
      notes.push(
        html`Both are steps of one training: a latent keeps its number while its decoder row turns. ${
          several
            ? html`How far it turned, and how often it fires, is under <button type="button" class="link" @click=${() => this.store.set({ workspace: 'dictionary', over: 'training' })}>Dictionary, over training</button>: its curves and drift.`
            : 'How far it turned was not logged at several steps (DictionaryMonitor does).'
        }`,
      );
    const other = this.store.session.listing?.dictionaries.find(({ id }) => id === second.dictionary.id);
    if (!pair.same_dictionary && several && other?.has_statistics)
      notes.push(
        html`<button type="button" class="link" @click=${() => this.store.set({ workspace: 'dictionary', over: 'training', beside: other.id })}>Both dictionaries over training</button>, side by side.`,
      );
    if (!pair.same_dictionary)
      notes.push(
        html`<button type="button" class="link" @click=${() => this.store.set({ page: 'dictionaries', against: second.dictionary.id })}>Two dictionaries</button>: which latents of one the other has.`,
      );
    if (pair.same_picture === false) notes.push('The pictures are not the same, told from their pixels.');
    if (!pair.by_token) notes.push('Two models cut words differently: words are compared, log-probabilities summed over their tokens.');
    notes.push(...first.reductions.map((text) => `A: ${text}`), ...second.reductions.map((text) => `B: ${text}`));
    return notes.length ? html`<p class="note">${notes.map((note, i) => (i ? html` ${note}` : note))}</p>` : nothing;
  }

  renderEmpty() {
    const { listing } = this.store.session;
    const any = (listing?.vlm_runs.length ?? 0) > 1;
    return html`<div class="told"><h1>${any ? 'Choose a second run' : 'This log holds one run'}</h1>
      <p class="note">${
        any
          ? 'No other run was asked about this picture. Runs of the same prompt stand first in the menu; runs of other models and dictionaries are there, too.'
          : 'Ask the model again, with another prompt or under steering, or log a run of another model or SAE into the same folder.'
      }</p></div>`;
  }

  render() {
    const { store } = this;
    const entry = store.runEntry;
    const none = this.alike.value !== undefined && !shownOther(store, this.alike);
    const query = this.pair.key === null && !none ? this.alike : this.pair;
    const pair = this.pair.value;
    return html`<section class="card health verdict pair-verdict" aria-label="What differs between two runs" aria-busy=${String(this.pair.stale)}>
      <div class="which">${pageChoice(store)}<div class="pair-of">
        <span class="first-run" title="The first run: choose another one in the bar above"><span class="side a" aria-hidden="true">A</span><span class="v mono">${entry ? nameOfSeries(entry) : 'none'}</span>${entry?.step === undefined || entry?.step === null ? nothing : html`<span class="k run-step">step ${whole(entry.step)}</span>`}</span>
        <span class="row">${this.renderMenu()}<button type="button" class="button small" ?disabled=${!pair} aria-keyshortcuts="x" title="Let B be the first run, and A the second (x)"
          @click=${() => swap(store, pair)}>Swap</button></span></div></div>
      ${none ? this.renderEmpty() : answered(query, (value) => (value.steps ? html`<div class="told"><p data-value="pair">${pairSentence(value)}</p>${this.renderNotes(value)}</div>${this.renderFigures(value)}` : nothing))}</section>`;
  }
}

customElements.define('vs-pair-verdict', PairVerdictPanel);
