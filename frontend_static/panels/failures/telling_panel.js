import { html, nothing } from '../../vendor/lit.js';
import { clusterItem, latentItem } from '../../basket.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { counted, percent, whole } from '../../elements/format.js';
import { segmented } from '../../elements/segmented.js';
import { select } from '../../elements/select.js';
import { setKeyOf } from '../../failure_sets.js';
import { Panel } from '../base/panel.js';
import { hiddenDense, withoutHidden } from '../../dense.js';
import { latentName, pinMark, shownName, spokenName } from '../latents/names.js';
import { askDense } from '../base/requests.js';
import { askSet, askTelling } from './requests.js';
import { share2 } from './summary_panel.js';

const FIRST_ROWS = 60;
/** So many of the best go into the basket together. */
const N_BEST = 20;

/** @param {number} q @returns {string} two digits, as a power of ten where it is small */
function small(q) {
  if (q >= 0.001) return q >= 0.995 ? '1' : q.toPrecision(2).replace(/^0/, '');
  const [digits, power] = q.toExponential(0).split('e-');
  return q === 0 ? '0' : `${digits}·10⁻${[...power].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')}`;
}

/** Which latents tell wrong answers from right ones. */
export class TellingPanel extends Panel {
  static properties = { order: { state: true }, shown: { state: true } };

  constructor() {
    super();
    this.set = this.query(askSet);
    this.telling = this.query(askTelling);
    this.statistics = this.query(askDense);
    this.order = { by: 'rank', falling: false };
    this.shown = FIRST_ROWS;
  }

  willUpdate() {
    const { setPrompt, setPart } = this.selection;
    const of = JSON.stringify([setKeyOf(this.store), setPrompt, setPart]);
    if (of === this.of) return;
    this.of = of;
    this.shown = FIRST_ROWS;
  }

  sortBy(by) {
    const first = !['rank', 'latent', 'label', 'q'].includes(by); // shares: the largest comes first
    this.order = { by, falling: this.order.by === by ? !this.order.falling : first };
  }

  /** The rows that the dense rule lets through. */
  visible() {
    return withoutHidden(hiddenDense(this.store, this.statistics.value), this.telling.value.rows, ({ latent }) => latent);
  }

