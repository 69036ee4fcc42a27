import { html, nothing } from '../vendor/lit.js';
import { counted, fixed, percent, whole } from '../elements/format.js';
import '../elements/sheet.js';
import { Panel, SLIDERS } from './base/panel.js';
import { askTruth } from './base/requests.js';

/** Interval bounds: without a unit of their own. */
const bound = {
  share: (x) => fixed(100 * x, 1),
  times: (x) => fixed(x, 1),
  number: (x) => fixed(x, 2),
};
const told = {
  share: (x) => `${fixed(100 * x, 1)} %`,
  times: (x) => `${fixed(x, 1)}×`,
  number: (x) => fixed(x, 2),
};

/**
 * How the dictionary and the method do where the truth is known: a line in the health card, and the whole table over the tab.
 *
 * @typedef {Object} Figure
 * @property {number|null} value @property {number|null} low @property {number|null} high @property {'share'|'times'|'number'} unit
 * @property {number} n @property {number} n_pictures @property {boolean} differs @property {number|null} difference
 */
export class TruthPanel extends Panel {
  static indifferentTo = SLIDERS;

  constructor() {
    super();
    this.report = this.query(askTruth);
  }

  /** @param {Figure|null} figure */
  renderCell(figure) {
    if (!figure) return html`<td></td>`;
    const { value, low, high, unit, differs, difference } = figure;
    if (value === null) return html`<td class="num"><span class="k">–</span></td>`;
    const over = difference > 0;
    return html`<td class="num"><b>${told[unit](value)}</b>${
      low === null ? nothing : html` <span class="k">${bound[unit](low)} to ${bound[unit](high)}</span>`
    }<span class="mark">${differs ? html`<span aria-hidden="true">${over ? '▲' : '▼'}</span><span class="spoken">clearly ${over ? 'over' : 'under'} the default</span>` : nothing}</span></td>`;
  }

  renderTable({ title, columns, rows }) {
    return html`<table class="truth-table"><caption>${title}</caption>
      <thead><tr><th scope="col"><span class="spoken">setting</span></th>${columns.map((name) => html`<th scope="col" class="num">${name}</th>`)}
        <th scope="col" class="num">n</th></tr></thead>
      <tbody>${rows.map(
        ({ name, is_default: isDefault, figures }) => html`<tr class=${isDefault && rows.length > 1 && columns.length > 1 ? 'default' : ''}>
          <th scope="row">${name}</th>${figures.map((figure) => this.renderCell(figure))}
          <td class="num k">${whole(Math.max(0, ...figures.map((figure) => figure?.n ?? 0)))}</td></tr>`,
      )}</tbody></table>`;
  }

  renderContent(report) {
    return html`<p>${counted(report.n_pictures, 'picture')} of ${report.items} and ${counted(report.n_words, 'word')} that name what is there; whose
      latents are whose was learned on ${whole(report.n_learned)} other pictures with ${counted(report.n_labels, 'label')}.</p>
      <p class="note">Beside each value its 95 % interval, by bootstrap over pictures. ▲ and ▼: clearly over or under the first row, on the same pictures.</p>
      ${report.tables.map((table) => this.renderTable(table))}
      <p class="note">Made by <code>visualscratchpad truth</code> on ${new Date(1000 * report.created).toLocaleDateString('en-GB', { dateStyle: 'long' })}, seed ${report.seed}.</p>`;
  }

  renderLine({ headline: { weighted, plain } }) {
    const share = (x) => (x === null ? '–' : percent(x));
    return html`<p class="note truth-line" data-value="truth">Checked against known truth: own latent in the best five
      <b>${share(weighted)}</b> by C, <b>${share(plain)}</b> by B · <button type="button" class="link" aria-haspopup="dialog"
        aria-label="Details of the check against known truth" @click=${() => this.store.setSession({ sheet: 'truth' })}>details</button></p>`;
  }

  render() {
    const report = this.report.value;
    if (this.report.error) return html`<p class="note truth-line">The check against known truth cannot be shown: ${this.report.error.message}</p>`;
    if (!report) return nothing;
    const open = this.store.session.sheet === 'truth';
    return html`${this.renderLine(report)}<vs-sheet class="wide" .open=${open} label="Checked against known truth"
      .content=${open ? this.renderContent(report) : nothing} @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }
}

customElements.define('vs-truth', TruthPanel);
