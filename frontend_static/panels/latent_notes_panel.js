import { html, nothing } from '../vendor/lit.js';
import { pin, pinned } from '../elements/icons.js';
import { MAX_NAME, MAX_NOTE } from '../latent_notes.js';
import { Panel, SLIDERS } from './base/panel.js';

/**
 * Pin, name and note of the chosen latent, edited in place. One row: the note opens over what is below, so that nothing moves. What is
 * typed is kept when its field is left, with Enter (name) or Ctrl+Enter (note); Escape undoes.
 */
export class LatentNotesPanel extends Panel {
  static indifferentTo = SLIDERS;
  static properties = { tall: { type: Boolean }, refused: { state: true }, said: { state: true } };

  constructor() {
    super();
    /** In a sheet, with room. */
    this.tall = false;
    /** @type {string|null} */
    this.refused = null;
    this.said = '';
    /** What is typed and not kept yet. @type {{latent: number, key: 'name'|'note', text: string, was: string}|null} */
    this.draft = null;
    this.shownLatent = null;
  }

  willUpdate() {
    const { latent } = this.selection;
    if (latent === this.shownLatent) return;
    if (this.draft) this.keep(); // another latent was chosen while one was written about
    this.shownLatent = latent;
    this.refused = null;
    this.said = '';
  }

  updated() {
    if (!this.store.session.naming || this.selection.latent === null) return;
    this.store.setSession({ naming: false });
    const field = this.querySelector('input');
    field?.focus();
    field?.select();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    if (this.draft) this.keep();
  }

  /** @param {'name'|'note'} key @param {string} text as typed so far */
  type(key, text) {
    const { latent } = this.selection;
    if (this.draft?.key !== key || this.draft.latent !== latent) this.draft = { latent, key, text, was: this.store.notes.of(latent)[key] };
    else this.draft.text = text;
  }

  /** @returns {Promise<void>} when it is kept or refused */
  async keep() {
    const { draft } = this;
    this.draft = null;
    if (!draft) return;
    const { latent, key, text, was } = draft;
    const refused = await this.store.notes.set(latent, { [key]: text }, { [key]: was });
    if (latent !== this.selection.latent) {
      if (refused) this.store.setSession({ notice: `The ${key} of latent ${latent} was not kept: ${refused}` });
      return;
    }
    this.refused = refused;
    this.said = refused ? '' : `The ${key} of latent ${latent} is kept.`;
    // what was typed is not lost: it stands in the field until it can be kept or is undone
    if (refused) this.draft = { latent, key, text, was: this.store.notes.of(latent)[key] };
    this.requestUpdate();
  }

  /** @param {KeyboardEvent} event @param {'name'|'note'} key */
  onKey(event, key) {
    const field = /** @type {HTMLInputElement|HTMLTextAreaElement} */ (event.target);
    if (event.key === 'Escape') {
      this.draft = null;
      this.refused = null;
      field.value = this.store.notes.of(this.selection.latent)[key];
    } else if (event.key !== 'Enter' || event.isComposing || (key === 'note' && !event.ctrlKey && !event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    // in a sheet the focus goes on, from name to note to pin, rather than nowhere
    const next = this.tall && event.key === 'Enter' ? (key === 'name' ? 'textarea' : 'button') : null;
    if (next) this.querySelector(next).focus();
    else field.blur();
  }

  async togglePin() {
    const { latent } = this.selection;
    this.refused = await this.store.notes.toggle(latent);
    if (!this.refused) this.said = `Latent ${latent} is ${this.store.notes.of(latent).pinned ? 'pinned' : 'no longer pinned'}.`;
  }

  /** @param {'name'|'note'} key */
  value(key) {
    const { latent } = this.selection;
    return this.draft?.key === key && this.draft.latent === latent ? this.draft.text : this.store.notes.of(latent)[key];
  }

  render() {
    const { latent } = this.selection;
    if (latent === null) return nothing;
    const { pinned: isPinned, note } = this.store.notes.of(latent);
    const { sentence, where } = this.store.notes.home;
    const on = {
      input: (key) => (event) => this.type(key, event.target.value),
      key: (key) => (event) => this.onKey(event, key),
    };
    return html`<div class="latent-notes ${this.tall ? 'tall' : ''}" title=${this.tall ? nothing : sentence}>
      <button type="button" class="icon small pin ${isPinned ? 'set' : ''}" aria-label="Pin latent ${latent}" aria-pressed=${String(isPinned)} aria-keyshortcuts="p"
        title="${isPinned ? 'Pinned. Unpin' : 'Pin'} (p)" @click=${() => this.togglePin()}>${isPinned ? pinned : pin}</button>
      <input type="text" class="given-name" ?data-first=${this.tall} aria-label="Your name for latent ${latent}" aria-keyshortcuts="n" placeholder="Name it" maxlength=${MAX_NAME} autocomplete="off" spellcheck="false"
        .value=${this.value('name')} @input=${on.input('name')} @blur=${() => this.keep()} @keydown=${on.key('name')}>
      <span class="note-field"><span class="note-box ${note ? '' : 'empty'}"><textarea aria-label="Your note on latent ${latent}" placeholder="Note" maxlength=${MAX_NOTE} rows="1"
        .value=${this.value('note')} @input=${on.input('note')} @blur=${(event) => {
          event.target.scrollTop = 0;
          this.keep();
        }} @keydown=${on.key('note')}></textarea><span class="note-foot"><span>Ctrl+Enter keeps, Esc undoes.</span> <span>${where === 'log' ? 'Kept with the log.' : 'Kept in this browser.'}</span></span></span></span>
    </div>${this.refused ? html`<p class="note refused" role="alert">${this.refused}</p>` : nothing}<p class="spoken" role="status">${this.said}</p>`;
  }
}

customElements.define('vs-latent-notes', LatentNotesPanel);
