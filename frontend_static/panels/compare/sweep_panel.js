import { html, nothing } from '../../vendor/lit.js';
import { clusterItem } from '../../basket.js';
import { clusterColors, unnamedColor } from '../../color/categories.js';
import { changeColors } from '../../color/diverging.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { counted, fixed, tokenText, whole } from '../../elements/format.js';
import { select } from '../../elements/select.js';
import { keyText, outcomeKey, outcomesOf } from '../../outcomes.js';
import { Panel } from '../base/panel.js';
import { askMatrix } from '../base/requests.js';
import { clusterAt, clusterOfLatent } from '../latents/clusters.js';
import { askAgain, whyNotAgain } from '../steering/asking.js';
import { askSteered, askSweep } from './requests.js';
import { sortedRows, wordColumns } from './sweep_order.js';
import { tableChoice } from './table_choice.js';
import { signed } from './verdict.js';

const N_CONTROLS = 5;
/** A cluster with its controls takes about this share of a steered answer with its own, since many go through the model at once. */
const STEERED_ANSWER = 6;

/** Every cluster ablated in turn: which of them carries which word. */
export class SweepPanel extends Panel {
  static properties = { order: { state: true }, chosen: { state: true } };

  constructor() {
    super();
    this.sweep = this.query(askSweep);
    this.result = this.query(askSteered);
    this.matrix = this.query(askMatrix);
    this.order = { by: 'hardest', falling: true };
    /** @type {string|null} latents of the chosen row */
    this.chosen = null;
  }

  /** @returns {{name: string, latents: number[]}[]} of the heatmap as it is cut now */
  clusters() {
    const { value } = this.matrix;
    if (!value) return [];
    return value.header.clusters
      .filter(({ kind }) => kind === 'cluster')
      .map(({ index }) => clusterAt(value, index))
      .map(({ name, latents }) => ({ name: name || `${latents.length} latents`, latents: [...latents].sort((a, b) => a - b) }));
  }

  runAll() {
    const clusters = this.clusters();
    askAgain(this.store, { kind: 'sweep', clusters }, counted(clusters.length, 'cluster'));
  }

  /** @param {number} n clusters @returns {string} what all of them take; in time once a job was timed */
  estimate(n) {
    const { sweep, steer } = this.store.session.paces;
    const each = sweep ?? (steer ? steer / STEERED_ANSWER : null);
    const work = `${counted(n, 'answer')} without a cluster, ${whole(N_CONTROLS * n)} control sets`;
    return each === null ? work : `${work}: about ${whole(Math.max(1, each * n))} s`;
  }

  renderRun() {
    const clusters = this.clusters();
    const why = whyNotAgain(this.store) ?? (clusters.length ? null : 'The heatmap of this run has no clusters.');
    return html`<button type="button" class="button small" ?disabled=${why !== null} title=${why ?? this.estimate(clusters.length)}
      @click=${() => this.runAll()}>Run all ${clusters.length ? whole(clusters.length) : ''} clusters</button>`;
  }

  sortBy(by) {
    const first = by !== 'name'; // numbers: the largest, or the deepest fall, comes first
    this.order = { by, falling: this.order.by === by ? !this.order.falling : first };
  }

  renderHead(by, text, { number = true, wide = false, mono = false, title = '' } = {}) {
    const { order } = this;
    const sort = order.by === by ? (order.falling ? 'descending' : 'ascending') : 'none';
    const arrow = sort === 'none' ? nothing : html`<span aria-hidden="true">${sort === 'descending' ? '▾' : '▴'}</span>`;
    return html`<th scope="col" aria-sort=${sort} class="${number ? 'num' : ''} ${wide ? 'wide' : ''}"><button type="button"
      class=${mono ? 'mono' : ''} title=${title} @click=${() => this.sortBy(by)}>${text}${arrow}</button></th>`;
  }

  renderChange(change, faint = false) {
    const colors = faint ? null : changeColors(this.theme, change);
    const style = colors ? `background:${colors.ground};color:${colors.ink}` : '';
    return html`<td class="num"><i class=${faint ? 'faint' : ''} .style=${style}>${signed(change)}</i></td>`;
  }

