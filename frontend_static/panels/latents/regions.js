import { denseCutoff } from '../../dense.js';

export { denseCutoff };

/**
 * The regions of the statistics: dead, dense, sparse and strong. Their cut-offs are the user's where moved.
 *
 * @typedef {import('../../packed.js').Packed} Packed
 * @typedef {{dense: number, sparse: number, strong: number}} Cutoffs shares of pictures or patches; mean activation
 */

const SPARSE = 0.05;
/** Strong by default: over this share of the living. */
const STRONG_QUANTILE = 0.75;

/** @type {WeakMap<Packed, number>} */
const quantiles = new WeakMap();
/** @type {WeakMap<Packed, Map<string, {nDense: number, nSparse: number}>>} */
const counts = new WeakMap();

/** @param {Packed} statistics @returns {number} */
function strongOf(statistics) {
  if (!quantiles.has(statistics)) {
    const { mean, flags } = statistics.arrays;
    const living = mean.filter((_, i) => flags[i] & 1).sort();
    quantiles.set(
      statistics,
      living.length ? Number(living[Math.floor(STRONG_QUANTILE * (living.length - 1))].toPrecision(3)) : 1,
    );
  }
  return quantiles.get(statistics);
}

/**
 * @param {import('../../store.js').Selection} selection @param {any} dictionary its answer, or undefined @param {Packed} statistics
 * @returns {Cutoffs}
 */
export function cutoffsOf({ dense, sparse, strong, frequency }, dictionary, statistics) {
  return { dense: denseCutoff({ dense, frequency }, dictionary), sparse: sparse ?? SPARSE, strong: strong ?? strongOf(statistics) };
}

/** @param {Packed} statistics @param {'images'|'patches'} by @returns {Float32Array} [K] shares */
export function frequencies({ arrays }, by) {
  return by === 'images' ? arrays.image_frequency : arrays.patch_frequency;
}

/**
 * @param {Packed} statistics @param {'images'|'patches'} by @param {Cutoffs} cutoffs
 * @returns {{nDense: number, nSparse: number}} living latents in the regions
 */
export function regionCounts(statistics, by, cutoffs) {
  const key = JSON.stringify([by, cutoffs.dense, cutoffs.sparse, cutoffs.strong]);
  if (!counts.has(statistics)) counts.set(statistics, new Map());
  const known = counts.get(statistics);
  if (!known.has(key)) {
    const frequency = frequencies(statistics, by);
    const { mean, flags } = statistics.arrays;
    // as single as the figures are: what lies on an edge is not beyond it
    const [dense, sparse, strong] = [cutoffs.dense, cutoffs.sparse, cutoffs.strong].map(Math.fround);
    let [nDense, nSparse] = [0, 0];
    for (let i = 0; i < flags.length; i++) {
      if (!(flags[i] & 1)) continue;
      if (frequency[i] > dense) nDense++;
      if (frequency[i] < sparse && mean[i] > strong) nSparse++;
    }
    if (known.size > 50) known.clear();
    known.set(key, { nDense, nSparse });
  }
  return known.get(key);
}

/**
 * The living latents within ranges; null in place of a range lets all pass, those of undefined entropy too.
 * @param {Packed} statistics @param {'images'|'patches'} by
 * @param {{frequency: [number, number]|null, mean: [number, number]|null, entropy: [number, number]|null}} ranges ends included
 * @returns {number[]} ascending
 */
export function latentsWithin(statistics, by, { frequency, mean, entropy }) {
  const shares = frequencies(statistics, by);
  const { mean: means, label_entropy: entropies, flags } = statistics.arrays;
  const within = (value, range) => range === null || (value >= range[0] && value <= range[1]);
  const found = [];
  for (let i = 0; i < flags.length; i++) {
    if (!(flags[i] & 1) || !within(shares[i], frequency) || !within(means[i], mean)) continue;
    if (entropy !== null && (!(flags[i] & 2) || !within(entropies[i], entropy))) continue;
    found.push(i);
  }
  return found;
}
