import { keyText, parseKey } from './outcomes.js';

/**
 * Failure sets of the chosen dictionary, and what became of their answers without some latents.
 *
 * @typedef {import('./store.js').Store} Store
 * @typedef {import('./api.js').RunKey} RunKey
 * @typedef {import('./api.js').FailureSetEntry} FailureSetEntry
 */

/** @param {Store} store @returns {FailureSetEntry[]} the newest first */
export function failureSetsOf({ session: { listing }, selection: { dictionary } }) {
  return (listing?.failure_sets ?? [])
    .filter((entry) => entry.dictionary_id === dictionary)
    .sort((one, other) => other.created - one.created);
}

/** Which set is looked at: the chosen one, unless it is of another dictionary; else the newest. @param {Store} store @returns {RunKey|null} */
export function setKeyOf(store) {
  const { listing } = store.session;
  const key = parseKey(store.selection.set);
  const entry = key && listing?.failure_sets?.find((one) => keyText(one) === keyText(key));
  if (key && (!entry || entry.dictionary_id === store.selection.dictionary)) return key;
  const [newest] = failureSetsOf(store);
  return newest ? { run: newest.run, id: newest.id } : null;
}

/** @param {Store} store @returns {import('./api.js').OutcomeEntry[]} ablations of the set that is looked at, the newest first */
export function ablationsOf(store) {
  const key = setKeyOf(store);
  return (store.session.listing?.outcomes ?? [])
    .filter(({ kind, set_id: set }) => kind === 'set_ablation' && set === key?.id)
    .sort((one, other) => other.created - one.created);
}

/** Which of them is looked at: the chosen one, unless it is of another set; else the newest. @param {Store} store @returns {RunKey|null} */
export function ablationKeyOf(store) {
  const key = parseKey(store.selection.ablation);
  const entry = key && store.session.listing?.outcomes?.find((one) => keyText(one) === keyText(key));
  if (key && (!entry || entry.set_id === setKeyOf(store)?.id)) return key;
  return ablationsOf(store)[0] ?? null;
}

/** Whether this set's page is shown. @param {Store} store @param {RunKey|null} key */
export function onFailures(store, key) {
  const { workspace, page } = store.selection;
  return workspace === 'compare' && page === 'failures' && key !== null && setKeyOf(store)?.id === key.id;
}

/** @param {Store} store @param {RunKey} key */
export function openFailureSet(store, key) {
  const entry = store.session.listing?.failure_sets?.find((one) => keyText(one) === keyText(key));
  if (!entry) return;
  const same = entry.dictionary_id === store.selection.dictionary;
  store.chooseDictionary(entry.dictionary_id);
  store.set({ workspace: 'compare', page: 'failures', set: keyText(key), setPrompt: null, ablation: null }, { asNew: same });
}

/** A run out of the menu: Compare, which may show a failure set, turns to it. @param {Store} store @param {import('./api.js').RunEntry} entry */
export function openRun(store, entry) {
  store.chooseRun(entry);
  if (store.selection.page === 'failures') store.set({ page: 'answers' }, { asNew: false });
}

/** A line of a menu. @param {FailureSetEntry} entry */
export function failureSetItem(entry) {
  const { run, id, name, created, n_items: n, n_wrong: wrong } = entry;
  return {
    value: JSON.stringify([run, id, 'failure set']),
    title: name,
    note: new Date(1000 * created).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }),
    detail: [`failure set: ${wrong} of ${n} answers are wrong`],
    words: `${name} failure set`,
  };
}
