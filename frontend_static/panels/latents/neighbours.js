import { html } from '../../vendor/lit.js';
import { counted, fixed } from '../../elements/format.js';
import { latentName, pinMark, shownName } from './names.js';
import { withoutHidden } from '../../dense.js';

/** As many as the inspector shows; the log may hold more. */
const SHOWN = 6;

/**
 * The latents with the nearest decoder rows, each a button that chooses it.
 * @param {{at_hand: boolean, problem: string|null, neighbours: any[]}} answer to `latent_neighbours`
 * @param {import('../../store.js').Store} store @param {import('../../dense.js').Hidden|null} hidden
 */
export function neighbourChips({ at_hand: atHand, problem, neighbours }, store, hidden) {
  if (!atHand) return html`<p class="note">The sidecar that holds them is missing: copy the run's folder whole.</p>`;
  if (!neighbours.length) return html`<p class="note">None: its decoder row has no direction, or it never fires.</p>`;
  const { shown, nHidden } = withoutHidden(hidden, neighbours, ({ latent }) => latent);
  return html`<div class="tags">${shown.slice(0, SHOWN).map(({ latent, cosine, label, label_share: share }) => {
    const name = label === null ? '' : latentName(label, share);
    return html`<button type="button" class="tag" data-neighbour=${latent} title="Choose latent ${latent}"
      @click=${() => store.chooseLatent(latent)}>${pinMark(store, latent)}<span class="mono">${latent}</span> ${shownName(store, latent, name)} <span class="k">${fixed(cosine, 2)}</span></button>`;
  })}</div>
    ${nHidden ? html`<p class="note hidden-told">${counted(nHidden, 'dense neighbour')} hidden.</p>` : ''}
    ${problem ? html`<p class="note">${problem}</p>` : ''}`;
}
