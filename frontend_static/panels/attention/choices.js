import { html, nothing } from '../../vendor/lit.js';
import { tokenText, whole } from '../../elements/format.js';
import { segmented } from '../../elements/segmented.js';
import { select } from '../../elements/select.js';

/** The position whose row is shown, told by the word at that place: short where the choice of views stands beside it. */
function producingText({ tokens, tile_rows: tiled }, index, several) {
  const token = tokens.find((one) => one.index === index);
  if (several) return tiled ? 'producing' : 'producing rows';
  if (token?.span !== 'OUTPUT') return 'producing row';
  const before = tokens.find((one) => one.index === token.index - 1);
  const word = before ? tokenText(before.text) : '';
  if (tiled) return word ? `by “${word}”` : `by row ${whole(token.index - 1)}`;
  return `produced by row ${whole(token.index - 1)}${word ? `, ${word}` : ''}`;
}

/**
 * Whose row, which view, which layers.
 * @param {import('../../store.js').Store} store @param {any} run as `vlm_run` answers
 * @param {{rows: boolean, layers: boolean, several: boolean}} shown
 */
export function attentionChoices(store, run, { rows, layers: byLayer, several }) {
  const { layers, row, view, token } = store.selection;
  const set = (key) => (value) => store.set({ [key]: value });
  const all = run.layers.length > 1 ? `layers ${run.layers[0]}–${run.layers.at(-1)}` : `layer ${run.layers[0]}`;
  return html`<div class="choices">
    ${
      rows
        ? select({
            label: 'Row',
            value: row,
            onChange: set('row'),
            title: 'The position that produced the word, or the word’s own position',
            options: [
              ['producing', producingText(run, token, several)],
              ['own', 'its own row'],
            ],
          })
        : nothing
    }
    ${
      run.tile_rows
        ? segmented({
            label: 'View',
            value: view,
            options: [
              ['both', 'Both'],
              ['base', 'Base'],
              ['tiles', 'Tiles'],
            ],
            onChange: set('view'),
          })
        : nothing
    }
    ${
      byLayer
        ? select({
            label: 'Layers',
            value: layers,
            onChange: set('layers'),
            disabled: !run.has_layers,
            title: run.has_layers
              ? 'Attention of all layers, or of one'
              : 'Attention by layer is not at hand: its sidecar is missing',
            options: [['all', all], ...run.layers.map((l) => [String(l), `layer ${l}`])],
          })
        : nothing
    }</div>`;
}
