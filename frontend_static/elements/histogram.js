import { svg } from '../vendor/lit.js';

/**
 * Counts over a range.
 * @param {Iterable<number>} values @param {number} low @param {number} high @param {number} nBins
 * @returns {number[]} values outside fall into the first or last bin
 */
export function binCounts(values, low, high, nBins) {
  const counts = new Array(nBins).fill(0);
  const scale = high > low ? nBins / (high - low) : 0;
  for (const value of values) counts[Math.min(nBins - 1, Math.max(0, Math.floor((value - low) * scale)))]++;
  return counts;
}

/**
 * Bars by square root of the count, so that rare values stay visible; an accent line marks one place.
 * @param {number[]} counts @param {number|null} at place of the mark, 0...1, null for none
 */
export function histogram(counts, at = null) {
  const most = Math.max(1, ...counts);
  const w = 100 / counts.length;
  return svg`<svg class="histogram" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
    ${counts.map((n, i) =>
      n
        ? svg`<rect x=${i * w + 0.12 * w} width=${0.76 * w} y=${24 - 22 * Math.sqrt(n / most)}
      height=${22 * Math.sqrt(n / most)} fill="var(--bar-2)"/>`
        : '',
    )}
    ${at === null ? '' : svg`<rect x=${Math.min(98.8, Math.max(0, 100 * at - 0.6))} y="0" width="1.4" height="24" fill="var(--accent)"/>`}
  </svg>`;
}
