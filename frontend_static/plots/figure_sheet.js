import { SANS, TOKENS } from '../color/tokens.js';
import { drawText } from './surface.js';

/**
 * A figure as it is saved: its title, what is drawn, and a caption that says what it is of.
 *
 * @typedef {Object} Body
 * @property {number} width @property {number} height CSS pixels
 * @property {(g: CanvasRenderingContext2D) => void} draw at the origin; whatever it does to the context is undone
 *
 * @typedef {Object} FigureSheet
 * @property {string} title @property {string} [sub] said of it in a line below
 * @property {Body} body @property {string[]} caption paragraphs, the first in full ink
 * @property {'light'|'dark'} theme
 */

const PAD = 20;
const TITLE = 24;
const SUB = 17;
const LINE = 16;
const TITLE_FONT = `600 15px ${SANS}`;
const SUB_FONT = `12px ${SANS}`;
const CAPTION_FONT = `11px ${SANS}`;
/** A caption in a narrower column would be a tower. */
const LEAST_WIDTH = 440;

/**
 * Breaks text into lines; a word longer than a line is broken within.
 * @param {{measureText: (text: string) => {width: number}}} g with its font set @param {string} text @param {number} room
 * @returns {string[]}
 */
export function wrapped(g, text, room) {
  const lines = [];
  let line = '';
  const fits = (one) => g.measureText(one).width <= room;
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line ? `${line} ${word}` : word;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line) lines.push(line);
    line = '';
    for (const letter of word) {
      if (line && !fits(line + letter)) {
        lines.push(line);
        line = '';
      }
      line += letter;
    }
  }
  if (line) lines.push(line);
  return lines;
}

/**
 * @param {FigureSheet} sheet
 * @returns {{width: number, height: number, paint: (g: any) => void}} size in CSS pixels; `paint` takes a canvas context or an SvgContext
 */
export function laidOut({ title, sub = '', body, caption, theme }) {
  const measuring = document.createElement('canvas').getContext('2d');
  const width = Math.ceil(Math.max(LEAST_WIDTH, body.width + 2 * PAD));
  const room = width - 2 * PAD;
  const lines = (font, text) => {
    measuring.font = font;
    return wrapped(measuring, text, room);
  };
  const titles = lines(TITLE_FONT, title);
  const subs = sub ? lines(SUB_FONT, sub) : [];
  const paragraphs = caption.filter(Boolean).map((text) => lines(CAPTION_FONT, text));
  const bodyTop = PAD - 4 + titles.length * TITLE + subs.length * SUB + 8;
  const captionTop = bodyTop + body.height + 16;
  const height = Math.ceil(captionTop + 10 + paragraphs.reduce((sum, one) => sum + one.length * LINE + 3, 0) + PAD - 8);
  const tokens = TOKENS[theme];
  const paint = (g) => {
    g.fillStyle = tokens.panel;
    g.fillRect(0, 0, width, height);
    let y = PAD - 4 + TITLE / 2;
    for (const line of titles) {
      drawText(g, line, PAD, y, { color: tokens.ink, font: TITLE_FONT });
      y += TITLE;
    }
    y += (SUB - TITLE) / 2;
    for (const line of subs) {
      drawText(g, line, PAD, y, { color: tokens.ink3, font: SUB_FONT });
      y += SUB;
    }
    g.save();
    g.translate(PAD, bodyTop);
    body.draw(g);
    g.restore();
    g.setLineDash([]);
    g.fillStyle = tokens.line;
    g.fillRect(PAD, captionTop, room, 1);
    y = captionTop + 10 + LINE / 2;
    paragraphs.forEach((one, i) => {
      for (const line of one) {
        drawText(g, line, PAD, y, { color: i ? tokens.ink3 : tokens.ink2, font: CAPTION_FONT });
        y += LINE;
      }
      y += 3;
    });
  };
  return { width, height, paint };
}

/**
 * Bodies under one another.
 * @param {Body[]} bodies @param {number} [gap] @returns {Body}
 */
export function stacked(bodies, gap = 12) {
  return {
    width: Math.max(0, ...bodies.map(({ width }) => width)),
    height: bodies.reduce((sum, { height }) => sum + height, 0) + gap * Math.max(0, bodies.length - 1),
    draw: (g) => {
      let y = 0;
      for (const body of bodies) {
        g.save();
        g.translate(0, y);
        body.draw(g);
        g.restore();
        y += body.height + gap;
      }
    },
  };
}

/** Bodies beside one another, in rows of `columns`. @param {Body[]} bodies @param {number} columns @param {number} [gap] @returns {Body} */
export function inGrid(bodies, columns, gap = 12) {
  const rows = [];
  for (let i = 0; i < bodies.length; i += columns) rows.push(beside(bodies.slice(i, i + columns), gap));
  return stacked(rows, gap);
}

/** Bodies beside one another, at the top. @param {Body[]} bodies @param {number} [gap] @returns {Body} */
export function beside(bodies, gap = 16) {
  return {
    width: bodies.reduce((sum, { width }) => sum + width, 0) + gap * Math.max(0, bodies.length - 1),
    height: Math.max(0, ...bodies.map(({ height }) => height)),
    draw: (g) => {
      let x = 0;
      for (const body of bodies) {
        g.save();
        g.translate(x, 0);
        body.draw(g);
        g.restore();
        x += body.width + gap;
      }
    },
  };
}

/** A line of text as a body. @param {string} text @param {number} width @param {'light'|'dark'} theme @param {{strong?: boolean}} [how] @returns {Body} */
export function lineOfText(text, width, theme, { strong = false } = {}) {
  const font = `${strong ? 600 : 400} 12px ${SANS}`;
  const measuring = document.createElement('canvas').getContext('2d');
  measuring.font = font;
  const lines = wrapped(measuring, text, width);
  return {
    width,
    height: 17 * lines.length,
    draw: (g) => lines.forEach((line, i) => drawText(g, line, 0, 17 * i + 9, { color: strong ? TOKENS[theme].ink : TOKENS[theme].ink2, font })),
  };
}
