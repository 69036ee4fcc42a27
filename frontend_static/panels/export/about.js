import { basketText } from '../../basket.js';
import { counted, percent, tokenText, whole } from '../../elements/format.js';
import { DEFAULTS, toParameters } from '../../selection.js';

/**
 * What a saved figure is of, as an object for data files and as the sentences of its caption.
 *
 * @typedef {import('../../store.js').Store} Store
 * @typedef {import('../../api.js').Api} Api
 * @typedef {'run'|'dictionary'|'compare'|'failures'} Scope what a figure is about: it says which settings matter to it
 */

/** @type {Readonly<Record<Scope, readonly string[]>>} */
const SETTINGS = {
  run: ['layers', 'row', 'view', 'source', 'overlay', 'by', 'maxFrequency', 'minMean', 'order', 'cut', 'prompt', 'box'],
  dictionary: ['frequency', 'map', 'dense', 'sparse', 'strong', 'over', 'beside'],
  compare: ['scope', 'box', 'boxView', 'errorTerm', 'view'],
  failures: ['setPart', 'setPrompt', 'by', 'layers', 'row', 'view'],
};

/** @type {Record<string, (value: any) => string>} */
const TOLD = {
  layers: (value) => `attention of layer ${value} alone`,
  row: () => 'the word’s own row of attention',
  view: (value) => (value === 'base' ? 'base view alone' : 'tiles alone'),
  source: () => 'the chosen latent on the picture',
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

/** @param {import('../../selection.js').Selection} selection @param {Scope} scope @returns {string[]} what differs from the default, in words */
export function settingsTold(selection, scope) {
  return SETTINGS[scope].filter((key) => selection[key] !== DEFAULTS[key] && selection[key] !== null && TOLD[key]).map((key) => TOLD[key](selection[key]));
}

/**
 * @param {Store} store @param {Api} api @param {{title: string, scope: Scope, facts?: Record<string, unknown>}} figure `facts`: what only
 *   this figure has (a cluster, a steered answer)
 * @returns {Promise<Record<string, unknown>>} without what is not known
 */
export async function aboutFigure(store, api, { title, scope, facts = {} }) {
  const { selection, runEntry, dictionaryEntry, session } = store;
  const ofRun = (scope === 'run' || scope === 'compare') && store.runKey ? await api.vlmRun(store.runKey) : null;
  const dictionary = dictionaryEntry ?? ofRun?.dictionary ?? null;
  const steps = dictionaryEntry?.steps ?? [];
  const token = ofRun?.tokens.find(({ index }) => index === selection.token) ?? null;
  const first = ofRun?.tokens.find(({ span }) => span === 'OUTPUT')?.index ?? 0;
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
          ...(scope === 'run' && token
            ? { word: tokenText(token.text), word_index: token.index, ...(token.span === 'OUTPUT' ? { word_number: token.index - first } : {}) }
            : {}),
        }
      : {}),
    latent: selection.latent,
    ...(selection.latents.length ? { latents: [...selection.latents] } : {}),
    ...(scope === 'compare' && selection.basket.length ? { basket: basketText(selection.basket) } : {}),
    ...facts,
    settings: settingsTold(selection, scope),
    view: toParameters(selection),
    tool: `Visual Scratchpad ${session.listing?.version ?? ''}`.trim(),
    saved: new Date().toISOString(),
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== null));
}

/** Figures name so many latents, data files all of them. */
const MOST_LATENTS = 12;

/**
 * @param {Record<string, any>} about @param {string} reading how to read the figure
 * @returns {string[]} paragraphs
 */
export function captionOf(about, reading) {
  const step = about.step === undefined ? '' : `, step ${whole(about.step)}`;
  const dictionary = about.dictionary_id
    ? ` (dictionary ${about.dictionary_id.slice(0, 8)}${about.n_latents ? `, ${counted(about.n_latents, 'latent')}` : ''}${step})`
    : '';
  const source = about.model ? `Model ${about.model}; SAE ${about.sae} at ${about.hook}${dictionary}.` : '';
  const word = about.word === undefined ? '' : `; word “${about.word}”${about.word_number === undefined ? ' of the prompt' : ` (${about.word_number}, counted from 0)`}`;
  const run = about.run === undefined ? '' : `Run ${about.run}: “${about.prompt}”${word}.`;
  const several = about.latents ?? [];
  const latents = several.length
    ? `Chosen: ${counted(several.length, 'latent')} (${several.slice(0, MOST_LATENTS).join(', ')}${several.length > MOST_LATENTS ? ', …' : ''}).`
    : about.latent === undefined
      ? ''
      : `Chosen latent: ${about.latent}.`;
  const own = ['cluster', 'steering', 'failure_set'].filter((key) => about[key]).map((key) => `${{ cluster: 'Cluster', steering: 'Steering', failure_set: 'Failure set' }[key]}: ${about[key]}.`);
  const settings = about.settings.length ? `Settings: ${about.settings.join('; ')}; else as by default.` : 'Settings as by default.';
  return [reading, [source, run].filter(Boolean).join(' '), [latents, ...own, settings].filter(Boolean).join(' '), `${about.tool}, saved ${about.saved.slice(0, 16).replace('T', ' ')} UTC.`];
}

/** @param {Record<string, any>} about @param {string} name of the figure @returns {string} a file's name without its ending */
export function fileName(about, name) {
  const word = about.word === undefined ? [] : [about.word];
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
