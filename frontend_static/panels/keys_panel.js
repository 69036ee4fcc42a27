import { html, nothing } from '../vendor/lit.js';
import '../elements/sheet.js';
import { Panel, SLIDERS } from './base/panel.js';

/** @type {[string, [string[], string][]][]} */
const KEYS = [
  [
    'Everywhere',
    [
      [['1', '2', '3'], 'Dictionary, Scratchpad, Compare'],
      [['/'], 'find a latent by number or label'],
      [['b'], 'put the chosen latent into the basket'],
      [['Shift', 'B'], 'put its cluster into the basket'],
      [['Enter'], 'run the steered answer'],
      [['e'], 'save the figure in focus, or a list of all'],
      [['t'], 'light or dark'],
      [['Esc'], 'choose no latent; close what is open'],
      [['?'], 'this list'],
    ],
  ],
  [
    'Scratchpad',
    [
      [['←', '→'], 'the word before, the word after'],
      [['j', 'k'], 'down and up the ranking'],
      [['w'], 'rank by weighted C or by plain mean B'],
    ],
  ],
  [
    'Dictionary over training',
    [
      [['←', '→', '↑', '↓'], 'in the scatters: from one step to the next'],
      [['Enter'], 'show that step'],
      [['←', '→'], 'in the curves: show the step before, the step after'],
      [['Home', 'End'], 'the first, the last'],
    ],
  ],
  [
    'In a plot',
    [
      [['←', '→', '↑', '↓'], 'to the nearest point or cell'],
      [['Shift', '←→↑↓'], 'choose several latents'],
      [['Enter'], 'choose it'],
      [['+', '−', '0'], 'zoom in, out, all'],
      [['Esc'], 'let go'],
    ],
  ],
];

/** The keyboard list. */
export class KeysPanel extends Panel {
  static indifferentTo = SLIDERS;
  render() {
    const open = this.store.session.sheet === 'keys';
    const content = html`${KEYS.map(
      ([title, rows]) => html`<h3>${title}</h3><dl class="keys-list">${rows.map(
        ([keys, text]) => html`<div><dt>${keys.map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${text}</dd></div>`,
      )}</dl>`,
    )}`;
    return html`<vs-sheet .open=${open} label="Keyboard" .content=${open ? content : nothing}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }
}

customElements.define('vs-keys', KeysPanel);
