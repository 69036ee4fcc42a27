import { ablationKeyOf, setKeyOf } from '../../failure_sets.js';
import { request } from '../base/requests.js';

/**
 * What the panels of a failure set ask.
 *
 * @typedef {import('../../store.js').Store} Store
 * @typedef {import('../../api.js').Api} Api
 * @typedef {import('../base/query.js').Request} Request
 */

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askSet(store, api) {
  const key = setKeyOf(store);
  return key && request('failure set', [key.run, key.id], [], () => api.failureSet(key));
}

/** The latents that tell wrong from right. @param {Store} store @param {Api} api @returns {Request|null} */
export function askTelling(store, api) {
  const key = setKeyOf(store);
  const { by, setPart: part, setPrompt: prompt } = store.selection;
  return key && request('telling', [key.run, key.id], [by, part, prompt], () => api.failureLatents(key, { by, part, prompt }));
}

/** On which items the chosen latent fires. @param {Store} store @param {Api} api @returns {Request|null} */
export function askSetLatent(store, api) {
  const key = setKeyOf(store);
  const { by, latent } = store.selection;
  if (!key || latent === null) return null;
  return request('set latent', [key.run, key.id], [by, latent], () => api.failureLatent(key, latent, by));
}

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askAblation(store, api) {
  const key = ablationKeyOf(store);
  return key && request('set ablation', [key.run, key.id], [], () => api.outcome('set_ablation', { run: key.run, id: key.id }));
}
