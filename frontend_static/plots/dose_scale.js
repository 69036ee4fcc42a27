/**
 * Where doses and log-probabilities lie in a plot of a given size.
 *
 * @typedef {{left: number, right: number, top: number, bottom: number, low: number, high: number,
 *   x: (dose: number) => number, y: (logprob: number) => number}} DoseScale
 */

/** An axis spans at least so many nats: a flat line looks flat. */
const LEAST_SPAN = 2;

/**
 * @param {import('./dose_plot.js').DoseData} data
 * @param {{width: number, height: number, margin: {left: number, right: number, top: number, bottom: number}}} size
 * @returns {DoseScale}
 */
export function doseScale({ doses, words }, { width, height, margin }) {
  const all = words.flatMap(({ logprob, controls }) => [logprob, ...controls]).flat();
  const low = Math.min(-LEAST_SPAN, ...all);
  const pad = 0.04 * -low;
  const [left, right] = [margin.left, Math.max(margin.left + 40, width - margin.right)];
  const [top, bottom] = [margin.top, Math.max(margin.top + 40, height - margin.bottom)];
  const span = doses.at(-1) - doses[0] || 1;
  return {
    left,
    right,
    top,
    bottom,
    low: low - pad,
    high: pad,
    x: (dose) => left + ((right - left) * (dose - doses[0])) / span,
    y: (logprob) => bottom - ((bottom - top) * (logprob - low + pad)) / (2 * pad - low),
  };
}

/** @param {number} low @param {number} high @param {number} most how many at most, about @returns {number[]} round numbers between them */
export function ticks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(Number((i * step).toPrecision(6)));
  return found;
}

/**
 * Places near the wanted ones that keep a distance, in the same order, and inside both ends as long as there is room.
 * @param {number[]} wanted @param {number} distance @param {number} low @param {number} high @returns {number[]}
 */
export function spreadApart(wanted, distance, low, high) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b] || a - b);
  const places = new Array(wanted.length);
  let previous = -Infinity;
  for (const i of order) {
    places[i] = Math.max(low, wanted[i], previous + distance);
    previous = places[i];
  }
  let next = Math.max(high, low + distance * (wanted.length - 1)) + distance;
  for (const i of order.reverse()) {
    places[i] = Math.min(places[i], next - distance);
    next = places[i];
  }
  return places;
}
