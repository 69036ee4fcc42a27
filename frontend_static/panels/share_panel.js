import { html, nothing } from '../vendor/lit.js';
import '../elements/copied_text.js';
import '../elements/sheet.js';
import { Panel } from './base/panel.js';

/** The link that restores this view, and what it cannot carry. */
export class SharePanel extends Panel {
  render() {
    const open = this.store.session.sheet === 'share';
    return html`<vs-sheet .open=${open} label="Share view" .content=${open ? this.renderContent() : nothing}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }

  renderContent() {
    const { url, names, lost, named } = this.store.link();
    return html`<p>This link restores the workspace, run, word, latents, thresholds, layers and basket. Whoever opens it needs
        to reach this TensorBoard.</p>
      <vs-copied .text=${url} label="Link to this view" action="Copy link"></vs-copied>
      ${
        named.length && !names.length
          ? html`<p class="note" data-value="named">The page’s own address names the long selection
            (<span class="mono">${named.join(', ')}</span>), which is kept in this browser’s local storage; the link above writes it out.</p>`
          : nothing
      }
      ${
        names.length
          ? html`<p class="note" data-value="kept-here">Too long for a link, and kept in this browser’s local storage alone, under its name:
            <span class="mono">${names.join(', ')}</span>. Elsewhere the link opens without it.</p>`
          : nothing
      }
      ${lost.length ? html`<p class="note">Too long for a link and this browser keeps nothing: the ${lost.join(' and the ')} are left out.</p>` : nothing}`;
  }
}

customElements.define('vs-share', SharePanel);
