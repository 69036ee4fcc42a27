import { ApiError } from './api_error.js';

/**
 * Where the user's notes of a dictionary are kept: with the log where the plugin can write there, else in this browser. What both
 * hold is shown together, the newer of each; what is in the browser alone can be moved to the log.
 *
 * @typedef {{name: string, note: string, pinned: boolean, changed: number}} LatentNote `changed` in seconds since 1970
 * @typedef {{name: string, latents: string, changed: number}} KeptText `latents` as an address writes them
 * @typedef {{version: number, dictionary: string, latents: Record<string, LatentNote>, selections: KeptText[], where: 'log'|'browser',
 *   reason: string|null, file: string}} NotesAnswer
 * @typedef {{read: (dictionary: string) => Promise<NotesAnswer>, write: (route: string, content: object) => Promise<any>}} NotesServer
 */

const NOTES_KEY = 'visualscratchpad.notes';
/** The key that selections were kept under before the log could hold them. */
const SELECTIONS_KEY = 'visualscratchpad.selections';
/** The plugin refuses what was asked, rather than failing to keep it. */
const REFUSALS = new Set([400, 404, 409, 413]);

/** @param {any} one @returns {boolean} */
const isKept = (one) => [one?.name, one?.dictionary, one?.latents].every((text) => typeof text === 'string');

/** @param {LatentNote} note */
export const isEmpty = ({ name, note, pinned }) => !name && !note && !pinned;

export class NotesHome {
  /**
   * @param {Pick<Storage, 'getItem'|'setItem'>|null} storage null where the browser keeps nothing for this page
   * @param {NotesServer|null} server null where there is no log (tests of the store alone)
   */
  constructor(storage, server = null) {
    this.storage = storage;
    this.server = server;
    /** @type {string|null} */
    this.dictionary = null;
    /** @type {'log'|'browser'} */
    this.where = 'browser';
    /** @type {string|null} why not in the log */
    this.reason = null;
    this.file = '';
    this.loaded = false;
    this.onChange = () => {};
    /** Called once per page, when something is kept in the browser that would rather lie with the log. */
    this.onFallen = () => {};
    this.hasTold = false;
    /** @type {Promise<unknown>} changes follow one another */
    this.last = Promise.resolve();
    this.clear();
  }

  clear() {
    /** @type {Map<number, LatentNote>} */
    this.logLatents = new Map();
    /** @type {KeptText[]} oldest first */
    this.logSelections = [];
    this.merged = null;
  }

  changed() {
    this.merged = null;
    this.onChange();
  }

  /** @param {string|null} dictionary whose notes are shown from now on */
  async follow(dictionary) {
    if (dictionary === this.dictionary) return;
    this.dictionary = dictionary;
    this.loaded = false;
    this.clear();
    await this.refresh();
  }

  /** Reads what the log holds now: another browser may have written. */
  async refresh() {
    const { dictionary } = this;
    if (dictionary === null || !this.server) return;
    try {
      const answer = await this.server.read(dictionary);
      if (dictionary !== this.dictionary) return;
      const text = JSON.stringify(answer);
      if (this.loaded && text === this.read) return;
      this.read = text;
      this.where = answer.where;
      this.reason = answer.reason;
      this.file = answer.file;
      this.take(answer);
    } catch (error) {
      if (dictionary !== this.dictionary) return;
      this.fall(error);
    }
    this.loaded = true;
    this.changed();
  }

  /** @param {{latents: Record<string, LatentNote>, selections: KeptText[]}} answer */
  take({ latents, selections }) {
    this.logLatents = new Map(Object.entries(latents).map(([latent, note]) => [Number(latent), note]));
    this.logSelections = selections;
  }

  /** @param {unknown} error why the log does not take it */
  fall(error) {
    this.where = 'browser';
    this.reason = error instanceof Error ? error.message : String(error);
    this.read = null;
  }

  /** @param {string} key @param {any} otherwise */
  stored(key, otherwise) {
    try {
      const known = JSON.parse(this.storage?.getItem(key) ?? 'null');
      return typeof known === 'object' && known !== null && Array.isArray(known) === Array.isArray(otherwise) ? known : otherwise;
    } catch {
      return otherwise; // written by other hands: nothing of ours is in it
    }
  }

