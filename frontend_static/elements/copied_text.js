import { html, LitElement } from '../vendor/lit.js';

/** Text in a field, and a button that copies it. Where the browser forbids copying, the text is selected for the user. */
export class CopiedText extends LitElement {
  static properties = { text: {}, label: {}, action: {}, rows: { type: Number }, said: { state: true } };

  constructor() {
    super();
    this.text = '';
    this.label = '';
    this.action = 'Copy';
    this.rows = 1;
    this.said = '';
  }

  createRenderRoot() {
    return this;
  }

  willUpdate(changed) {
    if (changed.has('text')) this.said = '';
  }

  async copy() {
    const field = this.querySelector('input, textarea');
    field.select();
    try {
      await navigator.clipboard.writeText(this.text);
      this.said = 'Copied.';
    } catch {
      this.said = 'The browser does not let the page copy: the text is selected, press Ctrl+C.'; // not over https or loopback
      field.focus();
    }
  }

  render() {
    const field =
      this.rows > 1
        ? html`<textarea class="mono" readonly rows=${this.rows} aria-label=${this.label} .value=${this.text}></textarea>`
        : html`<input class="mono" readonly aria-label=${this.label} .value=${this.text} @focus=${(event) => event.target.select()}>`;
    return html`<div class="copied ${this.rows > 1 ? 'tall' : ''}">${field}<button type="button" class="button" data-first @click=${() => this.copy()}>${this.action}</button></div>
      <p class="note" role="status">${this.said}</p>`;
  }
}

customElements.define('vs-copied', CopiedText);
