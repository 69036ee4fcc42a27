import { MONO, TOKENS } from '../color/tokens.js';
import { sequentialTable } from '../color/sequential.js';
import { drawText, Surface } from './surface.js';

/**
 * Small maps of all heads: a row for each layer, or from the first by some measure on. All maps lie in one sprite.
 *
 * @typedef {Object} HeadData
 * @property {number[]} layers @property {number} nHeads @property {number} ny @property {number} nx cells of a map
 * @property {Uint8Array} map [L, H, ny, nx], 0...255 of the head's peak
 * @property {Float32Array} peak [L, H] @property {Float32Array} mass [L, H] on the picture @property {Float32Array} effective [L, H]
 * @property {[number, number][]} most @property {[number, number][]} localised layer and head
 *
 * @typedef {'layer'|'mass'|'localised'} HeadOrder
 * @typedef {{layer: number, head: number, at: number}} HeadCell `at`: number in the arrays
 */

const GUTTER = 34;
const HEADER = 18;
const GAP = 3;
const BAR = 4;
const [SMALLEST, LARGEST] = [20, 132];
const GAMMA = 0.72;

/** @param {HeadData} data @param {HeadOrder} order @returns {number[]} numbers of heads, in the order they are drawn */
export function orderOf({ layers, nHeads, mass, effective }, order) {
  const all = Array.from({ length: layers.length * nHeads }, (_, at) => at);
  if (order === 'mass') return all.sort((a, b) => mass[b] - mass[a] || a - b);
  // a head that hardly looks at the picture is not localised on it
  const sorted = [...mass].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  const late = (at) => (mass[at] >= middle && mass[at] > 0 ? 0 : 1);
  if (order === 'localised') return all.sort((a, b) => late(a) - late(b) || effective[a] - effective[b] || a - b);
  return all;
}

/** The grid on a canvas that is as tall as it needs. */
export class HeadGrid {
  /**
   * @param {HTMLElement} container
   * @param {{onHover: (cell: HeadCell|null, at: {x: number, y: number}|null) => void, onPick: (cell: HeadCell) => void}} events
   */
  constructor(container, events) {
    this.container = container;
    this.events = events;
    /** @type {HeadData|null} */
    this.data = null;
    this.cursor = -1;
    this.surface = new Surface(container, (g) => this.paint(g));
    this.abort = new AbortController();
    const { signal } = this.abort;
    container.addEventListener('pointermove', (event) => this.onMove(event), { signal });
    container.addEventListener('pointerleave', () => this.hover(-1, null), { signal });
    container.addEventListener('click', (event) => this.pick(this.placeOf(event)), { signal });
    container.addEventListener('keydown', (event) => this.onKey(event), { signal });
    container.addEventListener('blur', () => this.hover(-1, null), { signal });
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(container);
  }

  destroy() {
    this.abort.abort();
    this.sizes.disconnect();
    this.surface.destroy();
  }

  /** @param {HeadData} data @param {{theme: 'light'|'dark', order: HeadOrder, common: boolean, selected: string|null}} how */
  setData(data, { theme, order, common, selected }) {
    if (this.data !== data || this.theme !== theme || this.common !== common) this.sprite = null;
    if (this.data !== data || this.order !== order) this.shown = orderOf(data, order);
    Object.assign(this, { data, theme, order, common, selected });
    this.fit();
    this.surface.request();
  }

  /** Sizes of the grid at the container's width. */
  layout() {
    const { nHeads, ny, nx } = this.data;
    const gutter = this.order === 'layer' ? GUTTER : 0;
    const header = this.order === 'layer' ? HEADER : 2;
    const room = this.surface.width - gutter - 2;
    const side = Math.max(SMALLEST, Math.min(LARGEST, Math.floor(room / nHeads) - GAP));
    const columns = this.order === 'layer' ? nHeads : Math.max(1, Math.floor((room + GAP) / (side + GAP)));
    const [w, h] = nx >= ny ? [side, Math.max(8, Math.round((side * ny) / nx))] : [Math.max(8, Math.round((side * nx) / ny)), side];
    return { gutter, header, columns, side, w, h, stepX: side + GAP, stepY: h + BAR + GAP + 2 };
  }

