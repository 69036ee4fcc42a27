import { html } from '../../vendor/lit.js';
import { emptyState } from '../../elements/card.js';
import { pageChoice } from '../compare/page_choice.js';

/** Of the third workspace: two runs. @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api */
export function runsPage(store, api) {
  if (!store.runKey) {
    return html`<main class="page">${emptyState('No run of this dictionary was logged, so there are no two to compare.', pageChoice(store))}</main>`;
  }
  return html`<main class="workspace pair"><vs-pair-verdict .store=${store} .api=${api}></vs-pair-verdict><vs-pair-answers .store=${store} .api=${api}></vs-pair-answers>
    <vs-pair-attention .store=${store} .api=${api}></vs-pair-attention><vs-pair-latents .store=${store} .api=${api}></vs-pair-latents>
    <vs-pair-settings .store=${store} .api=${api}></vs-pair-settings></main>`;
}

/** Of the third workspace: two dictionaries. @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api */
export function dictionariesPage(store, api) {
  return html`<main class="workspace dictionaries"><vs-dictionary-verdict .store=${store} .api=${api}></vs-dictionary-verdict>
    <vs-dictionary-cosines .store=${store} .api=${api}></vs-dictionary-cosines><vs-dictionary-latents .store=${store} .api=${api}></vs-dictionary-latents>
    <vs-dictionary-beside .store=${store} .api=${api}></vs-dictionary-beside></main>`;
}
