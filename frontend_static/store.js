import { refusal } from './basket.js';
import { KeptSelections } from './kept_selections.js';
import { LatentNotes } from './latent_notes.js';
import { stillFresh, withFresh } from './outcomes.js';
import { DEFAULTS, fromParameters, REAL, toParameters } from './selection.js';
import { withRunOfStep } from './series.js';
import { newestOf, NO_BASKET, NO_CHOICE, settled } from './settling.js';

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
 * @property {string|null} sheet what is open over the workspace: 'keys', 'find', 'share', 'selections', 'references', 'spec',
 *   'ask', 'worker', 'truth', 'sae-check', 'notes', 'note', 'heads', 'picture'
 * @property {boolean} walk the walk is shown (see panels/walk/)
 * @property {string|null} ledTo the step of the walk that led here, until the user chooses something else
 * @property {string|null} notice a sentence on what was asked for and cannot be done
 * @property {import('./actions.js').Worker|null} worker who runs the model; null until that is known
 * @property {import('./jobs.js').Job|null} job what this browser tab has it do, until the user lets go of it
 * @property {Readonly<Record<string, number>>} paces seconds that a job of each kind took last, per unit of work
 * @property {boolean} brushing a box is drawn on the picture
 * @property {boolean} naming the chosen latent's name is about to be typed
 * @property {Readonly<{of: string, cutoff: number}>|null} sweptDense the sweep's dense cut-off, where it was needed (see dense.js)
 * @property {Readonly<Record<string, string>>} told what the address asked for and this log or browser does not have, and what is
 *   shown instead: a sentence by the part of the selection that it is about, until another choice is made there; and, as `notes`, that
 *   notes lie in the browser alone
 */

/** Dragged rather than chosen: changing one of these alone makes no entry in the browser's history. */
const SLID = new Set(['step', ...Object.keys(REAL)]);
/**
 * Values up to this length are written into the address, which then opens in any browser; longer ones are kept here under a
 * name, and the address holds `*name`. So much holds any selection in a dictionary of 35,000 latents, and 7,000 of 65,536.
 */
export const MAX_IN_ADDRESS = 6000;

/** Values that can be long. */
const LONG = new Set(['latents', 'basket']);

/** Whether two values are the same, lists by what they hold. */
function same(a, b) {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a === b || (a.length === b.length && a.every((one, i) => one === b[i]));
}

