import { html, nothing } from '../vendor/lit.js';
import { changeColors } from '../color/diverging.js';
import { breakLines, endsSentence } from '../plots/answer_lines.js';
import { changeText } from './answer_raster.js';
import { fixed, tokenText } from './format.js';
import { WidthWatched } from './width_watched.js';

/**
 * Two answers word by word under one another: struck is what the second leaves out, framed what it says instead or in addition.
 * Emits `choose` with a place of the alignment.
 *
 * @typedef {import('../run_pairs.js').PairWord} PairWord
 * @typedef {import('../plots/answer_lines.js').DiffStep} DiffStep
 */

const CHARACTER = 7.9;
const PADDING = 14;
const NARROWEST = 40;
const HEAD = 164;

const logprob = (value) => (value === null ? '' : fixed(value > -0.005 ? 0 : value, 2));

export class PairRaster extends WidthWatched {
  static properties = {
    first: { attribute: false },
    second: { attribute: false },
    steps: { attribute: false },
    chosen: { attribute: false },
    notes: { attribute: false },
    theme: {},
  };

  constructor() {
    super();
    /** @type {PairWord[]} */
    this.first = [];
    /** @type {PairWord[]} */
    this.second = [];
    /** @type {DiffStep[]} */
    this.steps = [];
    this.chosen = -1;
    /** @type {[string, string]} */
    this.notes = ['', ''];
    this.theme = 'light';
  }

  updated(changed) {
    if (!changed.has('chosen') || changed.get('chosen') === undefined) return;
    const button = this.querySelector('td.chosen button');
    button?.scrollIntoView({ block: 'nearest' });
    if (this.contains(document.activeElement)) button?.focus();
  }

  choose(place) {
    this.dispatchEvent(new CustomEvent('choose', { detail: place }));
  }

  layout() {
    const text = ([, i, j]) => Math.max(...[i === null ? '' : tokenText(this.first[i].text), j === null ? '' : tokenText(this.second[j].text)].map((one) => one.length));
    const widths = this.steps.map((step) => Math.max(NARROWEST, text(step) * CHARACTER + PADDING));
    const ends = this.steps.map(([, i, j]) => endsSentence(i === null ? this.second[j].text : this.first[i].text));
    return { widths, lines: breakLines(widths, ends, Math.max(120, this.width - HEAD - 8)) };
  }

  /** @param {number} place @param {PairWord|null} word @param {{state: string, style: string, inner: unknown, under: string, title: string, main: boolean}} shown */
  renderCell(place, word, { state, style, inner, under, title, main }) {
    const on = place === this.chosen;
    if (!word) return html`<td class="void ${on ? 'chosen' : ''}" .style=${style}></td>`;
    return html`<td class="${state} ${on ? 'chosen' : ''}" .style=${style} title=${title}><button type="button" data-place=${place} tabindex=${on && main ? 0 : -1}
      aria-pressed=${String(on)} aria-label=${title} @click=${() => this.choose(place)}>${inner}<span class="d">${under}</span></button></td>`;
  }

  renderFirst(place, size) {
    const [change, i] = this.steps[place];
    const word = i === null ? null : this.first[i];
    const text = word ? tokenText(word.text) : '';
    const gone = change === 'left_out';
    return this.renderCell(place, word, {
      state: gone ? 'gone' : 'same',
      style: size,
      inner: gone ? html`<del>${text}</del>` : text,
      under: word ? logprob(word.logprob) : '',
      title: word ? `A: ${text}, log p ${word.logprob === null ? 'not logged' : fixed(word.logprob, 2)}${gone ? '; B leaves it out' : ''}` : '',
      main: true,
    });
  }

  renderSecond(place, size) {
    const [change, i, j] = this.steps[place];
    const word = j === null ? null : this.second[j];
    const text = word ? tokenText(word.text) : '';
    const kept = change === 'kept';
    const before = kept && i !== null ? this.first[i].logprob : null;
    const delta = word && before !== null && word.logprob !== null ? word.logprob - before : null;
    const colors = delta === null ? null : changeColors(this.theme, delta);
    const own = word?.logprob === null ? 'not logged' : word ? fixed(word.logprob, 2) : '';
    return this.renderCell(place, word, {
      state: `${kept ? '' : 'new'} ${colors ? 'coloured' : ''}`,
      style: colors ? `${size};background:${colors.ground};color:${colors.ink}` : size,
      inner: kept ? text : html`<ins>${text}</ins>`,
      under: word ? (delta === null ? logprob(word.logprob) : changeText(delta)) : '',
      title: word ? `B: ${text}, log p ${own}${delta === null ? '' : `, ${delta > 0.005 ? '+' : ''}${fixed(delta, 2)} nat against A`}${kept ? '' : i === null ? '; new' : '; instead'}` : '',
      main: i === null,
    });
  }

  render() {
    if (!this.width || !this.steps.length) return nothing;
    const { widths, lines } = this.layout();
    return lines.map(([from, to], line) => {
      const places = Array.from({ length: to - from + 1 }, (_, n) => from + n);
      const size = (place) => `min-width:${Math.floor(widths[place])}px;width:${Math.floor(widths[place])}px`;
      const row = (letter, note, render) => html`<tr data-row=${letter}><th scope="row"><b class="side ${letter.toLowerCase()}">${letter}</b> <span>${note}</span></th>
        ${places.map((place) => render(place, size(place)))}<td class="pad"></td></tr>`;
      return html`<table class="raster pair"><caption class="spoken">Both answers word by word, part ${line + 1} of ${lines.length}</caption>
        <tbody>${row('A', this.notes[0], (place, style) => this.renderFirst(place, style))}
        ${row('B', this.notes[1], (place, style) => this.renderSecond(place, style))}</tbody></table>`;
    });
  }
}

customElements.define('vs-pair-raster', PairRaster);