  /** @param {string} key @param {any} value @returns {string|null} why the browser does not keep it */
  store(key, value) {
    if (!this.storage) return 'This browser keeps nothing for this page: allow it to store site data.';
    try {
      this.storage.setItem(key, JSON.stringify(value));
      return null;
    } catch {
      return 'The browser has no room left for this page: export your notes, then remove some.';
    }
  }

  /** @returns {Map<number, LatentNote>} what this browser holds of the dictionary */
  browserLatents() {
    const held = this.stored(NOTES_KEY, {})[this.dictionary ?? ''];
    return new Map(held && typeof held === 'object' ? Object.entries(held).map(([latent, note]) => [Number(latent), note]) : []);
  }

  /** @param {Map<number, LatentNote>} latents @returns {string|null} why not */
  storeLatents(latents) {
    const all = this.stored(NOTES_KEY, {});
    if (latents.size) all[this.dictionary] = Object.fromEntries(latents);
    else delete all[this.dictionary];
    return this.store(NOTES_KEY, all);
  }

  /** @returns {(KeptText & {dictionary: string})[]} of all dictionaries, oldest first */
  browserSelections() {
    return this.stored(SELECTIONS_KEY, []).filter(isKept);
  }

  /** @returns {ReadonlyMap<number, LatentNote>} of the dictionary, those with anything in them; another object after every change */
  latents() {
    if (!this.merged) {
      const all = new Map(this.logLatents);
      for (const [latent, note] of this.browserLatents()) {
        const other = all.get(latent);
        if (!other || note.changed > other.changed) all.set(latent, note);
      }
      this.merged = new Map([...all].filter(([, note]) => !isEmpty(note)));
    }
    return this.merged;
  }

  /** @param {string|null} dictionary @returns {(KeptText & {home: 'log'|'browser'})[]} oldest first */
  selections(dictionary) {
    const log = dictionary === this.dictionary ? this.logSelections.map((one) => ({ ...one, home: 'log' })) : [];
    const own = this.browserSelections().filter((one) => one.dictionary === dictionary);
    return [...log, ...own.map((one) => ({ ...one, changed: one.changed ?? 0, home: 'browser' }))];
  }

  /** @returns {{latents: number, selections: number}} how much of the dictionary is in this browser alone */
  inBrowser() {
    const own = this.browserSelections().filter((one) => one.dictionary === this.dictionary);
    return { latents: this.browserLatents().size, selections: own.length };
  }

  /**
   * One change after another. `ask` is sent where the log takes notes; what it does not take is kept by `instead`.
   * @param {() => Promise<void>} ask @param {() => string|null} instead @returns {Promise<string|null>} why it is not kept
   */
  keep(ask, instead) {
    const { dictionary } = this;
    const change = async () => {
      if (dictionary !== this.dictionary) return 'Another dictionary was chosen meanwhile: nothing was changed.';
      let why = null;
      if (this.where === 'log') {
        try {
          await ask();
          this.changed();
          return null;
        } catch (error) {
          if (error instanceof ApiError && REFUSALS.has(error.status)) {
            if (error.status !== 400) await this.refresh();
            return error.message;
          }
          this.fall(error);
        }
      }
      why = instead();
      this.changed();
      if (why === null && !this.hasTold) {
        this.hasTold = true;
        this.onFallen();
      }
      return why;
    };
    const done = this.last.then(change);
    this.last = done.catch(() => {});
    return done;
  }

