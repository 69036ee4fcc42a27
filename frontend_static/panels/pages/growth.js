import { html } from '../../vendor/lit.js';

/** The Dictionary over training. @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api */
export function growthPage(store, api) {
  return html`<main class="workspace dictionary growth">
    <vs-health .store=${store} .api=${api}></vs-health><vs-growth .store=${store} .api=${api}></vs-growth>
    <vs-latent-curves .store=${store} .api=${api}></vs-latent-curves><vs-gallery .store=${store} .api=${api}></vs-gallery></main>`;
}
