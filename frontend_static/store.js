import { refusal } from './basket.js';
import { withFresh } from './outcomes.js';
import { DEFAULTS, fromParameters, REAL, toParameters } from './selection.js';

export { DEFAULTS, fromParameters, toParameters };

/**
 * One shared selection. Panels read it, change it here and hear of changes here; they never speak to one another.
 *
 * @typedef {import('./selection.js').Selection} Selection
 *
 * @typedef {Object} Session what lives only while the page does
 * @property {import('./api.js').Listing|null} listing
 * @property {Error|null} listingError the last listing failed; `listing` is then the last good one
 * @property {number} revision grows when the user asks for everything anew
 * @property {'light'|'dark'} theme
 * @property {boolean} ownTheme the user chose it; otherwise it is TensorBoard's
 * @property {string|null} sheet what is open over the workspace: 'keys', 'find', 'share', 'references', 'spec', 'ask', 'worker'
 * @property {string|null} notice a sentence on what was asked for and cannot be done
 * @property {import('./actions.js').Worker|null} worker who runs the model; null until that is known
 * @property {import('./jobs.js').Job|null} job what this browser tab has it do, until the user lets go of it
 * @property {File|Blob|null} dropped a picture that was dropped or pasted, to be asked about
 * @property {boolean} brushing a box is drawn on the picture
 * @property {readonly string[]} absent names in the address of selections that this browser does not keep
 */

/** Dragged rather than chosen: changing one of these alone makes no entry in the browser's history. */
const SLID = new Set(['step', ...Object.keys(REAL)]);
/** Values longer than this are kept under a name, and the address holds `*name`. */
const MAX_IN_ADDRESS = 600;
/** Values up to this length are written out in a link that is shared. */
const MAX_IN_LINK = 6000;

/** Values that can be long. */
const LONG = new Set(['latents', 'basket']);

/** Whether two values are the same, lists by what they hold. */
function same(a, b) {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a === b || (a.length === b.length && a.every((one, i) => one === b[i]));
}

/** @param {import('./api.js').RunEntry[]} runs @returns {import('./api.js').RunEntry|null} */
function newestOf(runs) {
  return runs.reduce((best, entry) => (!best || entry.created > best.created ? entry : best), null);
}

/** Nothing of a run or a dictionary is chosen. */
const NO_CHOICE = Object.freeze({
  step: null,
  token: null,
  latent: null,
  latents: DEFAULTS.latents,
  source: 'attention',
  result: null,
  sweep: null,
  dose: null,
  box: null,
});

export class Store {
  /**
   * @param {{read: () => Record<string, string>, write: (parameters: Record<string, string>, asNew: boolean) => void,
   *   link?: (parameters: Record<string, string>) => string}} address `asNew`: as a new entry of the browser's history
   * @param {import('./named_values.js').NamedValues|null} named keeps what is too long for the address
   */
  constructor(address, named = null) {
    this.address = address;
    this.named = named;
    /** @type {import('./jobs.js').Jobs|null} runs the model; null where nothing can (tests of the store alone) */
    this.jobs = null;
    this.fresh = { vlm_runs: [], outcomes: [] };
    /** @type {Session} */
    this.session = Object.freeze({
      listing: null,
      listingError: null,
      revision: 0,
      theme: 'light',
      ownTheme: false,
      sheet: null,
      notice: null,
      worker: null,
      job: null,
      dropped: null,
      brushing: false,
      absent: Object.freeze([]),
    });
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.take(address.read());
  }

