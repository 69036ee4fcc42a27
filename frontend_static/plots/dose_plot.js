import { labelColors } from '../color/categories.js';
import { MONO, SANS, TOKENS } from '../color/tokens.js';
import { doseScale, spreadApart, ticks } from './dose_scale.js';
import { drawText, Surface } from './surface.js';

/**
 * Log-probability of words over doses: a line for each word, a thin one for each control set of the chosen word.
 *
 * @typedef {Object} DoseWord
 * @property {string} text @property {number[]} logprob [D] @property {number[][]} controls [R][D]
 *
 * @typedef {Object} DoseData
 * @property {number[]} doses [D] ascending @property {number|null} rest the dose that changes nothing
 * @property {string} suffix of a dose, such as `×` @property {string} axis what is dosed
 * @property {DoseWord[]} words
 *
 * @typedef {{word: number, dose: number}} DosePoint indices into both
 */

const MARGIN = { left: 40, top: 8, right: 136, bottom: 40 };
const NEAR = 18;
const FEW_CONTROLS = 24;

export class DosePlot {
  /**
   * @param {HTMLElement} container
   * @param {{onHover: (point: DosePoint|null, at: {x: number, y: number}|null) => void, onPick: (word: number) => void}} handlers
   */
  constructor(container, handlers) {
    this.container = container;
    this.handlers = handlers;
    this.theme = 'light';
    this.chosen = 0;
    /** @type {DosePoint|null} */
    this.cursor = null;
    /** @type {DoseData|null} */
    this.data = null;
    this.surface = new Surface(container, (...args) => this.paint(...args));
    this.surface.listen('pointermove', (event) => this.onPointer(event));
    this.surface.listen('pointerleave', () => this.move(null, null));
    this.surface.listen('blur', () => this.move(null, null));
    this.surface.listen('click', () => {
      if (this.cursor) handlers.onPick(this.cursor.word);
    });
    this.surface.listen('keydown', (event) => this.onKey(event));
  }

  /** @param {DoseData} data @param {'light'|'dark'} theme */
  setData(data, theme) {
    if (data !== this.data) this.cursor = null;
    this.data = data;
    this.theme = theme;
    this.surface.request();
  }

  /** @param {number} word drawn thick, with its controls */
  setSelected(word) {
    this.chosen = word;
    this.surface.request();
  }

  /** @param {number} word @returns {string} */
  colorOf(word) {
    const colors = labelColors(this.theme);
    return word === this.chosen ? TOKENS[this.theme].accent : colors[word % colors.length];
  }

  scale() {
    const { width, height } = this.surface;
    return doseScale(this.data, { width, height, margin: MARGIN });
  }

  /** @param {DosePoint|null} point @param {{x: number, y: number}|null} at in the window */
  move(point, at) {
    const same = point?.word === this.cursor?.word && point?.dose === this.cursor?.dose;
    if (same && !point) return;
    this.cursor = point;
    this.handlers.onHover(point, at);
    if (!same) this.surface.request();
  }

  /** @param {PointerEvent} event */
  onPointer(event) {
    if (!this.data) return;
    const box = this.container.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const { x, y } = this.scale();
    let best = { point: null, distance: NEAR ** 2 };
    this.data.words.forEach(({ logprob }, word) =>
      logprob.forEach((value, dose) => {
        const distance = (x(this.data.doses[dose]) - px) ** 2 + (y(value) - py) ** 2;
        if (distance < best.distance) best = { point: { word, dose }, distance };
      }),
    );
    this.move(best.point, { x: event.clientX, y: event.clientY });
  }

