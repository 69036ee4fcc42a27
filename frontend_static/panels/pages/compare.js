import { html } from '../../vendor/lit.js';
import { emptyState } from '../../elements/card.js';
import { counted } from '../../elements/format.js';

/** The third workspace: steered answers beside the original. @param {import('../../store.js').Store} store */
export function comparePage(store) {
  const { dictionary } = store.selection;
  const steered = (store.session.listing?.vlm_runs ?? []).filter(
    (entry) => entry.steered && entry.dictionary_id === dictionary,
  );
  if (steered.length) {
    return html`<main class="page">${emptyState(
      `${counted(steered.length, 'steered answer')} of this dictionary ${steered.length === 1 ? 'is' : 'are'} in the log. ` +
        'This version opens them one at a time; it does not set them side by side.',
      html`<div class="buttons">${steered.slice(0, 8).map(
        (entry) => html`<button type="button" class="button small mono" @click=${() => {
          store.chooseRun(entry);
          store.set({ workspace: 'scratchpad' }, { asNew: false });
        }}>${entry.name}</button>`,
      )}</div>`,
    )}</main>`;
  }
  return html`<main class="page"><section class="card empty-page" aria-label="No steered run yet">
    <h2>No steered run yet: fill the basket</h2>
    <p>Choose a latent and press <kbd>b</kbd>, or click a cluster’s name in the heatmap. What is in the basket, below, says
      how a steered answer shall differ: which latents, set, scaled or shifted, and where.</p>
    <p class="note">A steered answer needs the model. The tab reads logs and has none, so the run is started outside: “Spec” in
      the basket has the file and the command.</p>
  </section></main>`;
}
