import { keyText, parseKey } from './outcomes.js';

/**
 * Two runs held against each other: the chosen one, A, and another, B, which the address names as outcomes are named.
 *
 * @typedef {import('./store.js').Store} Store
 * @typedef {import('./api.js').RunKey} RunKey
 * @typedef {import('./api.js').RunEntry} RunEntry
 * @typedef {{text: string, tokens: number[], logprob: number|null}} PairWord
 * @typedef {import('./plots/answer_lines.js').DiffStep} DiffStep
 */

/** @param {Store} store @param {RunKey} key @returns {RunEntry|null} */
export function entryOf({ session: { listing } }, { run, id }) {
  return listing?.vlm_runs.find((one) => one.run === run && one.id === id) ?? null;
}

/**
 * Which run stands beside: the chosen one, else the newest on the same picture.
 * @param {Store} store @param {RunKey[]} alike on the same picture, the newest first @returns {RunKey|null}
 */
export function otherKeyOf(store, alike) {
  const key = store.runKey;
  if (!key) return null;
  const chosen = parseKey(store.selection.other);
  if (chosen && keyText(chosen) !== keyText(key)) return chosen;
  const known = alike.map((one) => entryOf(store, one)).filter((one) => one && !one.superseded);
  const sibling = known.find((one) => one.original_run_id === key.id || store.runEntry?.original_run_id === one.id);
  const found = sibling ?? known[0];
  return found ? { run: found.run, id: found.id } : null;
}

/**
 * Runs that can stand beside, in groups: on the same picture, of the same prompt, the rest; the newest first in each.
 * @param {Store} store @param {RunKey[]} alike @returns {{entry: RunEntry, why: string}[]}
 */
export function candidates(store, alike) {
  const { runEntry: mine } = store;
  const same = new Set(alike.map(keyText));
  const rank = (entry) => (same.has(keyText(entry)) ? 0 : entry.prompt === mine?.prompt ? 1 : 2);
  return (store.session.listing?.vlm_runs ?? [])
    .filter((entry) => !mine || keyText(entry) !== keyText(mine))
    .map((entry) => ({ entry, rank: rank(entry) }))
    .sort((a, b) => a.rank - b.rank || b.entry.created - a.entry.created)
    .map(({ entry, rank: group }) => ({ entry, why: ['same picture', 'same prompt', ''][group] }));
}

/**
 * The place of the chosen word in the alignment; where none is chosen, the first at which the answers differ.
 * @param {{first: {words: PairWord[]}, second: {words: PairWord[]}, steps: DiffStep[], largest_change: {place: number}|null}} pair
 * @param {{token: number|null, otherToken: number|null}} selection @returns {number} -1 where nobody said anything
 */
export function placeOf({ first, second, steps, largest_change: largest }, { token, otherToken }) {
  const holds = (words, number, index) => number !== null && index !== null && words[number].tokens.includes(index);
  const at = steps.findIndex(([, i, j]) => (otherToken === null ? holds(first.words, i, token) : holds(second.words, j, otherToken)));
  if (at >= 0) return at;
  const parts = steps.findIndex(([change]) => change !== 'kept');
  return parts >= 0 ? parts : (largest?.place ?? (steps.length ? 0 : -1));
}

/** The selection that stands for a place. @param {{first: any, second: any, steps: DiffStep[]}} pair @param {number} place */
export function choiceOf({ first, second, steps }, place) {
  const [, i, j] = steps[place];
  return i === null ? { otherToken: second.words[j].tokens[0] } : { token: first.words[i].tokens[0], otherToken: null };
}

/** B takes the place of A. The word goes along, and the latent within one dictionary. @param {Store} store @param {any} pair as `run_pair` answers */
export function swap(store, pair) {
  const entry = entryOf(store, pair.second);
  if (!entry) {
    store.setSession({ notice: 'TensorBoard has not loaded the second run yet: try again in a few seconds.' });
    return;
  }
  const place = placeOf(pair, store.selection);
  const [, i, j] = pair.steps[place] ?? ['kept', null, null];
  const { latent, source } = store.selection;
  const kept = pair.same_dictionary ? { latent, source } : {};
  const word = j === null ? (i === null ? {} : { otherToken: pair.first.words[i].tokens[0] }) : { token: pair.second.words[j].tokens[0], otherToken: null };
  const other = keyText(pair.first);
  store.chooseRun(entry);
  store.set({ ...kept, ...word, other }, { asNew: false });
}

/** Opens a run of the pair in the Scratchpad, at the word and a latent. @param {Store} store @param {any} pair @param {'first'|'second'} side @param {number|null} latent */
export function inspect(store, pair, side, latent) {
  const [, i, j] = pair.steps[placeOf(pair, store.selection)] ?? ['kept', null, null];
  const number = side === 'first' ? i : j;
  const token = number === null ? null : pair[side].words[number].tokens[0];
  const word = token === null ? {} : { token };
  if (side === 'first') {
    store.set({ workspace: 'scratchpad', latent, source: 'attention', otherToken: null, ...word });
    return;
  }
  const entry = entryOf(store, pair.second);
  if (!entry) return;
  const other = keyText(pair.first);
  store.chooseRun(entry);
  store.set({ workspace: 'scratchpad', latent, other, ...word }, { asNew: false });
}
