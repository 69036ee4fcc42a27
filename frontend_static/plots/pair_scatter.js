import { TOKENS } from '../color/tokens.js';
import { rgbOf } from '../color/sequential.js';
import { ticks } from './curve_axes.js';
import { PointCloud } from './point_cloud.js';
import { drawText, Surface } from './surface.js';

/**
 * Latents of one word: C in A against C in B, by square root so that weak ones stay apart. On the line both are equal.
 *
 * @typedef {Object} PairScatterData
 * @property {Float32Array} value [N] C in A @property {Float32Array} other [N] C in B
 * @property {(value: number) => string} text of a tick @property {[string, string]} names of the axes
 */

const MARGIN = { left: 40, right: 10, top: 22, bottom: 34 };
/** A tick needs so many pixels. */
const ROOM = 44;
const REACH = 14;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class PairScatter {
  /** @param {HTMLElement} container @param {{onHover: (index: number, at: {x: number, y: number}|null) => void, onChoose: (index: number) => void}} handlers */
  constructor(container, handlers) {
    this.container = container;
    this.handlers = handlers;
    this.theme = 'light';
    this.cloud = new PointCloud();
    this.cloud.radius = 2.5;
    /** @type {PairScatterData|null} */
    this.data = null;
    this.selected = -1;
    this.cursor = -1;
    this.surface = new Surface(container, (g, width, height, ratio) => this.paint(g, width, height, ratio));
    container.addEventListener('pointermove', (event) => this.onPointer(event));
    container.addEventListener('pointerleave', () => this.move(-1, null));
    container.addEventListener('blur', () => this.move(-1, null));
    container.addEventListener('click', () => {
      if (this.cursor >= 0) this.handlers.onChoose(this.cursor);
    });
    container.addEventListener('keydown', (event) => this.onKey(event));
  }

  /** @param {PairScatterData} data @param {'light'|'dark'} theme */
  setData(data, theme) {
    if (data !== this.data) {
      this.cursor = -1;
      const root = (values) => Float32Array.from(values, (value) => Math.sqrt(Math.max(0, value)));
      this.cloud.setPoints(root(data.value), root(data.other));
      this.most = data.value.reduce((a, b) => Math.max(a, b), data.other.reduce((a, b) => Math.max(a, b), 1e-9));
    }
    if (data !== this.data || theme !== this.theme) {
      const n = data.value.length;
      const color = new Uint8Array(4 * n);
      const [r, g, b] = rgbOf(TOKENS[theme].bar);
      for (let i = 0; i < n; i++) color.set([r, g, b, 190], 4 * i);
      this.cloud.setColors(color, new Uint8Array(n));
    }
    this.data = data;
    this.theme = theme;
    this.surface.request();
  }

  /** @param {number} index -1 for none */
  setSelected(index) {
    if (index === this.selected) return;
    this.selected = index;
    this.surface.request();
  }

  /** @param {number} index @param {{x: number, y: number}|null} at in the window */
  move(index, at) {
    if (index === this.cursor) return;
    this.cursor = index;
    this.surface.request();
    this.handlers.onHover(index, at);
  }

  onPointer(event) {
    if (!this.data) return;
    const box = this.container.getBoundingClientRect();
    const found = this.cloud.pick(event.clientX - box.left, event.clientY - box.top, REACH);
    this.container.classList.toggle('hit', found >= 0);
    this.move(found, found < 0 ? null : { x: event.clientX, y: event.clientY });
  }

  onKey(event) {
    if (!this.data?.value.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = DIRECTIONS[event.key];
    if (direction) {
      const from = this.cursor >= 0 ? this.cursor : this.selected;
      const next = from < 0 ? 0 : this.cloud.neighbour(from, ...direction);
      const at = next < 0 ? from : next;
      const [x, y] = this.cloud.toPixels(this.cloud.x[at], this.cloud.y[at]);
      const box = this.container.getBoundingClientRect();
      this.move(at, { x: box.left + x, y: box.top + y });
    } else if (event.key === 'Enter' && this.cursor >= 0) this.handlers.onChoose(this.cursor);
    else if (event.key === 'Escape' && this.cursor >= 0) this.move(-1, null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  paint(g, width, height, ratio) {
    if (!this.data) return;
    const tokens = TOKENS[this.theme];
    const side = Math.max(40, Math.min(width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom));
    const [left, top] = [MARGIN.left + Math.max(0, (width - MARGIN.left - MARGIN.right - side) / 2), MARGIN.top];
    const end = Math.sqrt(this.most) * 1.06;
    this.cloud.setViewport({ x0: -0.03 * end, x1: end, y0: -0.03 * end, y1: end }, { left, top, width: side, height: side });
    g.fillStyle = tokens.sunken;
    g.fillRect(left, top, side, side);
    const at = (x, y) => this.cloud.toPixels(Math.sqrt(x), Math.sqrt(y));
    g.strokeStyle = tokens.line;
    g.lineWidth = 1;
    const marks = ticks(0, this.most, Math.max(2, Math.floor(side / ROOM)));
    g.beginPath();
    for (const mark of marks) {
      const [x, y] = at(mark, mark).map((one) => Math.round(one) + 0.5);
      g.moveTo(x, top);
      g.lineTo(x, top + side);
      g.moveTo(left, y);
      g.lineTo(left + side, y);
    }
    g.stroke();
    g.strokeStyle = tokens.lineStrong;
    g.setLineDash([3, 3]);
    g.beginPath();
    g.moveTo(...at(0, 0));
    g.lineTo(...this.cloud.toPixels(end, end));
    g.stroke();
    g.setLineDash([]);
    this.cloud.paint(g, ratio);
    let last = Infinity;
    for (const mark of marks) {
      const [x, y] = at(mark, mark);
      if (x - left > 12 || mark === 0) drawText(g, this.data.text(mark), x, top + side + 9, { color: tokens.ink3, align: 'center' });
      if (last - y > 13) {
        drawText(g, this.data.text(mark), left - 5, y, { color: tokens.ink3, align: 'right' });
        last = y;
      }
    }
    drawText(g, this.data.names[0], left + side, top + side + 25, { color: tokens.ink2, align: 'right' });
    drawText(g, this.data.names[1], left, top - 10, { color: tokens.ink2 });
    for (const [index, color, line] of [
      [this.selected, tokens.accent, 2],
      [this.cursor, tokens.ink, 1.5],
    ]) {
      if (index < 0 || index >= this.cloud.x.length) continue;
      const [x, y] = this.cloud.toPixels(this.cloud.x[index], this.cloud.y[index]);
      for (const [stroke, wide] of [
        [tokens.halo, line + 2],
        [color, line],
      ]) {
        g.strokeStyle = stroke;
        g.lineWidth = wide;
        g.beginPath();
        g.arc(x, y, 5, 0, 7);
        g.stroke();
      }
    }
  }

  destroy() {
    this.surface.destroy();
  }
}
