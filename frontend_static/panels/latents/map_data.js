import { labelColors, unnamedColor } from '../../color/categories.js';
import { mapPlaces } from '../../plots/map_places.js';
import { prevailingLabels } from './names.js';

/**
 * The map of the latents as the plots take it, made once for each answer.
 *
 * @typedef {import('../../packed.js').Packed} Packed
 * @typedef {import('../../plots/latent_map.js').MapData} MapData
 */

/** @type {WeakMap<Packed, {of: unknown[], data: MapData}>} by the map's answer */
const made = new WeakMap();

/** @param {string} wanted @param {any} dictionary answer to `dictionary` @returns {'firing'|'decoder'} */
export function shownMap(wanted, dictionary) {
  return wanted === 'firing' && dictionary?.decoder_map?.firing_method ? 'firing' : 'decoder';
}

/**
 * @param {Packed} map @param {Packed|undefined} statistics @param {any} dictionary @param {'firing'|'decoder'} which
 * @returns {MapData & {cluster: Int32Array}} `cluster` [K] of this map, -1 for none
 */
export function mapData(map, statistics, dictionary, which) {
  const of = [statistics, dictionary, which];
  const held = made.get(map);
  if (held && of.every((one, i) => one === held.of[i])) return held.data;
  const names = dictionary?.statistics?.labels ?? [];
  const { arrays } = map;
  const data = {
    xy: which === 'firing' ? arrays.firing_xy : arrays.xy,
    cluster: which === 'firing' ? arrays.firing_cluster : arrays.cluster,
    alive: statistics ? statistics.arrays.flags.map((flag) => flag & 1) : null,
    names,
    label: statistics && names.length ? prevailingLabels(statistics) : null,
  };
  made.set(map, { of, data });
  return data;
}

/** @param {MapData} data @param {number} latent @param {'light'|'dark'} theme @returns {string} its dot's colour on the map */
export function colorOnMap(data, latent, theme) {
  const label = data.label?.[latent] ?? -1;
  return label < 0 ? unnamedColor(theme) : labelColors(theme)[mapPlaces(data).colorOf[label]];
}

/** A cluster is named after a label from this share of its latents, and from this many latents. */
const NAMED_FROM = { share: 0.3, latents: 4 };

/**
 * The map's cluster that most of some latents belong to.
 * @param {MapData & {cluster: Int32Array}} data @param {readonly number[]} latents
 * @returns {{name: string}|null} null where no cluster holds more than half; the name is empty where no label prevails
 */
export function clusterOnMap(data, latents) {
  const counts = new Map();
  for (const latent of latents) {
    const cluster = data.cluster[latent];
    if (cluster >= 0) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
  }
  const [cluster, held] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [-1, 0];
  if (2 * held <= latents.length) return null;
  const byLabel = new Map();
  let n = 0;
  for (let i = 0; i < data.cluster.length; i++) {
    if (data.cluster[i] !== cluster || (data.alive && !data.alive[i])) continue;
    n++;
    const label = data.label?.[i] ?? -1;
    if (label >= 0) byLabel.set(label, (byLabel.get(label) ?? 0) + 1);
  }
  const [label, most] = [...byLabel].sort((a, b) => b[1] - a[1])[0] ?? [-1, 0];
  return { name: n >= NAMED_FROM.latents && most >= NAMED_FROM.share * n ? data.names[label] : '' };
}
