import { basketText } from '../../basket.js';
import { denseMask, hidingCut } from '../../dense.js';
import { counted, percent, tokenText, whole } from '../../elements/format.js';
import { DEFAULTS, toParameters } from '../../selection.js';
import { areSeveral } from '../../token_set.js';

/**
 * What a saved figure is of, as an object for data files and as the sentences of its caption.
 *
 * @typedef {import('../../store.js').Store} Store
 * @typedef {import('../../api.js').Api} Api
 * @typedef {'run'|'dictionary'|'compare'|'failures'|'runs'|'dictionaries'} Scope what a figure is about: it says which settings matter to it
 */

/** @type {Readonly<Record<Scope, readonly string[]>>} */
const SETTINGS = {
  run: ['layers', 'row', 'view', 'sinks', 'by', 'maxFrequency', 'minMean', 'order', 'cut', 'prompt', 'box'],
  runs: ['layers', 'row', 'view'],
  dictionaries: ['matched'],
  dictionary: ['frequency', 'map', 'dense', 'sparse', 'strong', 'over', 'beside'],
  compare: ['scope', 'box', 'boxView', 'errorTerm', 'view'],
  failures: ['setPart', 'setPrompt', 'by', 'layers', 'row', 'view'],
};

/** @type {Record<string, (value: any) => string>} */
const TOLD = {
  layers: (value) => `attention of layer ${value} alone`,
  row: () => 'the word’s own row of attention',
  view: (value) => (value === 'base' ? 'base view alone' : 'tiles alone'),
  sinks: () => 'sinks left out of attention and C',
  source: () => 'the chosen latent on the picture',
  head: (value) => `layer ${value.split('.')[0]}, head ${value.split('.')[1]} alone, as a worker recorded it`,
  scale: () => 'words on one common scale',
  pairScale: () => 'each picture on its own scale',
  matched: (value) => (value === 'near' ? 'latents whose best counterpart has a cosine from .7 to .9' : 'latents whose best counterpart has a cosine over .9'),
  overlay: (value) => (value === 'heat' ? 'drawn as heat' : 'without overlay'),
  by: () => 'by plain mean B',
  maxFrequency: (value) => (value >= 1 ? 'latents of any frequency' : `latents that fire in at most ${percent(value)} of pictures`),
  minMean: (value) => `mean activation at least ${value}`,
  order: () => 'columns by strength',
  cut: (value) => `tree cut at ${value}`,
  prompt: () => 'words of the prompt too',
  box: (value) => `box ${value.join(', ')} (pixels)`,
  frequency: () => 'frequency by patches',
  map: () => 'map of decoder rows',
  dense: (value) => `dense over ${percent(value)}`,
  sparse: (value) => `sparse under ${percent(value)}`,
  strong: (value) => `strong over ${value}`,
  over: () => 'over training',
  beside: (value) => `beside dictionary ${value.slice(0, 8)}`,
  scope: (value) => `steered on ${value} patches`,
  boxView: (value) => `box in ${value}`,
  errorTerm: () => 'error term dropped',
  setPart: () => 'tested on the choosing half',
  setPrompt: (value) => `prompt ${value + 1} alone`,
};

/**
 * @param {import('../../selection.js').Selection} selection @param {Scope} scope @param {readonly string[]} [more] what matters to this figure besides
 * @returns {string[]} what differs from the default, in words
 */
export function settingsTold(selection, scope, more = []) {
  return [...SETTINGS[scope], ...more].filter((key) => selection[key] !== DEFAULTS[key] && selection[key] !== null && TOLD[key]).map((key) => TOLD[key](selection[key]));
}

/** What is left out by the rule of dense latents. @param {Store} store @param {Api} api @returns {Promise<{n: number, over: number}|null>} */
async function denseHidden(store, api) {
  const cut = hidingCut(store);
  if (cut === null || cut === undefined) return null;
  const { dictionary, step } = store.selection;
  return { n: denseMask(await api.dictionaryStatistics(dictionary, step), cut).n, over: cut };
}

