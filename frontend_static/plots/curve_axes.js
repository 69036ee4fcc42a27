/**
 * Axes of small charts: few ticks, round numbers.
 *
 * @typedef {import('./step_curves.js').Chart} Chart
 */

/** A tick needs so many pixels. */
const ROOM = 22;
/** Ticks of a logarithm, which are uneven, stand so many apart. */
const APART = 14;
/** A flat line lies in an axis of at least so much of its height. */
const LEAST = 0.05;

/** @param {Chart} chart @returns {number[]} */
function valuesOf({ curves, scale }) {
  return curves.flatMap(({ values }) => values).filter((value) => value !== null && (scale === 'linear' || value > 0));
}

/** @param {number} low @param {number} high @param {number} most @returns {number[]} round numbers between them, the most that there is room for, but two at least */
export function ticks(low, high, most) {
  let found = [];
  for (let power = Math.floor(Math.log10(high - low)); power >= Math.floor(Math.log10(high - low)) - 1; power--) {
    for (const step of [5, 2, 1].map((m) => m * 10 ** power)) {
      const next = [];
      for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) next.push(Number((i * step).toPrecision(6)));
      if (next.length > most && found.length > 1) return found;
      found = next;
    }
  }
  return found;
}

/**
 * Decades first, then parts of them, as far as they stand apart.
 * @param {number} low log10 @param {number} high log10 @param {number} apart in log10 @returns {number[]} ascending
 */
function logTicks(low, high, apart) {
  const found = [];
  for (const part of [1, 3, 5, 2]) {
    for (let decade = Math.floor(low); decade <= Math.ceil(high); decade++) {
      const value = Number((part * 10 ** decade).toPrecision(6));
      const at = Math.log10(value);
      const inside = at >= low - 1e-9 && at <= high + 1e-9;
      if (inside && found.every((other) => Math.abs(Math.log10(other) - at) >= apart)) found.push(value);
    }
  }
  return found.sort((one, other) => one - other);
}

/**
 * @param {Chart} chart @param {number} height in pixels
 * @returns {{at: (value: number) => number, ticks: number[]}} `at`: 0 at the foot, 1 at the top
 */
export function axisOf(chart, height) {
  const { curves } = chart;
  const values = valuesOf(chart);
  const most = Math.max(2, Math.floor(height / ROOM));
  const [fixedLow, fixedHigh] = chart.within ?? [null, null];
  if (chart.scale === 'log') {
    const [first, last] = values.length ? [Math.min(...values), Math.max(...values)] : [0.1, 1];
    const [low, high] = [Math.log10(first), Math.log10(last)];
    // half a decade at least, or noise in a flat line looks like growth
    const spare = Math.max(0, 0.5 - (high - low)) / 2 + 0.04 * (high - low);
    const [least, top] = [low - spare, high + spare];
    // rings lie at the foot, lines above them
    const ringed = curves.some(({ rings, values: all }) => rings && all.includes(null));
    const foot = ringed ? least - 0.16 * (top - least) : least;
    return { at: (value) => (Math.log10(value) - foot) / (top - foot || 1), ticks: logTicks(foot, top, ((top - foot) * APART) / height) };
  }
  const low = fixedLow ?? (values.length ? Math.min(...values) : 0);
  const high = fixedHigh ?? (values.length ? Math.max(...values) : 1);
  const span = Math.max(high - low, LEAST * Math.abs(high)) || 1;
  const top = fixedHigh === null ? low + 1.08 * span : high;
  const foot = fixedLow === null ? low - 0.08 * span : low;
  return { at: (value) => (value - foot) / (top - foot), ticks: ticks(foot, top, most) };
}

/** @param {number} low @param {number} high @param {number} most @returns {{step: number, text: string}[]} */
export function stepTicks(low, high, most) {
  if (high <= low) return [{ step: low, text: low.toLocaleString('en-US') }];
  return ticks(low, high, Math.max(2, Math.floor(most)))
    .filter((step) => Number.isInteger(step))
    .map((step) => ({ step, text: step >= 1e6 ? `${step / 1e6}M` : step.toLocaleString('en-US') }));
}
