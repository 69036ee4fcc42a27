import { COMPARE_FIGURES } from './compare_figures.js';
import { DICTIONARY_FIGURES } from './dictionary_figures.js';
import { FAILURE_FIGURES } from './failure_figures.js';
import { RUN_FIGURES } from './run_figures.js';
import { TRAINING_FIGURES } from './training_figures.js';

/**
 * Every figure that can be saved, by the panel that shows it. A new card is entered here; its export control appears by itself.
 *
 * @typedef {import('./description.js').Description} Description
 */

/** @type {ReadonlyMap<string, Description>} */
const FIGURES = new Map([...RUN_FIGURES, ...DICTIONARY_FIGURES, ...TRAINING_FIGURES, ...COMPARE_FIGURES, ...FAILURE_FIGURES].map((one) => [one.element, one]));

/** @param {Element|null} element within a panel @returns {{panel: any, description: Description}|null} the nearest panel that has a figure */
export function figureAround(element) {
  for (let one = element; one; one = one.parentElement) {
    const description = FIGURES.get(one.localName);
    if (description) return { panel: one, description };
  }
  return null;
}

/** @param {Element} root @returns {{panel: any, description: Description}[]} those that can be saved now, in the order of the page */
export function figuresIn(root) {
  return [...root.querySelectorAll([...FIGURES.keys()].join(', '))]
    .map((panel) => ({ panel: /** @type {any} */ (panel), description: FIGURES.get(panel.localName) }))
    .filter(({ panel, description }) => description.ready(panel));
}
