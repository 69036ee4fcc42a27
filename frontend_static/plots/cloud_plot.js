import { rgbOf } from '../color/sequential.js';
import { TOKENS } from '../color/tokens.js';
import { PointCloud } from './point_cloud.js';
import { Surface } from './surface.js';

/**
 * A canvas around a point cloud: hover, click, lasso, zoom, keys and the marks of the selection. What surrounds the
 * points (axes, names) is drawn by `under` and `over` of the plot that extends this.
 *
 * @typedef {import('./point_cloud.js').Viewport} Viewport
 * @typedef {{onHover: (index: number, at: {x: number, y: number}|null) => void, onPick: (index: number) => void,
 *   onLasso: (indices: number[]) => void, onClear: () => void}} CloudHandlers
 */

const LASSO_STARTS = 5;
/** More chosen points than this are drawn as dots: rings would cover one another. */
const MAX_RINGS = 200;

export class CloudPlot {
  /** @param {HTMLElement} container @param {CloudHandlers} handlers */
  constructor(container, handlers) {
    this.container = container;
    this.handlers = handlers;
    this.theme = 'light';
    this.cloud = new PointCloud();
    /** @type {Uint8Array|null} */
    this.hidden = null;
    this.cursor = -1;
    this.selected = -1;
    /** @type {number[]} */
    this.chosen = [];
    /** Points that bear a diamond, whatever is chosen. @type {readonly number[]} */
    this.pinned = [];
    /** @type {[number, number][]} */
    this.polygon = [];
    /** What is dragged instead of a lasso: the view, or a handle of the plot's own. @type {((x: number, y: number) => void)|null} */
    this.dragging = null;
    /** @type {Viewport} */
    this.home = { x0: 0, x1: 1, y0: 0, y1: 1 };
    this.view = this.home;
    this.surface = new Surface(container, (...args) => this.paint(...args));
    this.listen();
  }

  /** The viewport that shows everything. @param {Viewport} home */
  setHome(home) {
    this.home = home;
    this.view = home;
  }

  /** @param {number} latent -1 for none @param {number[]} chosen several */
  setSelected(latent, chosen) {
    if (latent === this.selected && chosen === this.chosen) return;
    this.selected = latent;
    this.chosen = chosen;
    this.surface.request();
  }

  /** @param {readonly number[]} pinned */
  setPinned(pinned) {
    if (pinned === this.pinned) return;
    this.pinned = pinned;
    this.surface.request();
  }

  /** @param {Uint8Array|null} mask [K] 1 for latents that are hidden */
  setHidden(mask) {
    if (mask === this.hidden) return;
    this.hidden = mask;
    this.cloud.passive = mask;
    if (this.data) this.recolor();
    this.surface.request();
  }

  recolor() {}

  /** @param {number} width @param {number} height @returns {import('./point_cloud.js').Rectangle} */
  rectangle(width, height) {
    return { left: 8, top: 8, width: width - 16, height: height - 16 };
  }

  under() {}

  over() {}

  paint(g, width, height, ratio) {
    this.cloud.setViewport(this.view, this.rectangle(width, height));
    this.under(g, width, height);
    this.cloud.paint(g, ratio);
    const chosen = this.visible(this.chosen);
    if (chosen.length <= MAX_RINGS) for (const index of chosen) this.mark(g, index, 4, 1.25);
    else this.cloud.paintSquares(g, ratio, chosen, rgbOf(TOKENS[this.theme].accent));
    if (this.selected >= 0) this.mark(g, this.selected, 5, 1.75);
    for (const index of this.visible(this.pinned)) this.diamond(g, index);
    this.over(g, width, height);
    if (this.cursor >= 0) this.mark(g, this.cursor, 5.5, 1.5, TOKENS[this.theme].ink);
    if (this.polygon.length > 1) {
      g.strokeStyle = TOKENS[this.theme].accent;
      g.lineWidth = 1.5;
      g.setLineDash([4, 3]);
      g.beginPath();
      this.polygon.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
      g.closePath();
      g.stroke();
      g.setLineDash([]);
    }
  }

