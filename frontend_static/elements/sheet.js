import { html, LitElement } from '../vendor/lit.js';
import { cross } from './icons.js';

/**
 * A dialog over the tab: it takes the focus, gives it back, and Escape or a click beside it closes it. `content` is drawn
 * while it is open. Emits `close`.
 */
export class Sheet extends LitElement {
  static properties = { open: { type: Boolean }, label: {}, content: { attribute: false } };

  constructor() {
    super();
    this.open = false;
    this.label = '';
    this.content = null;
  }

  createRenderRoot() {
    return this;
  }

  updated() {
    const dialog = this.querySelector('dialog');
    if (this.open === dialog.open) return;
    if (this.open) {
      this.before = document.activeElement;
      dialog.showModal();
      dialog.querySelector('[data-first]')?.focus();
    } else {
      dialog.close();
      if (this.before?.isConnected) this.before.focus();
    }
  }

  close() {
    if (this.open) this.dispatchEvent(new CustomEvent('close'));
  }

  render() {
    return html`<dialog class="sheet" aria-label=${this.label}
        @cancel=${(event) => {
          event.preventDefault();
          this.close();
        }}
        @close=${(event) => {
          event.stopPropagation();
          this.close();
        }}
        @keydown=${(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault(); // a search field would take the first press to clear itself
          this.close();
        }}
        @click=${(event) => {
          if (event.target === event.currentTarget) this.close();
        }}>
      <div class="sheet-body"><header class="sheet-head"><h2>${this.label}</h2>
        <button type="button" class="icon" aria-label="Close" @click=${() => this.close()}>${cross}</button></header>
      ${this.open ? this.content : ''}</div></dialog>`;
  }
}

customElements.define('vs-sheet', Sheet);
