import { html } from '../../vendor/lit.js';
import { againstOf, matchedWith } from '../../dictionary_pairs.js';
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
  const { dictionary } = store.selection;
  const matched = matchedWith(store, dictionary);
  if (!matched.length) {
    const one = store.session.listing.dictionaries.length < 2;
    return html`<main class="page"><section class="card empty-page" aria-label="Not matched yet">${pageChoice(store)}
      <h2>${one ? 'This log knows one dictionary' : 'This dictionary was not matched with another one yet'}</h2>
      <p>Which latents of two SAEs are the same? Those whose decoder rows point the same way. A log holds no decoder rows, so one command compares them
        and logs what it found: for each latent the five nearest of the other SAE.</p>
      <dl><dt>Match the dictionary with another one of the same model</dt>
        <dd><code>visualscratchpad match-sae --vlm MODEL --sae SAE --other-sae OTHER --logdir LOGDIR</code></dd>
        <dt>Labels, pictures and frequencies of both come from</dt>
        <dd><code>visualscratchpad statistics --vlm MODEL --sae OTHER --images FOLDER --logdir LOGDIR</code></dd></dl>
      <p class="note">LOGDIR is the folder TensorBoard was started with. Two steps of one training need no match: a latent keeps its number, and Dictionary, over
        training, shows how far it turned.</p></section></main>`;
  }
  if (!matched.includes(againstOf(store)?.id))
    return html`<main class="workspace dictionaries"><vs-dictionary-verdict .store=${store} .api=${api}></vs-dictionary-verdict></main>`;
  return html`<main class="workspace dictionaries"><vs-dictionary-verdict .store=${store} .api=${api}></vs-dictionary-verdict>
    <vs-dictionary-cosines .store=${store} .api=${api}></vs-dictionary-cosines><vs-dictionary-latents .store=${store} .api=${api}></vs-dictionary-latents>
    <vs-dictionary-beside .store=${store} .api=${api}></vs-dictionary-beside></main>`;
}
