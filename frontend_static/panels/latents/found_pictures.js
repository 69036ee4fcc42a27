import { rasterise } from '../../plots/image_overlay.js';

/**
 * Pictures that latents fire on, out of a packed answer to `pictures_of_latents` or `runs_of_latents`.
 *
 * @typedef {{raster: import('../../plots/image_overlay.js').Raster, [name: string]: any}} FoundPicture the answer's own keys, and where they fire
 */

/** @type {WeakMap<object, FoundPicture[]>} made once for each answer */
const made = new WeakMap();

/** @param {import('../../packed.js').Packed} answer @returns {FoundPicture[]} */
export function foundPictures(answer) {
  let found = made.get(answer);
  if (!found) {
    const { box, value, end } = answer.arrays;
    found = answer.header.pictures.map((one, i) => {
      const from = i ? end[i - 1] : 0;
      return { ...one, raster: rasterise(one, box.slice(4 * from, 4 * end[i]), value.slice(from, end[i]), 'maximum') };
    });
    made.set(answer, found);
  }
  return found;
}
