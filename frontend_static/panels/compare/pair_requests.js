import { keyText, parseKey } from '../../outcomes.js';
import { otherKeyOf, placeOf } from '../../run_pairs.js';
import { request } from '../base/requests.js';

/**
 * What the panels of two runs ask.
 *
 * @typedef {import('../../store.js').Store} Store
 * @typedef {import('../../api.js').Api} Api
 * @typedef {import('../../api.js').RunKey} RunKey
 * @typedef {import('../base/query.js').Request} Request
 */

/** The other runs on the same picture. @param {Store} store @param {Api} api @returns {Request|null} */
export function askAlike(store, api) {
  const key = store.runKey;
  const runs = store.session.listing?.vlm_runs.length;
  return key && runs ? request('alike', [key.run, key.id], [runs], () => api.likePictures(key)) : null;
}

/** @param {Store} store @param {{value: RunKey[]|undefined}} alike @returns {RunKey|null} null, too, while it is not known */
export function shownOther(store, alike) {
  const chosen = parseKey(store.selection.other);
  if (!chosen && alike.value === undefined) return null;
  return otherKeyOf(store, alike.value ?? []);
}

/** @param {Store} store @param {Api} api @param {{value: RunKey[]|undefined}} alike @returns {Request|null} */
export function askPair(store, api, alike) {
  const [key, other] = [store.runKey, shownOther(store, alike)];
  return key && other && store.session.listing ? request('pair', [key.run, key.id, keyText(other)], [], () => api.runPair(key, other)) : null;
}

/** The layers that both runs can be asked about: the chosen one, or all. @param {Store} store @param {any} pair */
export function layersOf({ selection: { layers } }, pair) {
  return pair.common_layers.includes(Number(layers)) ? layers : 'all';
}

/** The view that both pictures have. @param {Store} store @param {any} pair */
export function viewOf({ selection: { view } }, { first, second }) {
  return view === 'tiles' && !(first.picture.has_tiles && second.picture.has_tiles) ? 'both' : view;
}

/** The chosen word of both. @param {Store} store @param {Api} api @param {{value: any, stale: boolean}} pair a query for the pair @returns {Request|null} */
export function askWord(store, api, { value: pair, stale }) {
  if (!pair || stale) return null;
  const place = placeOf(pair, store.selection);
  if (place < 0) return null;
  const [, i, j] = pair.steps[place];
  const { first, second } = pair;
  const tokens = i === null ? '' : first.words[i].tokens.join('.');
  const others = j === null ? '' : second.words[j].tokens.join('.');
  const { row, step } = store.selection;
  const options = { layers: layersOf(store, pair), row, view: viewOf(store, pair), ...(step === null ? {} : { step }) };
  return request('pair word', [first.run, first.id, second.run, second.id], [tokens, others, options], () =>
    api.pairWord(first, second, { tokens, other_tokens: others, ...options }),
  );
}

/** The latent of the other dictionary that stands for one of A's; itself within one dictionary. @param {any} pair @param {any} word @param {number|null} latent @returns {number|null} */
export function counterpartIn(pair, word, latent) {
  if (latent === null || pair.same_dictionary) return latent;
  const at = word?.arrays.latent?.indexOf(latent) ?? -1;
  const other = at < 0 ? -1 : word.arrays.other_latent[at];
  return other < 0 ? null : other;
}
