import { html, nothing } from '../vendor/lit.js';
import { Panel, SLIDERS } from './base/panel.js';

/** What the address asked for in vain, what in the log could not be read, and warnings: one sentence each, until dismissed or mended. Folded to the first. */
export class Notices extends Panel {
  static indifferentTo = SLIDERS;
  static properties = { dismissed: { state: true }, unfolded: { state: true } };

  constructor() {
    super();
    this.dismissed = new Set();
    this.unfolded = false;
  }

  dismiss(texts) {
    // what an address asked for in vain is told anew when it is asked for again
    const told = Object.values(this.store.session.told);
    this.dismissed = new Set([...this.dismissed, ...texts.filter((text) => !told.includes(text))]);
    this.store.forgetTold(texts);
  }

  render() {
    const { problems = [], warnings = [] } = this.store.session.listing ?? {};
    const told = [
      ...Object.values(this.store.session.told).map((text) => ['warning', text]),
      ...[...problems.map((text) => ['problem', text]), ...warnings.map((text) => ['warning', text])].filter(
        ([, text]) => !this.dismissed.has(text),
      ),
    ];
    if (!told.length) return nothing;
    const shown = this.unfolded ? told : told.slice(0, 1);
    const fold = html`<button type="button" class="button small" aria-expanded=${String(this.unfolded)} @click=${() => {
      this.unfolded = !this.unfolded;
    }}>${this.unfolded ? 'Fewer' : `${told.length - 1} more`}</button>`;
    const all = html`<button type="button" class="button small" @click=${() => this.dismiss(told.map(([, text]) => text))}>Dismiss all</button>`;
    return html`<ul class="notices" aria-label="Notices">${shown.map(
      ([kind, text], i) => html`<li class=${kind}>
      <span title=${text}>${text}</span>${i === 0 && told.length > 1 ? [fold, all] : nothing}<button type="button" class="button small" aria-label="Dismiss: ${text}"
        @click=${() => this.dismiss([text])}>Dismiss</button></li>`,
    )}</ul>`;
  }
}

customElements.define('vs-notices', Notices);
