import { entropyColor } from '../color/entropy.js';
import { rgbOf } from '../color/sequential.js';
import { SANS, TOKENS } from '../color/tokens.js';
import { CloudPlot } from './cloud_plot.js';
import { logTicks, roomAround, shareText } from './log_axes.js';
import { drawText } from './surface.js';

/**
 * Latents by how often they fire (log10 share, x) and how strongly (log10 mean activation, y). Colour is label entropy,
 * low entropy strongest; hollow where it is undefined. The dead have neither coordinate and lie in a strip of their own.
 *
 * @typedef {Object} ScatterData
 * @property {Float32Array} frequency [K] 0...1 @property {Float32Array} mean [K] > 0 for the living
 * @property {Float32Array} entropy [K] nats @property {Uint8Array} flags [K] bit 0 alive, bit 1 entropy defined
 * @property {string} frequencyName
 *
 * @typedef {Object} Regions where they begin, as shares and activations, and how many latents are in them
 * @property {number} dense latents over this share are dense @property {number} nDense
 * @property {number} sparse under this share, and over the mean `strong`, they are sparse and strong
 * @property {number} strong @property {number} nSparse
 *
 * @typedef {import('./cloud_plot.js').CloudHandlers & {onCutoff: (name: 'dense'|'sparse'|'strong', value: number) => void}} ScatterHandlers
 */

const STRIP = 34;
/** An edge is gripped from this far, in pixels. */
const GRIP = 5;

const log10 = Math.log10;

/** @param {number} i @returns {number} 0...1, the same for the same i (integer hash of lowbias32) */
function scatter(i) {
  let x = (i + 1) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
}

export class StatisticsScatter extends CloudPlot {
  /** @param {HTMLElement} container @param {ScatterHandlers} handlers */
  constructor(container, handlers) {
    super(container, handlers);
    /** @type {Regions|null} */
    this.regions = null;
  }

  /** @param {Regions} regions */
  setRegions(regions) {
    if (Object.keys(regions).every((key) => regions[key] === this.regions?.[key])) return;
    this.regions = regions;
    this.surface.request();
  }

  /** @param {ScatterData} data @param {'light'|'dark'} theme */
  setData(data, theme) {
    this.theme = theme;
    if (data !== this.data) this.place(data);
    this.recolor();
    this.surface.request();
  }

  recolor() {
    this.cloud.setColors(...this.colors());
  }

  /** @param {ScatterData} data */
  place(data) {
    this.data = data;
    const n = data.frequency.length;
    const x = new Float32Array(n);
    const y = new Float32Array(n);
    const dead = [];
    let [x0, x1, y0, y1, topEntropy] = [Infinity, 0, Infinity, -Infinity, 1e-6];
    for (let i = 0; i < n; i++) {
      if (!(data.flags[i] & 1)) {
        dead.push(i);
        continue;
      }
      x[i] = log10(Math.max(data.frequency[i], 1e-9));
      y[i] = log10(Math.max(data.mean[i], 1e-9));
      if (x[i] < x0) x0 = x[i];
      if (y[i] < y0) y0 = y[i];
      if (y[i] > y1) y1 = y[i];
      if (data.flags[i] & 2) topEntropy = Math.max(topEntropy, data.entropy[i]);
    }
    this.dead = dead;
    this.topEntropy = topEntropy;
    const home = roomAround(x0 === Infinity ? null : { x0, x1, y0, y1 });
    if (JSON.stringify(home) !== JSON.stringify(this.home)) this.setHome(home);
    this.cloud.setPoints(x, y);
    this.countBins(x, y);
  }

