/**
 * Maps of one kind on one scale: what is bright in one is as bright in the other, and outlines are at half of the larger peak.
 * @param {(import('./image_overlay.js').Raster|null)[]} rasters @returns {(import('./image_overlay.js').Raster|null)[]}
 */
export function onOneScale(rasters) {
  const peak = Math.max(0, ...rasters.map((raster) => raster?.peak ?? 0));
  return rasters.map((raster) => raster && { ...raster, peak });
}
