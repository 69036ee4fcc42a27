import { html, nothing } from '../vendor/lit.js';
import '../elements/sheet.js';
import { Panel, SLIDERS } from './base/panel.js';

/** @type {[string, [string[], string][]][]} */
const KEYS = [
  [
    'Everywhere',
    [
      [['1', '2', '3'], 'Dictionary, Scratchpad, Compare'],
      [['/'], 'find a latent by number, label, name or note'],
      [['p'], 'pin the chosen latent, or let it go'],
      [['n'], 'name it, write a note on it'],
      [['Shift', 'N'], 'all notes'],
      [['d'], 'hide dense latents everywhere, or show them'],
      [['b'], 'put the chosen latent into the basket'],
      [['Shift', 'B'], 'put its cluster into the basket'],
      [['Enter'], 'run the steered answer'],
      [['g'], 'the walk: from the dictionary to the cause of a wrong word'],
      [['e'], 'save the figure in focus, or a list of all'],
      [['t'], 'light or dark'],
      [['↑', '↓', 'Enter'], 'in a menu or a search: through the list, choose'],
      [['Esc'], 'choose no latent; close what is open'],
      [['?'], 'this list'],
    ],
  ],
  [
    'Scratchpad',
    [
      [['←', '→'], 'the word before, the word after'],
      [['x'], 'the word into a set of several, or out of it (also Ctrl or ⌘ and click)'],
      [['Shift', '←→'], 'the next word joins it (Shift and click: all up to a word)'],
      [['h'], 'what each head looked at'],
      [['y'], 'mark the word as wrong, or no longer'],
      [['j', 'k'], 'down and up the ranking'],
      [['w'], 'rank by weighted C or by plain mean B'],
    ],
  ],
  [
    'Dictionary',
    [
      [['↑', '↓', 'Enter'], 'in the list of clusters: through it, choose one'],
    ],
  ],
  [
    'The walk',
    [
      [['←', '→', 'Enter'], 'among its steps; go to one'],
    ],
  ],
  [
    'Compare, two runs or two dictionaries',
    [
      [['←', '→'], 'two runs: the word before, the word after, in both'],
      [['j', 'k'], 'down and up the latents'],
      [['x'], 'swap A and B'],
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
    'On the large picture',
    [
      [['+', '−', '0'], 'closer, further, all of it (also wheel and double click)'],
      [['←', '→', '↑', '↓'], 'move what is seen, when zoomed'],
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
    const content = html`<div class="keys-columns">${KEYS.map(
      ([title, rows]) => html`<section><h3>${title}</h3><dl class="keys-list">${rows.map(
        ([keys, text]) => html`<div><dt>${keys.map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${text}</dd></div>`,
      )}</dl></section>`,
    )}</div>`;
    return html`<vs-sheet .open=${open} label="Keyboard" .content=${open ? content : nothing}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }
}

customElements.define('vs-keys', KeysPanel);
