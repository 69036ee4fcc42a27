import { ATTENTION_FIGURES } from './attention_figures.js';
import { COMPARE_FIGURES } from './compare_figures.js';
import { DICTIONARY_FIGURES } from './dictionary_figures.js';
import { DICTIONARY_PAIR_FIGURES } from './dictionary_pair_figures.js';
import { FAILURE_FIGURES } from './failure_figures.js';
import { PAIR_FIGURES } from './pair_figures.js';
import { PICTURE_FIGURES } from './picture_figures.js';
import { RUN_FIGURES } from './run_figures.js';
import { TRAINING_FIGURES } from './training_figures.js';

/**
 * Every figure that can be saved, by the panel that shows it. A new card is entered here; its export control appears by itself.
 *
 * @typedef {import('./description.js').Description} Description
 */

const ALL = [...RUN_FIGURES, ...ATTENTION_FIGURES, ...DICTIONARY_FIGURES, ...PICTURE_FIGURES, ...TRAINING_FIGURES, ...COMPARE_FIGURES, ...PAIR_FIGURES, ...DICTIONARY_PAIR_FIGURES, ...FAILURE_FIGURES];
/** @type {ReadonlyMap<string, Description>} */
const FIGURES = new Map(ALL.map((one) => [one.element, one]));

/** The panel, or what stands in its place. @param {any} panel @returns {{panel: any, description: Description}} */
function shownBy(panel) {
  const description = FIGURES.get(panel.localName);
  const inner = description.inner ? panel.querySelector(description.inner) : null;
  return inner ? { panel: inner, description: FIGURES.get(inner.localName) } : { panel, description };
}

/** @param {Element|null} element within a panel @returns {{panel: any, description: Description}|null} the nearest panel that has a figure */
export function figureAround(element) {
  for (let one = element; one; one = one.parentElement) if (FIGURES.has(one.localName)) return shownBy(one);
  return null;
}

/** @param {Element} root @returns {{panel: any, description: Description}[]} those that can be saved now, in the order of the page */
export function figuresIn(root) {
  return [...root.querySelectorAll([...FIGURES.keys()].join(', '))]
    .map((panel) => ({ panel: /** @type {any} */ (panel), description: FIGURES.get(panel.localName) }))
    .filter(({ panel, description }) => !(description.inner && panel.querySelector(description.inner)) && description.ready(panel));
}
