import { againstOf, matchedWith } from '../../dictionary_pairs.js';
import { request } from '../base/requests.js';

/** Ends of the ranges of cosines that are listed: over the first, at most the second. @type {Readonly<Record<string, [number, number]>>} */
export const RANGES = Object.freeze({ none: [-1, 0.7], near: [0.7, 0.9], close: [0.9, 1] });

/**
 * The chosen dictionary against the other one; null where they were not matched.
 * @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api @param {string} [matched] @returns {import('../base/query.js').Request|null}
 */
export function askDictionaryPair(store, api, matched = 'none') {
  const { dictionary, step } = store.selection;
  const other = againstOf(store);
  if (!other || !matchedWith(store, dictionary).includes(other.id)) return null;
  const [low, high] = RANGES[matched];
  return request('dictionary pair', [dictionary, other.id], [matched, step], () =>
    api.dictionaryPair(dictionary, other.id, { low, high, ...(step === null ? {} : { step }) }),
  );
}