  /** The container becomes as tall as the rows are. */
  fit() {
    if (!this.data || !this.surface.width) return;
    const { header, columns, stepY } = this.layout();
    const height = `${header + Math.ceil(this.shown.length / columns) * stepY + 2}px`;
    if (this.container.style.height !== height) this.container.style.height = height;
  }

  /** @returns {OffscreenCanvas} all maps, `nHeads` in a row */
  made() {
    if (this.sprite) return this.sprite;
    const { layers, nHeads, ny, nx, map, peak } = this.data;
    const table = sequentialTable(this.theme);
    const largest = peak.reduce((most, one) => Math.max(most, one), 1e-30);
    const image = new ImageData(nHeads * nx, layers.length * ny);
    for (let at = 0; at < peak.length; at++) {
      const [top, left] = [Math.floor(at / nHeads) * ny, (at % nHeads) * nx];
      const scale = this.common ? peak[at] / largest : 1;
      for (let y = 0; y < ny; y++) {
        for (let x = 0; x < nx; x++) {
          const entry = 3 * Math.round(255 * ((scale * map[(at * ny + y) * nx + x]) / 255) ** GAMMA);
          image.data.set([table[entry], table[entry + 1], table[entry + 2], 255], 4 * ((top + y) * image.width + left + x));
        }
      }
    }
    this.sprite = new OffscreenCanvas(image.width, image.height);
    this.sprite.getContext('2d').putImageData(image, 0, 0);
    return this.sprite;
  }

  /** @param {number} place in the drawn order @returns {[number, number]} left upper corner of its map */
  corner(place) {
    const { gutter, header, columns, stepX, stepY } = this.layout();
    return [gutter + (place % columns) * stepX + 1, header + Math.floor(place / columns) * stepY + 1];
  }

  paint(g) {
    if (!this.data) return;
    const { layers, nHeads, ny, nx, mass, most, localised } = this.data;
    const { gutter, w, h, side } = this.layout();
    const tokens = TOKENS[this.theme];
    const sprite = this.made();
    const top = mass.reduce((largest, one) => Math.max(largest, one), 1e-30);
    const key = ([layer, head]) => layers.indexOf(layer) * nHeads + head;
    const [mostOf, localisedOf] = [new Set(most.map(key)), new Set(localised.map(key))];
    g.imageSmoothingEnabled = false;
    if (gutter) this.paintNames(g, tokens);
    this.shown.forEach((at, place) => {
      const [x, y] = this.corner(place);
      const left = x + (side - w) / 2;
      g.drawImage(sprite, (at % nHeads) * nx, Math.floor(at / nHeads) * ny, nx, ny, left, y, w, h);
      g.strokeStyle = tokens.lineStrong;
      g.lineWidth = 1;
      g.strokeRect(left - 0.5, y - 0.5, w + 1, h + 1);
      g.fillStyle = tokens.line;
      g.fillRect(left, y + h + 2, w, BAR - 1);
      g.fillStyle = tokens.bar;
      g.fillRect(left, y + h + 2, (w * mass[at]) / top, BAR - 1);
      if (mostOf.has(at)) this.paintMark(g, tokens, left, y, w, 'most');
      if (localisedOf.has(at)) this.paintMark(g, tokens, left, y, w, 'localised');
      if (!gutter && side >= 44) drawText(g, this.nameOf(at), left + 3, y + h - 8, { color: tokens.ink, font: `11px ${MONO}`, halo: tokens.halo });
      const name = this.nameOf(at);
      if (name === this.selected || place === this.cursor) {
        for (const [color, line] of [[tokens.halo, 4], [name === this.selected ? tokens.accent : tokens.ink2, 2]]) {
          g.strokeStyle = color;
          g.lineWidth = line;
          g.strokeRect(left - 1, y - 1, w + 2, h + 2);
        }
      }
    });
  }

