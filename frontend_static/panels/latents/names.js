import { html, nothing } from '../../vendor/lit.js';

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

/**
 * A latent's name for who reads: the one that the user gave, in its own hand, else what is told otherwise. The note and the label
 * that a given name stands for are in the title.
 * @param {import('../../store.js').Store} store @param {number} latent @param {string} other as `latentName` tells, or empty
 */
export function shownName(store, latent, other) {
  const { name, note } = store.notes.of(latent);
  if (!name && !note) return other || nothing;
  const title = [name && other ? `label: ${other}` : '', note].filter(Boolean).join('\n');
  return html`<span class=${name ? 'given' : ''} title=${title}>${name || other}</span>`;
}

/** The same as plain text. @param {import('../../store.js').Store} store @param {number} latent @param {string} other @returns {string} */
export function spokenName(store, latent, other) {
  return store.notes.of(latent).name || other;
}

/** The sign of a pinned latent. @param {import('../../store.js').Store} store @param {number} latent */
export function pinMark(store, latent) {
  return store.notes.of(latent).pinned ? html`<i class="pin-mark" role="img" aria-label="pinned" title="Pinned"></i>` : nothing;
}
