import { html, LitElement, nothing } from '../../vendor/lit.js';
import { save } from '../../elements/icons.js';
import { figureAround } from './registry.js';

/** In a card's head: opens the list of what its figure can be saved as. Not there where its panel has none. Sends `export-figure` with the panel. */
export class ExportButton extends LitElement {
  static properties = { around: { state: true } };

  constructor() {
    super();
    this.around = null;
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    // the panel around it is known once the whole card is in the page
    queueMicrotask(() => {
      this.around = figureAround(this);
    });
  }

  render() {
    if (!this.around) return nothing;
    return html`<button type="button" class="icon small export" aria-label="Save ${this.around.description.name.replaceAll('-', ' ')}" aria-haspopup="menu" title="Save this figure (e)"
      @click=${(event) => this.dispatchEvent(new CustomEvent('export-figure', { bubbles: true, detail: { panel: figureAround(this).panel, opener: event.currentTarget } }))}>${save}</button>`;
  }
}

customElements.define('vs-export-button', ExportButton);