  /** @param {readonly number[]} indices @returns {readonly number[]} those that are not hidden; made once for the chosen */
  visible(indices) {
    if (!this.hidden) return indices;
    if (indices !== this.chosen) return indices.filter((index) => !this.hidden[index]);
    if (this.seen?.of !== indices || this.seen.by !== this.hidden)
      this.seen = { of: indices, by: this.hidden, found: indices.filter((index) => !this.hidden[index]) };
    return this.seen.found;
  }

  /** A pinned point. */
  diamond(g, index) {
    if (!(index < this.cloud.x.length) || !this.cloud.color[4 * index + 3]) return;
    const [x, y] = this.cloud.toPixels(this.cloud.x[index], this.cloud.y[index]);
    if (Number.isNaN(x) || Number.isNaN(y)) return;
    const reach = 7.5;
    for (const [color, line] of [
      [TOKENS[this.theme].halo, 3.5],
      [TOKENS[this.theme].ink, 1.5],
    ]) {
      g.strokeStyle = color;
      g.lineWidth = line;
      g.beginPath();
      g.moveTo(x, y - reach);
      g.lineTo(x + reach, y);
      g.lineTo(x, y + reach);
      g.lineTo(x - reach, y);
      g.closePath();
      g.stroke();
    }
  }

  mark(g, index, radius, line, color = TOKENS[this.theme].accent) {
    if (!(index < this.cloud.x.length) || !this.cloud.color[4 * index + 3]) return;
    const [x, y] = this.cloud.toPixels(this.cloud.x[index], this.cloud.y[index]);
    if (Number.isNaN(x) || Number.isNaN(y)) return;
    g.strokeStyle = TOKENS[this.theme].halo;
    g.lineWidth = line + 2;
    g.beginPath();
    g.arc(x, y, radius, 0, 7);
    g.stroke();
    g.strokeStyle = color;
    g.lineWidth = line;
    g.beginPath();
    g.arc(x, y, radius, 0, 7);
    g.stroke();
  }

