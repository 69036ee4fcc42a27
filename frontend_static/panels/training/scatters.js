/**
 * Answers of `statistics_over_steps` and `latents_over_steps` as small scatters draw them.
 *
 * @typedef {import('../../packed.js').Packed} Packed
 * @typedef {import('../../plots/small_scatter.js').SmallScatterData} SmallScatterData
 */

const PLACES = 65535;
const UNDEFINED_ENTROPY = 255;
const LARGEST_ENTROPY = 254;

/**
 * @param {Packed[]} answers one a dictionary
 * @returns {import('../../plots/point_cloud.js').Viewport|null} ends of the living latents of all, log10; null where none lives
 */
export function endsOf(answers) {
  const living = answers.map(({ header }) => header).filter(({ frequency_range: range }) => range !== null);
  if (!living.length) return null;
  return {
    x0: Math.min(...living.map(({ frequency_range: [low] }) => low)),
    // to every picture, as the large scatter
    x1: 0,
    y0: Math.min(...living.map(({ mean_range: [low] }) => low)),
    y1: Math.max(...living.map(({ mean_range: [, high] }) => high)),
  };
}

/**
 * The steps of one answer.
 * @param {Packed} answer @param {number} topEntropy nats, the end of the colours, shared with other answers
 * @returns {{asked: number, step: number, nAlive: number, nDense: number, nImages: number, data: SmallScatterData,
 *   label: Uint16Array, share: Uint8Array}[]}
 */
export function stepsOf({ header, arrays }, topEntropy) {
  const [x0, x1] = header.frequency_range ?? [0, 0];
  const [y0, y1] = header.mean_range ?? [0, 0];
  const ownTop = header.top_entropy / LARGEST_ENTROPY / (topEntropy || 1);
  let start = 0;
  return header.steps.map(({ asked, step, n_alive: nAlive, n_dense: nDense, n_images: nImages, n_drawn: n }) => {
    const part = (name) => arrays[name].subarray(start, start + n);
    const placed = (values, low, high) => Float32Array.from(values, (value) => low + (value / PLACES) * (high - low));
    const data = {
      x: placed(part('x'), x0, x1),
      y: placed(part('y'), y0, y1),
      entropy: Float32Array.from(part('entropy'), (value) => (value === UNDEFINED_ENTROPY ? NaN : value * ownTop)),
      latent: part('latent'),
    };
    const found = { asked, step, nAlive, nDense, nImages, data, label: part('label'), share: part('label_share') };
    start += n;
    return found;
  });
}

/** @type {WeakMap<SmallScatterData, {mask: Uint8Array, data: SmallScatterData}>} the last for each */
const made = new WeakMap();

/**
 * @param {SmallScatterData} data
 * @param {import('../../dense.js').Hidden|null} hidden of its dictionary at the shown step: the same latents are left out at every step
 * @returns {SmallScatterData} the same object for the same two
 */
export function withoutDense(data, hidden) {
  if (!hidden?.n) return data;
  const known = made.get(data);
  if (known?.mask === hidden.mask) return known.data;
  const at = Array.from(data.latent.keys()).filter((i) => !hidden.mask[data.latent[i]]);
  const shown = {
    x: Float32Array.from(at, (i) => data.x[i]),
    y: Float32Array.from(at, (i) => data.y[i]),
    entropy: Float32Array.from(at, (i) => data.entropy[i]),
    latent: Int32Array.from(at, (i) => data.latent[i]),
  };
  made.set(data, { mask: hidden.mask, data: shown });
  return shown;
}

/**
 * Where latents are at each step.
 * @param {Packed} answer of `latents_over_steps` @param {'images'|'patches'} by
 * @returns {(step: number, number: number) => {x: number, y: number}|null} by numbers of step and latent in the answer; null where
 *   it is dead
 */
export function placesOf({ header, arrays }, by) {
  const n = header.latents.length;
  const frequency = by === 'images' ? arrays.image_frequency : arrays.patch_frequency;
  return (step, number) => {
    const at = step * n + number;
    if (!(arrays.flags[at] & 1)) return null;
    return { x: Math.log10(Math.max(frequency[at], 1e-9)), y: Math.log10(Math.max(arrays.mean[at], 1e-9)) };
  };
}
