import { html, nothing } from '../vendor/lit.js';
import { clusterItem } from '../basket.js';
import { clusterColors, unnamedColor } from '../color/categories.js';
import { answered, card, emptyState } from '../elements/card.js';
import { activation, counted, fixed, tokenText, whole } from '../elements/format.js';
import '../elements/matrix_view.js';
import { segmented } from '../elements/segmented.js';
import { clusterAt } from './latents/clusters.js';
import { nameFromStatistics, pinMark, shownName } from './latents/names.js';
import { Panel } from './base/panel.js';
import { askDictionary, askMasses, askMatrix, askRun, askStatistics } from './base/requests.js';

/** Which concept serves which words: tokens x latents, clustered. */
export class MatrixPanel extends Panel {
  constructor() {
    super();
    this.run = this.query(askRun);
    this.masses = this.query(askMasses);
    this.matrix = this.query(askMatrix);
    this.dictionary = this.query(askDictionary);
    this.statistics = this.query(askStatistics);
    this.made = { of: [], data: null };
  }

  /** The plot's data, made anew only when an answer behind it changed. */
  plotData() {
    const of = [this.matrix.value, this.masses.value, this.run.value];
    if (this.made.of.every((one, i) => one === of[i]) && this.made.data) return this.made.data;
    const [{ header, arrays, shapes }, masses, run] = of;
    const byIndex = new Map(run.tokens.map((token) => [token.index, token]));
    const firstOutput = run.tokens.find(({ span }) => span === 'OUTPUT')?.index ?? 0;
    const mass = new Map(masses ? masses.index.map((index, i) => [index, masses.mass[i]]) : []);
    const tokens = header.tokens.map((index) => byIndex.get(index));
    const ends = ({ text, span }, next) => /[.!?]\s*$|\n/.test(text) || (next && next.span !== span);
    this.made = {
      of,
      data: {
        value: arrays.value,
        nRows: shapes.value[0],
        nColumns: shapes.value[1],
        rows: tokens.map((token) => ({
          ordinal: token.span === 'OUTPUT' ? String(token.index - firstOutput) : '',
          text: tokenText(token.text),
        })),
        mass: masses ? header.tokens.map((index) => mass.get(index) ?? null) : [],
        gapAfter: tokens.map((token, i) => ends(token, tokens[i + 1])),
        columnMax: arrays.column_max,
        latent: arrays.latent,
        cluster: arrays.cluster,
        clusters: header.clusters,
        linkage: arrays.linkage,
        cut: header.cut ?? this.selection.cut,
        tokens,
      },
    };
    return this.made.data;
  }

  updated() {
    if (this.matrix.value && !this.matrix.loading && this.run.value && this.selection.token === null) this.suggest();
  }

  /**
   * A first choice: the cell where C exceeds its latent's mean over the words most, so that what all words share does not
   * come first; of a single word, its largest C. Without any, the first word of the answer, or else the prompt's last, which
   * has seen the picture.
   */
  suggest() {
    const { value, columnMax, latent, tokens, nRows, nColumns } = this.plotData();
    let best = { excess: 0, row: -1, column: -1 };
    for (let column = 0; column < nColumns; column++) {
      let sum = 0;
      for (let row = 0; row < nRows; row++) sum += value[row * nColumns + column];
      const mean = nRows > 1 ? sum / nRows : 0;
      for (let row = 0; row < nRows; row++) {
        const excess = (value[row * nColumns + column] - mean) * columnMax[column];
        if (excess > best.excess) best = { excess, row, column };
      }
    }
    if (best.row >= 0)
      this.store.adjust({ token: tokens[best.row].index, latent: this.selection.latent ?? latent[best.column] });
    else {
      const first = this.run.value.tokens.find(({ span }) => span === 'OUTPUT') ?? this.run.value.tokens.at(-1);
      if (first) this.store.adjust({ token: first.index });
    }
  }

  /** @param {number} index among the heatmap's clusters */
  addCluster(index) {
    const { name, latents } = clusterAt(this.matrix.value, index);
    this.store.addToBasket(clusterItem(name, latents));
  }

  describe(data, { row, column }) {
    const latent = data.latent[column];
    const share = data.value[row * data.nColumns + column];
    const word = data.rows[row].text;
    const labels = this.dictionary.value?.statistics?.labels;
    const label = this.statistics.value && labels ? nameFromStatistics(this.statistics.value, labels, latent) : null;
    const name = this.store.notes.of(latent).name || label;
    const cluster = data.clusters[data.cluster[column]];
    const c = activation(share * data.columnMax[column]);
    const color = clusterColors(data.clusters, this.theme)[data.cluster[column]] ?? unnamedColor(this.theme);
    return {
      spoken: `${word}, latent ${latent}${name ? `, ${name}` : ''}: weighted C ${c}, ${fixed(share, 2)} of its largest`,
      content: html`<div class="kv"><b class="mono">${word}</b><span class="mono">${pinMark(this.store, latent)}latent ${latent}</span></div>
        ${name || cluster?.name ? html`<div class="kv"><span><i class="dot" .style=${`background:${color}`}></i> ${shownName(this.store, latent, label ?? '')}</span><span>${cluster?.name ? `cluster ${cluster.name}` : ''}</span></div>` : nothing}
        <div class="kv"><span>share of its largest</span><b>${fixed(share, 2)}</b></div>
        <div class="kv"><span>weighted C</span><b>${c}</b></div>`,
    };
  }

