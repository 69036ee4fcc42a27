import { html } from '../../vendor/lit.js';
import { percent, whole } from '../../elements/format.js';
import { mapClusters } from './map_clusters.js';
import { colorOnMap } from './map_data.js';

/** So many are offered to begin with. */
const OFFERED = 8;
/** From this share of its latents one label must prevail, and from so many latents a cluster says something. */
const [SHARE, FEWEST] = [0.5, 3];

/**
 * @typedef {import('./map_clusters.js').MapCluster} MapCluster
 * @typedef {import('../../plots/latent_map.js').MapData & {cluster: Int32Array}} OnMap
 */

/** @type {WeakMap<OnMap, MapCluster[]>} */
const made = new WeakMap();

/**
 * The clusters that say something, as the list of the map orders them.
 * @param {OnMap} data made of these statistics @param {import('../../packed.js').Packed} statistics @returns {MapCluster[]} those of which half the latents speak of one label
 */
export function tellingClusters(data, statistics) {
  if (!made.has(data)) made.set(data, mapClusters(data, statistics).filter(({ purity, latents }) => purity >= SHARE && latents.length >= FEWEST));
  return made.get(data);
}

/** What choosing a cluster chooses. @param {import('../../store.js').Store} store @param {MapCluster} cluster */
export function choiceOf(store, { latents }) {
  return { latents: Object.freeze([...latents]), latent: null, ...(store.dictionaryEntry?.has_references ? { gallery: 'pictures' } : {}) };
}

/** Some clusters to begin with. @param {import('../../store.js').Store} store @param {OnMap} data @param {import('../../packed.js').Packed} statistics @param {'light'|'dark'} theme */
export function firstClusters(store, data, statistics, theme) {
  const found = tellingClusters(data, statistics).slice(0, OFFERED);
  if (!found.length) return null;
  return html`<p>Or begin with what most of a cluster’s latents speak of:</p><ul class="first-clusters">${found.map(
    (one) => html`<li><button type="button" class="first-cluster" @click=${() => store.set(choiceOf(store, one))}>
      <i class="dot" .style=${`background:${colorOnMap(data, one.latents.find((latent) => data.names[data.label[latent]] === one.name), theme)}`}></i><b>${one.name}</b>
      <span class="k">${percent(one.purity)} of ${whole(one.latents.length)} latents</span></button></li>`,
  )}</ul>`;
}
