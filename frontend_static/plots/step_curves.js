import { TOKENS } from '../color/tokens.js';
import { axisOf, stepTicks } from './curve_axes.js';
import { drawText, Surface } from './surface.js';

/**
 * Small line charts over one shared axis of training steps, with a rule at the shown step.
 *
 * @typedef {Object} Curve
 * @property {string} color @property {boolean} [dashed] @property {boolean} [strong] drawn last, and thicker
 * @property {readonly number[]} steps ascending
 * @property {readonly (number|null)[]} values one per step; null leaves a gap
 * @property {readonly (number|null)[]} [anew] per step, a number that changes where a new line begins
 * @property {boolean} [rings] a gap is told by rings at the foot of the chart
 *
 * @typedef {Object} Chart
 * @property {string} title @property {Curve[]} curves @property {(value: number) => string} text of a tick
 * @property {'log'|'linear'} scale @property {[number|null, number|null]} [within] ends of a linear axis that are fixed
 *
 * @typedef {Object} StepCurvesData
 * @property {Chart[]} charts @property {1|2} columns
 * @property {readonly number[]} steps that can be chosen, ascending
 * @property {readonly number[]} changes steps marked on the axis
 *
 * @typedef {{step: number, chart: number|null}} StepPoint
 */

const MARGIN = { left: 46, right: 10 };
const TITLE = 18;
const AXIS = 22;
const GAP = 20;
/** Points this far apart, in pixels, have a dot each. */
const DOTTED = 7;
/** Of more curves only the strong one has dots. */
const FEW = 3;

export class StepCurves {
  /**
   * @param {HTMLElement} container
   * @param {{onHover: (point: StepPoint|null, at: {x: number, y: number}|null) => void, onStep: (step: number, dragged: boolean) => void}} handlers
   */
  constructor(container, handlers) {
    this.container = container;
    this.handlers = handlers;
    this.theme = 'light';
    /** @type {StepCurvesData|null} */
    this.data = null;
    /** @type {number|null} */
    this.shown = null;
    /** @type {StepPoint|null} */
    this.cursor = null;
    this.dragging = false;
    this.surface = new Surface(container, (g) => this.paint(g));
    this.surface.listen('pointermove', (event) => this.onPointer(event));
    this.surface.listen('pointerdown', (event) => this.onDown(event));
    for (const name of ['pointerup', 'pointercancel']) {
      this.surface.listen(name, () => {
        this.dragging = false;
      });
    }
    this.surface.listen('pointerleave', () => this.move(null, null));
    this.surface.listen('blur', () => this.move(null, null));
    this.surface.listen('keydown', (event) => this.onKey(event));
  }

  /** @param {StepCurvesData} data @param {'light'|'dark'} theme */
  setData(data, theme) {
    if (data !== this.data) this.cursor = null;
    this.data = data;
    this.theme = theme;
    this.surface.request();
  }

  /** @param {number|null} step */
  setShown(step) {
    if (step === this.shown) return;
    this.shown = step;
    this.surface.request();
  }

  /** Where the charts lie. @returns {{left: number, right: number, top: number, bottom: number}[]} of each what is between its axes */
  places() {
    const { width, height } = this.surface;
    const { charts, columns } = this.data;
    const rows = Math.ceil(charts.length / columns);
    const [w, h] = [(width - GAP * (columns - 1)) / columns, (height - AXIS) / rows];
    return charts.map((_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const x = column * (w + GAP);
      return { left: x + MARGIN.left, right: x + w - MARGIN.right, top: row * h + TITLE, bottom: (row + 1) * h - 6 };
    });
  }

  /** @returns {[number, number]} first and last step of any curve */
  get range() {
    const all = this.data.charts.flatMap(({ curves }) => curves.flatMap(({ steps }) => [steps[0], steps.at(-1)])).filter((step) => step !== undefined);
    return [Math.min(...all, this.data.steps[0] ?? Infinity), Math.max(...all, this.data.steps.at(-1) ?? -Infinity)];
  }

