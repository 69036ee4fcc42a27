import { keyText } from './outcomes.js';

/**
 * Which maps of heads were recorded of the chosen run. Unlike other outcomes they are of a run itself, steered or not.
 *
 * @typedef {import('./store.js').Store} Store
 */

/**
 * The sequence position whose attention stands for a token.
 * @param {import('./api.js').TextToken} token @param {'producing'|'own'} row @returns {number}
 */
export const positionOf = ({ index, span }, row) => (span === 'OUTPUT' && row === 'producing' ? index - 1 : index);

/** @param {Store} store @returns {import('./api.js').OutcomeEntry[]} the newest first */
export function recordsOf({ session: { listing }, selection: { id } }) {
  const found = (listing?.outcomes ?? []).filter((one) => one.kind === 'head_attention' && one.original_run_id === id);
  return found.sort((one, other) => other.created - one.created);
}

/** @param {Store} store @param {number} position @returns {string|null} key of the newest record that has the position; null for none */
export function recordWith(store, position) {
  const found = recordsOf(store).find(({ query_positions: positions }) => positions?.includes(position));
  return found ? keyText(found) : null;
}
