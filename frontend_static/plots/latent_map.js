import { labelColors, unnamedColor } from '../color/categories.js';
import { rgbOf } from '../color/sequential.js';
import { SANS, TOKENS } from '../color/tokens.js';
import { CloudPlot } from './cloud_plot.js';
import { mapPlaces } from './map_places.js';
import { drawText } from './surface.js';

/**
 * Latents as neighbours. A latent takes the colour of its label where the label prevails; a label is written where most
 * of its latents lie, larger groups first, never over another name. Both axes open where latents crowd.
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
/** The opened axes run from 0 to 1; the dots at their ends stay whole. */
const HOME = Object.freeze({ x0: -0.03, x1: 1.03, y0: -0.03, y1: 1.03 });

export class LatentMapPlot extends CloudPlot {
  /** @param {MapData} data @param {'light'|'dark'} theme */
  setData(data, theme) {
    this.theme = theme;
    if (data !== this.data) this.place(data);
    this.recolor();
    this.surface.request();
  }

  recolor() {
    this.cloud.setColors(this.colors(), this.cloud.hollow);
  }

  /** @param {MapData} data */
  place(data) {
    this.data = data;
    const { x, y, shown, groups, colorOf } = mapPlaces(data);
    if (this.home !== HOME) this.setHome(HOME);
    this.shown = shown;
    this.groups = groups;
    this.colorOf = colorOf;
    this.names = groups.filter(({ compact }) => compact);
    this.cloud.setPoints(x, y);
    this.cloud.setColors(new Uint8Array(4 * x.length), new Uint8Array(x.length));
  }

  /** @returns {Uint8Array} [K, 4] */
  colors() {
    const { label } = this.data;
    const color = new Uint8Array(4 * this.shown.length);
    const unnamed = rgbOf(unnamedColor(this.theme));
    const table = labelColors(this.theme).map(rgbOf);
    for (let i = 0; i < this.shown.length; i++) {
      if (!this.shown[i] || this.hidden?.[i]) continue;
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