  /** A corner of the map: filled for the heads that look most, a ring for those that look at least. */
  paintMark(g, tokens, x, y, w, what) {
    const size = Math.max(6, Math.min(11, w / 4));
    g.lineWidth = 1;
    g.strokeStyle = tokens.halo;
    g.fillStyle = tokens.accent;
    g.beginPath();
    if (what === 'most') {
      g.moveTo(x, y);
      g.lineTo(x + size, y);
      g.lineTo(x, y + size);
      g.closePath();
      if (size > 8) g.stroke();
      g.fill();
    } else {
      g.arc(x + w - size / 2 - 1, y + size / 2 + 1, size / 2 - 1, 0, 2 * Math.PI);
      g.lineWidth = 3.5;
      g.stroke();
      g.lineWidth = 1.75;
      g.strokeStyle = tokens.accent;
      g.stroke();
    }
  }

  paintNames(g, tokens) {
    const { layers, nHeads } = this.data;
    const { h, side } = this.layout();
    const every = Math.max(1, Math.ceil(22 / (side + GAP)));
    for (let head = 0; head < nHeads; head += every) {
      const [x] = this.corner(head);
      drawText(g, String(head), x + side / 2, 8, { color: tokens.ink3, align: 'center' });
    }
    layers.forEach((layer, row) => {
      const [, y] = this.corner(row * nHeads);
      drawText(g, String(layer), GUTTER - 8, y + h / 2, { color: tokens.ink3, align: 'right' });
    });
  }

  /** @param {number} at @returns {string} such as `3.7` */
  nameOf(at) {
    return `${this.data.layers[Math.floor(at / this.data.nHeads)]}.${at % this.data.nHeads}`;
  }

  /** @param {MouseEvent} event @returns {number} place in the drawn order, -1 for none */
  placeOf(event) {
    if (!this.data) return -1;
    const box = this.container.getBoundingClientRect();
    const { gutter, header, columns, stepX, stepY } = this.layout();
    const column = Math.floor((event.clientX - box.left - gutter) / stepX);
    const row = Math.floor((event.clientY - box.top - header) / stepY);
    const place = row * columns + column;
    return column >= 0 && column < columns && row >= 0 && place < this.shown.length ? place : -1;
  }

  onMove(event) {
    this.hover(this.placeOf(event), { x: event.clientX, y: event.clientY });
  }

  /** @param {number} place @param {{x: number, y: number}|null} at in the page; null: beside the cell */
  hover(place, at) {
    if (place === this.cursor && !at) return;
    const changed = place !== this.cursor;
    this.cursor = place;
    if (place < 0 || !this.data) this.events.onHover(null, null);
    else this.events.onHover(this.cellAt(place), at ?? this.beside(place));
    if (changed) this.surface.request();
  }

  cellAt(place) {
    const at = this.shown[place];
    return { at, layer: this.data.layers[Math.floor(at / this.data.nHeads)], head: at % this.data.nHeads };
  }

  /** @param {number} place @returns {{x: number, y: number}} in the page */
  beside(place) {
    const box = this.container.getBoundingClientRect();
    const [x, y] = this.corner(place);
    const { side, h } = this.layout();
    return { x: box.left + x + side, y: box.top + y + h };
  }

  pick(place) {
    if (place >= 0) this.events.onPick(this.cellAt(place));
  }

  onKey(event) {
    if (!this.data || event.ctrlKey || event.metaKey || event.altKey) return;
    const { columns, stepY } = this.layout();
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (event.key === 'Enter' || event.key === ' ') this.pick(this.cursor);
    else if (event.key === 'Home') this.hover(0, null);
    else if (event.key === 'End') this.hover(this.shown.length - 1, null);
    else if (step) {
      const from = this.cursor >= 0 ? this.cursor : this.shown.findIndex((at) => this.nameOf(at) === this.selected);
      const next = from < 0 ? 0 : from + step;
      if (next >= 0 && next < this.shown.length) this.hover(next, null);
    } else return;
    event.preventDefault();
    this.reveal(stepY);
  }

  /** The cell under the cursor comes into view. */
  reveal(stepY) {
    const scroller = this.container.closest('.head-scroll');
    if (!scroller || this.cursor < 0) return;
    const [, y] = this.corner(this.cursor);
    if (y - HEADER < scroller.scrollTop) scroller.scrollTop = y - HEADER;
    else if (y + stepY > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = y + stepY - scroller.clientHeight;
  }
}
