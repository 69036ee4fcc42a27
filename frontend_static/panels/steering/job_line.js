import { html, nothing } from '../../vendor/lit.js';
import { isUnderWay } from '../../jobs.js';

const WHAT = { steer: 'steered answer', run: 'answer', erase: 'answer without the box', sweep: 'clusters', dose: 'doses', contributions: 'word', set_ablation: 'failure set' };

/** The answer that the user waits for comes first. */
const SPOKEN_FIRST = ['steered', 'erased', 'original'];

/** @param {import('../../jobs.js').Job} job @returns {string} a few words on where it stands */
export function standing({ state, position, stage }) {
  if (state === 'sending') return 'sending';
  if (state === 'queued') return position ? `waiting, ${position} before it` : 'next';
  if (!stage) return 'started';
  return stage.total > 1 ? `${stage.what}, ${stage.done} of ${stage.total}` : stage.what;
}

/** @param {import('../../jobs.js').Job} job @returns {string} what was said so far */
export function textSoFar({ texts }) {
  const condition = SPOKEN_FIRST.find((one) => texts[one]) ?? Object.keys(texts).at(-1);
  return condition ? texts[condition].replace(/\s+/g, ' ').trim() : '';
}

/**
 * How a job of this tab stands: progress, the words as they come, and the way out.
 * @param {import('../../jobs.js').Job} job @param {{onCancel: () => void, onDismiss: () => void, onOpen: () => void}} handlers
 */
export function jobLine(job, { onCancel, onDismiss, onOpen }) {
  const what = job.name || WHAT[job.kind] || job.kind;
  if (isUnderWay(job)) {
    const share = job.stage && job.stage.total ? job.stage.done / job.stage.total : null;
    const text = textSoFar(job);
    return html`<div class="job" role="group" aria-label="Job of the worker"><span class="job-head"><b>${what}</b>
        <span class="k" role="status" data-value="job-state">${standing(job)}</span></span>
      <progress max="1" value=${share ?? nothing} aria-label="Progress of ${what}"></progress>
      ${
        job.silent
          ? html`<span class="so-far" role="status">${job.silent}</span>`
          : html`<span class="so-far mono" title=${text}><span data-value="so-far">${text}</span></span>`
      }
      <button type="button" class="button small" ?disabled=${!job.id} @click=${onCancel}>Cancel</button></div>`;
  }
  const said = { done: 'done', failed: job.error ?? 'failed', cancelled: 'cancelled' }[job.state];
  return html`<div class="job over ${job.state}" role=${job.state === 'failed' ? 'alert' : 'status'}><span class="job-head"><b>${what}</b></span>
    <span class="said" title=${said}>${said}</span>
    ${job.state === 'done' ? html`<button type="button" class="button small" @click=${onOpen}>Open</button>` : nothing}
    <button type="button" class="button small" @click=${onDismiss}>Dismiss</button></div>`;
}
