import { prevailingLabels } from './names.js';

/**
 * The clusters of the map as a list, the most meaningful first.
 *
 * @typedef {Object} MapCluster
 * @property {number} cluster
 * @property {number[]} latents that live, ascending
 * @property {string} name the label that most of them speak of; empty where none does
 * @property {number} purity share of its latents that speak of that label, 0...1
 * @property {number|null} entropy mean label entropy in nats of those that have one; null where none has
 * @property {number} meaning lower end of purity's 95 % interval (Wilson): a few latents of one label count less than many
 */

const Z = 1.959963984540054;

/** @param {number} k @param {number} n at least 1 @returns {number} Wilson's lower end for k of n */
export function lowerEnd(k, n) {
  const p = k / n;
  const middle = p + (Z * Z) / (2 * n);
  const spread = Z * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  return Math.max(0, (middle - spread) / (1 + (Z * Z) / n));
}

/**
 * @param {{cluster: Int32Array, alive: Uint8Array|null, names: string[]}} data of the map @param {import('../../packed.js').Packed|undefined} statistics
 * @returns {MapCluster[]} by falling meaning, then size, then number
 */
export function mapClusters(data, statistics) {
  const label = statistics && data.names.length ? prevailingLabels(statistics) : null;
  /** @type {Map<number, number[]>} */
  const members = new Map();
  data.cluster.forEach((cluster, latent) => {
    if (cluster < 0 || (data.alive && !data.alive[latent])) return;
    if (!members.has(cluster)) members.set(cluster, []);
    members.get(cluster).push(latent);
  });
  const found = [...members].map(([cluster, latents]) => {
    const counts = new Map();
    let [sum, n] = [0, 0];
    for (const latent of latents) {
      if (label && label[latent] >= 0) counts.set(label[latent], (counts.get(label[latent]) ?? 0) + 1);
      if (statistics && statistics.arrays.flags[latent] & 2) {
        sum += statistics.arrays.label_entropy[latent];
        n++;
      }
    }
    const [best, most] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [-1, 0];
    return {
      cluster,
      latents,
      name: best < 0 ? '' : data.names[best],
      purity: most / latents.length,
      entropy: n ? sum / n : null,
      meaning: lowerEnd(most, latents.length),
    };
  });
  return found.sort((a, b) => b.meaning - a.meaning || b.latents.length - a.latents.length || a.cluster - b.cluster);
}
