import { html, nothing } from '../../vendor/lit.js';
import { fixed } from '../../elements/format.js';
import '../../elements/picture.js';
import { rasterise } from '../../plots/image_overlay.js';

/** @type {WeakMap<object, import('../../plots/image_overlay.js').Raster>} rasters by reference, made once */
const rasters = new WeakMap();

/** @param {{width: number, height: number, boxes: number[][]}} reference */
function rasterOf(reference) {
  if (!rasters.has(reference)) {
    const box = new Float32Array(4 * reference.boxes.length);
    reference.boxes.forEach((one, i) => box.set(one.slice(0, 4), 4 * i));
    rasters.set(
      reference,
      rasterise(
        reference,
        box,
        reference.boxes.map((one) => one[4]),
        'maximum',
      ),
    );
  }
  return rasters.get(reference);
}

/**
 * The pictures on which a latent fires most, lit where it fires.
 * @param {{references: any[], count: number, theme: 'light'|'dark', url: (image: number) => string}} given
 */
export function referencePictures({ references, count, theme, url }) {
  return html`<div class="references">${references.slice(0, count).map(
    (reference) => html`<figure class="reference"
      title="${reference.name}${reference.label ? ` (${reference.label})` : ''}">
    <vs-picture .src=${reference.has_picture ? url(reference.image) : ''} .raster=${rasterOf(reference)} mode="spotlight" square .theme=${theme}
      .label=${`${reference.label ?? reference.name}, plain mean ${fixed(reference.plain_mean, 2)}`} .ratio=${reference.width / reference.height}></vs-picture>
    <figcaption>${fixed(reference.plain_mean, reference.plain_mean < 10 ? 2 : 1)}</figcaption></figure>`,
  )}
    ${references.length ? nothing : html`<p class="note">It fires in none of the pictures.</p>`}</div>`;
}