/** The words that a figure is of. @param {any} run @param {import('../../selection.js').Selection} selection @param {boolean} alone */
function wordsTold(run, selection, alone) {
  const at = (token) => run.tokens.find(({ index }) => index === token) ?? null;
  if (areSeveral(selection) && !alone) {
    const several = selection.tokens.map(at).filter((one) => one !== null);
    return { words: several.map(({ text }) => tokenText(text)), word_indices: several.map(({ index }) => index) };
  }
  const token = at(selection.token);
  if (!token) return {};
  const first = run.tokens.find(({ span }) => span === 'OUTPUT')?.index ?? 0;
  return { word: tokenText(token.text), word_index: token.index, ...(token.span === 'OUTPUT' ? { word_number: token.index - first } : {}) };
}

/**
 * @param {Store} store @param {Api} api @param {{title: string, scope: Scope, facts?: Record<string, unknown>, settings?: readonly string[], alone?: boolean, dense?: boolean}} figure
 *   `facts`: what only this figure has (a cluster, a steered answer); the rest as in `Description`
 * @returns {Promise<Record<string, unknown>>} without what is not known
 */
export async function aboutFigure(store, api, { title, scope, facts = {}, settings = [], alone = false, dense = false }) {
  const { selection, runEntry, dictionaryEntry, session } = store;
  const ofRun = (scope === 'run' || scope === 'runs' || scope === 'compare') && store.runKey ? await api.vlmRun(store.runKey) : null;
  const dictionary = dictionaryEntry ?? ofRun?.dictionary ?? null;
  const steps = dictionaryEntry?.steps ?? [];
  const doubted = ofRun?.tokens.find(({ index }) => index === selection.doubt);
  const known = {
    figure: title,
    model: dictionary?.vlm_name,
    sae: dictionary?.sae_name,
    hook: dictionary?.hook,
    dictionary: dictionary?.name,
    dictionary_id: dictionary?.id,
    n_latents: dictionary?.n_latents,
    step: selection.step ?? steps.at(-1),
    n_steps: dictionaryEntry?.steps.length,
    ...(ofRun
      ? {
          run: ofRun.name || runEntry?.name,
          run_directory: ofRun.run,
          run_id: ofRun.id,
          prompt: ofRun.prompt,
          answer: ofRun.output_text,
          ...(scope === 'run' ? wordsTold(ofRun, selection, alone) : {}),
          ...(doubted && scope !== 'runs' ? { marked_as_wrong: tokenText(doubted.text) } : {}),
        }
      : {}),
    latent: selection.latent,
    latent_name: selection.latent === null ? null : store.notes.of(selection.latent).name || null,
    ...(selection.latents.length ? { latents: [...selection.latents] } : {}),
    ...(scope === 'compare' && selection.basket.length ? { basket: basketText(selection.basket) } : {}),
    ...(dense ? { dense_hidden: await denseHidden(store, api) } : {}),
    ...facts,
    settings: settingsTold(selection, scope, settings),
    view: toParameters(selection),
    tool: `Visual Scratchpad ${session.listing?.version ?? ''}`.trim(),
    saved: new Date().toISOString(),
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== null));
}

/** Figures name so many latents, data files all of them. */
const MOST_LATENTS = 12;

/** @param {Record<string, any>} about @returns {string} the words as the caption names them, after a semicolon; empty for none */
function wordText({ word, word_number: number, words }) {
  if (words) return `; ${counted(words.length, 'word')} together: ${words.map((one) => `“${one}”`).join(', ')}`;
  return word === undefined ? '' : `; word “${word}”${number === undefined ? ' of the prompt' : ` (${number}, counted from 0)`}`;
}

