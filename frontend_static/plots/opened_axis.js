/**
 * An axis that opens where points crowd. A neighbour map keeps together what is alike; how far apart its islands lie says
 * little, and most of the plane is empty. So each coordinate becomes a mean of itself and of its rank, both from 0 to 1:
 * left stays left of right, above stays above, equal stays equal, and a crowded island takes more room.
 */

/** The rank's part. */
const RANK_SHARE = 0.75;

/**
 * @param {Float32Array} value [K] @param {Uint8Array} shown [K] 0 leaves one out
 * @returns {Float32Array} [K] 0...1, never decreasing in `value`; NaN for those left out; 0.5 where all are equal
 */
export function openedAxis(value, shown) {
  const order = [];
  for (let i = 0; i < value.length; i++) if (shown[i]) order.push(i);
  order.sort((a, b) => value[a] - value[b]);
  const opened = new Float32Array(value.length).fill(NaN);
  const n = order.length;
  if (!n) return opened;
  const low = value[order[0]];
  const range = value[order[n - 1]] - low;
  let start = 0;
  for (let k = 1; k <= n; k++) {
    if (k < n && value[order[k]] === value[order[start]]) continue;
    // the mean rank of equal values
    const rank = n > 1 ? (start + k - 1) / 2 / (n - 1) : 0.5;
    const plain = range > 0 ? (value[order[start]] - low) / range : 0.5;
    for (let j = start; j < k; j++) opened[order[j]] = RANK_SHARE * rank + (1 - RANK_SHARE) * plain;
    start = k;
  }
  return opened;
}
