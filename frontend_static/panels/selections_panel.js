import { html, nothing } from '../vendor/lit.js';
import { counted, whole } from '../elements/format.js';
import '../elements/sheet.js';
import { MAX_NAME } from '../kept_selections.js';
import { Panel } from './base/panel.js';

/** Selections of latents under names of the user's: keep the present one, open, rename and remove those kept before. */
export class SelectionsPanel extends Panel {
  static properties = { refused: { state: true }, said: { state: true } };

  constructor() {
    super();
    /** @type {string|null} why the last wish was not granted */
    this.refused = null;
    /** What the last wish did, for who does not see the list. */
    this.said = '';
  }

  close() {
    this.refused = null;
    this.said = '';
    this.store.setSession({ sheet: null });
  }

  /** @param {string|null} refused @param {string} said when it was not */
  answer(refused, said) {
    this.refused = refused;
    this.said = refused ? '' : said;
  }

  /** @param {SubmitEvent} event */
  async keep(event) {
    event.preventDefault();
    const field = event.target.querySelector('input');
    const { dictionary, latents } = this.selection;
    this.answer(await this.store.kept.keep(dictionary, field.value, latents), `“${field.value.trim()}” is kept.`);
    if (!this.refused) field.value = '';
  }

  /** @param {Event} event @param {string} name @param {'log'|'browser'} home */
  async rename(event, name, home) {
    const field = event.target;
    const next = field.value.trim();
    this.answer(await this.store.kept.rename(this.selection.dictionary, name, home, next), `“${name}” is now “${next}”.`);
    if (this.refused) field.value = name;
  }

  /** @param {string} name @param {'log'|'browser'} home */
  async remove(name, home) {
    this.answer(await this.store.kept.remove(name, home), `“${name}” is removed.`);
    this.updateComplete.then(() => (this.querySelector('.kept-list input') ?? this.querySelector('dialog .icon')).focus());
  }

  /** What this browser alone holds goes to the log. */
  async move() {
    this.answer(await this.store.kept.home.moveToLog(), 'Moved to the log.');
  }

  /** @param {readonly number[]} latents */
  open(latents) {
    this.close();
    this.store.set({ latents: Object.freeze([...latents]), latent: latents[0] });
  }

  renderRow({ name, latents, home }) {
    const on = this.store.kept.nameOf(this.selection.dictionary, this.selection.latents) === name;
    return html`<li class=${on ? 'on' : ''} data-kept=${name}><input type="text" .value=${name} maxlength=${MAX_NAME} aria-label="Name of “${name}”"
        autocomplete="off" spellcheck="false" @change=${(event) => this.rename(event, name, home)}>
      <span class="k" title=${home === 'log' ? 'Kept with the log' : 'Kept in this browser alone'}>${counted(latents.length, 'latent')}${home === 'browser' && this.store.kept.home.where === 'log' ? ', here only' : ''}</span>
      <button type="button" class="button small" aria-label="Open “${name}”" @click=${() => this.open(latents)}>Open</button>
      <button type="button" class="button small" aria-label="Remove “${name}”" @click=${() => this.remove(name, home)}>Remove</button></li>`;
  }

  /** @param {{home: 'log'|'browser'}[]} kept */
  renderMove(kept) {
    const { where } = this.store.kept.home;
    const n = kept.filter(({ home }) => home === 'browser').length;
    if (where !== 'log' || !n) return nothing;
    return html`<p class="note move">${n === 1 ? '1 selection lies' : `${whole(n)} selections lie`} in this browser alone, where selections were kept before the log could hold them, or while it could not.
      <button type="button" class="button small" @click=${() => this.move()}>Move to the log</button></p>`;
  }

  renderContent() {
    const { dictionary, latents } = this.selection;
    const kept = this.store.kept.of(dictionary);
    return html`${
      latents.length
        ? html`<form class="keep" @submit=${(event) => this.keep(event)}><label>Keep the ${counted(latents.length, 'chosen latent')} as
          <input type="text" data-first maxlength=${MAX_NAME} autocomplete="off" spellcheck="false"></label>
          <button type="submit" class="button small">Keep</button></form>`
        : html`<p class="note">Choose latents with a lasso or by ranges, then keep them here under a name.</p>`
    }
      ${this.refused ? html`<p class="note refused" role="alert">${this.refused}</p>` : nothing}
      ${kept.length ? html`<ul class="kept-list" aria-label="Kept selections">${kept.map((one) => this.renderRow(one))}</ul>` : nothing}
      ${this.renderMove(kept)}
      <p class="note">${
        kept.length ? `${whole(kept.length)} kept` : 'None is kept'
      } for this dictionary. ${this.store.kept.home.sentence} A link from “Share view” holds the latents themselves and opens anywhere.</p>
      <p class="spoken" role="status">${this.said}</p>`;
  }

  render() {
    const open = this.store.session.sheet === 'selections';
    return html`<vs-sheet .open=${open} label="Selections of latents" .content=${open ? this.renderContent() : nothing}
      @close=${() => this.close()}></vs-sheet>`;
  }
}

customElements.define('vs-selections', SelectionsPanel);
