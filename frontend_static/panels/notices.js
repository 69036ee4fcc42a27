import { html, nothing } from '../vendor/lit.js';
import { Panel } from './base/panel.js';

/** What in the log could not be read, and warnings: one sentence each, until dismissed or mended. */
export class Notices extends Panel {
  static properties = { dismissed: { state: true } };

  constructor() {
    super();
    this.dismissed = new Set();
  }

  render() {
    const { problems = [], warnings = [] } = this.store.session.listing ?? {};
    const shown = [...problems.map((text) => ['problem', text]), ...warnings.map((text) => ['warning', text])].filter(
      ([, text]) => !this.dismissed.has(text),
    );
    if (!shown.length) return nothing;
    return html`<ul class="notices" aria-label="Problems in the log">${shown.map(
      ([kind, text]) => html`<li class=${kind}>
      <span>${text}</span><button type="button" class="button small" aria-label="Dismiss: ${text}"
        @click=${() => {
          this.dismissed = new Set([...this.dismissed, text]);
        }}>Dismiss</button></li>`,
    )}</ul>`;
  }
}

customElements.define('vs-notices', Notices);
