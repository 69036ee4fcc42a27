import { latentItem } from '../../basket.js';
import { outcomesOf } from '../../outcomes.js';
import { newestOf } from '../../settling.js';
import { askDictionary, askMap, askRanking, askRun, askStatistics } from '../base/requests.js';
import { choiceOf, tellingClusters } from '../latents/first_clusters.js';
import { mapData, shownMap } from '../latents/map_data.js';

/**
 * The walk: from a dictionary to the cause of a wrong word, in nine steps. Each says what is done there, whether it is where the
 * selection stands, and what to choose in order to get there. A step that another panel can lead to better is changed here alone.
 *
 * @typedef {import('../../store.js').Store} Store
 * @typedef {import('../../api.js').Api} Api
 *
 * @typedef {Object} Lead how to get to a step; nothing in it is made up: what is chosen is what the evidence ranks first
 * @property {Partial<import('../../selection.js').Selection>} [patch]
 * @property {string} [sheet] opened
 * @property {import('../../basket.js').BasketItem} [item] put into the basket
 * @property {readonly string[]} [focus] selectors: the first that the page has takes the focus
 * @property {string} [why] a sentence, where there is no way
 *
 * @typedef {Object} Step
 * @property {string} key @property {string} name in a word or two @property {string} text what is done there, in one sentence
 * @property {string} next how another panel invites to it
 * @property {(store: Store) => string|null} subject what it was done for: a dictionary, a run, a doubted word; null: not possible yet
 * @property {(store: Store, api: Api) => Lead|Promise<Lead>} go
 */

/** As many rows as the ranking's own first question, so that both share one answer. */
const RANKED = 124;

/** @param {Store} store */
const ofDictionary = ({ selection }) => selection.dictionary;
/** @param {Store} store */
const ofRun = ({ runKey }) => runKey && `${runKey.run}/${runKey.id}`;
/** @param {Store} store */
const ofDoubt = (store) => (ofRun(store) && store.selection.doubt !== null ? `${ofRun(store)}:${store.selection.doubt}` : null);
/** The word that the walk is about. @param {Store} store */
const wordOf = ({ selection: { doubt, token } }) => doubt ?? token;

const NO_RUN = 'No run of this dictionary was logged: ask about a picture first.';

/** @param {any} run answer to `vlm_run` @returns {number|null} the word of the answer that the model was least sure of */
export function leastCertain(run) {
  const words = run.tokens.filter(({ span, template, logprob }) => span === 'OUTPUT' && !template && logprob !== null);
  return words.reduce((least, word) => (least === null || word.logprob < least.logprob ? word : least), null)?.index ?? null;
}

