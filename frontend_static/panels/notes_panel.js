import { html, nothing } from '../vendor/lit.js';
import { counted, percent, whole } from '../elements/format.js';
import '../elements/sheet.js';
import { MAX_FILE, notesCsv, notesJson, readNotesFile } from '../notes_file.js';
import { nameFromStatistics, pinMark } from './latents/names.js';
import { isShortcut, Panel } from './base/panel.js';
import { askDictionary, askStatistics } from './base/requests.js';

const FIRST_ROWS = 100;
/** So many refusals of a file are told in full. */
const TOLD = 3;
const COLUMNS = [
  ['latent', 'latent', false],
  ['name', 'name', false],
  ['label', 'label', false],
  ['note', 'note', false],
  ['frequency', 'pictures', true],
  ['changed', 'changed', true],
];

/** @param {string} text @param {string} name @param {string} type gives the user a file */
function download(text, name, type) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** All latents that the user named, pinned or wrote about; and one latent's name and note where no inspector is at hand. */
export class NotesPanel extends Panel {
  static properties = { order: { state: true }, text: { state: true }, shown: { state: true }, told: { state: true }, failed: { state: true }, said: { state: true } };

  constructor() {
    super();
    this.order = { by: 'changed', falling: true };
    this.text = '';
    this.shown = FIRST_ROWS;
    /** @type {string|null} what the last wish did */
    this.told = null;
    /** @type {string|null} why it was not granted */
    this.failed = null;
    this.said = '';
    const whenOpen = (ask) => (store, api) => (['notes', 'note'].includes(store.session.sheet) ? ask(store, api) : null);
    this.dictionary = this.query(whenOpen(askDictionary));
    this.statistics = this.query(whenOpen(askStatistics));
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (!isShortcut(event) || !this.store.session.listing || this.selection.dictionary === null) return;
      if (event.key === 'p') this.pin();
      else if (event.key === 'n') this.write();
      else if (event.key === 'N') this.store.setSession({ sheet: 'notes' });
      else return;
      event.preventDefault();
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  /** @param {string} what @returns {number|null} the chosen latent, or a word that there is none */
  chosen(what) {
    const { latent } = this.selection;
    if (latent === null) {
      this.hint = `No latent is chosen: choose one, then ${what} it.`;
      this.store.setSession({ notice: this.hint });
    }
    return latent;
  }

  async pin() {
    const latent = this.chosen('pin');
    if (latent === null) return;
    const refused = await this.store.notes.toggle(latent);
    if (refused) this.store.setSession({ notice: refused });
    else this.said = `Latent ${latent} is ${this.store.notes.of(latent).pinned ? 'pinned' : 'no longer pinned'}.`;
  }

  write() {
    if (this.chosen('name') === null) return;
    const here = this.selection.workspace === 'scratchpad' && this.store.runKey;
    this.store.setSession(here ? { naming: true } : { naming: true, sheet: 'note' });
  }

  updated() {
    if (this.hint && this.selection.latent !== null) {
      if (this.store.session.notice === this.hint) this.store.setSession({ notice: null });
      this.hint = null;
    }
    const open = this.store.session.sheet === 'notes';
    if (open && !this.wasOpen) this.store.notes.home.refresh();
    this.wasOpen = open;
  }

  close() {
    this.text = '';
    this.shown = FIRST_ROWS;
    this.told = null;
    this.failed = null;
    this.store.setSession({ sheet: null });
  }

  /** The dictionary; of one that only a run is known of, no more than that tells. */
  get entry() {
    const { dictionaryEntry, runEntry, selection } = this.store;
    return dictionaryEntry ?? { id: selection.dictionary, name: runEntry?.dictionary_name ?? '', n_latents: Infinity };
  }

  /** @param {number} latent */
  label(latent) {
    const labels = this.dictionary.value?.statistics?.labels;
    return this.statistics.value && labels ? nameFromStatistics(this.statistics.value, labels, latent) : '';
  }

  /** @returns {any[]} rows that the filter lets through, in order */
  rows() {
    const wanted = this.text.trim().toLowerCase();
    const frequency = this.statistics.value?.arrays.image_frequency;
    const { by, falling } = this.order;
    const sign = falling ? -1 : 1;
    const value = (row) => (typeof row[by] === 'string' ? row[by].toLowerCase() || '\uffff' : row[by]);
    return [...this.store.notes.all()]
      .map(([latent, one]) => ({ latent, ...one, label: this.label(latent), frequency: frequency?.[latent] ?? -1 }))
      .filter((row) => !wanted || [row.latent, row.name, row.label, row.note, row.pinned ? 'pinned' : ''].join('\n').toLowerCase().includes(wanted))
      .sort((a, b) => (value(a) === value(b) ? a.latent - b.latent : sign * (value(a) < value(b) ? -1 : 1)));
  }

  /** @param {number} latent */
  open(latent) {
    this.close();
    this.store.set({ latent, latents: Object.freeze([]) });
  }

  /** @param {number} latent */
  async remove(latent) {
    const before = this.store.notes.of(latent);
    this.failed = await this.store.notes.set(latent, { name: '', note: '', pinned: false });
    this.told = this.failed ? null : `What was kept of latent ${latent} is removed.`;
    this.undo = this.failed ? null : async () => {
      const { name, note, pinned } = before;
      this.failed = await this.store.notes.set(latent, { name, note, pinned });
      this.undo = null;
      this.told = this.failed ? null : `Latent ${latent} is as it was.`;
    };
    this.updateComplete.then(() => this.querySelector('.notes-list button, .sheet[open] input')?.focus());
  }

  /** @param {'json'|'csv'} kind */
  export(kind) {
    const { home } = this.store.notes;
    const { entry } = this;
    const name = `visualscratchpad_notes_${entry.id.slice(0, 12)}.${kind}`;
    const all = this.store.notes.all();
    if (kind === 'csv') download(notesCsv(all, (latent) => this.label(latent)), name, 'text/csv');
    else download(notesJson(entry, all, home.selections(entry.id)), name, 'application/json');
    this.told = `${name}: ${counted(all.size, 'latent')}${kind === 'json' ? ` and ${counted(home.selections(entry.id).length, 'kept selection')}` : ''}.`;
    this.undo = null;
  }

  /** @param {Event} event */
  async import(event) {
    const [file] = event.target.files;
    event.target.value = '';
    if (!file) return;
    [this.told, this.failed, this.undo] = [null, null, null];
    try {
      if (file.size > MAX_FILE) throw new Error(`The file has ${whole(file.size)} bytes, at most ${whole(MAX_FILE)} are read.`);
      const { latents, selections, refused } = readNotesFile(await file.text(), this.entry);
      const { home } = this.store.notes;
      const held = this.store.notes.all();
      const newer = new Map([...latents].filter(([latent, { changed }]) => changed > (held.get(latent)?.changed ?? -1)));
      const names = new Set(home.selections(home.dictionary).map((one) => one.name));
      const fresh = selections.filter(({ name }) => !names.has(name));
      const replaced = [...newer.keys()].filter((latent) => held.has(latent)).length;
      this.failed = newer.size || fresh.length ? await home.import(newer, fresh) : null;
      if (this.failed) return;
      const left = latents.size - newer.size;
      this.told = [
        `Taken: ${counted(newer.size, 'latent')}${replaced ? ` (${whole(replaced)} replace an older note)` : ''}${fresh.length ? ` and ${counted(fresh.length, 'selection')}` : ''}.`,
        left ? `${whole(left)} left out: what is here is as new.` : '',
        selections.length - fresh.length ? `${counted(selections.length - fresh.length, 'selection')} left out: kept here under the same name.` : '',
        refused.length ? `Refused: ${refused.slice(0, TOLD).join('; ')}${refused.length > TOLD ? `; and ${whole(refused.length - TOLD)} more` : ''}.` : '',
      ]
        .filter(Boolean)
        .join(' ');
    } catch (error) {
      this.failed = error.message;
    }
  }

  async move() {
    const { latents, selections } = this.store.notes.home.inBrowser();
    this.failed = await this.store.notes.home.moveToLog();
    this.told = this.failed ? null : `Moved to the log: ${counted(latents, 'latent')} and ${counted(selections, 'selection')}.`;
  }

  renderHead([key, text, number]) {
    const { by, falling } = this.order;
    const sort = by === key ? (falling ? 'descending' : 'ascending') : 'none';
    return html`<th scope="col" aria-sort=${sort} class=${number ? 'num' : ''}><button type="button" @click=${() => {
      this.order = { by: key, falling: by === key ? !falling : key === 'changed' || key === 'frequency' };
    }}>${text}${sort === 'none' ? nothing : html`<span aria-hidden="true"> ${falling ? '▾' : '▴'}</span>`}</button></th>`;
  }

  renderRow({ latent, name, note, label, frequency, changed }) {
    const on = latent === this.selection.latent;
    const when = new Date(1000 * changed);
    return html`<tr class=${on ? 'on' : ''} data-latent=${latent} @click=${() => this.open(latent)}>
      <th scope="row"><button type="button" class="mono" aria-label="Open latent ${latent}${name ? `, ${name}` : ''}">${pinMark(this.store, latent)}${latent}</button></th>
      <td class="given">${name}</td><td>${label}</td><td class="note-cell"><span title=${note}>${note}</span></td>
      <td class="num">${frequency < 0 ? '' : percent(frequency)}</td><td class="num k" title=${when.toLocaleString('en-GB')}>${when.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}</td>
      <td><button type="button" class="icon small" aria-label="Remove what is kept of latent ${latent}" title="Remove name, note and pin" @click=${(event) => {
        event.stopPropagation();
        this.remove(latent);
      }}>✕</button></td></tr>`;
  }

  renderMove() {
    const { latents, selections } = this.store.notes.home.inBrowser();
    const { where } = this.store.notes.home;
    if (where !== 'log' || (!latents && !selections)) return nothing;
    const what = [latents ? `notes on ${counted(latents, 'latent')}` : '', selections ? counted(selections, 'selection') : ''].filter(Boolean).join(' and ');
    return html`<p class="note move">This browser alone holds ${what} of this dictionary. <button type="button" class="button small" @click=${() => this.move()}>Move to the log</button></p>`;
  }

  renderContent() {
    const all = this.store.notes.all();
    const rows = this.rows();
    return html`<div class="notes-bar"><input type="search" data-first aria-label="Filter by number, name, label or note" placeholder="Filter: number, name, label, note, pinned" autocomplete="off" spellcheck="false"
        .value=${this.text} @input=${(event) => {
          this.text = event.target.value;
          this.shown = FIRST_ROWS;
        }}>
      <button type="button" class="button small" ?disabled=${!all.size} @click=${() => this.export('json')}>Export JSON</button>
      <button type="button" class="button small" ?disabled=${!all.size} @click=${() => this.export('csv')}>CSV</button>
      <button type="button" class="button small" @click=${() => this.querySelector('input[type=file]').click()}>Import…</button>
      <input type="file" hidden accept=".json,application/json" aria-label="Notes exported as JSON" @change=${(event) => this.import(event)}></div>
      ${this.failed ? html`<p class="note refused" role="alert">${this.failed}</p>` : nothing}
      ${this.told ? html`<p class="note told-now" role="status">${this.told} ${this.undo ? html`<button type="button" class="link" @click=${() => this.undo()}>Undo</button>` : nothing}</p>` : nothing}
      ${
        rows.length
          ? html`<div class="notes-list" tabindex="0" role="group" aria-label="Table of noted latents"><table class="notes-table"><thead><tr>${COLUMNS.map((column) => this.renderHead(column))}<td></td></tr></thead>
        <tbody>${rows.slice(0, this.shown).map((row) => this.renderRow(row))}</tbody></table>${
          rows.length > this.shown
            ? html`<button type="button" class="button small more" @click=${() => {
                this.shown += FIRST_ROWS;
              }}>${whole(Math.min(FIRST_ROWS, rows.length - this.shown))} more of ${whole(rows.length)}</button>`
            : nothing
        }</div>`
          : html`<p class="nothing">${
              all.size ? `None of ${whole(all.size)} fits “${this.text}”.` : html`Nothing is noted yet. Choose a latent, then <kbd>p</kbd> pins it and <kbd>n</kbd> names it.`
            }</p>`
      }
      ${this.renderMove()}<p class="note">${all.size ? `${counted(all.size, 'latent')}. ` : ''}${this.store.notes.home.sentence}</p>`;
  }

  render() {
    const { sheet } = this.store.session;
    const { latent } = this.selection;
    const one = sheet === 'note' && latent !== null;
    return html`<vs-sheet class="wide" .open=${sheet === 'notes'} label="Notes" .content=${sheet === 'notes' ? this.renderContent() : nothing}
        @close=${() => this.close()}></vs-sheet>
      <vs-sheet .open=${one} label="Latent ${latent ?? ''}" .content=${
        one
          ? html`<p class="note">${this.label(latent) ? html`Label <b>${this.label(latent)}</b>. ` : nothing}${this.store.notes.home.sentence}</p>
        <vs-latent-notes tall .store=${this.store} .api=${this.api}></vs-latent-notes>`
          : nothing
      } @close=${() => this.store.setSession({ sheet: null })}></vs-sheet><p class="spoken" role="status">${this.said}</p>`;
  }
}

customElements.define('vs-notes', NotesPanel);
