import { tokenText } from '../../elements/format.js';
import { areSeveral } from '../../token_set.js';

/**
 * What makes a card's figure savable: one object for each panel, listed in `registry.js`. It reads what its panel shows, and draws it
 * through a canvas context, so that PNG and SVG come from the same code.
 *
 * @typedef {Object} Description
 * @property {string} element local name of the panel @property {string} name of its files, such as `heatmap`
 * @property {import('./about.js').Scope} scope
 * @property {(panel: any) => boolean} ready whether there is something to save
 * @property {(panel: any) => string} title @property {(panel: any) => string} [sub] a line below it
 * @property {(panel: any) => string} reading how to read it, in a sentence or two
 * @property {(panel: any) => Record<string, unknown>} [facts] what only this figure is of
 * @property {readonly string[]} [settings] keys of the selection that matter to it besides those of its scope
 * @property {(panel: any) => boolean} [alone] it is of the chosen word alone, also where several are taken together
 * @property {boolean} [dense] hidden dense latents are left out of it
 * @property {string} [inner] a panel within this one that at times stands in its place, and has a figure of its own
 * @property {((panel: any, theme: 'light'|'dark') => import('../../plots/figure_sheet.js').Body|Promise<import('../../plots/figure_sheet.js').Body>)} [body]
 *   left out where there is data only
 * @property {(panel: any) => import('./data_file.js').DataTable|Promise<import('./data_file.js').DataTable>} table
 */

/** @param {string} name @param {string} told @returns {import('./data_file.js').DataColumn} */
export const column = (name, told) => ({ name, told });

/** Of a table with a latent in each row. */
export const GIVEN = column('given_name', 'name that the user gave the latent');

/**
 * A latent's label, after the name that the user gave it.
 * @param {any} panel @param {number|null} latent @param {string} label @returns {string}
 */
export function namedText(panel, latent, label) {
  return [panel.store.notes.of(latent).name, label].filter(Boolean).join(' · ');
}

/** @param {any} panel @param {number|null} latent @returns {string|null} */
export const givenName = (panel, latent) => panel.store.notes.of(latent).name || null;

/** A title names so many words. */
const MOST_WORDS = 4;

/** The chosen word, or the words that are taken together, as a title names them. @param {any} panel with a query `run` @param {boolean} [alone] the chosen one alone */
export function subjectOf({ run, selection }, alone = false) {
  const text = (wanted) => `“${tokenText(run.value?.tokens.find(({ index }) => index === wanted)?.text ?? '')}”`;
  if (alone || !areSeveral(selection)) return text(selection.token);
  const { tokens } = selection;
  return `${tokens.slice(0, MOST_WORDS).map(text).join(', ')}${tokens.length > MOST_WORDS ? ` and ${tokens.length - MOST_WORDS} more` : ''}`;
}
