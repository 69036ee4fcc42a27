/** Axes of the statistics: shares and activations by their log10. */

/** log10: a decade within this of the rarest latent is shown, so that its tick is. */
const NEAR_DECADE = 0.35;
const NO_LATENT = { x0: -3, x1: 0, y0: -1, y1: 1 };

/** @param {number} share @returns {string} */
export function shareText(share) {
  const percent = share * 100;
  return `${percent >= 1 ? Math.round(percent) : Number(percent.toPrecision(1))} %`;
}

/** @param {number} low log10 @param {number} high log10 @param {number[]} steps mantissas @returns {number[]} values */
export function logTicks(low, high, steps) {
  const ticks = [];
  for (let decade = Math.floor(low); decade <= Math.ceil(high); decade++) {
    for (const step of steps) {
      const value = step * 10 ** decade;
      if (Math.log10(value) >= low && Math.log10(value) <= high) ticks.push(value);
    }
  }
  return ticks;
}

/**
 * What a plot shows so that all latents are in it.
 * @param {import('./point_cloud.js').Viewport|null} ends of the latents, log10; null where none is alive
 * @returns {import('./point_cloud.js').Viewport}
 */
export function roomAround(ends) {
  const { x0, x1, y0, y1 } = ends ?? NO_LATENT;
  const [padX, padY] = [0.04 * (x1 - x0) + 0.02, 0.05 * (y1 - y0) + 0.02];
  // the axis begins at a decade that lies near
  const decade = Math.floor(x0);
  const start = x0 - decade < NEAR_DECADE ? Math.min(x0 - padX, decade - 0.03) : x0 - padX;
  return { x0: start, x1: x1 + padX, y0: y0 - padY, y1: y1 + padY };
}