  colors() {
    const { entropy, flags } = this.data;
    const n = entropy.length;
    const color = new Uint8Array(4 * n);
    const hollow = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      if (!(flags[i] & 1)) continue;
      if (this.hidden?.[i]) {
        // a ghost: hidden everywhere, yet the dictionary is what it is
        color.set([...rgbOf(TOKENS[this.theme].faint), 90], 4 * i);
        hollow[i] = 1;
        continue;
      }
      const defined = (flags[i] & 2) !== 0;
      color.set(entropyColor(this.theme, defined ? entropy[i] / this.topEntropy : null), 4 * i);
      hollow[i] = defined ? 0 : 1;
    }
    return [color, hollow];
  }

  /** The edge of a region under the pointer. */
  handleAt(x, y) {
    if (!this.data || !this.regions) return null;
    const { left, top, width, height } = this.cloud.rectangle;
    if (x < left || x > left + width || y < top || y > top + height) return null;
    const { dense, sparse, strong } = this.edges();
    const along = (name, axis) => ({
      cursor: axis === 0 ? 'ew-resize' : 'ns-resize',
      drag: (px, py) => {
        const value = 10 ** this.cloud.toData(px, py)[axis];
        this.handlers.onCutoff(name, Number((axis === 0 ? Math.min(1, value) : value).toPrecision(3)));
      },
    });
    if (Math.abs(x - dense) < GRIP) return along('dense', 0);
    if (Math.abs(x - sparse) < GRIP && y < strong + GRIP) return along('sparse', 0);
    if (Math.abs(y - strong) < GRIP && x < sparse + GRIP) return along('strong', 1);
    return null;
  }

  /** Where the regions begin, in CSS pixels. */
  edges() {
    const { dense, sparse, strong } = this.regions;
    const log = (value) => log10(Math.max(value, 1e-9));
    return {
      dense: this.cloud.toPixels(log(dense), 0)[0],
      sparse: this.cloud.toPixels(log(sparse), 0)[0],
      strong: this.cloud.toPixels(0, log(strong))[1],
    };
  }

  countBins(x, y) {
    const N = 48;
    this.binsX = new Float32Array(N);
    this.binsY = new Float32Array(N);
    const { x0, x1, y0, y1 } = this.home;
    for (let i = 0; i < x.length; i++) {
      if (!(this.data.flags[i] & 1)) continue;
      this.binsX[Math.min(N - 1, Math.floor(((x[i] - x0) / (x1 - x0)) * N))]++;
      this.binsY[Math.min(N - 1, Math.floor(((y[i] - y0) / (y1 - y0)) * N))]++;
    }
  }

  rectangle(width, height) {
    const left = 40 + STRIP + 12;
    const top = 44;
    return { left, top, width: Math.max(40, width - left - 50), height: Math.max(40, height - top - 40) };
  }

  under(g, width, height) {
    if (!this.data) return;
    const tokens = TOKENS[this.theme];
    const { left, top, width: w, height: h } = this.rectangle(width, height);
    const { x0, x1, y0, y1 } = this.view;
    const X = (value) => this.cloud.toPixels(value, 0)[0];
    const Y = (value) => this.cloud.toPixels(0, value)[1];
    this.names = [];
    if (this.regions) this.paintRegions(g, tokens, { left, top, w, h });
    g.lineWidth = 1;
    for (const value of logTicks(x0, x1, x1 - x0 > 1.5 ? [1] : [1, 2, 5])) {
      const x = Math.round(X(log10(value))) + 0.5;
      g.strokeStyle = tokens.line;
      g.strokeRect(x, top, 0, h);
      drawText(g, shareText(value), x, top + h + 12, { color: tokens.ink3, align: 'center' });
    }
    for (const value of logTicks(y0, y1, [1, 3])) {
      const y = Math.round(Y(log10(value))) + 0.5;
      g.strokeStyle = tokens.line;
      g.strokeRect(left, y, w, 0);
      drawText(g, String(Number(value.toPrecision(2))), 36, y, { color: tokens.ink3, align: 'right' });
    }
    drawText(g, this.data.frequencyName, left + w / 2, top + h + 29, { color: tokens.ink3, align: 'center' });
    g.save();
    g.translate(8, top + h / 2);
    g.rotate(-Math.PI / 2);
    drawText(g, 'mean activation where it fires', 0, 0, { color: tokens.ink3, align: 'center' });
    g.restore();
    this.paintStrip(g, tokens, top, h);
  }

  paintRegions(g, tokens, { left, top, w, h }) {
    const box = (a, b, c, d, name, count, align) => {
      const [l, r] = [Math.max(left, a), Math.min(left + w, b)];
      const [t, u] = [Math.max(top, c), Math.min(top + h, d)];
      if (r - l < 4 || u - t < 4) return;
      g.fillStyle = tokens.sunken;
      g.fillRect(l, t, r - l, u - t);
      g.setLineDash([2, 2]);
      g.strokeStyle = tokens.lineStrong;
      g.lineWidth = 1;
      g.strokeRect(l + 0.5, t + 0.5, r - l - 1, u - t - 1);
      g.setLineDash([]);
      const x = align === 'right' ? r - 5 : l + 7;
      this.names.push([name, `${count.toLocaleString('en-US')} latents${name === 'Dense' && this.hidden ? ', hidden' : ''}`, x, t, align, r - l]);
    };
    const { dense, sparse, strong } = this.edges();
    box(left, sparse, top, strong, 'Sparse and strong', this.regions.nSparse, 'left');
    box(dense, left + w, top, top + h, 'Dense', this.regions.nDense, 'right');
    const grip = (x, y, wide, tall) => {
      if (x < left || x > left + w || y < top || y > top + h) return;
      g.fillStyle = tokens.ink3;
      g.fillRect(x - wide / 2, y - tall / 2, wide, tall);
    };
    grip(dense, top + h / 2, 3, 18);
    if (strong > top) grip(sparse, (top + Math.min(strong, top + h)) / 2, 3, 18);
    if (sparse > left) grip((left + Math.min(sparse, left + w)) / 2, strong, 18, 3);
  }

  paintStrip(g, tokens, top, h) {
    const left = 42;
    g.fillStyle = tokens.sunken;
    g.fillRect(left, top, STRIP, h);
    g.setLineDash([2, 2]);
    g.strokeStyle = tokens.lineStrong;
    g.strokeRect(left + 0.5, top + 0.5, STRIP - 1, h - 1);
    g.setLineDash([]);
    // as many dots as latents, up to what the strip holds; nothing distinguishes the dead, so a fixed scatter lays them
    const share = this.dead.length / Math.max(1, this.data.flags.length);
    const tall = Math.max(0, (h - 44) * share);
    g.fillStyle = tokens.faint;
    const shown = Math.min(this.dead.length, 2000);
    for (let i = 0; i < shown; i++) {
      const x = left + 4 + (STRIP - 9) * scatter(2 * i);
      const y = top + h - 4 - tall * scatter(2 * i + 1);
      g.fillRect(x, y, 1.4, 1.4);
    }
    drawText(g, 'Dead', left + STRIP / 2, top + 13, {
      color: tokens.ink,
      align: 'center',
      font: `600 11px ${SANS}`,
      halo: tokens.sunken,
    });
    drawText(g, this.dead.length.toLocaleString('en-US'), left + STRIP / 2, top + 28, {
      color: tokens.ink2,
      align: 'center',
      halo: tokens.sunken,
    });
  }

  over(g, width, height) {
    if (!this.data) return;
    const tokens = TOKENS[this.theme];
    const { left, top, width: w, height: h } = this.rectangle(width, height);
    for (const [name, count, x, y, align, room] of this.names) {
      g.font = `600 12px ${SANS}`;
      if (room < g.measureText(name).width + 12) continue;
      drawText(g, name, x, y + 13, { color: tokens.ink, font: `600 12px ${SANS}`, align, halo: tokens.sunken });
      drawText(g, count, x, y + 28, { color: tokens.ink2, align, halo: tokens.sunken });
    }
    if (this.dead.length === this.data.flags.length)
      drawText(g, 'Every latent is dead: none fired in these pictures.', left + w / 2, top + h / 2, {
        color: tokens.ink2,
        font: `12px ${SANS}`,
        align: 'center',
      });
    const { home, view } = this;
    const most = (bins) => Math.max(1, ...bins);
    g.fillStyle = tokens.bar2;
    const n = this.binsX.length;
    const edge = (a, b, i) => a + ((b - a) * i) / n;
    for (let i = 0; i < n; i++) {
      const [xa] = this.cloud.toPixels(edge(home.x0, home.x1, i), view.y0);
      const [xb] = this.cloud.toPixels(edge(home.x0, home.x1, i + 1), view.y0);
      const tall = (36 * this.binsX[i]) / most(this.binsX);
      if (xa >= left - 1 && xb <= left + w + 1) g.fillRect(xa + 0.5, top - 6 - tall, xb - xa - 1, tall);
      const [, ya] = this.cloud.toPixels(view.x0, edge(home.y0, home.y1, i));
      const [, yb] = this.cloud.toPixels(view.x0, edge(home.y0, home.y1, i + 1));
      const wide = (40 * this.binsY[i]) / most(this.binsY);
      if (yb >= top - 1 && ya <= top + h + 1) g.fillRect(left + w + 6, yb + 0.5, wide, ya - yb - 1);
    }
  }
}
