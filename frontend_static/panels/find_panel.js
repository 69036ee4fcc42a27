import { html, nothing } from '../vendor/lit.js';
import { hiddenDense, toggleDense, withoutHidden } from '../dense.js';
import { counted, fixed, percent, whole } from '../elements/format.js';
import '../elements/sheet.js';
import { nameFromStatistics, pinMark } from './latents/names.js';
import { excerpt, searchLatents } from './latents/search.js';
import { Panel } from './base/panel.js';
import { askDictionary, askStatistics } from './base/requests.js';

/** Height of a line, in pixels; as in notes.css. */
const ROW = 44;
/** Lines drawn above and below those in sight. */
const SPARE = 6;
const IN_SIGHT = 9;
/** Pictures are asked for once the list has stood still for so long. */
const STILL_MS = 120;
/** So many lines a page key goes. */
const PAGE = 8;

/** Finds a latent of the dictionary by its number, its label, or what the user named and noted. */
export class FindPanel extends Panel {
  static properties = { text: { state: true }, active: { state: true }, top: { state: true }, pictures: { state: true } };

  constructor() {
    super();
    this.text = '';
    this.active = 0;
    /** First line in sight. */
    this.top = 0;
    /** @type {ReadonlyMap<string, string>} address of a latent's first picture, empty for none */
    this.pictures = new Map();
    this.made = { of: [], found: [] };
    const whenOpen = (ask) => (store, api) => (store.session.sheet === 'find' ? ask(store, api) : null);
    this.dictionary = this.query(whenOpen(askDictionary));
    this.statistics = this.query(whenOpen(askStatistics));
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.still);
  }

  /** Without a text, what the user noted; made once. @returns {{rows: import('./latents/search.js').Found[], nHidden: number, hiddenOne: number|null}} */
  found() {
    const labels = this.dictionary.value?.statistics?.labels ?? [];
    const nLatents = this.store.dictionaryEntry?.n_latents ?? 0;
    const notes = this.store.notes.all();
    const hidden = hiddenDense(this.store, this.statistics.value);
    const of = [this.text, nLatents, this.statistics.value, this.dictionary.value, notes, hidden];
    if (this.made.of.length && of.every((one, i) => one === this.made.of[i])) return this.made.found;
    const all = this.text.trim()
      ? searchLatents(this.text, nLatents, this.statistics.value, labels, notes)
      : [...notes].sort(([, a], [, b]) => b.pinned - a.pinned || b.changed - a.changed).map(([latent]) => ({ latent, by: 'noted' }));
    const { shown, nHidden } = withoutHidden(hidden, all, ({ latent }) => latent);
    const hiddenOne = nHidden && all[0].by === 'number' && hidden.mask[all[0].latent] ? all[0].latent : null;
    this.made = { of, found: { rows: shown, nHidden, hiddenOne } };
    return this.made.found;
  }

  close() {
    this.text = '';
    this.active = 0;
    this.top = 0;
    clearTimeout(this.still);
    this.store.setSession({ sheet: null });
  }

  /** @param {number} latent */
  choose(latent) {
    this.close();
    this.store.set({ latent, latents: Object.freeze([]) });
  }

  /** @param {KeyboardEvent} event @param {import('./latents/search.js').Found[]} rows */
  onKey(event, rows) {
    const to = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + PAGE, PageUp: this.active - PAGE }[event.key];
    if (to !== undefined) this.activate(Math.max(0, Math.min(rows.length - 1, to)));
    else if (event.key === 'Enter' && rows[this.active] !== undefined) this.choose(rows[this.active].latent);
    else return;
    event.preventDefault();
  }

  /** @param {number} at */
  activate(at) {
    this.active = at;
    const list = this.querySelector('.found');
    if (!list) return;
    const low = at * ROW;
    if (low < list.scrollTop) list.scrollTop = low;
    else if (low + ROW > list.scrollTop + list.clientHeight) list.scrollTop = low + ROW - list.clientHeight;
  }

  updated() {
    if (this.store.session.sheet !== 'find') return;
    clearTimeout(this.still);
    this.still = setTimeout(() => this.askPictures(), STILL_MS);
  }

  pictureKey(latent) {
    const { dictionary, step } = this.selection;
    return JSON.stringify([dictionary, step, latent]);
  }

  /** The first picture of each latent in sight. */
  async askPictures() {
    if (!this.store.dictionaryEntry?.has_references || this.store.session.sheet !== 'find') return;
    const { dictionary, step } = this.selection;
    const wanted = this.found()
      .rows.slice(this.top, this.top + IN_SIGHT)
      .map(({ latent }) => latent)
      .filter((latent) => !this.pictures.has(this.pictureKey(latent)));
    if (!wanted.length) return;
    const answers = await Promise.allSettled(wanted.map((latent) => this.api.references(dictionary, latent, step)));
    const known = new Map([...this.pictures].slice(-500));
    answers.forEach(({ status, value }, i) => {
      const [first] = status === 'fulfilled' ? value.references : [];
      known.set(this.pictureKey(wanted[i]), first?.has_picture ? this.api.referencePictureUrl(dictionary, first.image, step) : '');
    });
    this.pictures = known;
  }

  /** @param {import('./latents/search.js').Found} found @param {number} i @param {number} n */
  renderLatent({ latent, by }, i, n) {
    const labels = this.dictionary.value?.statistics?.labels;
    const statistics = this.statistics.value;
    const label = statistics && labels ? nameFromStatistics(statistics, labels, latent) : '';
    const { name, note } = this.store.notes.of(latent);
    const { image_frequency: frequency, label_entropy: entropy, flags } = statistics?.arrays ?? {};
    const alive = flags && flags[latent] & 1;
    const facts = alive ? [`in ${percent(frequency[latent])}`, flags[latent] & 2 ? `${fixed(entropy[latent], 2)} nat` : ''].filter(Boolean).join(' · ') : '';
    const picture = this.pictures.get(this.pictureKey(latent));
    const second = note ? (by === 'note' ? excerpt(note, this.text) : excerpt(note, '')) : '';
    return html`<li id="found-${i}" role="option" aria-selected=${String(i === this.active)} aria-setsize=${n} aria-posinset=${i + 1} data-latent=${latent} data-by=${by}
      .style=${`top:${i * ROW}px`} @pointermove=${() => {
        this.active = i;
      }} @click=${() => this.choose(latent)}>
      <span class="thumb">${picture ? html`<img src=${picture} alt="" width="36" height="36">` : nothing}</span>
      <b class="mono">${pinMark(this.store, latent)}${latent}</b>
      <span class="what"><span class="t">${name ? html`<span class="given">${name}</span> <span class="k">${label}</span>` : label}</span>${second ? html`<span class="d">${second}</span>` : nothing}</span>
      <span class="k facts">${facts}</span><span class="k by">${by === 'noted' ? '' : by}</span></li>`;
  }

  /** @param {{rows: any[], nHidden: number, hiddenOne: number|null}} found */
  renderTold({ rows, nHidden, hiddenOne }) {
    const failed = this.dictionary.error ?? this.statistics.error;
    if (failed) return failed.message;
    const show = html`<button type="button" class="link" @click=${() => {
      toggleDense(this.store, this.api);
      this.querySelector('input').focus();
    }}>Show dense latents</button>`;
    if (hiddenOne !== null) return html`Latent ${hiddenOne} is dense and hidden. ${show}`;
    const hidden = nHidden ? html` ${counted(nHidden, 'dense latent')} hidden. ${show}` : nothing;
    const all = `${whole(this.store.dictionaryEntry?.n_latents ?? 0)} latents, numbered from 0.`;
    if (!this.text.trim()) return html`${all}${rows.length ? ` Above, the ${counted(rows.length, 'latent')} that you noted.` : ''}${hidden}`;
    if (rows.length) return html`${counted(rows.length, 'latent')}.${hidden}`;
    return html`No latent has this number${this.statistics.value ? ', label' : ''}, name or note.${hidden}`;
  }

  renderContent() {
    const found = this.found();
    const { rows } = found;
    const from = Math.max(0, this.top - SPARE);
    const to = Math.min(rows.length, this.top + IN_SIGHT + SPARE);
    return html`<input type="search" data-first role="combobox" aria-expanded="true" aria-controls="found" autocomplete="off" spellcheck="false"
        aria-label="Number, label, name or note of a latent" placeholder=${this.statistics.value ? 'Number, label, your name or note' : 'Number, your name or note'} .value=${this.text}
        aria-activedescendant=${rows.length ? `found-${this.active}` : nothing}
        @input=${(event) => {
          this.text = event.target.value;
          this.active = 0;
          this.top = 0;
          const list = this.querySelector('.found');
          if (list) list.scrollTop = 0;
        }} @keydown=${(event) => this.onKey(event, rows)}>
      <ul id="found" role="listbox" aria-label="Latents" class="found" @scroll=${(event) => {
        this.top = Math.floor(event.target.scrollTop / ROW);
      }}>${rows.length ? html`<li class="room" role="presentation" .style=${`height:${rows.length * ROW}px`}></li>` : nothing}${rows.slice(from, to).map((row, i) => this.renderLatent(row, from + i, rows.length))}</ul>
      <p class="note" role="status">${this.renderTold(found)}</p>`;
  }

  render() {
    const open = this.store.session.sheet === 'find';
    return html`<vs-sheet class="finder" .open=${open} label="Find a latent" .content=${open ? this.renderContent() : nothing}
      @close=${() => this.close()}></vs-sheet>`;
  }
}

customElements.define('vs-find', FindPanel);
