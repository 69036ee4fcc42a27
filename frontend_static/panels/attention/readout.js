import { html } from '../../vendor/lit.js';
import { activation, percent } from '../../elements/format.js';
import { times } from '../../elements/scale_bar.js';

/**
 * What lies at a place of the picture: the patches that cover it, each of its own view, and their value.
 *
 * @typedef {Object} Shown
 * @property {{width: number, height: number}} picture in pixels
 * @property {{box: ArrayLike<number>, view: ArrayLike<number>, carried: ArrayLike<number>}} patches
 * @property {ArrayLike<number>} value by patch
 * @property {'attention'|'activation'} kind
 * @property {ArrayLike<number>|null} sink by patch
 * @property {'both'|'base'|'tiles'} view those that count
 */

/** @param {Shown} shown @param {number} x @param {number} y 0...1 of the picture @returns {number[]} numbers of patches */
function patchesAt({ picture, patches: { box, view: of, carried }, view }, x, y) {
  const [px, py] = [x * picture.width, y * picture.height];
  const found = [];
  for (let p = 0; p < of.length; p++) {
    if (!carried[p] || (view === 'base' && of[p] > 0) || (view === 'tiles' && of[p] === 0)) continue;
    if (px >= box[4 * p] && px < box[4 * p + 2] && py >= box[4 * p + 1] && py < box[4 * p + 3]) found.push(p);
  }
  return found;
}

/** @param {Shown} shown @param {number} x @param {number} y 0...1 of the picture */
export function readAt(shown, x, y) {
  const { picture, patches, value, kind, sink } = shown;
  if (x < 0 || y < 0 || x >= 1 || y >= 1) return null;
  const found = patchesAt(shown, x, y);
  if (!found.length) return { content: html`<div class="kv"><span>No patch that counts covers this place.</span></div>`, spoken: 'no patch' };
  let sum = 0;
  const rows = found.map((p) => {
    const area = (patches.box[4 * p + 2] - patches.box[4 * p]) * (patches.box[4 * p + 3] - patches.box[4 * p + 1]);
    const even = area > 0 ? (value[p] * picture.width * picture.height) / area : 0;
    sum = kind === 'attention' ? sum + even : Math.max(sum, value[p]);
    const name = patches.view[p] === 0 ? 'base' : `tile ${patches.view[p]}`;
    return { name, patch: p, text: kind === 'attention' ? percent(value[p]) : activation(value[p]), sink: Boolean(sink?.[p]) };
  });
  const total = kind === 'attention' ? `${times(sum)} even` : activation(sum);
  return {
    content: html`<div class="kv"><span>${kind === 'attention' ? 'here' : 'activation here'}</span><b>${total}</b></div>
      ${rows.map(({ name, patch, text, sink: is }) => html`<div class="kv"><span>${name}, patch ${patch}${is ? ', a sink' : ''}</span><span>${text}</span></div>`)}`,
    spoken: `${total}: ${rows.map(({ name, patch, text }) => `${name} patch ${patch}, ${text}`).join('; ')}`,
  };
}
