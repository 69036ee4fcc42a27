import { basketName, steeringSpec } from '../../basket.js';
import { isUnderWay } from '../../jobs.js';
import { originalOf } from '../../outcomes.js';

/**
 * What panels ask of the worker, and why they cannot.
 *
 * @typedef {import('../../store.js').Store} Store
 */

/** @param {Store} store @returns {string|null} a sentence why no job can be started; null where one can */
export function whyNoWorker({ session: { worker, job }, selection }) {
  if (!worker) return 'Looking for a worker.';
  if (!worker.worker) return worker.sentence;
  if (selection.dictionary && worker.worker.dictionary_id !== selection.dictionary) {
    const { vlm_name: vlm, sae_name: sae } = worker.worker;
    return `The worker holds ${vlm} with ${sae}; this run is of another dictionary. Start a worker for it.`;
  }
  if (isUnderWay(job)) return 'The worker is at a job of this tab: wait for it, or cancel it.';
  return null;
}

/** @param {Store} store @returns {string|null} a sentence why the chosen run cannot be asked again; null where it can */
export function whyNotAgain(store) {
  const why = whyNoWorker(store);
  if (why) return why;
  const original = originalOf(store);
  if (!original) return 'No run is chosen.';
  return original.has_picture ? null : 'This run was logged without its picture, so it cannot be asked again.';
}

/** @param {Store} store @returns {string|null} */
export function whyNotSteer(store) {
  return whyNotAgain(store) ?? (store.selection.basket.length ? null : 'The basket is empty: add a latent or cluster.');
}

/** Asks the chosen run again. @param {Store} store @param {{kind: string, [key: string]: any}} job @param {string} name */
export function askAgain(store, job, name) {
  const { run, id } = originalOf(store);
  return store.jobs.start({ name, ...job, picture: { run, id } }, { name, subject: { run, id } });
}

/** Runs the basket. @param {Store} store @param {{width: number, height: number}} picture of the run, in pixels */
export function runBasket(store, picture) {
  const name = basketName(store.selection.basket);
  return askAgain(store, { kind: 'steer', spec: steeringSpec(store.selection, picture) }, name);
}