/** @param {{name: string, dictionary_id: string, n_latents?: number}} one @param {string} [step] */
const dictionaryText = (one, step = '') => (one.dictionary_id ? ` (dictionary ${one.dictionary_id.slice(0, 8)}${one.n_latents ? `, ${counted(one.n_latents, 'latent')}` : ''}${step})` : '');

/** The other side of a comparison. @param {Record<string, any>} about @returns {string} */
function secondText({ second_run: run, second_dictionary: dictionary }) {
  const parts = [];
  if (run) {
    const { name, prompt, model, word } = run;
    parts.push(`Held against (B): run ${name}: “${prompt}”${word === undefined ? '' : `; word “${word}”`}; model ${model}, dictionary ${run.dictionary} (${run.dictionary_id.slice(0, 8)}).`);
  }
  if (dictionary) parts.push(`Held against (B): model ${dictionary.model}; SAE ${dictionary.sae} at ${dictionary.hook}${dictionaryText(dictionary)}.`);
  return parts.join(' ');
}

/** @param {{n: number, over: number}|undefined} hidden @returns {string} */
const hiddenText = (hidden) => (hidden ? `Dense latents hidden: ${whole(hidden.n)} of the dictionary’s, which fire in over ${percent(hidden.over)} of pictures.` : '');

/**
 * @param {Record<string, any>} about @param {string} reading how to read the figure
 * @returns {string[]} paragraphs
 */
export function captionOf(about, reading) {
  const step = about.step === undefined ? '' : `, step ${whole(about.step)}`;
  const source = about.model ? `Model ${about.model}; SAE ${about.sae} at ${about.hook}${dictionaryText(/** @type {any} */ (about), step)}.` : '';
  const run = about.run === undefined ? '' : `Run ${about.run}: “${about.prompt}”${wordText(about)}.`;
  const several = about.latents ?? [];
  const given = about.latent_name ? ` “${about.latent_name}”` : '';
  const latents = several.length
    ? `Chosen: ${counted(several.length, 'latent')} (${several.slice(0, MOST_LATENTS).join(', ')}${several.length > MOST_LATENTS ? ', …' : ''}).`
    : about.latent === undefined
      ? ''
      : `Chosen latent: ${about.latent}${given}.`;
  const named = { cluster: 'Cluster', steering: 'Steering', failure_set: 'Failure set', marked_as_wrong: 'Marked as wrong' };
  const own = Object.keys(named).filter((key) => about[key]).map((key) => `${named[key]}: ${key === 'marked_as_wrong' ? `“${about[key]}”` : about[key]}.`);
  const settings = about.settings.length ? `Settings: ${about.settings.join('; ')}; else as by default.` : 'Settings as by default.';
  return [
    reading,
    [source, run, secondText(about)].filter(Boolean).join(' '),
    [latents, ...own, hiddenText(about.dense_hidden), settings].filter(Boolean).join(' '),
    `${about.tool}, saved ${about.saved.slice(0, 16).replace('T', ' ')} UTC.`,
  ];
}

/** @param {Record<string, any>} about @param {string} name of the figure @returns {string} a file's name without its ending */
export function fileName(about, name) {
  const word = about.words ? [`${about.words.length}-words`] : about.word === undefined ? [] : [about.word];
  const several = about.latents?.length ?? 0;
  const latent = several > 1 ? [`${several}-latents`] : about.latent === undefined ? [] : [`latent-${about.latent}`];
  const step = about.n_steps > 1 ? [`step-${about.step}`] : [];
  const parts = [name, about.run, ...word, ...(about.run === undefined ? [about.dictionary_id?.slice(0, 8), ...step] : []), ...latent];
  const plain = (text) =>
    String(text)
      .normalize('NFKD')
      .replace(/[^\p{L}\p{N}.-]+/gu, '-')
      .replace(/^[-.]+|[-.]+$/g, '')
      .slice(0, 40);
  return parts.filter(Boolean).map(plain).filter(Boolean).join('_');
}
