import { basketText, parseBasket } from './basket.js';
import { latentsText, parseLatents } from './latent_list.js';
import { parseTokens } from './token_set.js';

/**
 * What is chosen, and its form in the address.
 *
 * @typedef {Object} Selection what the address keeps
 * @property {'dictionary'|'scratchpad'|'compare'} workspace
 * @property {string|null} run run directory; null until one is known
 * @property {string|null} id run id within it
 * @property {string|null} dictionary dictionary id
 * @property {number|null} step of the dictionary's evidence; null is the newest
 * @property {'step'|'training'} over the Dictionary shows one step, or several side by side
 * @property {string|null} beside id of a second dictionary, shown beside over training
 * @property {number|null} token index in the whole sequence
 * @property {readonly number[]} tokens several taken together, `token` among them or not; they count from two on (see token_set.js)
 * @property {'shown'|'out'} sinks whether patches that draw attention whatever the word count
 * @property {string|null} head layer and number of a head, `3.7`, whose attention is shown in place of the mean over heads
 * @property {'own'|'common'} scale of several words' maps: each up to its own peak, or all up to the largest
 * @property {number|null} doubt token of the answer that the user marked as wrong; belongs to the run
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
 * @property {'map'|'list'} mapAs the map as dots, or its clusters as a list
 * @property {'latents'|'pictures'} gallery what the gallery shows of the chosen latents: their references each, or the pictures of all
 * @property {'images'|'patches'} frequency
 * @property {number|null} dense latents over this share are dense; null: as the sweep counted
 * @property {boolean} hideDense dense latents are left out everywhere (see dense.js)
 * @property {number|null} sparse under this share, and over the mean `strong`, they are sparse and strong; null: the default
 * @property {number|null} strong
 * @property {readonly import('./basket.js').BasketItem[]} basket what a steered run shall change
 * @property {'all'|'firing'|'base'|'tiles'|'box'} scope on which patches it does
 * @property {readonly [number, number, number, number]|null} box x0, y0, x1, y1 in whole pixels of the picture
 * @property {'both'|'base'|'tiles'} boxView whose patches in the box
 * @property {'kept'|'dropped'} errorTerm what becomes of the part that the dictionary does not rebuild
 * @property {string|null} result key of the steered answer that is compared; null: this run's newest (see outcomes.js)
 * @property {string|null} sweep key of the cluster sweep; null: this run's newest
 * @property {string|null} dose key of the doses; null: this run's newest
 * @property {'clusters'|'latents'} table what the table of Compare lists
 * @property {'answers'|'failures'|'runs'|'dictionaries'} page what Compare is about: a run, a failure set, two runs, two dictionaries
 * @property {string|null} other key of the run that stands beside; null: one on the same picture (see run_pairs.js)
 * @property {number|null} otherToken of that run, a word that the chosen run does not have; null: the one beside `token`
 * @property {'same'|'own'} pairScale whether two maps side by side share a scale
 * @property {string|null} against id of the dictionary that the chosen one is held against; null: the one it was matched with last
 * @property {'none'|'near'|'close'} matched which latents are listed, by the cosine of their counterpart there
 * @property {string|null} set key of the failure set; null: this dictionary's newest (see failure_sets.js)
 * @property {'all'|'half'} setPart the items that latents are tested on: all, or those that are not held out
 * @property {number|null} setPrompt number of the prompt within which they are tested; null: all
 * @property {string|null} ablation key of what became of the set without some latents; null: its newest
 */

/** @type {Readonly<Selection>} */
export const DEFAULTS = Object.freeze({
  workspace: 'scratchpad',
  run: null,
  id: null,
  dictionary: null,
  step: null,
  over: 'step',
  beside: null,
  token: null,
  tokens: Object.freeze([]),
  sinks: 'shown',
  head: null,
  scale: 'own',
  doubt: null,
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
  mapAs: 'map',
  gallery: 'latents',
  frequency: 'images',
  dense: null,
  hideDense: false,
  sparse: null,
  strong: null,
  basket: Object.freeze([]),
  scope: 'all',
  box: null,
  boxView: 'both',
  errorTerm: 'kept',
  result: null,
  sweep: null,
  dose: null,
  table: 'clusters',
  page: 'answers',
  other: null,
  otherToken: null,
  pairScale: 'same',
  against: null,
  matched: 'none',
  set: null,
  setPart: 'all',
  setPrompt: null,
  ablation: null,
});

const CHOICES = {
  workspace: ['dictionary', 'scratchpad', 'compare'],
  over: ['step', 'training'],
  row: ['producing', 'own'],
  view: ['both', 'base', 'tiles'],
  overlay: ['spotlight', 'heat', 'off'],
  source: ['attention', 'latent'],
  sinks: ['shown', 'out'],
  scale: ['own', 'common'],
  by: ['weighted', 'plain'],
  order: ['clustered', 'strength'],
  map: ['firing', 'decoder'],
  mapAs: ['map', 'list'],
  gallery: ['latents', 'pictures'],
  frequency: ['images', 'patches'],
  scope: ['all', 'firing', 'base', 'tiles', 'box'],
  boxView: ['both', 'base', 'tiles'],
  table: ['clusters', 'latents'],
  page: ['answers', 'failures', 'runs', 'dictionaries'],
  pairScale: ['same', 'own'],
  matched: ['none', 'near', 'close'],
  setPart: ['all', 'half'],
  errorTerm: ['kept', 'dropped'],
};
const WHOLE = new Set(['step', 'token', 'otherToken', 'doubt', 'latent', 'setPrompt']);
export const REAL = {
  maxFrequency: [0, 1],
  minMean: [0, Infinity],
  cut: [0, 2],
  dense: [0, 1],
  sparse: [0, 1],
  strong: [0, Infinity],
};
/** @param {string} text @returns {readonly number[]|undefined} */
function parseBox(text) {
  const box = /^\d+(\.\d+){3}$/.test(text) ? text.split('.').map(Number) : null;
  return box && box[0] < box[2] && box[1] < box[3] ? Object.freeze(box) : undefined;
}

/** @param {string} key @param {string} text @returns {any} undefined when the text is not a value of that key */
function parse(key, text) {
  if (CHOICES[key]) return CHOICES[key].includes(text) ? text : undefined;
  if (WHOLE.has(key)) return /^\d+$/.test(text) ? Number(text) : undefined;
  if (REAL[key]) {
    const value = Number(text);
    return text !== '' && value >= REAL[key][0] && value <= REAL[key][1] ? value : undefined;
  }
  if (key === 'layers') return text === 'all' || /^\d+$/.test(text) ? text : undefined;
  if (key === 'latents') return parseLatents(text);
  if (key === 'tokens') return parseTokens(text);
  if (key === 'head') return /^\d+\.\d+$/.test(text) ? text : undefined;
  if (key === 'basket') return parseBasket(text);
  if (key === 'box') return parseBox(text);
  if (key === 'prompt' || key === 'hideDense') return text === '1';
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
    if (typeof value === 'object') {
      if (value.length) parameters[key] = key === 'basket' ? basketText(value) : latentsText(value);
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
