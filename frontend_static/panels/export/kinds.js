import { whyNoCopy } from './saving.js';

/**
 * What a figure can be saved as.
 *
 * @typedef {'png'|'svg'|'copy'|'csv'|'json'} SavedAs
 */

/** @type {readonly (readonly [SavedAs, string, string])[]} each with its name and what it is */
export const KINDS = [
  ['png', 'PNG', 'picture, two pixels for one'],
  ['svg', 'SVG', 'vectors, for print'],
  ['copy', 'Copy picture', 'to the clipboard'],
  ['csv', 'CSV', 'the numbers, all digits'],
  ['json', 'JSON', 'the numbers and what they are of'],
];
/** @type {ReadonlySet<SavedAs>} */
export const PICTURES = new Set(['png', 'svg', 'copy']);

/** @param {{panel: any, description: import('./description.js').Description}} figure @param {SavedAs} kind @returns {string|null} why this cannot be done */
export function whyNotKind({ panel, description }, kind) {
  if (!description.ready(panel)) return 'There is nothing to save yet.';
  if (PICTURES.has(kind) && !description.body) return 'It has numbers only.';
  return kind === 'copy' ? whyNoCopy() : null;
}

/** @param {number} bytes @returns {string} */
export function sizeText(bytes) {
  return bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1024))} kB`;
}
