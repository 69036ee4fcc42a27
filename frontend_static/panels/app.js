import { html, nothing } from '../vendor/lit.js';
import { emptyState } from '../elements/card.js';
import { comparePage } from './pages/compare.js';
import { emptyPage } from './pages/empty.js';
import { growthPage } from './pages/growth.js';
import { isShortcut, Panel, SLIDERS } from './base/panel.js';

const POLL_MS = 5000;

/** The whole tab: the listing and its polling, the three workspaces, the dock. The panels' elements are defined by whoever imports them. */
export class App extends Panel {
  static indifferentTo = SLIDERS;

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (event.key === 'Escape' && isShortcut(event)) {
        this.store.set({ latents: [], latent: null, tokens: Object.freeze([]), head: null, source: 'attention' });
      }
    };
    window.addEventListener('keydown', this.onKey);
    this.onVisible = () => {
      if (document.hidden) return;
      this.list();
      this.store.jobs?.askWorker();
    };
    document.addEventListener('visibilitychange', this.onVisible);
    window.addEventListener('focus', this.onVisible);
    // a framed tab that is not in front has no width
    this.timer = setInterval(() => {
      if (!document.hidden && window.innerWidth > 0 && !this.listingNow) this.list();
    }, POLL_MS);
    this.list();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
    document.removeEventListener('visibilitychange', this.onVisible);
    window.removeEventListener('focus', this.onVisible);
    clearInterval(this.timer);
  }

  /**
   * Asks for the listing; one question at a time, so that an old answer cannot overtake a newer one. Who asks while one is
   * under way, as TensorBoard's reload may, is answered by another: the first may have been answered before the log was read.
   * @returns {Promise<void>} when an answer has come that was asked for at or after this call
   */
  list() {
    if (!this.listingNow) {
      this.listingNow = this.askForListing().finally(() => (this.listingNow = null));
      return this.listingNow;
    }
    this.listingNext ??= this.listingNow.then(() => {
      this.listingNext = null;
      return this.list();
    });
    return this.listingNext;
  }

  async askForListing() {
    try {
      const listing = await this.api.listing();
      // TensorBoard is back: what could not be answered meanwhile is asked again
      if (this.store.session.listingError) this.store.setSession({ revision: this.store.session.revision + 1 });
      if (listing !== this.listed) {
        this.listed = listing;
        this.api.forget();
        this.store.setListing(listing);
      } else {
        this.store.setSession({ listingError: null });
      }
    } catch (error) {
      this.store.setSession({ listingError: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  /** The user's own reload also drops answers that are kept. The listing comes first: it is what makes the plugin look anew. */
  async reload() {
    await this.list();
    this.api.forget();
    this.store.setSession({ revision: this.store.session.revision + 1 });
  }

  renderWorkspace() {
    const { store, api } = this;
    if (this.selection.workspace === 'dictionary') {
      const entry = store.dictionaryEntry;
      const logged = ['statistics', 'references', 'decoder_map', 'metrics', 'truth_report', 'sae_check'];
      if (!entry || !logged.some((kind) => entry[`has_${kind}`])) {
        return html`<main class="page">${emptyState(
          'Nothing was logged about this dictionary: no statistics, no references, no map.',
          html`<code>visualscratchpad statistics --vlm MODEL --sae SAE --images FOLDER --logdir LOGDIR</code>`,
        )}</main>`;
      }
      if (store.overTraining) return growthPage(store, api);
      return html`<main class="workspace dictionary">
        <vs-health .store=${store} .api=${api}></vs-health><vs-statistics .store=${store} .api=${api}></vs-statistics>
        <vs-map .store=${store} .api=${api}></vs-map><vs-gallery .store=${store} .api=${api}></vs-gallery></main>`;
    }
    if (this.selection.workspace === 'compare') return comparePage(store, api);
    if (!store.runKey) {
      return html`<main class="page">${emptyState(
        'No run of this dictionary was logged.',
        html`<code>visualscratchpad run --vlm MODEL --sae SAE --image PICTURE --prompt "What is this?" --logdir LOGDIR</code>`,
      )}</main>`;
    }
    return html`<main class="workspace scratchpad"><div class="workspace-outline" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></div>
      <vs-attention .store=${store} .api=${api}></vs-attention><vs-tokens .store=${store} .api=${api}></vs-tokens>
      <vs-matrix-panel .store=${store} .api=${api}></vs-matrix-panel><vs-ranking .store=${store} .api=${api}></vs-ranking>
      <vs-inspector .store=${store} .api=${api}></vs-inspector></main>`;
  }

  renderPage() {
    const { listing, listingError } = this.store.session;
    if (!listing && listingError) {
      return html`<main class="page"><div class="state error" role="alert"><p>${listingError.message}</p>
        <button type="button" class="button" @click=${() => this.reload()}>Retry</button></div></main>`;
    }
    if (!listing) return html`<main class="page" aria-busy="true"></main>`;
    if (!listing.vlm_runs.length && !listing.dictionaries.length) return emptyPage();
    return this.renderWorkspace();
  }

  render() {
    const { store, api } = this;
    const { listing } = store.session;
    const any = listing && (listing.vlm_runs.length || listing.dictionaries.length);
    return html`<vs-print .store=${store} .api=${api}></vs-print><vs-top-bar .store=${store} .api=${api} @reload=${() => this.reload()}
        @theme=${() => this.dispatchEvent(new CustomEvent('theme'))}></vs-top-bar>
      <vs-walk .store=${store} .api=${api}></vs-walk>
      ${listing ? html`<vs-notices .store=${store} .api=${api}></vs-notices>` : nothing}
      ${this.renderPage()}
      ${any ? html`<vs-dock .store=${store} .api=${api}></vs-dock>` : nothing}
      <vs-find .store=${store} .api=${api}></vs-find><vs-share .store=${store} .api=${api}></vs-share>
      <vs-selections .store=${store} .api=${api}></vs-selections><vs-notes .store=${store} .api=${api}></vs-notes>
      <vs-keys .store=${store} .api=${api}></vs-keys><vs-spec .store=${store} .api=${api}></vs-spec>
      <vs-ask .store=${store} .api=${api}></vs-ask><vs-worker .store=${store} .api=${api}></vs-worker>
      <vs-export .store=${store} .api=${api}></vs-export><vs-heads .store=${store} .api=${api}></vs-heads>`;
  }
}

customElements.define('vs-app', App);
