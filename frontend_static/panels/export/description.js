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
 * @property {((panel: any, theme: 'light'|'dark') => import('../../plots/figure_sheet.js').Body|Promise<import('../../plots/figure_sheet.js').Body>)} [body]
 *   left out where there is data only
 * @property {(panel: any) => import('./data_file.js').DataTable|Promise<import('./data_file.js').DataTable>} table
 */

/** @param {string} name @param {string} told @returns {import('./data_file.js').DataColumn} */
export const column = (name, told) => ({ name, told });
