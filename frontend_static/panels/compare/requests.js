import { originalOf, outcomeKey, outcomesOf } from '../../outcomes.js';
import { request } from '../base/requests.js';

/**
 * What the panels of Compare ask: outcomes of the worker, and the run that they are about.
 *
 * @typedef {import('../../store.js').Store} Store
 * @typedef {import('../../api.js').Api} Api
 * @typedef {import('../base/query.js').Request} Request
 */

/** @param {Store} store @param {Api} api @param {import('../../api.js').OutcomeEntry['kind']} kind @returns {Request|null} */
function askOutcome(store, api, kind) {
  const key = outcomeKey(store, kind);
  if (!key || !store.session.listing) return null;
  return request(kind, [key.run, key.id], [], () => api.outcome(kind, { run: key.run, id: key.id }));
}

/** @param {Store} store @param {Api} api @returns {Request|null} the steered (or erased) answer that is compared */
export const askSteered = (store, api) => askOutcome(store, api, 'steering_result');

/** @param {Store} store @param {Api} api @returns {Request|null} */
export const askSweep = (store, api) => askOutcome(store, api, 'cluster_sweep');

/** @param {Store} store @param {Api} api @returns {Request|null} */
export const askDose = (store, api) => askOutcome(store, api, 'dose_response');

/** @param {Store} store @param {Api} api @param {number|null} word number in the answer @returns {Request|null} the newest about this word */
export function askContributions(store, api, word) {
  const key = outcomesOf(store, 'word_contributions').find((one) => one.word === word);
  if (!key || word === null) return null;
  const { run, id } = key;
  return request('contributions', [run, id], [], () => api.outcome('word_contributions', { run, id }));
}

/** @param {Store} store @param {Api} api @returns {Request|null} the run that was asked again, whichever of its answers is chosen */
export function askOriginal(store, api) {
  const entry = originalOf(store);
  if (!entry) return null;
  const { run, id } = entry;
  return request('run', [run, id], [], () => api.vlmRun({ run, id }));
}

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askOriginalPatches(store, api) {
  const entry = originalOf(store);
  if (!entry) return null;
  const { run, id } = entry;
  return request('patches', [run, id], [], () => api.patches({ run, id }));
}

/** Where latents fire on the picture. @param {Store} store @param {Api} api @param {number[]} latents @returns {Request|null} */
export function askFiring(store, api, latents) {
  const entry = originalOf(store);
  if (!entry || !latents.length) return null;
  const { run, id } = entry;
  return request('firing', [run, id], [latents], () => api.latentsAttribution({ run, id }, latents, { view: 'both' }));
}
