import { html, nothing } from '../../vendor/lit.js';
import { emptyState } from '../../elements/card.js';
import { hasResults, resultsElsewhere } from '../compare/elsewhere_panel.js';
import { pageChoice } from '../compare/page_choice.js';
import { failuresPage } from './failures.js';
import { dictionariesPage, runsPage } from './pairs.js';

/** The third workspace: steered answers beside the original. @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api */
export function comparePage(store, api) {
  if (store.selection.page === 'failures') return failuresPage(store, api);
  if (store.selection.page === 'runs') return runsPage(store, api);
  if (store.selection.page === 'dictionaries') return dictionariesPage(store, api);
  if (!store.runKey) {
    return html`<main class="page">${emptyState('No run of this dictionary was logged, so there is nothing to steer.', pageChoice(store))}</main>`;
  }
  const table =
    store.selection.table === 'latents'
      ? html`<vs-contributions .store=${store} .api=${api}></vs-contributions>`
      : html`<vs-sweep .store=${store} .api=${api}></vs-sweep>`;
  if (!hasResults(store)) {
    const any = resultsElsewhere(store).length > 0;
    return html`<main class="workspace compare bare ${any ? '' : 'alone'}"><vs-verdict .store=${store} .api=${api}></vs-verdict>
      ${any ? html`<vs-elsewhere .store=${store} .api=${api}></vs-elsewhere>` : nothing}<vs-dose .store=${store} .api=${api}></vs-dose>${table}</main>`;
  }
  return html`<main class="workspace compare"><vs-verdict .store=${store} .api=${api}></vs-verdict>
    <vs-answers .store=${store} .api=${api}></vs-answers><vs-dose .store=${store} .api=${api}></vs-dose>${table}</main>`;
}