export class Store {
  /**
   * @param {{read: () => Record<string, string>, write: (parameters: Record<string, string>, asNew: boolean) => void,
   *   link?: (parameters: Record<string, string>) => string}} address `asNew`: as a new entry of the browser's history
   * @param {import('./named_values.js').NamedValues|null} named keeps what is too long for the address
   * @param {KeptSelections} kept selections that the user named
   * @param {LatentNotes} notes names, notes and pins of latents
   */
  constructor(address, named = null, kept = new KeptSelections(), notes = new LatentNotes(kept.home)) {
    this.address = address;
    this.named = named;
    this.kept = kept;
    this.notes = notes;
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
      walk: false,
      ledTo: null,
      notice: null,
      worker: null,
      job: null,
      paces: Object.freeze({}),
      brushing: false,
      naming: false,
      sweptDense: null,
      told: Object.freeze({}),
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
   * A choice of the user's. Another step takes the run along, where the shown one was explained at several.
   * @param {Partial<Selection>} patch
   * @param {{asNew?: boolean}} [how] `asNew`: the back button comes back to what was before; by default unless a slider is dragged
   */
  set(patch, { asNew = Object.keys(patch).some((key) => !SLID.has(key)) } = {}) {
    const unknown = Object.keys(patch).filter((key) => !(key in DEFAULTS));
    if (unknown.length) throw new Error(`The selection has no ${unknown.join(', ')}.`);
    const whole = withRunOfStep(patch, this.selection, this.session.listing);
    if (!this.change(whole)) return;
    this.asked = null;
    if (this.session.ledTo) this.session = Object.freeze({ ...this.session, ledTo: null });
    const told = Object.entries(this.session.told);
    const kept = told.filter(([key]) => !(key in whole));
    // the session stays the object that it is where nothing of it changes: panels that a slider leaves alone look at that
    if (kept.length < told.length) {
      this.session = Object.freeze({ ...this.session, told: Object.freeze(Object.fromEntries(kept)) });
    }
    this.address.write(this.shortened().parameters, asNew);
    this.tell();
  }

  /**
   * What follows by itself: a first choice, or another where the chosen thing is gone. While the log lacks what the address
   * asks for, the address goes on asking.
   * @param {Partial<Selection>} patch
   * @param {Record<string, string>} [told] sentences on what is gone, by the part of the selection
   */
  adjust(patch, told = {}) {
    const sentences = Object.keys(told).length;
    if (sentences) this.session = Object.freeze({ ...this.session, told: Object.freeze({ ...this.session.told, ...told }) });
    const changed = this.change(patch);
    if (changed && !this.asked) this.address.write(this.shortened().parameters, false);
    if (changed || sentences) this.tell();
  }

  /** @param {Partial<Selection>} patch @returns {boolean} whether anything is other than before */
  change(patch) {
    const changed = Object.entries(patch).filter(([key, value]) => !same(this.selection[key], value));
    if (!changed.length) return false;
    this.selection = Object.freeze({ ...this.selection, ...Object.fromEntries(changed) });
    return true;
  }

  /** The user has read a sentence. @param {string[]} sentences */
  forgetTold(sentences) {
    const kept = Object.entries(this.session.told).filter(([, text]) => !sentences.includes(text));
    this.setSession({ told: Object.freeze(Object.fromEntries(kept)) });
  }

  /** @param {Partial<Session>} patch */
  setSession(patch) {
    if (Object.entries(patch).every(([key, value]) => this.session[key] === value)) return;
    this.session = Object.freeze({ ...this.session, ...patch });
    this.tell();
  }

  /** @param {Record<string, string>} parameters as the address holds them, names and all */
  take(parameters) {
    const [told, full] = [{}, {}];
    for (const [key, text] of Object.entries(parameters)) {
      if (!LONG.has(key) || !text.startsWith('*')) full[key] = text;
      else {
        const found = this.named?.find(text.slice(1)) ?? null;
        if (found === null)
          told[key] = `The address names “${text.slice(1)}”, a selection kept in the browser it was made in; this one does not have it.`;
        else full[key] = found;
      }
    }
    this.selection = Object.freeze(fromParameters(full));
    /** @type {Selection|null} what the address asks for while the log lacks some of it, and the user has chosen nothing else */
    this.asked = null;
    this.session = Object.freeze({ ...this.session, ledTo: null, told: Object.freeze(told) });
  }

  /** Takes over an address that changed by other hands: the back button, or an edit. */
  readAddress() {
    this.take(this.address.read());
    this.tell();
  }

  /** @returns {{parameters: Record<string, string>, names: string[], lost: string[]}} `lost`: too long, and not kept */
  shortened() {
    const parameters = toParameters(this.selection);
    const [names, lost] = [[], []];
    for (const key of LONG) {
      if (!(key in parameters) || parameters[key].length <= MAX_IN_ADDRESS) continue;
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

  /** A link to this view; `names`: what it names that only this browser keeps; `lost`: what it leaves out. */
  link() {
    const { parameters, names, lost } = this.shortened();
    return { url: this.address.link(parameters), names, lost };
  }

  /** @param {import('./api.js').Listing} listing as TensorBoard has it */
  setListing(listing) {
    this.fresh = stillFresh(listing, this.fresh);
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

  /** @returns {number[]} steps at which statistics of the chosen dictionary were logged */
  get statisticsSteps() {
    return this.dictionaryEntry?.statistics_steps ?? [];
  }

  /** @returns {boolean} the Dictionary shows several steps of its training */
  get overTraining() {
    return this.selection.over === 'training' && this.statisticsSteps.length > 1;
  }

  /** @returns {import('./api.js').DictionaryEntry|null} the one that stands beside, over training */
  get besideEntry() {
    return this.session.listing?.dictionaries.find((entry) => entry.id === this.selection.beside) ?? null;
  }

  /**
   * Changes whenever what is looked at may have: its lines in the listing, what is unreadable, or a reload by hand. A run
   * that somebody logs meanwhile leaves it as it is.
   * @returns {string}
   */
  get evidenceVersion() {
    const { listing, revision } = this.session;
    const of = [listing, revision, this.runEntry, this.dictionaryEntry, this.besideEntry];
    if (!this.version || of.some((one, i) => one !== this.version.of[i])) {
      this.version = { of, text: JSON.stringify([revision, this.runEntry, this.dictionaryEntry, this.besideEntry, listing?.problems]) };
    }
    return this.version.text;
  }

  /**
   * Everything about the token goes: another run has other tokens, and its own strongest latents. The basket stays with
   * its dictionary, and the step where the run was explained at several.
   * @param {import('./api.js').RunEntry} entry
   */
  chooseRun({ run, id, dictionary_id: dictionary, series_id: series }) {
    if (run === this.selection.run && id === this.selection.id) return;
    const same = dictionary === this.selection.dictionary;
    const keep = { ...(same ? {} : { basket: NO_BASKET }), ...(same && series ? { step: this.selection.step } : {}) };
    this.set({ ...NO_CHOICE, ...keep, ...this.alongside(dictionary), run, id, dictionary, layers: 'all' });
  }

  /** What of the view over training goes along to a dictionary; one that stood beside changes places. @param {string} dictionary */
  alongside(dictionary) {
    const { over, beside } = this.selection;
    const { dictionaryEntry: before } = this;
    const next = this.session.listing?.dictionaries.find((entry) => entry.id === dictionary);
    return {
      over: (next?.statistics_steps?.length ?? 0) > 1 ? over : 'step',
      beside: beside !== dictionary ? beside : before?.has_statistics && before.id !== dictionary ? before.id : null,
    };
  }

  /** A run belongs to one dictionary, so the newest run of the new one comes with it (or none). @param {string} dictionary */
  chooseDictionary(dictionary) {
    if (dictionary === this.selection.dictionary) return;
    const runs = this.session.listing?.vlm_runs.filter((entry) => entry.dictionary_id === dictionary) ?? [];
    const newest = newestOf(runs);
    if (newest) this.chooseRun(newest);
    else this.set({ ...NO_CHOICE, ...this.alongside(dictionary), basket: NO_BASKET, dictionary, run: null, id: null });
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

  /**
   * Keeps the selection possible after a new listing or address: a first choice, or another where the chosen thing is gone, which
   * is told. What the address asked for takes its place again if it comes (TensorBoard may still be reading).
   */
  settle() {
    const { listing } = this.session;
    if (!listing) return;
    if (this.asked) {
      const again = settled(this.asked, listing);
      if (!['run', 'dictionary', 'step', 'over', 'beside'].some((key) => key in again.told)) {
        this.selection = this.asked;
        this.asked = null;
        this.session = Object.freeze({ ...this.session, told: Object.freeze({}) });
        this.adjust(again.patch, again.told);
        this.tell();
        return;
      }
    }
    const { patch, told } = settled(this.selection, listing);
    if (Object.keys(told).length) this.asked ??= this.selection;
    this.adjust(patch, told);
  }
}
