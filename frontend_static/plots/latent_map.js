import { labelColors, unnamedColor } from '../color/categories.js';
import { rgbOf } from '../color/sequential.js';
import { SANS, TOKENS } from '../color/tokens.js';
import { CloudPlot } from './cloud_plot.js';
import { colorNumbers, groupLabels } from './label_groups.js';
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

/** Names stand this many pixels above their place, so that a tight group stays in sight. */
const ABOVE = 11;
const NAME_HALF = 8;

export class LatentMapPlot extends CloudPlot {
  /** @param {MapData} data @param {'light'|'dark'} theme */
  setData(data, theme) {
    this.theme = theme;
    if (data !== this.data) this.place(data);
    this.cloud.setColors(this.colors(), this.cloud.hollow);
    this.surface.request();
  }

  /** @param {MapData} data */
  place(data) {
    this.data = data;
    const n = data.xy.length / 2;
    const x = new Float32Array(n);
    const y = new Float32Array(n);
    const shown = new Uint8Array(n);
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < n; i++) {
      x[i] = data.xy[2 * i];
      y[i] = data.xy[2 * i + 1];
      if (Number.isNaN(x[i]) || Number.isNaN(y[i]) || (data.alive && !data.alive[i])) continue;
      shown[i] = 1;
      if (x[i] < x0) x0 = x[i];
      if (x[i] > x1) x1 = x[i];
      if (y[i] < y0) y0 = y[i];
      if (y[i] > y1) y1 = y[i];
    }
    if (x0 > x1) [x0, x1, y0, y1] = [0, 1, 0, 1];
    const [px, py] = [0.05 * (x1 - x0) || 1, 0.05 * (y1 - y0) || 1];
    const home = { x0: x0 - px, x1: x1 + px, y0: y0 - py, y1: y1 + py };
    if (JSON.stringify(home) !== JSON.stringify(this.home)) this.setHome(home);
    this.shown = shown;
    this.cloud.setPoints(x, y);
    this.cloud.setColors(new Uint8Array(4 * n), new Uint8Array(n));
    this.groups = data.label ? groupLabels(x, y, shown, data.label, data.names) : [];
    this.names = this.groups.filter(({ compact }) => compact);
    this.colorOf = colorNumbers(this.groups, data.names.length, labelColors(this.theme).length);
  }

  /** @returns {Uint8Array} [K, 4] */
  colors() {
    const { label } = this.data;
    const color = new Uint8Array(4 * this.shown.length);
    const unnamed = rgbOf(unnamedColor(this.theme));
    const table = labelColors(this.theme).map(rgbOf);
    for (let i = 0; i < this.shown.length; i++) {
      if (!this.shown[i]) continue;
      const named = label !== null && label[i] >= 0;
      const rgb = named ? table[this.colorOf[label[i]]] : unnamed;
      color[4 * i] = rgb[0];
      color[4 * i + 1] = rgb[1];
      color[4 * i + 2] = rgb[2];
      color[4 * i + 3] = named ? 235 : 150;
    }
    return color;
  }

  over(g, width, height) {
    const tokens = TOKENS[this.theme];
    /** Where names stand, for tests: [left, top, right, bottom]. @type {number[][]} */
    const taken = [];
    this.nameBoxes = taken;
    const chosen = this.selected >= 0 && this.data?.label ? this.data.label[this.selected] : -1;
    const names = [...(this.names ?? [])].sort((a, b) => (b.label === chosen) - (a.label === chosen));
    for (const { name, x, y, label } of names) {
      const [px, at] = this.cloud.toPixels(x, y);
      const py = at - ABOVE;
      g.font = `600 12px ${SANS}`;
      const half = g.measureText(name).width / 2 + 3;
      const box = [px - half, py - NAME_HALF, px + half, py + NAME_HALF];
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
