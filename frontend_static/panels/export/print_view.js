import { html, nothing } from '../../vendor/lit.js';
import { Panel } from '../base/panel.js';
import { settingsTold } from './about.js';
import { whole } from '../../elements/format.js';
import { heightOfMatrix } from './run_figures.js';

/** What a card is wide and a page high on paper, A4 or US Letter within the margins of print.css, in CSS pixels. */
const PAPER = Object.freeze({ width: 664, height: 900 });

/** How high the plots that fill a card stand on paper. @type {Record<string, (view: any) => number>} */
const HEIGHTS = {
  'vs-scatter': () => 520,
  'vs-latent-map': () => 540,
  'vs-dose-plot': () => 340,
  'vs-matrix': (view) => Math.min(PAPER.height, heightOfMatrix(view.data)),
};

/** Printing waits for no frame and no microtask: what is due is done now. */
function repaint() {
  const elements = /** @type {any[]} */ ([...document.querySelectorAll('*')]);
  for (const one of elements) if (one.isUpdatePending) one.performUpdate();
  for (const view of elements) {
    const surface = view.plot?.surface ?? view.surface;
    const height = view.data && HEIGHTS[view.localName];
    if (surface && height) surface.pin(PAPER.width, height(view), 2);
    surface?.now?.();
  }
}

function ofTheScreenAgain() {
  for (const view of /** @type {any[]} */ ([...document.querySelectorAll(Object.keys(HEIGHTS).join())])) view.plot?.surface.unpin();
}

/** What a page of Compare is about. */
const SCOPES = /** @type {const} */ ({ answers: 'compare', failures: 'failures', runs: 'runs', dictionaries: 'dictionaries' });

/** What pages with a picture show besides. @type {Record<string, readonly string[]>} */
const SHOWN = { run: ['source', 'overlay', 'head', 'scale'], runs: ['source', 'overlay', 'pairScale'] };

/**
 * What a printed tab needs besides its style sheet: a head that says what is shown, and light colours, from the moment the
 * browser is about to print until it has.
 */
export class PrintView extends Panel {
  connectedCallback() {
    super.connectedCallback();
    this.before = () => {
      this.was = this.theme;
      if (this.was !== 'light') this.dispatchEvent(new CustomEvent('print-theme', { bubbles: true, detail: 'light' }));
      repaint();
    };
    this.after = () => {
      ofTheScreenAgain();
      if (this.was !== 'light') this.dispatchEvent(new CustomEvent('print-theme', { bubbles: true, detail: this.was }));
    };
    window.addEventListener('beforeprint', this.before);
    window.addEventListener('afterprint', this.after);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('beforeprint', this.before);
    window.removeEventListener('afterprint', this.after);
  }

  render() {
    const { runEntry: run, dictionaryEntry: dictionary, selection, session } = this.store;
    if (!session.listing) return nothing;
    const { workspace } = selection;
    const step = selection.step ?? dictionary?.steps?.at(-1);
    const scope = workspace === 'scratchpad' ? 'run' : workspace === 'dictionary' ? 'dictionary' : SCOPES[selection.page];
    const settings = settingsTold(selection, scope, SHOWN[scope]);
    return html`<header class="print-head"><h1>${workspace === 'dictionary' || !run ? (dictionary?.name ?? 'Visual Scratchpad') : run.name || run.prompt}</h1>
      <p>${dictionary ? `Model ${dictionary.vlm_name}; SAE ${dictionary.sae_name} at ${dictionary.hook}, dictionary ${dictionary.id.slice(0, 8)}, ${whole(dictionary.n_latents)} latents${step === undefined ? '' : `, step ${whole(step)}`}.` : ''}
      ${run && workspace !== 'dictionary' ? `Prompt: “${run.prompt}”. Answer: “${run.output_text}”.` : ''}</p>
      <p>${settings.length ? `Settings: ${settings.join('; ')}.` : 'Settings as by default.'} Visual Scratchpad ${session.listing.version ?? ''}, printed ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC.</p></header>`;
  }
}

customElements.define('vs-print', PrintView);
