import { keyText } from './outcomes.js';
import { newestOf } from './settling.js';

/**
 * Dictionaries that were matched, and the way from a latent to its counterpart.
 *
 * @typedef {import('./store.js').Store} Store
 * @typedef {import('./api.js').DictionaryEntry} DictionaryEntry
 */

/** @param {Store} store @param {string|null} id @returns {string[]} dictionaries that one was matched with, the newest match first */
export function matchedWith({ session: { listing } }, id) {
  const found = (listing?.matches ?? [])
    .filter(({ dictionary_id: one, other_id: other }) => one === id || other === id)
    .map(({ dictionary_id: one, other_id: other }) => (one === id ? other : one));
  return [...new Set(found)];
}

/** The dictionary that the chosen one is held against: the chosen, unless it is that one itself; else the one it was matched with last. @param {Store} store @returns {DictionaryEntry|null} */
export function againstOf(store) {
  const { against, dictionary } = store.selection;
  const entries = store.session.listing?.dictionaries ?? [];
  const chosen = against !== dictionary ? entries.find(({ id }) => id === against) : null;
  return chosen ?? entries.find(({ id }) => id === matchedWith(store, dictionary)[0]) ?? null;
}

/**
 * To a latent of another dictionary: in the workspace that is open, with a run on the same question where there is one. The back button returns.
 * @param {Store} store @param {string} dictionary @param {number} latent
 */
export function openCounterpart(store, dictionary, latent) {
  const { runEntry: mine, session, selection } = store;
  const { workspace } = selection;
  const runs = session.listing?.vlm_runs.filter((entry) => entry.dictionary_id === dictionary) ?? [];
  const alike = mine ? runs.filter(({ prompt, vlm_name: vlm }) => prompt === mine.prompt && vlm === mine.vlm_name) : [];
  const named = alike.filter(({ name }) => name === mine?.name);
  const entry = newestOf(named.length ? named : alike.length ? alike : runs);
  const before = { against: selection.dictionary, ...(mine ? { other: keyText(mine) } : {}) };
  if (entry) store.chooseRun(entry);
  else store.chooseDictionary(dictionary);
  // Without a run the Scratchpad is empty: the Dictionary shows the latent.
  store.set({ latent, ...before, ...(!entry && workspace === 'scratchpad' ? { workspace: 'dictionary' } : {}) }, { asNew: false });
}
