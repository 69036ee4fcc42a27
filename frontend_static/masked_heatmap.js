import { ApiError } from './api_error.js';

/**
 * A masked heatmap with its values, which are those of the same columns in the whole one.
 * @param {import('./packed.js').Packed} whole @param {import('./packed.js').Packed} masked without `value`
 * @returns {import('./packed.js').Packed}
 */
export function withValues(whole, masked) {
  const [nRows, nAll] = whole.shapes.value;
  const all = whole.arrays.value;
  const places = new Map(Array.from(whole.arrays.latent, (latent, at) => [latent, at]));
  const columns = Array.from(masked.arrays.latent, (latent) => places.get(latent));
  if (columns.includes(undefined) || masked.header.tokens.length !== nRows)
    throw new ApiError('The run was logged anew while it was read: reload the page.', 0);
  const n = columns.length;
  const value = new Float32Array(nRows * n);
  for (let row = 0; row < nRows; row++) {
    for (let column = 0; column < n; column++) value[row * n + column] = all[row * nAll + columns[column]];
  }
  return { ...masked, arrays: { ...masked.arrays, value }, shapes: { ...masked.shapes, value: [nRows, n] } };
}
