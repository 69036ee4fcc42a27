import { html, nothing } from '../vendor/lit.js';
import '../elements/copied_text.js';
import { counted, whole } from '../elements/format.js';
import '../elements/sheet.js';
import { MAX_IN_ADDRESS } from '../store.js';
import { Panel } from './base/panel.js';

/** The link that restores this view, and what it cannot carry. */
export class SharePanel extends Panel {
  render() {
    const open = this.store.session.sheet === 'share';
    return html`<vs-sheet .open=${open} label="Share view" .content=${open ? this.renderContent() : nothing}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }

  renderContent() {
    const { url, names, lost } = this.store.link();
    const { latents } = this.selection;
    return html`<p>This link restores the workspace, run, word, latents, thresholds, layers and basket, in any browser${
      latents.length && !names.length && !lost.length ? html`: <span data-value="in-link">all ${counted(latents.length, 'chosen latent')} are in it</span>` : ''
    }. Whoever opens it needs to reach this TensorBoard.</p>
      <vs-copied .text=${url} label="Link to this view" action="Copy link"></vs-copied>
      ${
        names.length
          ? html`<p class="note" data-value="kept-here">Too long for a link (over ${whole(MAX_IN_ADDRESS)} characters), and kept in this browser alone, under its name:
            <span class="mono">${names.join(', ')}</span>. Elsewhere the link opens without it and says so; choose fewer latents to share them.</p>`
          : nothing
      }
      ${lost.length ? html`<p class="note">Too long for a link and this browser keeps nothing: the ${lost.join(' and the ')} are left out.</p>` : nothing}
      ${
        this.store.runKey
          ? html`<p class="export-page"><a class="button" href=${this.api.runPageUrl(this.store.runKey, this.selection.step)} download>Save this run as a page</a>
            <span class="note">For who cannot reach it: one HTML file with this run’s evidence, which opens anywhere.</span></p>`
          : nothing
      }`;
  }
}

customElements.define('vs-share', SharePanel);