  renderMatrix() {
    const data = this.plotData();
    const { header } = this.matrix.value;
    if (!data.nColumns) {
      const widen = { maxFrequency: 1, minMean: 0, hideDense: false };
      return header.n_firing
        ? emptyState(
            this.selection.hideDense ? 'The thresholds and the dense ones hidden leave no latent: widen them.' : 'The thresholds leave no latent: widen them.',
            html`<button type="button" class="button small" @click=${() => this.store.set(widen)}>Widen</button>`,
          )
        : emptyState('No latent fires on this picture.');
    }
    if (!data.nRows) {
      return this.selection.prompt
        ? emptyState(header.left_out[0]?.reason ?? 'No word of this run has recorded attention.')
        : emptyState(
            'This run has no answer.',
            html`<button type="button" class="button small" @click=${() => this.store.set({ prompt: true })}>Show the words of the prompt</button>`,
          );
    }
    const { token, tokens, latent } = this.selection;
    const among = tokens.map((one) => header.tokens.indexOf(one)).filter((row) => row >= 0);
    const selected = { row: header.tokens.indexOf(token), column: latent === null ? -1 : data.latent.indexOf(latent) };
    const clustered = data.linkage.length > 0;
    return html`<vs-matrix .data=${data} .theme=${this.theme} .selected=${selected} .among=${among} .describe=${(cell) => this.describe(data, cell)}
        .label=${`Token by latent heatmap, ${data.nRows} words by ${data.nColumns} latents. Arrow keys move, Enter chooses, plus and minus zoom, Shift+B puts the chosen latent’s cluster into the basket.`}
        @pick=${({ detail: { row, column } }) => this.store.set({ token: data.tokens[row].index, tokens: Object.freeze([]), latent: data.latent[column] })}
        @cut=${({ detail }) => this.store.set({ cut: Number(Math.min(2, Math.max(0.01, detail)).toFixed(2)) })}
        @cluster=${({ detail }) => this.addCluster(detail)}
        @clear=${() => this.store.chooseLatent(null)}></vs-matrix>
      <div class="legend"><span>0</span><span class="ramp"></span><span>1 = the word that uses the latent most</span>
        ${header.reason ? html`<span class="reason" role="status">${header.reason}</span>` : nothing}
        ${selected.column < 0 && latent !== null ? html`<span>latent ${latent} is not among them</span>` : nothing}
        ${
          clustered
            ? html`<label class="cut">cut at <b>${fixed(data.cut, 2)}</b> → <b data-value="n-clusters">${counted(data.clusters.length, 'cluster')}</b>
          <input type="range" min="0.02" max="1.5" step="0.01" .value=${String(this.selection.cut)} aria-label="Cut the tree at distance"
            aria-valuetext="${fixed(data.cut, 2)}, ${counted(data.clusters.length, 'cluster')}"
            @input=${(event) => this.store.set({ cut: Number(event.target.value) })}></label>`
            : nothing
        }</div>`;
  }

  renderSub() {
    const { header, shapes } = this.matrix.value;
    const [rows, columns] = shapes.value;
    const words = this.selection.prompt ? counted(rows, 'word') : counted(rows, 'answer word');
    const latents = header.capped
      ? `the ${whole(columns)} strongest of ${counted(header.n_candidates, 'latent')}`
      : counted(columns, 'latent');
    return html`<span data-value="matrix-size">${words} × ${latents}</span>, each column divided by its largest value`;
  }

  render() {
    const ready = this.run.value === undefined ? this.run : this.matrix;
    return card({
      label: 'Token by latent',
      title: 'Token × latent',
      sub: ready.value ? this.renderSub() : '',
      busy: this.matrix.stale,
      late: this.matrix.late,
      controls: html`<label class="check"><input type="checkbox" .checked=${this.selection.prompt}
          @change=${(event) => this.store.set({ prompt: event.target.checked })}>prompt</label>
        ${segmented({
          label: 'Order of columns',
          value: this.selection.order,
          options: [
            ['clustered', 'Clustered'],
            ['strength', 'By strength'],
          ],
          onChange: (order) => this.store.set({ order }),
        })}`,
      body: answered(ready, () => this.renderMatrix()),
    });
  }
}

customElements.define('vs-matrix-panel', MatrixPanel);
