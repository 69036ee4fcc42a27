import { html, nothing } from '../../vendor/lit.js';
import { card } from '../../elements/card.js';
import { counted, tokenText } from '../../elements/format.js';
import { CHOICE_OF, keyText, originalOf, outcomesOf } from '../../outcomes.js';
import { Panel, SLIDERS } from '../base/panel.js';

/**
 * Results of other runs, for a run that has none.
 *
 * @typedef {import('../../store.js').Store} Store
 * @typedef {import('../../api.js').OutcomeEntry} OutcomeEntry
 * @typedef {import('../../api.js').RunEntry} RunEntry
 */

/** What the page of one run shows, and a word for each, by kind. @type {Readonly<Record<string, (one: OutcomeEntry) => [string, string]>>} */
const TOLD = Object.freeze({
  steering_result: ({ name, erased }) => [erased ? 'box' : 'steered', name],
  cluster_sweep: ({ name }) => ['clusters', `${name}, each taken away`],
  dose_response: ({ name, n_doses: n }) => ['doses', n ? `${name}, ${counted(n, 'dose')}` : name],
  word_contributions: ({ word_text: text }) => ['latents', `which carried “${tokenText(text)}”`],
});
const KINDS = Object.keys(TOLD);

/** Whether the page of the chosen run has anything to show, or something that an address asks for. @param {Store} store */
export function hasResults(store) {
  const { result, sweep, dose } = store.selection;
  return result !== null || sweep !== null || dose !== null || KINDS.some((kind) => outcomesOf(store, kind).length > 0);
}

/**
 * What was logged about other runs: of the same dictionary, or, where nothing was, of others.
 * @param {Store} store @returns {{entry: RunEntry, outcomes: OutcomeEntry[]}[]} the run with the newest result first; of each the newest first
 */
export function resultsElsewhere(store) {
  const { listing } = store.session;
  const { dictionary } = store.selection;
  const here = originalOf(store)?.id ?? null;
  const runs = new Map([...(listing?.vlm_runs ?? [])].reverse().map((one) => [one.id, one]));
  runs.delete(here);
  /** @type {Map<string, OutcomeEntry[]>} */
  const found = new Map();
  for (const one of [...(listing?.outcomes ?? [])].sort((a, b) => b.created - a.created)) {
    if (!(one.kind in TOLD) || runs.get(one.original_run_id)?.dictionary_id !== one.dictionary_id) continue;
    found.set(one.original_run_id, [...(found.get(one.original_run_id) ?? []), one]);
  }
  const all = [...found].map(([id, outcomes]) => ({ entry: runs.get(id), outcomes }));
  const same = all.filter(({ entry }) => entry.dictionary_id === dictionary);
  return same.length ? same : all;
}

/** Where results are already: one click opens one. */
export class ElsewherePanel extends Panel {
  static indifferentTo = SLIDERS;

  /** @param {RunEntry} entry @param {OutcomeEntry} outcome */
  open(entry, outcome) {
    const choice = CHOICE_OF[outcome.kind];
    const table = { cluster_sweep: 'clusters', word_contributions: 'latents' }[outcome.kind];
    this.store.chooseRun(entry);
    this.store.set({ workspace: 'compare', page: 'answers', ...(choice ? { [choice]: keyText(outcome) } : {}), ...(table ? { table } : {}) }, { asNew: false });
    if (outcome.kind === 'word_contributions') this.chooseWord(entry, outcome.word);
  }

  /** The table of latents is of the chosen word. @param {RunEntry} entry @param {number} word number in the answer */
  async chooseWord({ run, id }, word) {
    const { selection } = this.store;
    const answer = await this.api.vlmRun({ run, id });
    const token = answer.tokens.filter(({ span }) => span === 'OUTPUT')[word]?.index;
    if (token !== undefined && this.store.selection === selection) this.store.set({ token }, { asNew: false });
  }

  renderRun({ entry, outcomes }) {
    return html`<li class="elsewhere-run"><div class="elsewhere-of">
        ${entry.has_picture ? html`<img src=${this.api.pictureUrl(entry)} alt="" width="36" height="36" loading="lazy">` : nothing}
        <div><h3 title=${entry.name}>${entry.name}</h3><p class="note" title=${entry.output_text}>${entry.prompt} <b class="mono">${entry.output_text}</b></p></div></div>
      <ul>${outcomes.map((one) => {
        const [kind, text] = TOLD[one.kind](one);
        return html`<li><button type="button" class="elsewhere-result" data-kind=${one.kind} @click=${() => this.open(entry, one)}>
          <span class="k">${kind}</span><span class="what">${text}</span>${one.output_text ? html`<span class="said mono">${one.output_text}</span>` : nothing}</button></li>`;
      })}</ul></li>`;
  }

  render() {
    const found = resultsElsewhere(this.store);
    const others = new Set(found.map(({ entry }) => entry.dictionary_name).filter(() => found[0].entry.dictionary_id !== this.selection.dictionary));
    const by = others.size === 0 ? 'with this dictionary' : others.size === 1 ? `with dictionary “${[...others][0]}”` : `with ${others.size} other dictionaries`;
    const n = found.reduce((sum, { outcomes }) => sum + outcomes.length, 0);
    return card({
      label: 'Results of other runs',
      title: 'Results of other runs',
      sub: `${counted(n, 'result')} of ${counted(found.length, 'run')} ${by}; click one to open it`,
      body: html`<ul class="elsewhere scroll" tabindex="0" aria-label="Runs that have results">${found.map((one) => this.renderRun(one))}</ul>`,
    });
  }
}

customElements.define('vs-elsewhere', ElsewherePanel);
