import { html } from '../../vendor/lit.js';
import { stepOf } from './steps.js';

/** What is led to may first have to be drawn; so many frames are waited for it. */
const FRAMES = 90;

/** @param {readonly string[]} selectors the first that is there takes it */
async function focusOn(selectors) {
  for (let frame = 0; frame < FRAMES; frame++) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const found = selectors.map((selector) => document.querySelector(selector)).find(Boolean);
    if (!found || found.closest('[aria-busy=true]')) continue;
    found.focus();
    return;
  }
}

/**
 * Leads to a step of the walk. Where the user chooses something else while it is found out what to choose, that counts.
 * @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api @param {string} key
 */
export async function lead(store, api, key) {
  const { selection } = store;
  let found;
  try {
    found = await stepOf(key).go(store, api);
  } catch (error) {
    found = { why: `The way there cannot be found: ${error.message}` };
  }
  if (store.selection !== selection) return;
  const { patch, sheet, item, focus, why = null } = found;
  if (patch?.run && (patch.run !== selection.run || patch.id !== selection.id)) {
    const entry = store.session.listing.vlm_runs.find(({ run, id }) => run === patch.run && id === patch.id);
    store.chooseRun(entry);
    store.set({ workspace: patch.workspace }, { asNew: false });
  } else if (patch) {
    store.set(patch);
  }
  store.setSession({ notice: why, sheet: sheet ?? null });
  if (item) store.addToBasket(item);
  store.setSession({ ledTo: key });
  if (focus && !why) await focusOn(focus);
}

/**
 * The one next action of a panel, by its plain name.
 * @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api @param {string} key of the step it leads to
 * @param {string} [text] where the step's own invitation does not fit
 */
export function nextAction(store, api, key, text = stepOf(key).next) {
  return html`<button type="button" class="link next-action" data-next=${key} title=${stepOf(key).text} @click=${() => lead(store, api, key)}>${text}<span aria-hidden="true"> →</span></button>`;
}
