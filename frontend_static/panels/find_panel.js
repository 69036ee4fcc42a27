import { html, nothing } from '../vendor/lit.js';
import { percent, whole } from '../elements/format.js';
import '../elements/sheet.js';
import { nameFromStatistics } from './latents/names.js';
import { findLatents } from './latents/search.js';
import { Panel, SLIDERS } from './base/panel.js';
import { askDictionary, askStatistics } from './base/requests.js';

const SHOWN = 20;

/** Finds a latent of the dictionary by its number or its label. */
export class FindPanel extends Panel {
  static indifferentTo = SLIDERS;
  static properties = { text: { state: true }, active: { state: true } };

  constructor() {
    super();
    this.text = '';
    this.active = 0;
    const whenOpen = (ask) => (store, api) => (store.session.sheet === 'find' ? ask(store, api) : null);
    this.dictionary = this.query(whenOpen(askDictionary));
    this.statistics = this.query(whenOpen(askStatistics));
  }

  found() {
    const labels = this.dictionary.value?.statistics?.labels ?? [];
    const nLatents = this.store.dictionaryEntry?.n_latents ?? 0;
    return findLatents(this.text, nLatents, this.statistics.value, labels);
  }

  close() {
    this.text = '';
    this.active = 0;
    this.store.setSession({ sheet: null });
  }

  /** @param {number} latent */
  choose(latent) {
    this.close();
    this.store.set({ latent, latents: [] });
  }

  onKey(event, latents) {
    if (event.key === 'ArrowDown') this.active = Math.min(latents.length - 1, this.active + 1);
    else if (event.key === 'ArrowUp') this.active = Math.max(0, this.active - 1);
    else if (event.key === 'Enter' && latents[this.active] !== undefined) this.choose(latents[this.active]);
    else return;
    event.preventDefault();
  }

  renderLatent(latent, i) {
    const labels = this.dictionary.value?.statistics?.labels;
    const statistics = this.statistics.value;
    const known = statistics && labels;
    return html`<li id="found-${i}" role="option" aria-selected=${String(i === this.active)} data-latent=${latent}
      @pointermove=${() => {
        this.active = i;
      }} @click=${() => this.choose(latent)}><b class="mono">${latent}</b>
      ${known ? html`<span>${nameFromStatistics(statistics, labels, latent)}</span>` : nothing}
      ${known && statistics.arrays.flags[latent] & 1 ? html`<span class="k">in ${percent(statistics.arrays.image_frequency[latent])} of the pictures</span>` : nothing}</li>`;
  }

  renderContent() {
    const latents = this.found();
    const shown = latents.slice(0, SHOWN);
    const failed = this.dictionary.error ?? this.statistics.error;
    return html`<input type="search" data-first role="combobox" aria-expanded="true" aria-controls="found" autocomplete="off" spellcheck="false"
        aria-label="Number or label of a latent" placeholder=${this.statistics.value ? 'Number or label' : 'Number'} .value=${this.text}
        aria-activedescendant=${shown.length ? `found-${this.active}` : nothing}
        @input=${(event) => {
          this.text = event.target.value;
          this.active = 0;
        }} @keydown=${(event) => this.onKey(event, shown)}>
      <ul id="found" role="listbox" aria-label="Latents" class="found">${shown.map((latent, i) => this.renderLatent(latent, i))}</ul>
      <p class="note" role="status">${
        failed
          ? failed.message
          : !this.text.trim()
            ? `${whole(this.store.dictionaryEntry?.n_latents ?? 0)} latents, numbered from 0.`
            : latents.length > SHOWN
              ? `The first ${SHOWN} of ${whole(latents.length)}.`
              : latents.length
                ? ''
                : `No latent has this number${this.statistics.value ? ' or label' : ''}.`
      }</p>`;
  }

  render() {
    const open = this.store.session.sheet === 'find';
    return html`<vs-sheet .open=${open} label="Find a latent" .content=${open ? this.renderContent() : nothing}
      @close=${() => this.close()}></vs-sheet>`;
  }
}

customElements.define('vs-find', FindPanel);
