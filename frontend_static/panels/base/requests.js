import { hidingCut } from '../../dense.js';
import { areSeveral, together } from '../../token_set.js';

/**
 * What panels ask the plugin, from the selection alone; two panels that ask the same share one answer.
 *
 * @typedef {import('../../store.js').Store} Store
 * @typedef {import('../../api.js').Api} Api
 * @typedef {import('./query.js').Request} Request
 */

/** @param {string} name @param {unknown[]} subject @param {unknown[]} rest @param {() => Promise<any>} load @returns {Request} */
export function request(name, subject, rest, load) {
  return { key: JSON.stringify([name, ...subject, ...rest]), subject: JSON.stringify(subject), load };
}

/** @param {Store} store */
function rowOptions({ selection: { layers, row, view, sinks } }) {
  return { layers, row, view, ...sinkOption(sinks) };
}

/** Sinks count unless the address says otherwise. @param {'shown'|'out'} sinks */
const sinkOption = (sinks) => (sinks === 'out' ? { sinks: 0 } : {});

/** Several words stand in the place of the one. @param {Store} store */
const tokensOption = ({ selection }) => (areSeveral(selection) ? { tokens: selection.tokens.join('.') } : {});

/** The step of a training run whose statistics speak of a run's latents. @param {Store} store */
function stepOption({ selection: { step } }) {
  return step === null ? {} : { step };
}

/** Thresholds only apply where the run's dictionary has statistics. @param {Store} store */
export function thresholdOptions(store) {
  if (!store.dictionaryEntry?.has_statistics) return {};
  const { maxFrequency, minMean } = store.selection;
  const most = Math.min(maxFrequency, hidingCut(store) ?? 1);
  return {
    ...stepOption(store),
    ...(most < 1 ? { max_frequency: most } : {}),
    ...(minMean > 0 ? { min_mean: minMean } : {}),
  };
}

/** @param {Store} store */
const runSubject = ({ runKey }) => [runKey.run, runKey.id];

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askRun(store, api) {
  const key = store.runKey;
  return key && request('run', runSubject(store), [], () => api.vlmRun(key));
}

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askPatches(store, api) {
  const key = store.runKey;
  return key && request('patches', runSubject(store), [], () => api.patches(key));
}

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askAttention(store, api) {
  const key = store.runKey;
  const token = together(store.selection)[0] ?? null;
  const options = { ...rowOptions(store), ...tokensOption(store) };
  return key && token !== null
    ? request('attention', runSubject(store), [token, options], () => api.attention(key, token, options))
    : null;
}

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askMasses(store, api) {
  const key = store.runKey;
  const { layers, row, sinks } = store.selection;
  const options = { layers, row, ...sinkOption(sinks) };
  return key && request('masses', runSubject(store), [options], () => api.attentionMasses(key, options));
}

/** Patches that draw attention whatever the word. @param {Store} store @param {Api} api @returns {Request|null} */
export function askSinks(store, api) {
  const key = store.runKey;
  const { layers, row } = store.selection;
  return key && request('sinks', runSubject(store), [layers, row], () => api.sinks(key, { layers, row }));
}

/**
 * All heads of a word in small.
 * @param {Store} store @param {Api} api @param {number|null} token @param {string|null} heads key of what was recorded @returns {Request|null}
 */
export function askHeadMaps(store, api, token, heads) {
  const key = store.runKey;
  const { row, view, sinks } = store.selection;
  const options = { row, view, ...sinkOption(sinks) };
  return key && token !== null && heads
    ? request('heads', runSubject(store), [token, heads, options], () => api.headMaps(key, heads, token, options))
    : null;
}

/** The chosen head's attention. @param {Store} store @param {Api} api @param {string|null} heads @returns {Request|null} null without a head */
export function askHeadMap(store, api, heads) {
  const key = store.runKey;
  const { token, row, view, sinks, head } = store.selection;
  const options = { row, view, ...sinkOption(sinks) };
  return key && token !== null && head && heads
    ? request('head', runSubject(store), [token, heads, head, options], () => api.headMap(key, heads, token, head, options))
    : null;
}

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askMatrix(store, api) {
  const key = store.runKey;
  if (!key || !store.session.listing || hidingCut(store) === undefined) return null;
  const { prompt, cut, order } = store.selection;
  const options = { ...rowOptions(store), ...thresholdOptions(store), prompt: prompt ? 1 : 0, cut, order };
  return request('matrix', runSubject(store), [options], () => api.tokenLatentMatrix(key, options));
}

/** @param {Store} store @param {Api} api @param {number} limit at most so many @returns {Request|null} */
export function askRanking(store, api, limit) {
  const key = store.runKey;
  const { by } = store.selection;
  const token = together(store.selection)[0] ?? null;
  if (!key || token === null || !store.session.listing || hidingCut(store) === undefined) return null;
  const options = { by, ...rowOptions(store), ...tokensOption(store), ...thresholdOptions(store), limit };
  return request('ranking', runSubject(store), [token, options], () => api.latentRanking(key, token, options));
}

/** Where the latent stands in both rankings of the word. @param {Store} store @param {Api} api @returns {Request|null} */
export function askRanks(store, api) {
  const key = store.runKey;
  const { latent } = store.selection;
  const token = together(store.selection)[0] ?? null;
  if (!key || token === null || latent === null || !store.session.listing || hidingCut(store) === undefined) return null;
  const options = { ...rowOptions(store), ...tokensOption(store), ...thresholdOptions(store) };
  return request('ranks', runSubject(store), [token, latent, options], () =>
    api.latentRanks(key, token, latent, options),
  );
}

