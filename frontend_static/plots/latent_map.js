import { labelColor, unnamedColor } from '../color/categories.js';
import { rgbOf } from '../color/sequential.js';
import { SANS, TOKENS } from '../color/tokens.js';
import { CloudPlot } from './cloud_plot.js';
import { drawText } from './surface.js';

/**
 * Latents as neighbours. A latent takes the colour of its label where the label prevails; a label is written where most
 * of its latents lie, larger groups first, never over another name.
 *
 * @typedef {Object} MapData
 * @property {Float32Array} xy [K, 2] NaN leaves a latent out
 * @property {Int32Array|null} label [K] number of the label that prevails, -1 for none; null without labels
 * @property {string[]} names of the labels
 * @property {Uint8Array|null} alive [K] 0 leaves a latent out; null shows all
 */

const MIN_NAMED = 3;
/** Names stand this many pixels above their place, so that a tight group stays in sight. */
const ABOVE = 11;
/** A label is written when its latents lie within this share of the spread of all. */
const COMPACT = 0.6;

export class LatentMapPlot extends CloudPlot {
  /** @param {MapData} data @param {'light'|'dark'} theme */
  setData(data, theme) {
    this.theme = theme;
    this.label = data.label;
    const n = data.xy.length / 2;
    const x = new Float32Array(n);
    const y = new Float32Array(n);
    const color = new Uint8Array(4 * n);
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    this.nShown = 0;
    for (let i = 0; i < n; i++) {
      x[i] = data.xy[2 * i];
      y[i] = data.xy[2 * i + 1];
      if (Number.isNaN(x[i]) || Number.isNaN(y[i]) || (data.alive && !data.alive[i])) continue;
      const label = data.label ? data.label[i] : -1;
      color.set([...rgbOf(label >= 0 ? labelColor(label, theme) : unnamedColor(theme)), label >= 0 ? 235 : 150], 4 * i);
      this.nShown++;
      x0 = Math.min(x0, x[i]);
      x1 = Math.max(x1, x[i]);
      y0 = Math.min(y0, y[i]);
      y1 = Math.max(y1, y[i]);
    }
    if (!this.nShown) [x0, x1, y0, y1] = [0, 1, 0, 1];
    const [px, py] = [0.05 * (x1 - x0) || 1, 0.05 * (y1 - y0) || 1];
    const home = { x0: x0 - px, x1: x1 + px, y0: y0 - py, y1: y1 + py };
    if (JSON.stringify(home) !== JSON.stringify(this.home)) this.setHome(home);
    this.cloud.setPoints(x, y);
    this.cloud.setColors(color, new Uint8Array(n));
    this.names = data.label ? namePlaces(x, y, color, data.label, data.names) : [];
    this.surface.request();
  }

  over(g, width, height) {
    const tokens = TOKENS[this.theme];
    const taken = [];
    const chosen = this.selected >= 0 && this.label ? this.label[this.selected] : -1;
    const names = [...(this.names ?? [])].sort((a, b) => (b.label === chosen) - (a.label === chosen));
    for (const { name, x, y, label } of names) {
      const [px, at] = this.cloud.toPixels(x, y);
      const py = at - ABOVE;
      g.font = `600 12px ${SANS}`;
      const half = g.measureText(name).width / 2 + 3;
      const box = [px - half, py - 8, px + half, py + 8];
      if (box[0] < 0 || box[2] > width || box[1] < 0 || box[3] > height) continue;
      if (taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]))
        continue;
      taken.push(box);
      drawText(g, name, px, py, {
        color: label === chosen ? tokens.accent : tokens.ink,
        font: `600 12px ${SANS}`,
        align: 'center',
        halo: tokens.panel,
      });
    }
  }
}

/**
 * A name stands at its latents' component-wise median, which stays inside the larger of two groups. A label whose latents
 * lie about as far apart as all latents do has no place on the map, and no name.
 * @returns {{name: string, label: number, x: number, y: number, count: number}[]} most latents first
 */
function namePlaces(x, y, color, label, names) {
  const groups = names.map(() => []);
  const all = [];
  for (let i = 0; i < x.length; i++) {
    if (!color[4 * i + 3]) continue;
    all.push(i);
    if (label[i] >= 0) groups[label[i]].push(i);
  }
  const everywhere = spreadOf(all, x, y).radius;
  return groups
    .map((members, l) => ({ name: names[l], label: l, count: members.length, ...spreadOf(members, x, y) }))
    .filter(({ count, radius }) => count >= MIN_NAMED && radius < COMPACT * everywhere)
    .sort((a, b) => b.count - a.count);
}

/** @returns {{x: number, y: number, radius: number}} median place, and median distance from it */
function spreadOf(members, x, y) {
  const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const [mx, my] = [median(members.map((i) => x[i])), median(members.map((i) => y[i]))];
  return { x: mx, y: my, radius: median(members.map((i) => Math.hypot(x[i] - mx, y[i] - my))) };
}
