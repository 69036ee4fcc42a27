import { TOKENS } from '../color/tokens.js';
import { entropyColor } from '../color/entropy.js';
import { rgbOf } from '../color/sequential.js';
import { logTicks } from './log_axes.js';
import { PointCloud } from './point_cloud.js';
import { Surface } from './surface.js';

/**
 * The statistics scatter, small: one step of several that share axes and colours. Dots, the region of the dense, and the
 * latents that are followed, with the way they came since the step before.
 *
 * @typedef {Object} SmallScatterData
 * @property {Float32Array} x [N] log10 of frequency @property {Float32Array} y [N] log10 of mean activation
 * @property {Float32Array} entropy [N] share of the largest, NaN where undefined @property {Int32Array} latent [N]
 *
 * @typedef {{x: number, y: number}} Place log10
 * @typedef {{chosen: Place[], selected: Place|null, hovered: Place|null, moves: [Place, Place][]}} Marks the
 *   living ones of those followed; `moves`: from the step before to this one
 */

const RADIUS = 1.5;
/** More chosen latents than this are marked by dots: rings would cover one another. */
const MAX_RINGS = 60;
/** More ways than this would be a thicket. */
const MAX_MOVES = 30;

export class SmallScatter {
  /** @param {HTMLElement} container */
  constructor(container) {
    this.theme = 'light';
    this.cloud = new PointCloud();
    this.cloud.radius = RADIUS;
    /** @type {import('./point_cloud.js').Viewport} */
    this.view = { x0: 0, x1: 1, y0: 0, y1: 1 };
    /** @type {number|null} log10 */
    this.dense = null;
    /** @type {Marks|null} */
    this.marks = null;
    this.surface = new Surface(container, (g, width, height, ratio) => this.paint(g, width, height, ratio));
  }

  /**
   * @param {SmallScatterData} data @param {import('./point_cloud.js').Viewport} view @param {number} dense log10 of the share over
   *   which a latent is dense @param {'light'|'dark'} theme
   */
  setData(data, view, dense, theme) {
    if (data !== this.data) this.cloud.setPoints(data.x, data.y);
    if (data !== this.data || theme !== this.theme) {
      const n = data.x.length;
      const [color, hollow] = [new Uint8Array(4 * n), new Uint8Array(n)];
      for (let i = 0; i < n; i++) {
        const share = data.entropy[i];
        hollow[i] = Number.isNaN(share) ? 1 : 0;
        color.set(entropyColor(theme, hollow[i] ? null : share), 4 * i);
      }
      this.cloud.setColors(color, hollow);
    }
    this.data = data;
    this.theme = theme;
    this.view = view;
    this.dense = dense;
    this.surface.request();
  }

  /** @param {Marks|null} marks */
  setMarks(marks) {
    if (marks === this.marks) return;
    this.marks = marks;
    this.surface.request();
  }

  /** @param {number} px CSS pixels within the container @param {number} py @param {number} reach @returns {number} index, -1 for none */
  pick(px, py, reach) {
    return this.data ? this.cloud.pick(px, py, reach) : -1;
  }

  paint(g, width, height, ratio) {
    if (!this.data) return;
    const tokens = TOKENS[this.theme];
    this.cloud.setViewport(this.view, { left: 0, top: 0, width, height });
    const { x0, x1, y0, y1 } = this.view;
    const at = (place) => this.cloud.toPixels(place.x, place.y);
    const dense = at({ x: this.dense, y: 0 })[0];
    g.fillStyle = tokens.sunken;
    if (dense < width) g.fillRect(Math.max(0, dense), 0, width - Math.max(0, dense), height);
    g.strokeStyle = tokens.line;
    g.lineWidth = 1;
    g.beginPath();
    for (const value of logTicks(x0, x1, [1])) {
      const x = Math.round(at({ x: Math.log10(value), y: 0 })[0]) + 0.5;
      g.moveTo(x, 0);
      g.lineTo(x, height);
    }
    for (const value of logTicks(y0, y1, [1, 3])) {
      const y = Math.round(at({ x: 0, y: Math.log10(value) })[1]) + 0.5;
      g.moveTo(0, y);
      g.lineTo(width, y);
    }
    g.stroke();
    if (dense > 0 && dense < width) {
      g.setLineDash([2, 2]);
      g.strokeStyle = tokens.lineStrong;
      g.beginPath();
      g.moveTo(Math.round(dense) + 0.5, 0);
      g.lineTo(Math.round(dense) + 0.5, height);
      g.stroke();
      g.setLineDash([]);
    }
    this.cloud.paint(g, ratio);
    if (this.marks) this.paintMarks(g, tokens, this.marks, at);
  }

  /** @param {Marks} marks */
  paintMarks(g, tokens, { chosen, selected, hovered, moves }, at) {
    if (moves.length <= MAX_MOVES) {
      for (const [color, line] of [
        [tokens.halo, 2.5],
        [tokens.accentLine, 1.25],
      ]) {
        g.strokeStyle = color;
        g.lineWidth = line;
        g.beginPath();
        for (const [from, to] of moves) {
          g.moveTo(...at(from));
          g.lineTo(...at(to));
        }
        g.stroke();
      }
    }
    const ring = (place, radius, line, color) => {
      const [x, y] = at(place);
      for (const [stroke, wide] of [
        [tokens.halo, line + 2],
        [color, line],
      ]) {
        g.strokeStyle = stroke;
        g.lineWidth = wide;
        g.beginPath();
        g.arc(x, y, radius, 0, 7);
        g.stroke();
      }
    };
    if (chosen.length <= MAX_RINGS) for (const place of chosen) ring(place, 3, 1.25, tokens.accent);
    else {
      g.fillStyle = `rgb(${rgbOf(tokens.accent).join(',')})`;
      for (const place of chosen) {
        const [x, y] = at(place);
        g.fillRect(x - 1, y - 1, 2, 2);
      }
    }
    if (selected) ring(selected, 4, 1.75, tokens.accent);
    if (hovered) ring(hovered, 4.5, 1.5, tokens.ink);
  }

  destroy() {
    this.surface.destroy();
  }
}