  /** @param {() => void} listener @returns {() => void} ends it */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * A choice of the user's.
   * @param {Partial<Selection>} patch
   * @param {{asNew?: boolean}} [how] `asNew`: the back button comes back to what was before; by default unless a slider is dragged
   */
  set(patch, { asNew = Object.keys(patch).some((key) => !SLID.has(key)) } = {}) {
    const unknown = Object.keys(patch).filter((key) => !(key in DEFAULTS));
    if (unknown.length) throw new Error(`The selection has no ${unknown.join(', ')}.`);
    const changed = Object.entries(patch).filter(([key, value]) => !same(this.selection[key], value));
    if (!changed.length) return;
    this.selection = Object.freeze({ ...this.selection, ...Object.fromEntries(changed) });
    this.address.write(this.shortened(MAX_IN_ADDRESS).parameters, asNew);
    this.tell();
  }

  /** What follows by itself: a first choice, or another where the chosen thing is gone. @param {Partial<Selection>} patch */
  adjust(patch) {
    this.set(patch, { asNew: false });
  }

  /** @param {Partial<Session>} patch */
  setSession(patch) {
    if (Object.entries(patch).every(([key, value]) => this.session[key] === value)) return;
    this.session = Object.freeze({ ...this.session, ...patch });
    this.tell();
  }

  /** @param {Record<string, string>} parameters as the address holds them, names and all */
  take(parameters) {
    const absent = [];
    const full = {};
    for (const [key, text] of Object.entries(parameters)) {
      if (!LONG.has(key) || !text.startsWith('*')) full[key] = text;
      else {
        const found = this.named?.find(text.slice(1)) ?? null;
        if (found === null) absent.push(text.slice(1));
        else full[key] = found;
      }
    }
    this.selection = Object.freeze(fromParameters(full));
    this.session = Object.freeze({ ...this.session, absent: Object.freeze(absent) });
  }

  /** Takes over an address that changed by other hands: the back button, or an edit. */
  readAddress() {
    this.take(this.address.read());
    this.tell();
  }

  /** @param {number} longest @returns {{parameters: Record<string, string>, names: string[], lost: string[]}} `lost`: too long, and not kept */
  shortened(longest) {
    const parameters = toParameters(this.selection);
    const [names, lost] = [[], []];
    for (const key of LONG) {
      if (!(key in parameters) || parameters[key].length <= longest) continue;
      const name = this.named?.keep(key, parameters[key]) ?? null;
      if (name === null) {
        lost.push(key);
        delete parameters[key];
      } else {
        names.push(name);
        parameters[key] = `*${name}`;
      }
    }
    return { parameters, names, lost };
  }

  /**
   * A link to this view; `names`: what it names that only this browser keeps; `lost`: what it leaves out; `named`: what the
   * address of this page names, whether or not the link writes it out.
   */
  link() {
    const { parameters, names, lost } = this.shortened(MAX_IN_LINK);
    return { url: this.address.link(parameters), names, lost, named: this.shortened(MAX_IN_ADDRESS).names };
  }

  /** @param {import('./api.js').Listing} listing as TensorBoard has it */
  setListing(listing) {
    this.setSession({ listing: withFresh(listing, this.fresh), listingError: null });
    this.settle();
  }

  /**
   * Takes in what is in the log though TensorBoard has not loaded it yet.
   * @param {{vlm_runs?: import('./api.js').RunEntry[], outcomes?: import('./api.js').OutcomeEntry[]}} found
   */
  addFresh({ vlm_runs: runs = [], outcomes = [] }) {
    this.fresh = {
      vlm_runs: [...this.fresh.vlm_runs, ...runs],
      outcomes: [...this.fresh.outcomes, ...outcomes],
    };
    const { listing } = this.session;
    if (listing) this.setSession({ listing: withFresh(listing, this.fresh) });
  }

  tell() {
    for (const listener of [...this.listeners]) listener();
  }

  /** @returns {import('./api.js').RunKey|null} */
  get runKey() {
    const { run, id } = this.selection;
    return run !== null && id !== null ? { run, id } : null;
  }

  /** @returns {import('./api.js').RunEntry|null} the chosen run's line in the listing */
  get runEntry() {
    const { run, id } = this.selection;
    return this.session.listing?.vlm_runs.find((entry) => entry.run === run && entry.id === id) ?? null;
  }

