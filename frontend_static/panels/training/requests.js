import { request } from '../base/requests.js';
import { denseCutoff } from '../latents/regions.js';
import { nearest, standing } from './steps_shown.js';

/**
 * What the view over training asks the plugin.
 *
 * @typedef {import('../../store.js').Store} Store
 * @typedef {import('../../api.js').Api} Api
 * @typedef {import('../base/query.js').Request} Request
 */

/** At most so many latents are followed. */
export const MAX_FOLLOWED = 1000;

/** The other dictionary's step beside the shown one; null, the newest beside the newest. @param {Store} store @returns {number|null} */
export function besideStep({ selection: { step }, statisticsSteps, besideEntry }) {
  const steps = besideEntry?.statistics_steps ?? [];
  return step === null || !steps.length ? null : nearest(steps, standing(statisticsSteps, step));
}

/**
 * Small scatters of one dictionary or two.
 * @param {Store} store @param {Api} api @param {any} dictionary its answer, for the cut-off @param {{own: number[], other: number[]}|null} steps
 * @returns {Request|null} answered by {answers: one a dictionary, each with its steps once; ids, steps: of each what was
 *   asked, the steps by column}
 */
export function askScatters(store, api, dictionary, steps) {
  const { dictionary: id, beside, frequency: by } = store.selection;
  if (!steps || !dictionary) return null;
  const options = { by, dense: denseCutoff(store.selection, dictionary) };
  const asked = steps.other.length ? [[id, steps.own], [beside, steps.other]] : [[id, steps.own]];
  return request('scatters', [id], [asked, options], async () => ({
    answers: await Promise.all(asked.map(([one, its]) => api.statisticsOverSteps(one, [...new Set(its)], options))),
    ids: asked.map(([one]) => one),
    steps: asked.map(([, its]) => its),
  }));
}

/** @param {Api} api @param {string} id @param {number[]|undefined} steps @param {number[]} latents @returns {Request|null} */
export function askFollowed(api, id, steps, latents) {
  return steps && latents.length ? request('followed', [id], [steps, latents], () => api.latentsOverSteps(id, steps, latents)) : null;
}

/** Figures of the dictionary that stands beside. @param {Store} store @param {Api} api @returns {Request|null} answered by [dictionary, statistics] */
export function askBeside(store, api) {
  const { beside } = store.selection;
  const step = besideStep(store);
  return store.besideEntry
    ? request('beside', [beside], [step], () => Promise.all([api.dictionary(beside, step), api.dictionaryStatistics(beside, step)]))
    : null;
}
