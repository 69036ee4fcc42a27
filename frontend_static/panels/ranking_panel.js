import { html, nothing } from '../vendor/lit.js';
import { clusterColors, unnamedColor } from '../color/categories.js';
import { answered, card, emptyState } from '../elements/card.js';
import { activation, fixed, lift, percent, tokenText, whole } from '../elements/format.js';
import { binCounts } from '../elements/histogram.js';
import { segmented } from '../elements/segmented.js';
import { threshold } from '../elements/threshold.js';
import './latents/missed_line.js';
import { latentName, pinMark, shownName, spokenName } from './latents/names.js';
import { hidingCut } from '../dense.js';
import { together } from '../token_set.js';
import { isShortcut, Panel } from './base/panel.js';
import { askMatrix, askRanking, askRun, askStatistics } from './base/requests.js';

const FIRST_ROWS = 24;
const MORE_ROWS = 100;
const N_BINS = 28;

/** The latents of the chosen word: weighted C beside the plain mean B, on one scale. */
export class RankingPanel extends Panel {
  static needsWord = true;
  static properties = { shown: { state: true } };

  constructor() {
    super();
    this.run = this.query(askRun);
    this.matrix = this.query(askMatrix);
    this.statistics = this.query(askStatistics);
    // as many rows as the next press of "more" will show: most of the ranking is never looked at
    this.ranking = this.query((store, api) => askRanking(store, api, this.shown + MORE_ROWS));
    this.shown = FIRST_ROWS;
    this.made = { of: null, scales: null };
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (!isShortcut(event)) return;
      if (event.key === 'w') this.store.set({ by: this.selection.by === 'weighted' ? 'plain' : 'weighted' });
      if (event.key === 'j') this.step(1);
      if (event.key === 'k') this.step(-1);
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  /** Up and down within the list, as j and k everywhere. @param {KeyboardEvent} event */
  onListKey(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.step(by);
  }

  /** @param {number} by ranks down the list */
  step(by) {
    const rows = this.ranking.value?.rows ?? [];
    if (!rows.length) return;
    const at = rows.findIndex(({ latent }) => latent === this.selection.latent);
    const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by));
    this.shown = Math.max(this.shown, next + 1);
    this.store.chooseLatent(rows[next].latent);
    const focused = this.contains(document.activeElement);
    this.updateComplete.then(() => {
      const row = this.querySelector('.rank-row.on');
      row?.scrollIntoView({ block: 'nearest' });
      if (focused) row?.focus();
    });
  }

  /** Ends of both thresholds and their histograms, from the living latents. */
  scales() {
    const answer = this.statistics.value;
    if (this.made.of === answer) return this.made.scales;
    const { flags, image_frequency: frequency, mean } = answer.arrays;
    const alive = [...flags.keys()].filter((i) => flags[i] & 1);
    const of = (values) => {
      const logs = alive.map((i) => Math.log10(Math.max(values[i], 1e-9)));
      const low = logs.length ? logs.reduce((a, b) => Math.min(a, b)) : -3;
      const high = logs.length ? logs.reduce((a, b) => Math.max(a, b)) : 0;
      return { low, high: Math.max(high, low + 0.1), counts: binCounts(logs, low, high, N_BINS) };
    };
    const byFrequency = of(frequency);
    this.made = { of: answer, scales: { frequency: { ...byFrequency, high: 0 }, mean: of(mean) } };
    this.made.scales.frequency.counts = binCounts(
      alive.map((i) => Math.log10(Math.max(frequency[i], 1e-9))),
      byFrequency.low,
      0,
      N_BINS,
    );
    return this.made.scales;
  }

  renderThresholds() {
    if (!this.store.dictionaryEntry?.has_statistics) {
      return html`<p class="note thresholds-off">No statistics were logged for this dictionary, so its latents cannot be filtered by how often and how strongly they fire.</p>`;
    }
    if (!this.statistics.value) return html`<div class="thresholds"></div>`;
    const { frequency, mean } = this.scales();
    const { maxFrequency, minMean } = this.selection;
    const cut = hidingCut(this.store) ?? 1;
    const most = Math.min(maxFrequency, cut);
    return html`<div class="thresholds" title=${cut < maxFrequency ? `Dense latents are hidden (over ${percent(cut)}), so the slider lets through no more than that` : nothing}>
      ${threshold({
        label: 'fires in at most',
        text: most >= 1 ? 'off' : percent(most),
        ...frequency,
        value: most,
        off: 'high',
        offValue: 1,
        onChange: (value) => this.store.set({ maxFrequency: value }),
      })}
      ${threshold({
        label: 'mean at least',
        text: minMean <= 0 ? 'off' : fixed(minMean, minMean < 1 ? 2 : 1),
        ...mean,
        value: minMean,
        off: 'low',
        offValue: 0,
        onChange: (value) => this.store.set({ minMean: value }),
      })}</div>`;
  }

  colors() {
    const answer = this.matrix.value;
    const of = new Map();
    if (!answer) return of;
    const colors = clusterColors(answer.header.clusters, this.theme);
    answer.arrays.latent.forEach((latent, i) => of.set(latent, colors[answer.arrays.cluster[i]]));
    return of;
  }

  renderRows({ rows, defined, reason, n_firing: nFiring, n_passing: nPassing }) {
    if (!defined && !rows.length) return emptyState(reason ?? 'This word has no attention on the picture.');
    if (!rows.length) {
      return nFiring
        ? emptyState(
            this.selection.hideDense ? 'The thresholds and the dense ones hidden leave none: widen them.' : 'The thresholds leave none: widen them.',
            html`<button type="button" class="button small"
            @click=${() => this.store.set({ maxFrequency: 1, minMean: 0, hideDense: false })}>Widen</button>`,
          )
        : emptyState('No latent fires on this picture.');
    }
    const top = rows.reduce((most, { weighted, plain }) => Math.max(most, weighted ?? 0, plain), 1e-9);
    const colors = this.colors();
    const known = this.store.dictionaryEntry?.has_statistics;
    const stop = rows.slice(0, this.shown).some(({ latent }) => latent === this.selection.latent)
      ? this.selection.latent
      : null;
    const bar = (value) => `width:${(100 * (value ?? 0)) / top}%`;
    const label = (row) => (known ? latentName(row.label, row.label_share ?? 0) : '');
    const c = ({ weighted }) => (weighted === null ? 'undefined' : activation(weighted));
    return html`<div class="rank-head" aria-hidden="true"><span></span><span>latent</span><span>${known ? 'label' : 'cluster'}</span>
        <span class="keys"><span class="key"><i class="c"></i>C</span><span class="key"><i class="b"></i>B</span></span><span class="right">lift</span></div>
      ${defined ? nothing : html`<p class="note">${reason}</p>`}<div class="rank-list" role="group" aria-label="Latents of this word, best first" @keydown=${(event) => this.onListKey(event)}>
      ${rows.slice(0, this.shown).map(
        (row, i) => html`<button type="button" class="rank-row ${row.latent === this.selection.latent ? 'on' : ''}"
          data-latent=${row.latent} tabindex=${row.latent === stop || (stop === null && i === 0) ? 0 : -1} aria-pressed=${String(row.latent === this.selection.latent)}
          aria-label="${row.rank} ${row.latent} ${label(row) ? `${spokenName(this.store, row.latent, label(row))} ` : ''}${lift(row.lift)}: rank, latent${known ? ', label' : ''} and lift${this.store.notes.of(row.latent).pinned ? ', pinned' : ''}; weighted ${c(row)}, plain ${activation(row.plain)}"
          title="C ${c(row)} · B ${activation(row.plain)}" @click=${() => this.store.chooseLatent(row.latent)}>
        <span class="n">${pinMark(this.store, row.latent)}${row.rank}</span> <span class="mono">${row.latent}</span>
        <span class="name"><i class="dot" .style=${`background:${colors.get(row.latent) ?? unnamedColor(this.theme)}`}></i><span>${shownName(this.store, row.latent, label(row))}</span></span>
        <span class="bars"><i .style=${bar(row.weighted)}></i><i .style=${bar(row.plain)}></i></span><span class="lift">${lift(row.lift)}</span></button>`,
      )}
      ${
        rows.length > this.shown
          ? html`<button type="button" class="button small more" @click=${() => {
              this.shown += MORE_ROWS;
            }}>
        ${whole(Math.min(MORE_ROWS, rows.length - this.shown))} more of ${whole(nPassing)}</button>`
          : nothing
      }</div>`;
  }

  render() {
    const { by } = this.selection;
    const words = together(this.selection);
    const token = words[0] ?? null;
    const chosen = this.run.value?.tokens.find(({ index }) => index === token);
    return card({
      label: 'Ranking',
      title: html`Ranking <span class="of">for</span> <span class="${words.length > 1 ? '' : 'mono'} plain">${words.length > 1 ? `${words.length} words` : chosen ? tokenText(chosen.text) : '…'}</span>`,
      busy: this.ranking.stale,
      late: this.ranking.late,
      controls: segmented({
        label: 'Order by',
        value: by,
        options: [
          ['weighted', 'Weighted'],
          ['plain', 'Plain mean'],
        ],
        onChange: (value) => this.store.set({ by: value }),
      }),
      body: html`${this.renderThresholds()}${token === null ? emptyState('Choose a word of the answer.') : answered(this.ranking, (value) => this.renderRows(value))}`,
      foot: html`<vs-missed .store=${this.store} .api=${this.api}></vs-missed>`,
    });
  }
}

customElements.define('vs-ranking', RankingPanel);