  /** @returns {import('./api.js').DictionaryEntry|null} the chosen dictionary's line in the listing */
  get dictionaryEntry() {
    return this.session.listing?.dictionaries.find((entry) => entry.id === this.selection.dictionary) ?? null;
  }

  /**
   * Changes whenever what is looked at may have: its lines in the listing, what is unreadable, or a reload by hand. A run
   * that somebody logs meanwhile leaves it as it is.
   * @returns {string}
   */
  get evidenceVersion() {
    const { listing, revision } = this.session;
    const of = [listing, revision, this.runEntry, this.dictionaryEntry];
    if (!this.version || of.some((one, i) => one !== this.version.of[i])) {
      this.version = { of, text: JSON.stringify([revision, this.runEntry, this.dictionaryEntry, listing?.problems]) };
    }
    return this.version.text;
  }

  /**
   * Everything about the token goes: another run has other tokens, and its own strongest latents. The basket stays with
   * its dictionary.
   * @param {import('./api.js').RunEntry} entry @param {{asNew?: boolean}} [how]
   */
  chooseRun({ run, id, dictionary_id: dictionary }, { asNew = true } = {}) {
    if (run === this.selection.run && id === this.selection.id) return;
    const keep = dictionary === this.selection.dictionary ? {} : { basket: DEFAULTS.basket };
    this.set({ ...NO_CHOICE, ...keep, run, id, dictionary, layers: 'all' }, { asNew });
  }

  /** A run belongs to one dictionary, so the newest run of the new one comes with it (or none). @param {string} dictionary */
  chooseDictionary(dictionary) {
    if (dictionary === this.selection.dictionary) return;
    const runs = this.session.listing?.vlm_runs.filter((entry) => entry.dictionary_id === dictionary) ?? [];
    const newest = newestOf(runs);
    if (newest) this.chooseRun(newest);
    else this.set({ ...NO_CHOICE, basket: DEFAULTS.basket, dictionary, run: null, id: null });
  }

  /** @param {number|null} latent @param {{asNew?: boolean}} [how] */
  chooseLatent(latent, { asNew = true } = {}) {
    this.set({ latent, ...(latent === null ? { source: 'attention' } : {}) }, { asNew });
  }

  /** @param {import('./basket.js').BasketItem} item says why not where one of its latents is steered already */
  addToBasket(item) {
    const notice = refusal(this.selection.basket, item);
    this.setSession({ notice });
    if (!notice) this.set({ basket: Object.freeze([...this.selection.basket, item]) });
  }

  /** @param {number} at @param {import('./basket.js').BasketItem|null} item null removes it @param {{asNew?: boolean}} [how] */
  replaceInBasket(at, item, { asNew = true } = {}) {
    this.setSession({ notice: null });
    const basket = [...this.selection.basket];
    basket.splice(at, 1, ...(item ? [Object.freeze(item)] : []));
    this.set({ basket: Object.freeze(basket) }, { asNew });
  }

  /** Keeps the selection possible after a new listing: a first choice, or another where the chosen thing is gone. */
  settle() {
    const { listing } = this.session;
    if (!listing) return;
    if (this.runEntry) {
      if (!this.selection.dictionary) this.adjust({ dictionary: this.runEntry.dictionary_id });
      return;
    }
    if (this.dictionaryEntry && this.selection.run === null) return;
    const newest = newestOf(listing.vlm_runs);
    if (!newest)
      this.adjust({
        run: null,
        id: null,
        token: null,
        dictionary: this.dictionaryEntry?.id ?? listing.dictionaries[0]?.id ?? null,
      });
    else if (this.selection.run !== null) this.chooseRun(newest, { asNew: false });
    else this.adjust({ run: newest.run, id: newest.id, dictionary: newest.dictionary_id }); // an address may name a latent alone
  }
}
