import { onFailures } from './failure_sets.js';
import { CHOICE_OF, keyText, originalOf, outcomeEntryOf, runEntryOf } from './outcomes.js';

/**
 * Shows what a job brought, before TensorBoard has loaded it. Where the user has gone on to another run meanwhile, nothing
 * moves, and the dock offers it.
 * @param {import('./store.js').Store} store @param {import('./api.js').Api} api @param {import('./jobs.js').Job} job that is done
 * @param {{asked?: boolean}} [how] `asked`: the user wants to see it, wherever that is
 */
export async function showResult(store, api, job, { asked = false } = {}) {
  const { kind, run, id } = job.result;
  const key = { run, id };
  try {
    if (kind === 'vlm_run') {
      const entry = runEntryOf(key, await api.vlmRun(key));
      store.addFresh({ vlm_runs: [entry] });
      store.chooseRun(entry);
      store.set({ workspace: 'scratchpad' }, { asNew: false });
      store.setSession({ sheet: null });
    } else {
      const entry = outcomeEntryOf(kind, await api.outcome(kind, key));
      store.addFresh({ outcomes: [entry] });
      if (kind === 'head_attention') {
        showHeads(store, entry, asked);
        return;
      }
      if (kind === 'set_ablation') {
        if (!asked && !onFailures(store, job.subject)) return;
        const shown = job.subject ? { set: keyText(job.subject) } : {};
        store.set({ workspace: 'compare', page: 'failures', ...shown, ablation: keyText(key) });
        store.jobs.dismiss();
        return;
      }
      const chosen = originalOf(store);
      if (chosen?.id !== entry.original_run_id && !openOriginal(store, entry, asked || !chosen)) return;
      const choice = CHOICE_OF[kind];
      const place = kind === 'steering_result' || asked ? { workspace: 'compare', page: 'answers' } : {};
      store.set({ ...place, ...(choice ? { [choice]: keyText(key) } : {}) });
    }
    store.jobs.dismiss();
  } catch (error) {
    store.setSession({ notice: `The worker is done, but its result cannot be read: ${error.message}` });
  }
}

/** Maps of heads are shown over the run that they are of; of another run, when the user asks for them. */
function showHeads(store, { original_run_id: id }, asked) {
  if (store.selection.id !== id) {
    const of = asked ? store.session.listing?.vlm_runs.find((entry) => entry.id === id) : null;
    if (!of) return;
    store.chooseRun(of);
  }
  if (store.session.sheet === null) {
    store.set({ workspace: 'scratchpad' }, { asNew: false });
    store.setSession({ sheet: 'heads' });
  }
  store.jobs.dismiss();
}

/** @returns {boolean} the run that the outcome is about is now the chosen one */
function openOriginal(store, { original_run_id: id }, asked) {
  const original = asked ? store.session.listing?.vlm_runs.find((entry) => entry.id === id) : null;
  if (original) store.chooseRun(original);
  return Boolean(original);
}
