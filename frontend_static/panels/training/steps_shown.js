/** Which of the logged steps are drawn, and in how many rows. */

const GAP = 10;
const LEFT_AXIS = 38;
const BELOW = 20;
const HEADING = 26;
/** What stands under a small scatter. */
const CAPTION = 38;
/** Wide enough to be read, in pixels; a little less high. */
const GOOD = 150;
const HIGHER_BY = 1.2;
const LEAST_HEIGHT = 96;
const [MOST, LEAST] = [12, 6];
const [MOST_OF_TWO, LEAST_OF_TWO] = [8, 4];

/**
 * Steps chosen evenly, the first and the last always among them.
 * @param {number[]} steps ascending @param {number} n at least 2 @returns {number[]}
 */
export function evenly(steps, n) {
  if (steps.length <= n) return steps;
  return Array.from({ length: n }, (_, i) => steps[Math.round((i * (steps.length - 1)) / (n - 1))]);
}

/** @param {number[]} steps not empty @param {number} wanted @returns {number} the nearest; of two as near the earlier */
export function nearest(steps, wanted) {
  return steps.reduce((best, step) => (Math.abs(step - wanted) < Math.abs(best - wanted) ? step : best));
}

/** @param {number[]} steps ascending, not empty @param {number|null} wanted null: the newest @returns {number} the step whose evidence stands for it */
export function standing(steps, wanted) {
  if (wanted === null) return steps.at(-1);
  return steps.findLast((step) => step <= wanted) ?? steps[0];
}

/**
 * The step of each column, of one dictionary or of two: those of the first, and of the second what lies beyond; of each its nearest.
 * @param {number[]} own ascending @param {number[]|null} other @param {number} n columns at most
 * @returns {{own: number[], other: number[]}} `other` is empty without one
 */
export function stepsShown(own, other, n) {
  if (!other?.length) return { own: evenly(own, n), other: [] };
  const beyond = other.filter((step) => step < own[0] || step > own.at(-1));
  const targets = evenly(
    [...own, ...beyond].sort((a, b) => a - b),
    n,
  );
  return { own: targets.map((step) => nearest(own, step)), other: targets.map((step) => nearest(other, step)) };
}

/**
 * In which columns a step is drawn: where the nearest is the one of the column before (a training that ended sooner, or was logged
 * less often) it is not drawn again; what is of one step alone stands in the last column.
 * @param {number[]} steps by column @returns {boolean[]}
 */
export function drawnOnce(steps) {
  const last = steps.length - 1;
  const one = steps.every((step) => step === steps[0]);
  return steps.map((step, i) => (one ? i === last : step !== steps[i - 1]));
}

/**
 * As many small scatters as the room holds at a good size.
 * @param {number} width pixels @param {number} height @param {number} nSteps that there are @param {1|2} nBlocks one above the other
 * @returns {{n: number, columns: number, rows: number, width: number, height: number}} the size is that of one plot
 */
export function layoutOf(width, height, nSteps, nBlocks) {
  const [most, least] = nBlocks === 1 ? [MOST, LEAST] : [MOST_OF_TWO, LEAST_OF_TWO];
  let best = null;
  for (let n = Math.min(most, nSteps); n >= Math.min(least, nSteps); n--) {
    for (let columns = 1; columns <= n; columns++) {
      const rows = Math.ceil(n / columns);
      if (rows * columns - n >= columns) continue;
      const wide = (width - LEFT_AXIS - columns * GAP) / columns;
      const block = height / nBlocks - BELOW - (nBlocks > 1 ? HEADING : 0);
      const high = Math.max(LEAST_HEIGHT, block / rows - GAP - CAPTION);
      // a raster with a hole is second to a full one
      const fit = Math.min(wide, HIGHER_BY * high) * (rows * columns === n ? 1 : 0.85);
      if (!best || (best.n === n ? fit > best.fit : best.fit < GOOD && fit > best.fit)) best = { n, columns, rows, width: wide, height: high, fit };
    }
  }
  const { fit: _, ...layout } = best;
  return layout;
}