  /** @param {KeyboardEvent} event left and right: doses; up and down: words */
  onKey(event) {
    if (!this.data || event.ctrlKey || event.metaKey || event.altKey) return;
    const { doses, words } = this.data;
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key in steps) {
      const [dw, dd] = this.cursor ? steps[event.key] : [0, 0];
      const from = this.cursor ?? { word: this.chosen, dose: 0 };
      const point = {
        word: (from.word + dw + words.length) % words.length,
        dose: Math.min(doses.length - 1, Math.max(0, from.dose + dd)),
      };
      const { x, y } = this.scale();
      const box = this.container.getBoundingClientRect();
      this.move(point, {
        x: box.left + x(doses[point.dose]),
        y: box.top + y(words[point.word].logprob[point.dose]),
      });
    } else if (event.key === 'Enter' && this.cursor) this.handlers.onPick(this.cursor.word);
    else if (event.key === 'Escape' && this.cursor) this.move(null, null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {CanvasRenderingContext2D} g @param {number[]} values [D] @param {ReturnType<typeof doseScale>} scale */
  line(g, values, { x, y }) {
    g.beginPath();
    values.forEach((value, i) => g.lineTo(x(this.data.doses[i]), y(value)));
    g.stroke();
  }

  paintAxes(g, scale) {
    const tokens = TOKENS[this.theme];
    const { doses, rest, suffix, axis } = this.data;
    const { x, y, left, right, top, bottom, low, high } = scale;
    g.lineWidth = 1;
    g.strokeStyle = tokens.line;
    for (const value of ticks(low, high, Math.max(2, (bottom - top) / 56))) {
      const at = Math.round(y(value)) + 0.5;
      g.beginPath();
      g.moveTo(left, at);
      g.lineTo(right, at);
      g.stroke();
      drawText(g, String(value).replace('-', '−'), left - 8, at, { color: tokens.ink3, align: 'right' });
    }
    let until = -Infinity;
    for (const dose of doses) {
      const text = `${String(Number(dose.toPrecision(3))).replace('-', '−')}${suffix}`;
      const half = (text.length * 6.5) / 2;
      if (x(dose) - half < until) continue;
      until = x(dose) + half + 6;
      drawText(g, text, x(dose), bottom + 13, { color: tokens.ink3, align: 'center' });
    }
    drawText(g, axis, (left + right) / 2, bottom + 30, { color: tokens.ink2, align: 'center' });
    if (rest === null || rest < doses[0] || rest > doses.at(-1)) return;
    g.strokeStyle = tokens.lineStrong;
    g.setLineDash([3, 3]);
    g.beginPath();
    g.moveTo(Math.round(x(rest)) + 0.5, top);
    g.lineTo(Math.round(x(rest)) + 0.5, bottom);
    g.stroke();
    g.setLineDash([]);
  }

  paintWord(g, word, scale) {
    const { logprob } = this.data.words[word];
    const on = word === this.chosen;
    g.strokeStyle = this.colorOf(word);
    g.lineWidth = on ? 2.5 : 1.5;
    this.line(g, logprob, scale);
    g.lineWidth = on ? 2 : 1.5;
    logprob.forEach((value, dose) => {
      const under = this.cursor?.word === word && this.cursor.dose === dose;
      g.beginPath();
      g.arc(scale.x(this.data.doses[dose]), scale.y(value), (on ? 3.5 : 2.5) + (under ? 1.5 : 0), 0, 7);
      g.fillStyle = under ? this.colorOf(word) : TOKENS[this.theme].panel;
      g.fill();
      g.stroke();
    });
  }

  /** Names at the right ends of the lines, pushed apart where they would overlap. */
  paintNames(g, scale) {
    const tokens = TOKENS[this.theme];
    const { words } = this.data;
    const controls = words[this.chosen]?.controls ?? [];
    const names = words.map(({ text, logprob }, word) => ({
      text,
      y: scale.y(logprob.at(-1)),
      color: this.colorOf(word),
      font: `${word === this.chosen ? 700 : 500} 12px ${MONO}`,
    }));
    if (controls.length) {
      const last = controls.map((values) => values.at(-1));
      names.push({
        text: `${words[this.chosen].text}, random × ${controls.length}`,
        y: scale.y(last.reduce((a, b) => a + b, 0) / last.length),
        color: tokens.ink3,
        font: `500 12px ${SANS}`,
      });
    }
    const places = spreadApart(
      names.map(({ y }) => y),
      15,
      scale.top + 6,
      scale.bottom,
    );
    g.save();
    g.beginPath();
    g.rect(scale.right, 0, MARGIN.right, scale.bottom + 12);
    g.clip();
    names.forEach(({ text, color, font }, i) => {
      g.fillStyle = color;
      g.fillRect(scale.right + 10, places[i] - 1, 10, 2);
      drawText(g, text, scale.right + 26, places[i], { color, font });
    });
    g.restore();
  }

  paint(g) {
    if (!this.data?.words.length) return;
    const scale = this.scale();
    this.paintAxes(g, scale);
    g.strokeStyle = TOKENS[this.theme].faint;
    g.lineWidth = 1;
    for (const values of (this.data.words[this.chosen]?.controls ?? []).slice(0, FEW_CONTROLS)) this.line(g, values, scale);
    this.data.words.forEach((_, word) => {
      if (word !== this.chosen) this.paintWord(g, word, scale);
    });
    if (this.data.words[this.chosen]) this.paintWord(g, this.chosen, scale);
    this.paintNames(g, scale);
  }

  destroy() {
    this.surface.destroy();
  }
}
