import { html } from '../../vendor/lit.js';
import { fixed } from '../../elements/format.js';
import { latentName } from './names.js';

/** As many as the inspector shows; the log may hold more. */
const SHOWN = 6;

/**
 * The latents with the nearest decoder rows, each a button that chooses it.
 * @param {{at_hand: boolean, problem: string|null, neighbours: any[]}} answer to `latent_neighbours`
 * @param {(latent: number) => void} choose
 */
export function neighbourChips({ at_hand: atHand, problem, neighbours }, choose) {
  if (!atHand) return html`<p class="note">The sidecar that holds them is missing: copy the run's folder whole.</p>`;
  if (!neighbours.length) return html`<p class="note">None: its decoder row has no direction, or it never fires.</p>`;
  return html`<div class="tags">${neighbours.slice(0, SHOWN).map(({ latent, cosine, label, label_share: share }) => {
    const name = label === null ? '' : latentName(label, share);
    return html`<button type="button" class="tag" data-neighbour=${latent} title="Choose latent ${latent}"
      @click=${() => choose(latent)}><span class="mono">${latent}</span> ${name} <span class="k">${fixed(cosine, 2)}</span></button>`;
  })}</div>
    ${problem ? html`<p class="note">${problem}</p>` : ''}`;
}
