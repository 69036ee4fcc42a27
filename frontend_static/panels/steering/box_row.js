import { html, nothing } from '../../vendor/lit.js';
import { boxFields } from '../../elements/box_brush.js';
import { frame } from '../../elements/icons.js';
import { select } from '../../elements/select.js';
import { askAgain, whyNotAgain } from './asking.js';

/** What becomes of the box: what the button says, the picture's fate in a sentence, and the outcome's name. */
const FILLS = {
  mean: ['Erase', 'the box filled with the colour around it', 'box erased (mean)'],
  blur: ['Blur', 'the box blurred', 'box erased (blur)'],
  outside: ['Keep it', 'all but the box painted grey', 'only the box kept'],
};

/** Turns drawing on and off; lies on the picture's corner. @param {import('../../store.js').Store} store */
export function boxButton(store) {
  const { brushing } = store.session;
  return html`<button type="button" class="box-button" aria-pressed=${String(brushing)} aria-label="Draw a box"
    title=${brushing ? 'Stop drawing' : 'Draw a box on the picture: to steer in it, or to erase it'}
    @click=${() => store.setSession({ brushing: !brushing })}>${frame}</button>`;
}

/**
 * The box on the picture: drawn, typed, steered in, or erased from the picture.
 * @param {import('../../store.js').Store} store @param {any} run as `vlm_run` answers
 */
export function boxRow(store, run) {
  const { box, boxView, scope } = store.selection;
  const { brushing } = store.session;
  if (!brushing && !box) return nothing;
  const why = whyNotAgain(store) ?? (box ? null : 'No box is drawn.');
  const erase = (fill) => html`<button type="button" class="button small" ?disabled=${why !== null} title=${why ?? `Ask again with ${FILLS[fill][1]}`}
    @click=${() => askAgain(store, { kind: 'erase', box: [...box], fill }, FILLS[fill][2])}>${FILLS[fill][0]}</button>`;
  return html`<div class="box-row">${boxFields({ box, picture: run.picture, onBox: (next) => store.set({ box: Object.freeze(next) }) })}
    ${
      run.tile_rows && scope === 'box'
        ? select({
            label: 'Patches in the box',
            value: boxView,
            options: [
              ['both', 'base + tiles'],
              ['base', 'base view'],
              ['tiles', 'tiles'],
            ],
            onChange: (view) => store.set({ boxView: view }),
          })
        : nothing
    }
    ${
      box
        ? html`${scope === 'box' ? nothing : html`<button type="button" class="button small" title="Steer in the box alone" @click=${() => store.set({ scope: 'box' })}>Steer in it</button>`}
          ${Object.keys(FILLS).map(erase)}<button type="button" class="button small" aria-label="Remove the box"
          @click=${() => {
            store.setSession({ brushing: false });
            store.set({ box: null, ...(scope === 'box' ? { scope: 'all' } : {}) });
          }}>✕</button>`
        : nothing
    }</div>`;
}