  /**
   * @param {number} latent @param {Partial<LatentNote>} patch @param {LatentNote} next the whole note with it
   * @param {Partial<LatentNote>} was the texts that the change began from @returns {Promise<string|null>} why it is not kept
   */
  setLatent(latent, patch, next, was) {
    const { dictionary } = this;
    return this.keep(
      async () => {
        const own = this.browserLatents();
        const { name, note, pinned } = next;
        const body = own.has(latent) ? { name, note, pinned } : { ...patch, was };
        const { latent: _, ...entry } = await this.server.write('notes/latent', { dictionary, latent, ...body });
        if (isEmpty(entry)) this.logLatents.delete(latent);
        else this.logLatents.set(latent, entry);
        if (own.delete(latent)) this.storeLatents(own);
      },
      () => {
        const own = this.browserLatents();
        const changed = Math.max(Date.now() / 1000, (this.logLatents.get(latent)?.changed ?? 0) + 0.001);
        if (isEmpty(next) && !this.logLatents.has(latent)) own.delete(latent);
        else own.set(latent, { ...next, changed });
        return this.storeLatents(own);
      },
    );
  }

  /**
   * Keeps, renames or removes a selection.
   * @param {string} name @param {{latents: string}|{to: string}|{remove: true}} what @param {'log'|'browser'} home where it is now
   */
  setSelection(name, what, home) {
    const { dictionary } = this;
    const own = () => {
      const all = this.browserSelections();
      const at = all.findIndex((one) => one.dictionary === dictionary && one.name === name);
      if ('latents' in what) all.push({ name, dictionary, latents: what.latents, changed: Date.now() / 1000 });
      else if ('to' in what) all[at] = { ...all[at], name: what.to };
      else all.splice(at, 1);
      return this.store(SELECTIONS_KEY, all);
    };
    if (home === 'browser' && !('latents' in what)) {
      const why = own();
      this.changed();
      return Promise.resolve(why);
    }
    return this.keep(
      async () => {
        const { selections } = await this.server.write('notes/selection', { dictionary, name, ...what });
        this.logSelections = selections;
      },
      () => ('latents' in what ? own() : `“${name}” lies with the log and cannot be changed there now. ${this.reason}`),
    );
  }

  /** What this browser alone holds goes to the log. @returns {Promise<string|null>} why not */
  moveToLog() {
    const { dictionary } = this;
    const latents = this.browserLatents();
    const own = this.browserSelections().filter((one) => one.dictionary === dictionary);
    const taken = new Map(this.logSelections.map((one) => [one.name, one.latents]));
    const selections = own
      .filter(({ name, latents: text }) => taken.get(name) !== text)
      .map(({ name, latents: text, changed = 0 }) => {
        let free = name;
        for (let n = 2; taken.has(free); n++) free = `${name.slice(0, 54)} (${n})`;
        taken.set(free, text);
        return { name: free, latents: text, changed };
      });
    if (this.where !== 'log') return Promise.resolve(this.reason);
    return this.keep(
      async () => {
        this.take(await this.server.write('notes/import', { dictionary, latents: Object.fromEntries(latents), selections }));
        this.storeLatents(new Map());
        this.store(SELECTIONS_KEY, this.browserSelections().filter((one) => one.dictionary !== dictionary));
      },
      () => this.reason,
    );
  }

  /** Notes and selections of a file, those that shall be taken. @param {Map<number, LatentNote>} latents @param {KeptText[]} selections */
  import(latents, selections) {
    const { dictionary } = this;
    return this.keep(
      async () => {
        this.take(await this.server.write('notes/import', { dictionary, latents: Object.fromEntries(latents), selections }));
      },
      () => {
        const why = this.storeLatents(new Map([...this.browserLatents(), ...latents]));
        return why ?? this.store(SELECTIONS_KEY, [...this.browserSelections(), ...selections.map((one) => ({ ...one, dictionary }))]);
      },
    );
  }

  /** @returns {string} where notes are kept, for the user */
  get sentence() {
    if (this.where === 'log') return `Kept with the log, in ${this.file.replace(/([^/]{12})[^/]+(\.json)$/, '$1…$2')}: whoever opens this log sees them.`;
    return `Kept in this browser alone.${this.reason ? ` ${this.reason}` : ''}`;
  }
}

/** The plugin's routes for notes. @param {import('./api.js').Api} api @param {import('./actions.js').Actions} actions @returns {NotesServer} */
export function notesServer(api, actions) {
  return {
    read: (dictionary) => api.fetch(api.url('notes', { dictionary }), 'json'),
    write: (route, content) => actions.ask(route, content),
  };
}
