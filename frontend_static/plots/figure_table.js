import { MONO, SANS, TOKENS } from '../color/tokens.js';
import { drawText } from './surface.js';

/**
 * A table drawn: what the tab shows as an HTML table, for a saved figure.
 *
 * @typedef {Object} Column
 * @property {string} name @property {'left'|'right'} [align] @property {boolean} [mono] @property {number} [most] at most so many pixels wide
 *
 * @typedef {Object} Cell
 * @property {string} text @property {string|null} [ground] @property {string|null} [ink] @property {boolean} [strong] @property {boolean} [faint]
 * @property {{share: number, color: string}} [bar] before the text @property {string} [dot] a colour before it
 */

const ROW = 24;
const HEAD = 28;
const GAP = 14;
const BAR_ROOM = 84;
const SIZE = 12;

/** @param {any} g @param {string} text @param {number} room @returns {string} cut with an ellipsis where it does not fit */
export function fitted(g, text, room) {
  if (g.measureText(text).width <= room) return text;
  const letters = [...text];
  while (letters.length > 1 && g.measureText(`${letters.join('')}…`).width > room) letters.pop();
  return `${letters.join('')}…`;
}

const fontOf = ({ mono }, { strong = false } = {}) => `${strong ? 600 : 400} ${SIZE}px ${mono ? MONO : SANS}`;

/**
 * @param {{columns: Column[], rows: Cell[][], theme: 'light'|'dark'}} table
 * @returns {import('./figure_sheet.js').Body}
 */
export function tableBody({ columns, rows, theme }) {
  const tokens = TOKENS[theme];
  const measuring = document.createElement('canvas').getContext('2d');
  const widths = columns.map((column, i) => {
    measuring.font = `11px ${SANS}`;
    let widest = measuring.measureText(column.name).width;
    for (const row of rows) {
      const cell = row[i];
      measuring.font = fontOf(column, cell);
      const room = cell.bar ? BAR_ROOM : 0;
      widest = Math.max(widest, measuring.measureText(cell.text).width + (cell.dot ? 14 : 0) + (cell.ground ? 12 : 0) + room);
    }
    return Math.ceil(Math.min(column.most ?? Infinity, widest));
  });
  const width = widths.reduce((sum, w) => sum + w, 0) + GAP * (columns.length - 1);
  const draw = (g) => {
    let x = 0;
    columns.forEach((column, i) => {
      const right = column.align === 'right';
      g.font = `11px ${SANS}`;
      drawText(g, fitted(g, column.name, widths[i] + 2), right ? x + widths[i] : x, HEAD / 2, { color: tokens.ink3, align: right ? 'right' : 'left' });
      rows.forEach((row, r) => drawCell(g, column, row[i], x, HEAD + ROW * r, widths[i], tokens));
      x += widths[i] + GAP;
    });
    g.fillStyle = tokens.lineStrong;
    g.fillRect(0, HEAD - 1, width, 1);
    g.fillStyle = tokens.line;
    rows.forEach((_, r) => {
      if (r) g.fillRect(0, HEAD + ROW * r - 0.5, width, 1);
    });
  };
  return { width, height: HEAD + ROW * rows.length, draw };
}

function drawCell(g, column, cell, x, y, width, tokens) {
  const right = column.align === 'right';
  const font = fontOf(column, cell);
  const inset = cell.ground ? 6 : 0;
  if (cell.bar) {
    g.fillStyle = cell.bar.color;
    g.fillRect(x, y + 8, Math.max(0.5, (BAR_ROOM - 8) * Math.min(1, Math.max(0, cell.bar.share))), ROW - 16);
  }
  g.font = font;
  const text = fitted(g, cell.text, width - (cell.dot ? 14 : 0) - inset * 2 - (cell.bar ? BAR_ROOM : 0) + 1);
  const wide = g.measureText(text).width;
  if (cell.ground) {
    g.fillStyle = cell.ground;
    g.beginPath();
    g.roundRect(right ? x + width - wide - 12 : x, y + 3, wide + 12, ROW - 6, 3);
    g.fill();
  }
  if (cell.dot) {
    g.fillStyle = cell.dot;
    g.beginPath();
    g.roundRect(x, y + ROW / 2 - 4, 8, 8, 2);
    g.fill();
  }
  const color = cell.ink ?? (cell.faint ? tokens.ink3 : tokens.ink);
  drawText(g, text, right ? x + width - inset : x + inset + (cell.dot ? 14 : 0) + (cell.bar ? BAR_ROOM : 0), y + ROW / 2 + 0.5, { color, font, align: right ? 'right' : 'left' });
}
