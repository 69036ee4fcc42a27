import { html, nothing } from '../vendor/lit.js';
import { changeColors } from '../color/diverging.js';
import { alignAnswers, breakLines, endsSentence } from '../plots/answer_lines.js';
import { fixed, tokenText } from './format.js';
import { WidthWatched } from './width_watched.js';

/**
 * Answers under several conditions, word by word under one another; the first row is the original.
 *
 * @typedef {Object} RasterRow
 * @property {string} name @property {string} note @property {string} spoken
 * @property {string[]} words the answer's tokens @property {import('../plots/answer_lines.js').DiffStep[]} steps
 * @property {number[]} changes of each original word's log-probability, in nats
 * @property {boolean} [told] false: what is said there is not shown, the original's words stand for it (a mean has no words)
 */

const CHARACTER = 7.9;
const PADDING = 14;
const NARROWEST = 32;
const HEAD = 164;
const MOST_STRETCH = 1.6;

/** @param {number} change in nats @returns {string} a dot for nothing, one decimal, none from 10 on */
export function changeText(change) {
  if (Math.abs(change) < 0.005) return '·';
  const sign = change > 0 ? '+' : '';
  const size = Math.abs(change);
  return sign + fixed(change, size >= 9.95 ? 0 : size >= 0.995 ? 1 : 2);
}

export class AnswerRaster extends WidthWatched {
  static properties = {
    original: { attribute: false },
    rows: { attribute: false },
    theme: {},
  };

  constructor() {
    super();
    /** @type {{text: string, logprob: number}[]} */
    this.original = [];
    /** @type {RasterRow[]} */
    this.rows = [];
    this.theme = 'light';
  }

  /** Columns, cells and the width that each column needs. */
  layout() {
    const { columns, cells } = alignAnswers(
      this.original.length,
      this.rows.map(({ steps }) => steps),
    );
    const widths = columns.map((column, at) => {
      const said = cells.map((row, r) => this.wordIn(this.rows[r], row[at]).length);
      const own = 'word' in column ? tokenText(this.original[column.word].text).length : 0;
      return Math.max(NARROWEST, Math.max(own, ...said) * CHARACTER + PADDING);
    });
    const room = Math.max(120, this.width - HEAD - 8);
    const ends = columns.map((column) => 'word' in column && endsSentence(this.original[column.word].text));
    const lines = breakLines(widths, ends, room);
    const longest = Math.max(1, ...lines.map(([a, b]) => widths.slice(a, b + 1).reduce((sum, w) => sum + w, 0)));
    const stretch = Math.max(1, Math.min(MOST_STRETCH, room / longest));
    return { columns, cells, lines, widths: widths.map((w) => Math.floor(w * stretch) - 2) };
  }

  /** @param {RasterRow} row @param {import('../plots/answer_lines.js').Cell} cell @returns {string} what is said there */
  wordIn(row, cell) {
    return cell && cell.other !== null ? tokenText(row.words[cell.other]) : '';
  }

  /** @param {RasterRow} row @param {import('../plots/answer_lines.js').Cell} cell @param {object} column @param {number} width */
  renderCell(row, cell, column, width) {
    const size = `min-width:${width}px;width:${width}px`;
    if (!('word' in column)) {
      return cell && row.told !== false
        ? html`<td class="new" .style=${size} title="new"><ins>${this.wordIn(row, cell)}</ins><span class="d">new</span></td>`
        : html`<td class="void" .style=${size}></td>`;
    }
    const change = row.changes[column.word];
    const colors = changeColors(this.theme, change);
    const style = colors ? `${size};background:${colors.ground};color:${colors.ink}` : size;
    const original = tokenText(this.original[column.word].text);
    const gone = row.told !== false && cell?.change === 'left_out';
    const other = row.told !== false && cell?.change === 'replaced';
    const said = gone ? html`<del>${original}</del>` : other ? html`<ins>${this.wordIn(row, cell)}</ins>` : original;
    const title = `${original}: ${fixed(change, 2)} nat${gone ? ', left out' : other ? ', replaced' : ''}`;
    const state = `${gone ? 'gone' : other ? 'new' : ''} ${colors ? 'coloured' : ''}`;
    return html`<td class=${state} .style=${style} title=${title}>${said}<span class="d">${changeText(change)}</span></td>`;
  }

  renderOriginal({ word }, width) {
    const size = `min-width:${width}px;width:${width}px`;
    if (word === undefined) return html`<td class="void" .style=${size}></td>`;
    const { text, logprob } = this.original[word];
    const shown = logprob > -0.005 ? 0 : logprob;
    return html`<td class="same" .style=${size}>${tokenText(text)}<span class="d">${fixed(shown, 2)}</span></td>`;
  }

  render() {
    if (!this.width) return nothing;
    const { columns, cells, lines, widths } = this.layout();
    return lines.map(([first, last], line) => {
      const at = Array.from({ length: last - first + 1 }, (_, i) => first + i);
      return html`<table class="raster"><caption class="spoken">Answers word by word, part ${line + 1} of ${lines.length}</caption>
        <tbody><tr class="original"><th scope="row"><b>Original</b> <span>log p</span></th>
          ${at.map((i) => this.renderOriginal(columns[i], widths[i]))}<td class="pad"></td></tr>
        ${this.rows.map(
          (row, r) => html`<tr data-row=${row.name}><th scope="row"><b>${row.name}</b> <span>${row.note}</span></th>
          ${at.map((i) => this.renderCell(row, cells[r][i], columns[i], widths[i]))}<td class="pad"></td></tr>`,
        )}</tbody></table>`;
    });
  }
}

customElements.define('vs-answer-raster', AnswerRaster);
