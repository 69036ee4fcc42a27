import { html, nothing } from '../../vendor/lit.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { counted } from '../../elements/format.js';
import { Panel, SLIDERS } from '../base/panel.js';
import { askAlike, askPair } from './pair_requests.js';

/** What both runs were asked under; values that differ are marked. */
export class PairSettingsPanel extends Panel {
  static indifferentTo = SLIDERS;
  constructor() {
    super();
    this.alike = this.query(askAlike);
    this.pair = this.query((store, api) => askPair(store, api, this.alike));
  }

  renderTable({ settings, same_picture: same }) {
    const told = (name, text) => (name === 'Picture' && same === null ? `${text} (not compared: not logged)` : text);
    const side = (letter, text) => html`<div><span class="side ${letter.toLowerCase()}">${letter}</span><span>${text}</span></div>`;
    const row = ({ name, first, second, differs }) => html`<tr class=${differs ? 'differs' : ''}><th scope="row">${name}</th>
      <td title=${differs ? nothing : 'the same in both'}>${differs ? html`${side('A', told(name, first))}${side('B', told(name, second))}` : told(name, first)}</td></tr>`;
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Settings of both runs"><table class="pair-settings"><tbody>${[...settings].sort((a, b) => b.differs - a.differs).map(row)}</tbody></table></div>`;
  }

  render() {
    const n = this.pair.value?.settings.filter(({ differs }) => differs).length;
    return card({
      label: 'What differs in their settings',
      title: 'Settings',
      sub: n === undefined ? '' : n ? `${counted(n, 'value')} ${n === 1 ? 'differs' : 'differ'}` : 'all the same',
      busy: this.pair.stale,
      late: this.pair.late,
      body: this.pair.key === null ? emptyState('Choose a second run.') : answered(this.pair, (pair) => this.renderTable(pair)),
    });
  }
}

customElements.define('vs-pair-settings', PairSettingsPanel);
