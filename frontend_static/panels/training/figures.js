import { html } from '../../vendor/lit.js';
import { fixed, percent, whole } from '../../elements/format.js';
import { regionCounts } from '../latents/regions.js';

/**
 * The health of two dictionaries, and by how much they differ.
 *
 * @typedef {{step: number|null, rebuilds: number|null, living: number, dense: number, l0: number|null, pictures: number}} Figures
 *   shares of 1; null where not logged
 */

const NONE = '–';

/**
 * @param {any} dictionary its answer @param {import('../../packed.js').Packed} statistics
 * @param {'images'|'patches'} by @param {number} dense cut-off
 * @returns {Figures}
 */
export function figuresOf({ info, metrics, statistics: told, steps_shown: shown }, statistics, by, dense) {
  const { nDense } = regionCounts(statistics, by, { dense, sparse: 0, strong: 0 });
  return {
    step: shown.statistics ?? null,
    rebuilds: metrics && metrics.fvu !== null ? Math.max(0, 1 - metrics.fvu) : null,
    living: told.n_alive / info.n_latents,
    dense: nDense / info.n_latents,
    l0: metrics ? metrics.l0 : null,
    pictures: told.n_images,
  };
}

/** @param {number} x @param {(size: number) => string} write @param {string} unit @returns {string} such as `+1.5 points` */
function signed(x, write, unit) {
  const text = write(Math.abs(x));
  if (Number(text.replace(/,/g, '')) === 0) return 'the same';
  return `${x > 0 ? '+' : '−'}${text}${unit}`;
}

const points = (x) => signed(100 * x, (size) => fixed(size, 1), ' points');
const l0Text = (x) => (x >= 10 ? fixed(x, 1).replace(/\.0$/, '') : fixed(x, 2));
const rebuildsText = (x) => `${fixed(100 * x, 1)} %`;

const COLUMNS = [
  ['step', 'step', whole, (x) => signed(x, whole, '')],
  ['rebuilds', 'rebuilds', rebuildsText, points],
  ['living', 'living', percent, points],
  ['dense', 'dense', percent, points],
  ['l0', 'active / patch', l0Text, (x) => signed(x, (size) => fixed(size, 2), '')],
  ['pictures', 'pictures', whole, (x) => signed(x, whole, '')],
];

/** @param {Figures} own @param {Figures} other @returns {string[]} the second less the first, by column; `–` where one lacks it */
export function differences(own, other) {
  return COLUMNS.map(([key, , , write]) => (own[key] === null || other[key] === null ? NONE : write(other[key] - own[key])));
}

/** @param {{name: string, figures: Figures}} own @param {{name: string, figures: Figures}} other */
export function figuresTable(own, other) {
  const row = ({ name, figures }, which) => html`<tr data-row=${which}><th scope="row" class="mono" title=${name}>${name}</th>${COLUMNS.map(
    ([key, , write]) => html`<td data-value=${key}>${figures[key] === null ? NONE : write(figures[key])}</td>`,
  )}</tr>`;
  return html`<div class="beside-figures-room"><table class="beside-figures"><caption class="spoken">Figures of both dictionaries and their difference</caption>
    <thead><tr><td></td>${COLUMNS.map(([, title]) => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${row(own, 'own')}${row(other, 'other')}
    <tr data-row="difference"><th scope="row">difference</th>${differences(own.figures, other.figures).map(
      (text, i) => html`<td data-value=${COLUMNS[i][0]}>${text}</td>`,
    )}</tr></tbody></table></div>`;
}