  /** @param {{left: number, right: number}} place @returns {(step: number) => number} */
  xOf({ left, right }) {
    const [low, high] = this.range;
    return (step) => (high > low ? left + ((right - left) * (step - low)) / (high - low) : (left + right) / 2);
  }

  /** @param {StepPoint|null} point @param {{x: number, y: number}|null} at in the window */
  move(point, at) {
    const same = point?.step === this.cursor?.step && point?.chart === this.cursor?.chart;
    if (same && !point) return;
    this.cursor = point;
    this.handlers.onHover(point, at);
    if (!same) this.surface.request();
  }

  /** @param {PointerEvent} event @returns {StepPoint|null} the chart under the pointer, and the step nearest to it */
  pointAt(event) {
    if (!this.data?.steps.length) return null;
    const box = this.container.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const places = this.places();
    const distance = ({ left, right, top, bottom }) => Math.max(left - px, px - right, 0) + 4 * Math.max(top - TITLE - py, py - bottom - 6, 0);
    const chart = places.reduce((best, place, i) => (distance(place) < distance(places[best]) ? i : best), 0);
    const x = this.xOf(places[chart]);
    const { steps } = this.data;
    return { step: steps.reduce((best, step) => (Math.abs(x(step) - px) < Math.abs(x(best) - px) ? step : best), steps[0]), chart };
  }

  /** @param {PointerEvent} event */
  onPointer(event) {
    const point = this.pointAt(event);
    this.move(point, { x: event.clientX, y: event.clientY });
    if (this.dragging && point) this.handlers.onStep(point.step, true);
  }

  /** @param {PointerEvent} event */
  onDown(event) {
    if (event.button !== 0) return;
    const point = this.pointAt(event);
    if (!point) return;
    this.dragging = true;
    this.container.setPointerCapture?.(event.pointerId);
    this.handlers.onStep(point.step, false);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!this.data?.steps.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const { steps } = this.data;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    const from = Math.max(0, steps.findLastIndex((step) => step <= (this.shown ?? Infinity)));
    const step = steps[Math.min(steps.length - 1, Math.max(0, from + by))];
    this.handlers.onStep(step, event.repeat);
    const place = this.places()[0];
    const box = this.container.getBoundingClientRect();
    this.move({ step, chart: null }, { x: box.left + this.xOf(place)(step), y: box.top + place.top });
    event.preventDefault();
    event.stopPropagation();
  }

  paint(g) {
    if (!this.data?.charts.length || !this.data.steps.length) return;
    const places = this.places();
    this.data.charts.forEach((chart, i) => this.paintChart(g, chart, places[i]));
    const [low, high] = this.range;
    places.slice(-this.data.columns).forEach((place) => this.paintSteps(g, place, low, high));
    places.forEach((place) => this.paintRule(g, place));
    places.slice(-this.data.columns).forEach((place) => this.paintShown(g, place));
  }

  /** @param {CanvasRenderingContext2D} g @param {Chart} chart @param {{left: number, right: number, top: number, bottom: number}} place */
  paintChart(g, chart, place) {
    const tokens = TOKENS[this.theme];
    const { left, right, top, bottom } = place;
    const axis = axisOf(chart, bottom - top);
    const y = (value) => bottom - (bottom - top) * axis.at(value);
    drawText(g, chart.title, left, top - 9, { color: tokens.ink2 });
    g.lineWidth = 1;
    for (const tick of axis.ticks) {
      const at = Math.round(y(tick)) + 0.5;
      g.strokeStyle = tokens.line;
      g.beginPath();
      g.moveTo(left, at);
      g.lineTo(right, at);
      g.stroke();
      drawText(g, chart.text(tick), left - 6, Math.max(at, top - 2), { color: tokens.ink3, align: 'right' });
    }
    const x = this.xOf(place);
    g.save();
    g.beginPath();
    g.rect(left - 4, top - 4, right - left + 8, bottom - top + 9);
    g.clip();
    for (const curve of [...chart.curves].sort((a, b) => Number(a.strong ?? false) - Number(b.strong ?? false))) this.paintCurve(g, curve, x, y, bottom, chart.curves.length <= FEW || curve.strong);
    g.restore();
  }