  /** @param {any} row @param {{text: string}[]} tokens of the original answer */
  renderPassages({ diff, tokens: said }, tokens) {
    if (!diff.passages.length) return html`<span class="k">nothing</span>`;
    const text = (numbers, of) => numbers.map((i) => tokenText(of[i].text)).join(' ');
    return diff.passages.map(
      ({ left_out: out, new: more }, i) => html`${i ? html`<span class="k"> · </span>` : nothing}${out.length ? html`<del>${text(out, tokens)}</del>` : nothing}
        ${more.length ? html`<ins>${text(more, said)}</ins>` : nothing}`,
    );
  }

  renderRow(row, words, tokens, steered) {
    const key = row.latents.join('.');
    const on = this.chosen === null ? key === steered : key === this.chosen;
    const of = clusterOfLatent(this.matrix.value, row.latents[0]);
    const color = of ? clusterColors(this.matrix.value.header.clusters, this.theme)[of.index] : unnamedColor(this.theme);
    const lowest = row.control_hardest;
    return html`<tr class=${on ? 'on' : ''} data-cluster=${row.name} @click=${() => {
      this.chosen = key;
    }}><th scope="row"><span class="cluster-cell"><i class="dot" .style=${`background:${color}`}></i><button type="button" class="name" aria-pressed=${String(on)}>${row.name}</button>${
      on
        ? html`<button type="button" class="button small" title="Put this cluster, scaled to 0, into the basket"
          @click=${() => this.store.addToBasket(clusterItem(row.name, row.latents))}>Steer this</button>`
        : nothing
    }</span></th>
      <td class="num">${row.latents.length}</td>
      ${words.map((number) => this.renderChange(row.change[number]))}
      ${lowest ? this.renderChange(lowest.change, true) : html`<td class="num">–</td>`}
      <td class="wide mono">${row.hardest ? html`${tokenText(tokens[row.hardest.number].text)} <span class="k">${fixed(row.hardest.change, 2)}</span>` : html`<span class="k">none</span>`}</td>
      <td class="passages mono" title=${row.output_text}>${this.renderPassages(row, tokens)}</td></tr>`;
  }

  renderTable(answer) {
    const { original_tokens: tokens } = answer;
    const words = wordColumns(answer);
    const steered = this.result.value?.answers.at(-1).latents.join('.') ?? '';
    const rows = sortedRows(answer.clusters, this.order);
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Table of clusters"><table class="sweep-table">
      <thead><tr>${this.renderHead('name', 'cluster', { number: false })}${this.renderHead('latents', 'latents')}
        ${words.map((number) => this.renderHead(String(number), tokenText(tokens[number].text), { mono: true, title: `word ${number + 1} of the answer` }))}
        ${this.renderHead('random', 'random')}${this.renderHead('hardest', 'hardest hit', { number: false, wide: true })}
        <th scope="col">what changed in the answer</th></tr></thead>
      <tbody>${rows.map((row) => this.renderRow(row, words, tokens, steered))}</tbody></table></div>
      ${answer.differs_from_logged ? html`<p class="note">${answer.differs_from_logged}</p>` : nothing}`;
  }

  renderWhich() {
    const outcomes = outcomesOf(this.store, 'cluster_sweep');
    const key = outcomeKey(this.store, 'cluster_sweep');
    if (outcomes.length < 2 || !key) return nothing;
    return select({
      label: 'Which sweep',
      value: keyText(key),
      options: outcomes.map((one) => [keyText(one), `${one.name}, ${new Date(1000 * one.created).toLocaleTimeString('en-GB', { timeStyle: 'short' })}`]),
      onChange: (sweep) => this.store.set({ sweep }),
    });
  }

  render() {
    const any = this.sweep.key !== null;
    return card({
      label: 'Ablate each cluster',
      title: 'Ablate each cluster',
      sub: 'change of log-probability (nat); random: worst word, mean of like-sized sets',
      busy: this.sweep.stale,
      controls: html`${this.renderWhich()}${any ? this.renderRun() : nothing}${tableChoice(this.store)}`,
      body: any
        ? answered(this.sweep, (answer) => this.renderTable(answer))
        : emptyState(
            'Which cluster carries which word? Take each away in turn.',
            html`${this.renderRun()}<span class="note" data-value="estimate">${this.estimate(this.clusters().length)}</span>`,
          ),
    });
  }
}

customElements.define('vs-sweep', SweepPanel);
