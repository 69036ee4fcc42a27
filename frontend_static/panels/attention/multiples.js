import { html } from '../../vendor/lit.js';
import { percent, tokenText } from '../../elements/format.js';
import '../../elements/picture.js';
import { toggled } from '../../token_set.js';

/**
 * One small picture per word, with its own attention on the picture. A click shows the word alone, with Ctrl it leaves the set.
 * @param {{store: import('../../store.js').Store, run: any, src: string, headers: any[], rasters: (import('../../plots/image_overlay.js').Raster|null)[],
 *   top: number|null}} given `top`: end of a common scale; null: each has its own
 */
export function multiples({ store, run, src, headers, rasters, top }) {
  const { width, height } = run.picture;
  const { selection } = store;
  const pick = (event, index) => {
    if (event.ctrlKey || event.metaKey) store.set(toggled(selection, index));
    else store.set({ token: index, tokens: Object.freeze([]), head: null });
  };
  return html`<div class="multiples" role="group" aria-label="Each word alone">${headers.map(({ token: index, mass_on_picture: mass, reason }, i) => {
    const token = run.tokens.find((one) => one.index === index);
    const name = token ? tokenText(token.text) : String(index);
    const seen = mass === null || reason ? 'cannot see it' : percent(mass);
    return html`<button type="button" class="multiple ${index === selection.token ? 'on' : ''}" data-token=${index} title="${name}: ${reason ?? `${seen} of its attention on the picture`}. Click: this word alone"
      aria-label="${name}, ${seen}" @click=${(event) => pick(event, index)}><vs-picture .src=${src} .raster=${rasters[i]} .top=${top} .mode=${selection.overlay}
      .theme=${store.session.theme} .label=${name} .ratio=${width / height}></vs-picture>
      <span class="mono">${name}</span><span class="k" data-value="multiple-mass">${seen}</span></button>`;
  })}</div>`;
}