/** What a ranking by B would not show of each word. @param {Store} store @param {Api} api @returns {Request|null} */
export function askMissed(store, api) {
  const key = store.runKey;
  if (!key || !store.session.listing || hidingCut(store) === undefined) return null;
  const options = { ...rowOptions(store), ...thresholdOptions(store) };
  return request('missed', runSubject(store), [options], () => api.missedLatents(key, options));
}

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askLatent(store, api) {
  const key = store.runKey;
  const { latent } = store.selection;
  const options = { ...rowOptions(store), ...tokensOption(store), ...stepOption(store) };
  return key && latent !== null
    ? request('latent', runSubject(store), [latent, options], () => api.latent(key, latent, options))
    : null;
}

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askAttribution(store, api) {
  const key = store.runKey;
  const { latent, view } = store.selection;
  return key && latent !== null
    ? request('attribution', runSubject(store), [latent, view], () => api.latentAttribution(key, latent, { view }))
    : null;
}

/** @param {Store} store @param {Api} api @returns {Request|null} */
export function askDictionary(store, api) {
  const { dictionary, step } = store.selection;
  return dictionary && store.dictionaryEntry
    ? request('dictionary', [dictionary], [step], () => api.dictionary(dictionary, step))
    : null;
}

/** @param {Store} store @param {Api} api @returns {Request|null} null without statistics */
export function askStatistics(store, api) {
  const { dictionary, step } = store.selection;
  return store.dictionaryEntry?.has_statistics
    ? request('statistics', [dictionary], [step], () => api.dictionaryStatistics(dictionary, step))
    : null;
}

/** Statistics where dense latents are hidden, and which are has to be known. @param {Store} store @param {Api} api @returns {Request|null} */
export function askDense(store, api) {
  return store.selection.hideDense ? askStatistics(store, api) : null;
}

/** @param {Store} store @param {Api} api @returns {Request|null} null where the truth was not checked */
export function askTruth(store, api) {
  const { dictionary } = store.selection;
  return store.dictionaryEntry?.has_truth_report ? request('truth', [dictionary], [], () => api.truthReport(dictionary)) : null;
}

/** @param {Store} store @param {Api} api @returns {Request|null} null where the SAE was not checked */
export function askSaeCheck(store, api) {
  const { dictionary } = store.selection;
  return store.dictionaryEntry?.has_sae_check ? request('sae check', [dictionary], [], () => api.saeCheck(dictionary)) : null;
}

/** Whether it trained well. @param {Store} store @param {Api} api @returns {Request|null} */
export function askHealth(store, api) {
  const { dictionary, step } = store.selection;
  return dictionary && store.dictionaryEntry ? request('health', [dictionary], [step], () => api.dictionaryHealth(dictionary, step)) : null;
}

/** On all dictionaries, by their metrics. @param {Store} store @param {Api} api @returns {Request|null} null where none has any */
export function askVerdicts(store, api) {
  const judged = store.session.listing?.dictionaries.filter((entry) => entry.has_metrics) ?? [];
  const state = judged.map(({ id, steps }) => `${id.slice(0, 8)}.${steps.length}`).join('-');
  return judged.length ? request('verdicts', [], [state], () => api.dictionaryVerdicts(state)) : null;
}

/** @param {Store} store @param {Api} api @returns {Request|null} null without a map */
export function askMap(store, api) {
  const { dictionary, step } = store.selection;
  return store.dictionaryEntry?.has_decoder_map
    ? request('map', [dictionary], [step], () => api.decoderMap(dictionary, step))
    : null;
}

/** @param {Store} store @param {Api} api @returns {Request|null} null without a map */
export function askNeighbours(store, api) {
  const { dictionary, latent, step } = store.selection;
  return store.dictionaryEntry?.has_decoder_map && latent !== null
    ? request('neighbours', [dictionary], [latent, step], () => api.latentNeighbours(dictionary, latent, step))
    : null;
}

/** Latents over all steps. @param {Store} store @param {Api} api @param {readonly number[]} latents @returns {Request|null} null without any */
export function askLatentHistory(store, api, latents) {
  const { dictionary } = store.selection;
  const { has_statistics: statistics, has_references: references } = store.dictionaryEntry ?? {};
  return latents.length && (statistics || references)
    ? request('history', [dictionary], [latents], () => api.latentHistory(dictionary, latents))
    : null;
}

/** Metrics over all steps. @param {Store} store @param {Api} api @param {string|null} id of a dictionary @returns {Request|null} null without metrics */
export function askMetricsHistory(store, api, id) {
  const entry = store.session.listing?.dictionaries.find((one) => one.id === id);
  return entry?.has_metrics ? request('metrics', [id], [entry.steps.length], () => api.metricsHistory(id)) : null;
}

/** @param {Store} store @param {Api} api @param {number[]} latents @returns {Request|null} null without references */
export function askReferences(store, api, latents) {
  const { dictionary, step } = store.selection;
  return store.dictionaryEntry?.has_references && latents.length
    ? request('references', [dictionary], [latents, step], () =>
        Promise.all(latents.map((latent) => api.references(dictionary, latent, step))),
      )
    : null;
}