  listen() {
    const { container } = this;
    const place = (event) => {
      const box = container.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.surface.listen('pointerdown', (event) => {
      const [x, y] = place(event);
      const pans = event.button === 1 || (event.button === 0 && event.shiftKey);
      if (event.button !== 0 && !pans) return;
      this.dragging = pans ? this.panFrom(x, y) : (this.handleAt(x, y)?.drag ?? null);
      if (!this.dragging) this.polygon = [[x, y]];
      container.setPointerCapture(event.pointerId);
      if (event.button === 1) event.preventDefault();
    });
    this.surface.listen('pointermove', (event) => {
      const [x, y] = place(event);
      if (this.dragging) this.dragging(x, y);
      else if (this.polygon.length) {
        this.polygon.push([x, y]);
        this.surface.request();
      } else {
        container.style.cursor = this.handleAt(x, y)?.cursor ?? '';
        this.moveCursor(this.cloud.pick(x, y), { x: event.clientX, y: event.clientY });
      }
    });
    this.surface.listen('pointerup', (event) => {
      const { polygon } = this;
      this.dragging = null;
      if (!polygon.length) return;
      this.polygon = [];
      const [x, y] = place(event);
      const far = Math.max(...polygon.map(([px, py]) => Math.hypot(px - polygon[0][0], py - polygon[0][1])));
      if (far >= LASSO_STARTS) this.handlers.onLasso(this.cloud.lasso(polygon));
      else {
        const found = this.cloud.pick(x, y, 12);
        if (found >= 0) this.handlers.onPick(found);
      }
      this.surface.request();
    });
    this.surface.listen('pointercancel', () => {
      this.polygon = [];
      this.dragging = null;
      this.surface.request();
    });
    this.surface.listen('pointerleave', () => this.moveCursor(-1, null));
    this.surface.listen('blur', () => this.moveCursor(-1, null));
    this.surface.listen(
      'wheel',
      (event) => {
        // where the page scrolls, the wheel is the page's until the plot has been clicked
        if (!event.ctrlKey && document.activeElement !== container) return;
        this.zoom(Math.exp(event.deltaY / 300), ...place(event));
        event.preventDefault();
      },
      { passive: false },
    );
    this.surface.listen('keydown', (event) => this.onKey(event));
  }

  /** @param {number} factor above 1 shows more @param {number} px the point that stays, in CSS pixels @param {number} py */
  zoom(factor, px, py) {
    const [x, y] = this.cloud.toData(px, py);
    const { x0, x1, y0, y1 } = this.view;
    const { home } = this;
    const scale = Math.min((home.x1 - home.x0) / (x1 - x0), Math.max(factor, (0.02 * (home.x1 - home.x0)) / (x1 - x0)));
    this.look({
      x0: x + (x0 - x) * scale,
      x1: x + (x1 - x) * scale,
      y0: y + (y0 - y) * scale,
      y1: y + (y1 - y) * scale,
    });
  }

  /** Shows a viewport, moved so that it stays over the points. @param {Viewport} view */
  look({ x0, x1, y0, y1 }) {
    const { home } = this;
    const dx = Math.max(0, home.x0 - x0) - Math.max(0, x1 - home.x1);
    const dy = Math.max(0, home.y0 - y0) - Math.max(0, y1 - home.y1);
    this.view = { x0: x0 + dx, x1: x1 + dx, y0: y0 + dy, y1: y1 + dy };
    this.cloud.setViewport(this.view, this.rectangle(this.surface.width, this.surface.height));
    this.surface.request();
  }

  /** @param {number} px where the view is gripped, CSS pixels @param {number} py @returns {(x: number, y: number) => void} */
  panFrom(px, py) {
    const [gripX, gripY] = this.cloud.toData(px, py);
    return (x, y) => {
      const [dataX, dataY] = this.cloud.toData(x, y);
      const { x0, x1, y0, y1 } = this.view;
      const [dx, dy] = [gripX - dataX, gripY - dataY];
      this.look({ x0: x0 + dx, x1: x1 + dx, y0: y0 + dy, y1: y1 + dy });
    };
  }

  /** Moves the view, where it must, so that a point is in it. @param {number} index */
  reveal(index) {
    const { x0, x1, y0, y1 } = this.view;
    const past = (value, low, high) => Math.max(0, value - high) - Math.max(0, low - value);
    const [edgeX, edgeY] = [0.05 * (x1 - x0), 0.05 * (y1 - y0)];
    const dx = past(this.cloud.x[index], x0 + edgeX, x1 - edgeX);
    const dy = past(this.cloud.y[index], y0 + edgeY, y1 - edgeY);
    if (dx || dy) this.look({ x0: x0 + dx, x1: x1 + dx, y0: y0 + dy, y1: y1 + dy });
  }

  /**
   * What of the plot's own can be dragged from here.
   * @returns {{cursor: string, drag: (x: number, y: number) => void}|null}
   */
  handleAt() {
    return null;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = this.surface;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in arrows) {
      const from = this.cursor >= 0 ? this.cursor : this.selected;
      const next =
        from >= 0 && this.cloud.isThere(from)
          ? this.cloud.neighbour(from, ...arrows[event.key])
          : this.cloud.pick(width / 2, height / 2, Infinity);
      if (next >= 0) {
        this.reveal(next);
        const box = this.container.getBoundingClientRect();
        const [x, y] = this.cloud.toPixels(this.cloud.x[next], this.cloud.y[next]);
        this.moveCursor(next, { x: box.left + x, y: box.top + y });
        if (event.shiftKey) this.extend(from, next);
      }
    } else if (event.key === 'Enter' && this.cursor >= 0) this.handlers.onPick(this.cursor);
    else if (event.key === '+' || event.key === '=') this.zoom(0.7, width / 2, height / 2);
    else if (event.key === '-') this.zoom(1 / 0.7, width / 2, height / 2);
    else if (event.key === '0') {
      this.view = this.home;
      this.surface.request();
    } else if (event.key === 'Escape') {
      if (this.cursor >= 0) this.moveCursor(-1, null);
      else this.handlers.onClear();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Adds points to those chosen, as a lasso around them would. @param {...number} points -1 for none */
  extend(...points) {
    const chosen = this.chosen.length ? this.chosen : [this.selected];
    const all = new Set([...chosen, ...points].filter((index) => index >= 0));
    this.handlers.onLasso([...all].sort((a, b) => a - b));
  }

  moveCursor(index, at) {
    const same = index === this.cursor;
    this.cursor = index;
    if (!same) this.surface.request();
    if (!same || index >= 0) this.handlers.onHover(index, at);
  }

  destroy() {
    this.surface.destroy();
  }
}
