import { html } from '../../vendor/lit.js';
import { setKeyOf } from '../../failure_sets.js';
import { pageChoice } from '../compare/page_choice.js';

/** Of the third workspace: many pictures with right and wrong answers. @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api */
export function failuresPage(store, api) {
  if (!setKeyOf(store)) {
    return html`<main class="page"><section class="card empty-page failures-empty" aria-label="No failure set yet">
      ${pageChoice(store)}<h2>No failure set of this dictionary yet</h2>
      <p>Which visual concepts are common to the pictures that the model gets wrong, and does taking them away mend more than it breaks? Write a line for
        each picture, fifty or more, some of which fail, with the right answer:</p>
      <dl><dt>ITEMS.jsonl (or a CSV file with these columns; pictures are found relative to it)</dt>
        <dd><code>{"picture": "a.jpg", "prompt": "What is this?", "right": "a duck"}</code></dd>
        <dt>Ask all of them, and take away what tells the failures apart</dt>
        <dd><code>visualscratchpad failures --vlm MODEL --sae SAE --items ITEMS.jsonl --logdir LOGDIR --ablate 20</code></dd></dl>
      <p class="note">LOGDIR is the folder TensorBoard was started with. The set appears here by itself.</p>
    </section></main>`;
  }
  return html`<main class="workspace failures"><vs-set-summary .store=${store} .api=${api}></vs-set-summary>
    <vs-telling .store=${store} .api=${api}></vs-telling><vs-set-items .store=${store} .api=${api}></vs-set-items>
    <vs-set-ablation .store=${store} .api=${api}></vs-set-ablation></main>`;
}
