/** A latent is named from this share of its activation on one label. */
const NAMED_FROM = 0.45;

/** @param {string|null} label @param {number} share 0...1 @returns {string} */
export function latentName(label, share) {
  if (label === null) return 'unlabelled';
  return share >= NAMED_FROM ? label : 'mixed';
}

/**
 * @param {import('../../packed.js').Packed} statistics packed dictionary statistics @param {string[]} labels
 * @param {number} latent @returns {string}
 */
export function nameFromStatistics({ arrays }, labels, latent) {
  if (!(arrays.flags[latent] & 1)) return 'dead';
  const label = arrays.top_label[latent];
  return latentName(label < 0 ? null : labels[label], arrays.top_label_share[latent]);
}

/** @param {import('../../packed.js').Packed} statistics @returns {Int32Array} the label that prevails, -1 where none does */
export function prevailingLabels({ arrays }) {
  return arrays.top_label.map((label, i) => (arrays.top_label_share[i] >= NAMED_FROM ? label : -1));
}
