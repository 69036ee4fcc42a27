import { labelColors } from '../color/categories.js';
import { colorNumbers, groupLabels } from './label_groups.js';
import { openedAxis } from './opened_axis.js';

/**
 * Where latents lie on their map, and which colour tells a label from its neighbours there; apart from the drawing, as
 * other panels show the same colours.
 *
 * @typedef {Object} MapPlaces
 * @property {Float32Array} x [K] 0...1 @property {Float32Array} y [K] 0...1; NaN for latents without a place
 * @property {Uint8Array} shown [K] 1 for a living latent with a place
 * @property {import('./label_groups.js').LabelGroup[]} groups most latents first; empty without labels
 * @property {Uint8Array} colorOf [labels] number of the colour
 */

/** @type {WeakMap<object, MapPlaces>} made once for each data */
const made = new WeakMap();

/** @param {import('./latent_map.js').MapData} data @returns {MapPlaces} */
export function mapPlaces(data) {
  if (!made.has(data)) made.set(data, place(data));
  return made.get(data);
}

/** @returns {MapPlaces} */
function place({ xy, label, names, alive }) {
  const n = xy.length / 2;
  const plainX = Float32Array.from({ length: n }, (_, i) => xy[2 * i]);
  const plainY = Float32Array.from({ length: n }, (_, i) => xy[2 * i + 1]);
  const shown = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    if (!Number.isNaN(plainX[i]) && !Number.isNaN(plainY[i]) && (!alive || alive[i])) shown[i] = 1;
  }
  const [x, y] = [openedAxis(plainX, shown), openedAxis(plainY, shown)];
  const groups = label ? groupLabels(x, y, shown, label, names) : [];
  return { x, y, shown, groups, colorOf: colorNumbers(groups, names.length, labelColors('light').length) };
}
