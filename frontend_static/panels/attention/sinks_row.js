import { html } from '../../vendor/lit.js';
import { counted, percent } from '../../elements/format.js';

/**
 * A line of the facts: what the shown attention spends on sinks, and the choice to leave them out; or why there are none.
 * @param {import('../../store.js').Store} store @param {import('../../packed.js').Packed} answer @param {number|null} mass on sinks
 */
export function sinksFact(store, answer, mass) {
  const { defined, reason, n_sinks: n, share, n_words: words, density, words: part } = answer.header;
  const means = `A sink is a patch that draws attention whatever the word: at least ${density} times its even share, for at least ${Math.round(100 * part)} % of the answer’s different words (here ${words}).`;
  if (!defined) return html`<div title="${reason} ${means}"><dt>Sinks</dt><dd class="k" data-value="sinks">cannot be told</dd></div>`;
  if (!n) return html`<div title=${means}><dt>Sinks</dt><dd data-value="sinks">none</dd></div>`;
  const out = store.selection.sinks === 'out';
  return html`<div title="${means} All words together spend ${percent(share)} of their attention on the picture there.${out ? ' Left out of every other figure, of C and of the heatmap.' : ''}">
    <dt><span data-value="sinks">On ${counted(n, 'sink')}</span>
      <button type="button" class="link sinks-switch" aria-pressed=${String(out)} @click=${() => store.set({ sinks: out ? 'shown' : 'out' })}>${out ? 'put back' : 'leave out'}</button></dt>
    <dd data-value="mass-on-sinks">${mass === null ? '–' : percent(mass)}</dd></div>`;
}

/** Boxes of the sinks as shares of the picture. @param {any} picture @param {import('../../packed.js').Packed} patches @param {ArrayLike<number>} sink @param {string} view */
export function sinkMarks({ width, height }, { arrays: { box, view: of } }, sink, view) {
  const found = [];
  for (let p = 0; p < sink.length; p++) {
    if (!sink[p] || (view === 'base' && of[p] > 0) || (view === 'tiles' && of[p] === 0)) continue;
    found.push([box[4 * p] / width, box[4 * p + 1] / height, box[4 * p + 2] / width, box[4 * p + 3] / height]);
  }
  return found;
}
