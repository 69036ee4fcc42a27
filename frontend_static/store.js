/**
 * One shared selection. Panels read it, change it here and hear of changes here; they never speak to one another.
 *
 * @typedef {Object} Selection what the address keeps
 * @property {'dictionary'|'scratchpad'} workspace
 * @property {string|null} run run directory; null until one is known
 * @property {string|null} id run id within it
 * @property {string|null} dictionary dictionary id
 * @property {number|null} step of the dictionary's evidence; null is the newest
 * @property {number|null} token index in the whole sequence
 * @property {number|null} latent the one latent under inspection
 * @property {number[]} latents several, chosen by lasso; empty when only `latent` counts
 * @property {string} layers 'all' or a layer's number
 * @property {'producing'|'own'} row
 * @property {'both'|'base'|'tiles'} view
 * @property {'spotlight'|'heat'|'off'} overlay
 * @property {'attention'|'latent'} source what the overlay shows
 * @property {'weighted'|'plain'} by order of the ranking
 * @property {number} maxFrequency latents firing in a larger share of pictures are left out; 1 is off
 * @property {number} minMean latents with a smaller mean activation are left out; 0 is off
 * @property {'clustered'|'strength'} order of the heatmap's columns
 * @property {number} cut height at which the dendrogram is cut
 * @property {boolean} prompt prompt tokens are rows of the heatmap too
 * @property {'firing'|'decoder'} map
 * @property {'images'|'patches'} frequency
 *
 * @typedef {Object} Session what lives only while the page does
 * @property {import('./api.js').Listing|null} listing
 * @property {Error|null} listingError the last listing failed; `listing` is then the last good one
 * @property {number} revision grows when the user asks for everything anew
 * @property {'light'|'dark'} theme
 */

/** @type {Readonly<Selection>} */
export const DEFAULTS = Object.freeze({
  workspace: 'scratchpad',
  run: null,
  id: null,
  dictionary: null,
  step: null,
  token: null,
  latent: null,
  latents: Object.freeze([]),
  layers: 'all',
  row: 'producing',
  view: 'both',
  overlay: 'spotlight',
  source: 'attention',
  by: 'weighted',
  maxFrequency: 0.5,
  minMean: 0,
  order: 'clustered',
  cut: 0.3,
  prompt: false,
  map: 'firing',
  frequency: 'images',
});

const CHOICES = {
  workspace: ['dictionary', 'scratchpad'],
  row: ['producing', 'own'],
  view: ['both', 'base', 'tiles'],
  overlay: ['spotlight', 'heat', 'off'],
  source: ['attention', 'latent'],
  by: ['weighted', 'plain'],
  order: ['clustered', 'strength'],
  map: ['firing', 'decoder'],
  frequency: ['images', 'patches'],
};
const WHOLE = new Set(['step', 'token', 'latent']);
const REAL = { maxFrequency: [0, 1], minMean: [0, Infinity], cut: [0, 2] };
/** Longer sets than this are not put in the address. */
const MAX_LATENTS_IN_ADDRESS = 200;

/** @param {string} key @param {string} text @returns {any} undefined when the text is not a value of that key */
function parse(key, text) {
  if (CHOICES[key]) return CHOICES[key].includes(text) ? text : undefined;
  if (WHOLE.has(key)) return /^\d+$/.test(text) ? Number(text) : undefined;
  if (REAL[key]) {
    const value = Number(text);
    return text !== '' && value >= REAL[key][0] && value <= REAL[key][1] ? value : undefined;
  }
  if (key === 'layers') return text === 'all' || /^\d+$/.test(text) ? text : undefined;
  if (key === 'latents') return /^\d+(\.\d+)*$/.test(text) ? text.split('.').map(Number) : undefined;
  if (key === 'prompt') return text === '1';
  return text;
}

/**
 * The part of a selection that differs from the default, as address parameters.
 * @param {Selection} selection
 * @returns {Record<string, string>}
 */
export function toParameters(selection) {
  const parameters = {};
  for (const [key, fallback] of Object.entries(DEFAULTS)) {
    const value = selection[key];
    if (value === fallback || value === null) continue;
    if (key === 'latents') {
      if (value.length && value.length <= MAX_LATENTS_IN_ADDRESS) parameters[key] = value.join('.');
    } else {
      parameters[key] = value === true ? '1' : String(value);
    }
  }
  return parameters;
}

