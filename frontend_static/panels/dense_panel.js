import { html, nothing } from '../vendor/lit.js';
import { hiddenDense, toggleDense } from '../dense.js';
import { percent, whole } from '../elements/format.js';
import { eye, eyeOff } from '../elements/icons.js';
import { isShortcut, Panel } from './base/panel.js';
import { askDense } from './base/requests.js';

/** The switch that hides dense latents everywhere; while it does, it says how many, and from where on. */
export class DensePanel extends Panel {
  constructor() {
    super();
    this.statistics = this.query(askDense);
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (event.key !== 'd' || !isShortcut(event)) return;
      event.preventDefault();
      this.toggle();
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  toggle() {
    if (this.store.dictionaryEntry?.has_statistics) toggleDense(this.store, this.api);
    else if (this.store.session.listing)
      this.store.setSession({ notice: 'No statistics were logged for this dictionary, so it is not known which of its latents are dense.' });
  }

  render() {
    const { hideDense } = this.selection;
    if (!this.store.dictionaryEntry?.has_statistics) return nothing;
    if (!hideDense)
      return html`<button type="button" class="icon" aria-label="Hide dense latents" aria-pressed="false" aria-keyshortcuts="d"
        title="Hide dense latents everywhere (d)" @click=${() => this.toggle()}>${eye}</button>`;
    const hidden = hiddenDense(this.store, this.statistics.value);
    const over = hidden ? `over ${percent(hidden.cut)}` : '';
    const many = hidden ? `${whole(hidden.n)} ${hidden.n === 1 ? 'latent' : 'latents'}` : '…';
    const title = hidden
      ? `${many} ${hidden.n === 1 ? 'fires' : 'fire'} in ${over} of the pictures and ${hidden.n === 1 ? 'is' : 'are'} hidden in every list and plot. Click to show them (d)`
      : 'Dense latents are hidden. Click to show them (d)';
    return html`<button type="button" class="dense-chip" aria-pressed="true" aria-keyshortcuts="d" aria-label="Dense hidden, ${over}, ${many}: show them" title=${title}
      @click=${() => this.toggle()}>${eyeOff}<span class="long">dense hidden · ${over} · ${many}</span><span class="short">${hidden ? whole(hidden.n) : '…'}<span class="word"> dense</span></span></button>`;
  }
}

customElements.define('vs-dense', DensePanel);