/** @type {readonly Step[]} */
export const STEPS = Object.freeze([
  {
    key: 'health',
    name: 'Health',
    text: 'Read whether the dictionary can be trusted: what it rebuilds, how many latents live, and which checks of its training fail.',
    next: 'See its health',
    subject: ofDictionary,
    go: () => ({ patch: { workspace: 'dictionary', over: 'step', latents: Object.freeze([]) }, focus: ['.diagnosis-line button', '.diagnosis-figure'] }),
  },
  {
    key: 'cluster',
    name: 'Cluster',
    text: 'Look at latents that fire on the same things: a cluster with all its pictures tells what this dictionary has words for.',
    next: 'See a meaningful cluster',
    subject: ofDictionary,
    async go(store, api) {
      const workspace = { workspace: 'dictionary', over: 'step' };
      const [map, statistics, dictionary] = await Promise.all([askMap, askStatistics, askDictionary].map((ask) => ask(store, api)?.load()));
      if (!map || !statistics) return { patch: workspace, why: 'Map and statistics of this dictionary were not both logged, so no cluster can be proposed.' };
      const data = mapData(map, statistics, dictionary, shownMap(store.selection.map, dictionary));
      const list = { ...workspace, mapAs: 'list' };
      const [best] = tellingClusters(data, statistics);
      if (!best) return { patch: list, why: 'No cluster of this map has one label for most of its latents: see the list, or drag around latents that lie together.', focus: ['.cluster-row'] };
      return { patch: { ...list, ...choiceOf(store, best) }, focus: ['.cluster-row[aria-pressed=true]'] };
    },
  },
  {
    key: 'run',
    name: 'Picture',
    text: 'Choose a picture and what was asked about it, above, or ask the model anew with the plus sign.',
    next: 'See a picture and its answer',
    subject: ofRun,
    go(store) {
      if (store.runKey) return { patch: { workspace: 'scratchpad' } };
      const newest = newestOf(store.session.listing?.vlm_runs.filter((one) => one.dictionary_id === store.selection.dictionary) ?? []);
      return newest ? { patch: { workspace: 'scratchpad', run: newest.run, id: newest.id } } : { sheet: 'ask', why: NO_RUN };
    },
  },
  {
    key: 'word',
    name: 'Wrong word',
    text: 'Choose the word of the answer that is wrong and mark it: “Mark as wrong”, or the key y.',
    next: 'Find the wrong word',
    subject: ofDoubt,
    async go(store, api) {
      if (store.selection.doubt !== null) return { patch: { workspace: 'scratchpad', token: store.selection.doubt }, focus: ['.chip.on'] };
      const run = await askRun(store, api)?.load();
      if (!run) return { why: NO_RUN };
      const token = leastCertain(run);
      return token === null ? { why: 'This run has no answer.' } : { patch: { workspace: 'scratchpad', token }, focus: ['.chip.on'] };
    },
  },
  {
    key: 'where',
    name: 'Where it looked',
    text: 'See where on the picture the model looked when it said that word: the lit part of the picture.',
    next: 'See where the model looked',
    subject: ofDoubt,
    go: (store) => ({
      patch: { workspace: 'scratchpad', token: wordOf(store), source: 'attention', ...(store.selection.overlay === 'off' ? { overlay: 'spotlight' } : {}) },
    }),
  },
  {
    key: 'latents',
    name: 'Which latents',
    text: 'See which latents fire where the model looked: the ranking by weighted C, beside the plain mean B over the whole picture.',
    next: 'See which latents it used',
    subject: ofDoubt,
    async go(store, api) {
      const patch = { workspace: 'scratchpad', token: wordOf(store), by: 'weighted' };
      const ranking = await askRanking({ ...parts(store), selection: { ...store.selection, ...patch } }, api, RANKED)?.load();
      const latent = ranking?.rows[0]?.latent;
      if (latent === undefined) return { patch, why: ranking?.reason ?? 'No latent passes the thresholds for this word: widen them.' };
      return { patch: { ...patch, latent }, focus: ['.rank-row.on'] };
    },
  },
  {
    key: 'seem',
    name: 'What they are',
    text: 'See whether the latent is what its name says: its reference pictures, and how often it fires.',
    next: 'See its reference pictures',
    subject: ofDoubt,
    go(store) {
      if (store.selection.latent === null) return { why: 'No latent is chosen: choose a row of the ranking first.' };
      if (!store.dictionaryEntry?.has_references) return { why: 'Reference pictures of this dictionary were not logged.' };
      return { patch: { workspace: 'scratchpad' }, sheet: 'references' };
    },
  },
  {
    key: 'away',
    name: 'Take them away',
    text: 'Put the latent into the basket, below, and have the model answer without it: “Run steered answer”.',
    next: 'Take it away',
    subject: ofDoubt,
    go(store) {
      const { latent, basket } = store.selection;
      const focus = ['.dock .button.main:enabled', '.dock .run .button:enabled'];
      if (basket.some(({ latents }) => latents.includes(latent)) || (latent === null && basket.length)) return { focus };
      return latent === null ? { why: 'No latent is chosen: choose a row of the ranking first.' } : { item: latentItem(latent), focus };
    },
  },
  {
    key: 'compare',
    name: 'Compare',
    text: 'Read what became of the word without the latent, beside what as large a change elsewhere does.',
    next: 'Compare the answers',
    subject: ofDoubt,
    go: () => ({ patch: { workspace: 'compare', page: 'answers' }, focus: ['.walk-next', '.verdict .which button'] }),
  },
]);

/** @param {string} key @returns {Step} */
export const stepOf = (key) => STEPS.find((step) => step.key === key);

/** What requests read of a store, for a selection that is not chosen yet. @param {Store} store */
function parts({ session, runKey, dictionaryEntry }) {
  return { session, runKey, dictionaryEntry };
}

/**
 * Which steps the view that is looked at is evidence of: they are ticked from then on, for what they were done for.
 * @param {Store} store @param {Store['selection']} before the selection that this one took the place of
 * @returns {string[]} keys
 */
export function doneHere(store, before) {
  const { workspace, page, latents, token, latent, doubt, source, over } = store.selection;
  const found = [];
  if (workspace === 'dictionary' && over === 'step') found.push(latents.length ? 'cluster' : 'health');
  if (workspace === 'scratchpad' && store.runKey) found.push('run');
  if (doubt === null) return found;
  found.push('word');
  const atWord = workspace === 'scratchpad' && token === doubt;
  if (atWord && source === 'attention') found.push('where');
  if (atWord && latent !== null && latent !== before.latent) found.push('latents');
  if (workspace === 'scratchpad' && store.session.sheet === 'references') found.push('seem');
  if (outcomesOf(store, 'steering_result').length) {
    found.push('away');
    if (workspace === 'compare' && page === 'answers') found.push('compare');
  }
  return found;
}

/**
 * Where the walk stands, by the selection.
 * @param {Store} store @param {(key: string) => boolean} isDone @returns {string} key of a step
 */
export function presentStep(store, isDone) {
  const { workspace, latents, doubt, basket } = store.selection;
  if (workspace === 'dictionary') return latents.length ? 'cluster' : 'health';
  if (workspace === 'compare') return 'compare';
  if (!store.runKey) return 'run';
  if (doubt === null) return 'word';
  if (basket.length) return 'away';
  return ['where', 'latents', 'seem'].findLast(isDone) ?? 'where';
}