  rows() {
    const { by, falling } = this.order;
    const sign = falling ? -1 : 1;
    const value = (row) => (by === 'label' ? spokenName(this.store, row.latent, row.label === null ? '\uffff' : latentName(row.label, row.label_share ?? 0)) : row[by]);
    return [...this.visible().shown].sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      return a === b ? one.rank - other.rank : sign * (a < b ? -1 : 1);
    });
  }

  /** The basket's item that holds a latent alone can be taken out again; of a cluster only as a whole. @param {number} latent */
  toggle(latent) {
    const at = this.selection.basket.findIndex(({ latents }) => latents.includes(latent));
    if (at < 0) this.store.addToBasket(latentItem(latent));
    else {
      const item = this.selection.basket[at];
      const rest = item.latents.filter((one) => one !== latent);
      this.store.replaceInBasket(at, rest.length ? { ...item, latents: Object.freeze(rest) } : null);
    }
  }

  /** @returns {number[]} the most telling that are stronger on wrong answers and not in the basket */
  best() {
    const { level } = this.telling.value;
    const { shown: rows } = this.visible();
    const held = new Set(this.selection.basket.flatMap(({ latents }) => latents));
    return rows
      .filter(({ q, auc }) => q < level && auc > 0.5)
      .slice(0, N_BEST)
      .map(({ latent }) => latent)
      .filter((latent) => !held.has(latent));
  }

  renderBest() {
    if (!this.telling.value?.rows.length) return nothing;
    const best = this.best();
    return html`<button type="button" class="button small" ?disabled=${!best.length}
      title=${best.length ? 'Those with q under .05 that are stronger on wrong answers, scaled to 0, at most twenty' : 'None is left with q under .05 and stronger on wrong answers'}
      @click=${() => this.store.addToBasket(clusterItem(`best ${best.length}`, best))}>+ Best ${best.length || ''}</button>`;
  }

  renderControls() {
    const { by, setPart, setPrompt } = this.selection;
    const prompts = this.set.value?.prompts ?? [];
    return html`${
      prompts.length > 1
        ? select({
            label: 'Prompt',
            title: 'Test within one prompt',
            value: setPrompt === null ? '' : String(setPrompt),
            options: [['', `all ${prompts.length} prompts`], ...prompts.map(({ text, n, n_wrong: wrong }, i) => [String(i), `${text} (${wrong} of ${n} wrong)`])],
            onChange: (value) => this.store.set({ setPrompt: value === '' ? null : Number(value) }),
          })
        : nothing
    }${select({
      label: 'Tested on',
      title: 'Latents to be taken away are best chosen on one half: the other then shows whether that holds',
      value: setPart,
      options: [
        ['all', 'on all pictures'],
        ['half', 'on the choosing half'],
      ],
      onChange: (part) => this.store.set({ setPart: part }),
    })}${segmented({
      label: 'How a latent is measured',
      value: by,
      options: [
        ['weighted', 'C'],
        ['plain', 'B'],
      ],
      onChange: (value) => this.store.set({ by: value }),
    })}${this.renderBest()}`;
  }

  renderHead(by, text, { number = true, title = '' } = {}) {
    const { order } = this;
    const sort = order.by === by ? (order.falling ? 'descending' : 'ascending') : 'none';
    const arrow = sort === 'none' ? nothing : html`<span aria-hidden="true">${sort === 'descending' ? '▾' : '▴'}</span>`;
    return html`<th scope="col" aria-sort=${sort} class=${number ? 'num' : ''}><button type="button" title=${title}
      @click=${() => this.sortBy(by)}>${text}${arrow}</button></th>`;
  }

  renderRow(row, { n_wrong: wrong, n_right: right, level }) {
    const on = row.latent === this.selection.latent;
    const held = this.selection.basket.some(({ latents }) => latents.includes(row.latent));
    const fires = (share, n, kind) => html`<td class="num bar-cell ${kind}"><i class="bar ${kind}" .style=${`width:${100 * share}%`}></i>
      <span title="${whole(share * n)} of ${whole(n)}">${percent(share)}</span></td>`;
    const lean = row.auc - 0.5;
    return html`<tr class="${on ? 'on' : ''} ${row.q < level ? '' : 'faint'}" data-latent=${row.latent} @click=${() => this.store.chooseLatent(row.latent)}>
      <td class="tick"><input type="checkbox" .checked=${held} aria-label="Latent ${row.latent} in the basket" title="Put it into the basket, or take it out (b)"
        @click=${(event) => event.stopPropagation()} @change=${(event) => {
          this.toggle(row.latent);
          event.target.checked = this.selection.basket.some(({ latents }) => latents.includes(row.latent));
        }}></td>
      <td class="num k">${row.rank}</td>
      <th scope="row"><button type="button" class="name mono" aria-pressed=${String(on)}>${pinMark(this.store, row.latent)}${row.latent}</button></th>
      <td class="label">${shownName(this.store, row.latent, row.label === null ? '' : latentName(row.label, row.label_share ?? 0))}</td>
      <td class="num auc"><i class="lean ${lean < 0 ? 'right' : 'wrong'}" .style=${`width:calc(${(2 * Math.abs(lean)).toFixed(3)} * var(--lean))`}></i><span>${share2(row.auc)}</span></td>
      <td class="num q" title="p ${small(row.p)}${row.exact ? '' : ', approximated'}">${small(row.q)}</td>
      ${fires(row.wrong_share, wrong, 'wrong')}${fires(row.right_share, right, 'right')}</tr>`;
  }

  renderTable(telling) {
    if (telling.reason) return emptyState(telling.reason);
    const rows = this.rows();
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Table of latents"><table class="sweep-table telling-table">
      <thead><tr><th scope="col" class="tick"><span class="spoken">in the basket</span></th>${this.renderHead('rank', 'rank')}${this.renderHead('latent', 'latent', { number: false })}
        ${this.renderHead('label', 'label', { number: false })}
        ${this.renderHead('auc', 'AUC', { title: 'Of a wrong and a right picture taken by chance, how often the latent is stronger on the wrong one' })}
        ${this.renderHead('q', 'q', { title: 'Mann-Whitney, two-sided, corrected for all latents tested (Benjamini and Hochberg)' })}
        ${this.renderHead('wrong_share', `fires in ${counted(telling.n_wrong, 'wrong', 'wrong')}`, { title: 'Share of the wrong answers’ pictures' })}
        ${this.renderHead('right_share', `in ${counted(telling.n_right, 'right', 'right')}`, { title: 'Share of the right answers’ pictures' })}</tr></thead>
      <tbody>${rows.slice(0, this.shown).map((row) => this.renderRow(row, telling))}</tbody></table>
      ${
        rows.length > this.shown
          ? html`<button type="button" class="button small more" @click=${() => {
              this.shown += FIRST_ROWS;
            }}>${whole(Math.min(FIRST_ROWS, rows.length - this.shown))} more</button>`
          : nothing
      }</div>`;
  }

  render() {
    const { by } = this.selection;
    return card({
      label: 'Latents that tell them apart',
      title: 'Latents that tell them apart',
      sub: html`${by === 'weighted' ? 'by the largest C of the answer’s words' : 'by the plain mean B'}${this.telling.value && this.visible().nHidden ? `; ${counted(this.visible().nHidden, 'dense latent')} hidden` : nothing}`,
      busy: this.telling.stale,
      late: this.telling.late,
      controls: this.renderControls(),
      body: answered(this.telling, (telling) => this.renderTable(telling)),
    });
  }
}

customElements.define('vs-telling', TellingPanel);