  /** @param {CanvasRenderingContext2D} g @param {Curve} curve @param {(step: number) => number} x @param {(value: number) => number} y @param {number} foot @param {boolean} may have dots */
  paintCurve(g, { color, dashed, strong, steps, values, anew, rings }, x, y, foot, may) {
    const ground = TOKENS[this.theme].panel;
    g.strokeStyle = color;
    g.lineWidth = strong ? 2 : 1.5;
    g.setLineDash(dashed ? [5, 3] : []);
    g.beginPath();
    let begun = false;
    steps.forEach((step, i) => {
      if (anew && i && anew[i] !== anew[i - 1]) begun = false;
      if (values[i] === null) begun = false;
      else if (begun) g.lineTo(x(step), y(values[i]));
      else {
        g.moveTo(x(step), y(values[i]));
        begun = true;
      }
    });
    g.stroke();
    g.setLineDash([]);
    const [first, last] = [x(steps[0] ?? 0), x(steps.at(-1) ?? 0)];
    const roomy = !dashed && steps.length > 0 && (last - first) / Math.max(1, steps.length - 1) >= DOTTED;
    const alone = (i) => (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null;
    steps.forEach((step, i) => {
      if (values[i] === null) {
        if (!rings || !roomy) return;
        g.lineWidth = 1;
        g.fillStyle = ground;
        g.beginPath();
        g.arc(x(step), foot, 2.5, 0, 7);
        g.fill();
        g.stroke();
      } else if ((roomy && may) || alone(i)) {
        g.fillStyle = color;
        g.beginPath();
        g.arc(x(step), y(values[i]), strong ? 2.5 : 2, 0, 7);
        g.fill();
      }
    });
  }

  paintSteps(g, place, low, high) {
    const tokens = TOKENS[this.theme];
    const x = this.xOf(place);
    const y = place.bottom + 16;
    const shown = this.shown === null ? null : this.labelPlace(place);
    for (const { step, text } of stepTicks(low, high, (place.right - place.left) / 60)) {
      const half = 3.3 * text.length + 3;
      if (shown && x(step) + half > shown.at - shown.half && x(step) - half < shown.at + shown.half) continue;
      drawText(g, text, x(step), y, { color: tokens.ink3, align: 'center' });
    }
    g.fillStyle = tokens.accent;
    for (const step of this.data.changes) {
      const [at, foot] = [x(step), place.bottom + 5];
      g.beginPath();
      g.moveTo(at, foot - 4);
      g.lineTo(at + 3.5, foot);
      g.lineTo(at, foot + 4);
      g.lineTo(at - 3.5, foot);
      g.fill();
    }
  }

  paintRule(g, place) {
    const tokens = TOKENS[this.theme];
    const x = this.xOf(place);
    const line = (step, color, width) => {
      g.strokeStyle = color;
      g.lineWidth = width;
      g.beginPath();
      g.moveTo(x(step), place.top - 2);
      g.lineTo(x(step), place.bottom + 3);
      g.stroke();
    };
    if (this.cursor) line(this.cursor.step, tokens.lineStrong, 1);
    if (this.shown !== null) line(this.shown, tokens.accent, 1.5);
  }

  /** @param {{left: number, right: number}} place @returns {{text: string, at: number, half: number}} of the shown step's number */
  labelPlace(place) {
    const text = this.shown.toLocaleString('en-US');
    const half = 5 + 3.3 * text.length;
    return { text, half, at: Math.min(place.right + MARGIN.right - half, Math.max(place.left - MARGIN.left + half, this.xOf(place)(this.shown))) };
  }

  /** The number of the shown step, in the place of those of the axis. */
  paintShown(g, place) {
    if (this.shown === null) return;
    const tokens = TOKENS[this.theme];
    const { text, half, at } = this.labelPlace(place);
    g.fillStyle = tokens.accent;
    g.beginPath();
    g.roundRect(at - half, place.bottom + 8, 2 * half, 15, 4);
    g.fill();
    drawText(g, text, at, place.bottom + 16, { color: tokens.accentInk, align: 'center' });
  }

  destroy() {
    this.surface.destroy();
  }
}
