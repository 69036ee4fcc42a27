/**
 * Axes of small charts: few ticks, round numbers.
 *
 * @typedef {import('./step_curves.js').Chart} Chart
 */

/** A tick needs so many pixels. */
const ROOM = 22;
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

/** @param {number} low log10 @param {number} high log10 @param {number} most @returns {number[]} decades, or parts of one where there is one only */
function logTicks(low, high, most) {
  const between = (steps) => {
    const found = [];
    for (let decade = Math.floor(low); decade <= Math.ceil(high); decade++) {
      for (const step of steps) {
        const value = step * 10 ** decade;
        if (Math.log10(value) >= low - 1e-9 && Math.log10(value) <= high + 1e-9) found.push(value);
      }
    }
    return found;
  };
  const tried = [[1], [1, 3], [1, 5], [1, 2], [1, 2, 5]].map(between);
  const fitting = tried.filter((some) => some.length <= most);
  const found = fitting.length ? fitting.reduce((best, some) => (some.length > best.length ? some : best)) : tried[0];
  const every = Math.ceil(found.length / Math.max(1, most));
  return found.filter((_, i) => i % every === 0);
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
    const [low, high] = [Math.log10(fixedLow ?? first), Math.log10(fixedHigh ?? last)];
    // half a decade at least, or noise in a flat line looks like growth
    const spare = Math.max(0, 0.5 - (high - low)) / 2 + 0.04 * (high - low);
    const top = fixedHigh === null ? high + spare : high;
    const least = fixedLow === null ? low - spare - (top === high ? spare : 0) : low;
    // rings lie at the foot, lines above them
    const ringed = curves.some(({ rings, values: all }) => rings && all.includes(null));
    const foot = ringed ? least - 0.16 * (top - least) : least;
    return { at: (value) => (Math.log10(value) - foot) / (top - foot || 1), ticks: logTicks(foot, top, most) };
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