/**
 * A selection from address parameters; what is missing, unknown or malformed takes its default.
 * @param {Record<string, string>} parameters
 * @returns {Selection}
 */
export function fromParameters(parameters) {
  const selection = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS)) {
    if (!(key in parameters)) continue;
    const value = parse(key, parameters[key]);
    if (value !== undefined) selection[key] = value;
  }
  return selection;
}

/** @param {import('./api.js').RunEntry[]} runs @returns {import('./api.js').RunEntry|null} */
function newestOf(runs) {
  return runs.reduce((best, entry) => (!best || entry.created > best.created ? entry : best), null);
}

export class Store {
  /** @param {{read: () => Record<string, string>, write: (parameters: Record<string, string>) => void}} address */
  constructor(address) {
    this.address = address;
    /** @type {Selection} */
    this.selection = Object.freeze(fromParameters(address.read()));
    /** @type {Session} */
    this.session = Object.freeze({ listing: null, listingError: null, revision: 0, theme: 'light' });
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** @param {() => void} listener @returns {() => void} ends it */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** @param {Partial<Selection>} patch */
  set(patch) {
    const unknown = Object.keys(patch).filter((key) => !(key in DEFAULTS));
    if (unknown.length) throw new Error(`The selection has no ${unknown.join(', ')}.`);
    if (Object.entries(patch).every(([key, value]) => this.selection[key] === value)) return;
    this.selection = Object.freeze({ ...this.selection, ...patch });
    this.address.write(toParameters(this.selection));
    this.tell();
  }

  /** @param {Partial<Session>} patch */
  setSession(patch) {
    if (Object.entries(patch).every(([key, value]) => this.session[key] === value)) return;
    this.session = Object.freeze({ ...this.session, ...patch });
    this.tell();
  }

  /** Takes over an address that changed by other hands: the back button, or an edit. */
  readAddress() {
    this.selection = Object.freeze(fromParameters(this.address.read()));
    this.tell();
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

  /** Everything about the token goes: another run has other tokens, and its own strongest latents. */
  /** @param {import('./api.js').RunEntry} entry */
  chooseRun({ run, id, dictionary_id: dictionary }) {
    if (run === this.selection.run && id === this.selection.id) return;
    this.set({
      run,
      id,
      dictionary,
      step: null,
      token: null,
      latent: null,
      latents: DEFAULTS.latents,
      layers: 'all',
      source: 'attention',
    });
  }

  /** A run belongs to one dictionary, so the newest run of the new one comes with it (or none). @param {string} dictionary */
  chooseDictionary(dictionary) {
    if (dictionary === this.selection.dictionary) return;
    const runs = this.session.listing?.vlm_runs.filter((entry) => entry.dictionary_id === dictionary) ?? [];
    const newest = newestOf(runs);
    if (newest) this.chooseRun(newest);
    else
      this.set({
        dictionary,
        step: null,
        run: null,
        id: null,
        token: null,
        latent: null,
        latents: DEFAULTS.latents,
        source: 'attention',
      });
  }

  /** @param {number|null} latent */
  chooseLatent(latent) {
    this.set({ latent, ...(latent === null ? { source: 'attention' } : {}) });
  }

  /** Keeps the selection possible after a new listing: a first choice, or another where the chosen thing is gone. */
  settle() {
    const { listing } = this.session;
    if (!listing) return;
    if (this.runEntry) {
      if (!this.selection.dictionary) this.set({ dictionary: this.runEntry.dictionary_id });
      return;
    }
    if (this.dictionaryEntry && this.selection.run === null) return;
    const newest = newestOf(listing.vlm_runs);
    if (!newest)
      this.set({
        run: null,
        id: null,
        token: null,
        dictionary: this.dictionaryEntry?.id ?? listing.dictionaries[0]?.id ?? null,
      });
    else if (this.selection.run !== null) this.chooseRun(newest);
    else this.set({ run: newest.run, id: newest.id, dictionary: newest.dictionary_id }); // an address may name a latent alone
  }
}
