import { ApiError } from './api_error.js';
import { withValues } from './masked_heatmap.js';
import { decodePacked, decodeSeveral } from './packed.js';

/**
 * The plugin's HTTP interface (docs/http_api.md), one method per route. Answers are kept by address until `forget()`,
 * since evidence does not change under its name; only `listing` is always asked anew.
 *
 * @typedef {{run: string, id: string}} RunKey
 * @typedef {{layers: string, row: string, view: string, sinks?: 0, tokens?: string}} RowOptions `sinks` absent: they count
 * @typedef {{max_frequency?: number, min_mean?: number, step?: number}} Thresholds absent where off; of the statistics at `step`, or the newest
 *
 * @typedef {Object} RunEntry
 * @property {string} run @property {string} id @property {string} name @property {string} prompt
 * @property {string} output_text @property {number} created @property {string} dictionary_id
 * @property {string} dictionary_name @property {string} vlm_name @property {number} n_output_tokens
 * @property {boolean} truncated @property {boolean} steered @property {boolean} has_picture
 * @property {string} original_run_id of a steered run: the run that was asked again; otherwise empty
 * @property {string} series_id shared by the runs of one picture and prompt at the steps of a training; otherwise empty
 * @property {number|null} step of a series: of the training @property {boolean} superseded a later process took the training up before it
 *
 * @typedef {Object} OutcomeEntry
 * @property {string} run @property {string} id @property {string} name @property {string} prompt @property {number} created
 * @property {'steering_result'|'cluster_sweep'|'dose_response'|'word_contributions'|'set_ablation'|'head_attention'} kind
 * @property {string} dictionary_id @property {string} original_run_id the logged run that was asked again, or empty
 * @property {string} [steered_run_id] @property {string} [output_text] @property {boolean} [erased] @property {number} [word]
 * @property {string} [set_id] of a set_ablation: the failure set @property {number} [n_latents]
 * @property {number[]} [query_positions] of a head_attention: whose rows it has
 *
 * @typedef {Object} FailureSetEntry
 * @property {string} run @property {string} id @property {string} name @property {number} created @property {string} dictionary_id
 * @property {number} n_items @property {number} n_wrong @property {boolean} has_pictures
 *
 * @typedef {Object} DictionaryEntry
 * @property {string} id @property {string} name @property {string} vlm_name @property {string} sae_name
 * @property {string} hook @property {number} n_latents @property {number[]} steps @property {boolean} has_statistics
 * @property {boolean} has_references @property {boolean} has_decoder_map @property {boolean} has_metrics @property {boolean} has_truth_report
 * @property {boolean} has_sae_check
 * @property {number[]} statistics_steps steps of its statistics @property {string} run directory that was logged to last, or empty
 *
 * @typedef {Object} MatchEntry two dictionaries whose latents were matched @property {string} run @property {string} id
 * @property {string} dictionary_id @property {string} other_id
 *
 * @typedef {Object} Listing
 * @property {MatchEntry[]} matches the newest first
 * @property {RunEntry[]} vlm_runs @property {OutcomeEntry[]} outcomes @property {FailureSetEntry[]} failure_sets
 * @property {DictionaryEntry[]} dictionaries
 * @property {string[]} problems @property {string[]} warnings
 *
 * @typedef {Object} TextToken
 * @property {number} index @property {string} text @property {string} span @property {boolean} template
 * @property {number|null} logprob @property {{text: string, logprob: number}[]} alternatives
 */

const MAX_KEPT = 300;
/** Kept arrays are let go of, the longest unused first, above so many bytes: a slider over the steps of a training asks for megabytes each. */
const MAX_KEPT_BYTES = 96 * 2 ** 20;
/** Panels that hear of the same change, or of the same answer, ask within so many turns of the microtask queue. */
const TURNS = 8;

/** @param {number} status @param {string} statusText @param {string} body @returns {ApiError} the plugin's sentence, if it is there */
function refused(status, statusText, body) {
  try {
    return new ApiError(JSON.parse(body).error ?? `TensorBoard answered ${status}.`, status);
  } catch {
    // not from the plugin: a proxy or an older TensorBoard; the status line is all there is
    return new ApiError(`TensorBoard answered ${status} ${statusText}.`, status);
  }
}

/** @param {ArrayBuffer} body */
const textOf = (body) => new TextDecoder().decode(body);

export class Api {
  /** @param {string|URL} base folder the routes lie in, with a trailing slash */
  constructor(base = new URL('../', import.meta.url)) {
    this.base = base;
    /** @type {Map<string, Promise<any>>} */
    this.kept = new Map();
    /** @type {Map<Promise<any>, number>} bytes of the arrays of kept answers that are there */
    this.weights = new Map();
    /** @type {{url: string, answer: Promise<any>}|null} the last heatmap: it is made of two answers, and panels share it */
    this.matrix = null;
    /** @type {{url: string, kind: 'json'|'packed', resolve: (value: any) => void, reject: (error: Error) => void}[]} not yet sent */
    this.questions = [];
    /** @type {{tag: string|null, text: string, listing: Listing}|null} the last listing: it is asked for every five seconds */
    this.listed = null;
  }

  forget() {
    this.kept.clear();
    this.weights.clear();
    this.matrix = null;
  }

  /** @param {string} route @param {Record<string, any>} params undefined and null are left out @returns {string} */
  url(route, params = {}) {
    const url = new URL(route, this.base);
    for (const [name, value] of Object.entries(params)) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  /** @param {string} url @param {RequestInit} [how] @returns {Promise<Response>} a good one, or word that what is known still holds (304) */
  async answer(url, how = {}) {
    let response;
    try {
      response = await fetch(url, how);
    } catch {
      throw new ApiError('TensorBoard does not answer: check that it still runs, then retry.', 0);
    }
    if (!response.ok && response.status !== 304) throw refused(response.status, response.statusText, await response.text());
    return response;
  }

  /** @param {string} url @param {'json'|'packed'} kind */
  async fetch(url, kind) {
    const response = await this.answer(url);
    return kind === 'json' ? response.json() : decodePacked(await response.arrayBuffer());
  }

  /** As `fetch`, in one request with what else is asked for right now. @param {string} url @param {'json'|'packed'} kind */
  fetchTogether(url, kind) {
    return new Promise((resolve, reject) => {
      this.questions.push({ url, kind, resolve, reject });
      if (this.questions.length === 1) this.askTogether();
    });
  }

  async askTogether() {
    for (let turn = 0; turn < TURNS; turn++) await null;
    const questions = this.questions.splice(0);
    if (questions.length === 1) {
      const [{ url, kind, resolve, reject }] = questions;
      this.fetch(url, kind).then(resolve, reject);
      return;
    }
    const url = new URL('several', this.base);
    for (const question of questions) url.searchParams.append('ask', question.url.slice(this.base.href.length));
    try {
      const parts = decodeSeveral(await (await this.answer(url.href)).arrayBuffer());
      parts.forEach(({ status, body }, i) => {
        const { kind, resolve, reject } = questions[i];
        if (status !== 200) reject(refused(status, '', textOf(body)));
        else resolve(kind === 'json' ? JSON.parse(textOf(body)) : decodePacked(body));
      });
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
  }

  /** @param {'json'|'packed'} kind @param {string} route @param {Record<string, any>} params @param {boolean} together */
  keep(kind, route, params, together = false) {
    const url = this.url(route, params);
    const known = this.kept.get(url);
    if (known) {
      this.kept.delete(url);
      this.kept.set(url, known);
      return known;
    }
    const answer = together ? this.fetchTogether(url, kind) : this.fetch(url, kind);
    this.kept.set(url, answer);
    answer.then(
      (value) => this.weigh(url, answer, value),
      () => this.letGo(url, answer),
    );
    while (this.kept.size > MAX_KEPT) this.letGo(this.kept.keys().next().value);
    return answer;
  }

  /** @param {string} url @param {Promise<any>} [answer] only if it is this one that is kept */
  letGo(url, answer = this.kept.get(url)) {
    if (this.kept.get(url) !== answer) return;
    this.kept.delete(url);
    this.weights.delete(answer);
  }

  /** @param {string} url @param {Promise<any>} answer @param {any} value */
  weigh(url, answer, value) {
    if (!value?.arrays || this.kept.get(url) !== answer) return;
    const bytes = Object.values(value.arrays).reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.weights.set(answer, bytes);
    let sum = [...this.weights.values()].reduce((all, one) => all + one, 0);
    for (const [other, kept] of this.kept) {
      if (sum <= MAX_KEPT_BYTES) break;
      if (kept === answer || !this.weights.has(kept)) continue;
      sum -= this.weights.get(kept);
      this.letGo(other);
    }
  }

  /** @returns {Promise<Listing>} the same object as before where nothing changed */
  async listing() {
    const { tag = null } = this.listed ?? {};
    const response = await this.answer(this.url('listing'), tag === null ? {} : { headers: { 'If-None-Match': tag } });
    if (response.status === 304) return this.listed.listing;
    const text = await response.text();
    // a proxy may keep tags to itself
    if (text !== this.listed?.text) this.listed = { tag: response.headers.get('etag'), text, listing: JSON.parse(text) };
    return this.listed.listing;
  }

  /** @param {RunKey} key */
  vlmRun(key) {
    return this.keep('json', 'vlm_run', key);
  }

  /** @param {RunKey} key @returns {string} address of the picture */
  pictureUrl({ run, id }) {
    return this.url('picture', { run, id });
  }

  /** @param {RunKey} key */
  patches(key) {
    return this.keep('packed', 'patches', key);
  }

  /** @param {RunKey} key @param {number} token @param {RowOptions} options */
  attention(key, token, options) {
    return this.keep('packed', 'attention', { ...key, token, ...options });
  }

  /** @param {RunKey} key @param {{layers: string, row: string, sinks?: 0}} options */
  attentionMasses(key, { layers, row, sinks }) {
    return this.keep('json', 'attention_masses', { ...key, layers, row, sinks });
  }

  /** @param {RunKey} key @param {{layers: string, row: string}} options */
  sinks(key, { layers, row }) {
    return this.keep('packed', 'sinks', { ...key, layers, row });
  }

  /** @param {RunKey} key @param {string} heads run and id of what was recorded @param {number} token @param {{row: string, view: string, sinks?: 0}} options */
  headMaps(key, heads, token, options) {
    return this.keep('packed', 'head_maps', { ...key, heads, token, ...options });
  }

  /** @param {RunKey} key @param {string} heads @param {number} token @param {string} head such as `3.7` @param {{row: string, view: string, sinks?: 0}} options */
  headMap(key, heads, token, head, options) {
    const [layer, number] = head.split('.');
    return this.keep('packed', 'head_map', { ...key, heads, token, layer, head: number, ...options });
  }

  /**
   * Thresholds, cut and order choose and group columns; their values are asked for once, by far the larger part.
   * @param {RunKey} key
   * @param {RowOptions & Thresholds & {prompt: 0|1, cut: number, order: 'clustered'|'strength'}} options
   */
  tokenLatentMatrix(key, options) {
    const { layers, row, view, sinks, prompt } = options;
    const whole = this.keep('packed', 'token_latent_matrix', { ...key, layers, row, view, sinks, prompt });
    const masked = { ...key, ...options, values: 0 };
    const url = this.url('token_latent_matrix', masked);
    if (this.matrix?.url !== url) {
      const answers = Promise.all([whole, this.keep('packed', 'token_latent_matrix', masked, true)]);
      const answer = answers.then((both) => withValues(...both));
      this.matrix = { url, answer };
      answer.catch(() => {
        if (this.matrix?.answer === answer) this.matrix = null;
      });
    }
    return this.matrix.answer;
  }

  /** @param {RunKey} key @param {number} token @param {RowOptions & Thresholds & {by: 'weighted'|'plain', limit: number}} options */
  latentRanking(key, token, options) {
    return this.keep('json', 'latent_ranking', { ...key, token, ...options }, true);
  }

  /** @param {RunKey} key @param {number} token @param {number} latent @param {RowOptions & Thresholds} options */
  latentRanks(key, token, latent, options) {
    return this.keep('json', 'latent_ranks', { ...key, token, latent, ...options }, true);
  }

  /** @param {RunKey} key @param {RowOptions & Thresholds} options */
  missedLatents(key, options) {
    return this.keep('json', 'missed_latents', { ...key, ...options }, true);
  }

  /** @param {RunKey} key @param {number} latent @param {RowOptions & {step?: number}} options */
  latent(key, latent, options) {
    return this.keep('json', 'latent', { ...key, latent, ...options });
  }

  /** @param {RunKey} key @param {number} latent @param {{view: string}} options */
  latentAttribution(key, latent, { view }) {
    return this.keep('packed', 'latent_attribution', { ...key, latent, view });
  }

  /** Where several latents fire together. @param {RunKey} key @param {number[]} latents @param {{view: string}} options */
  latentsAttribution(key, latents, { view }) {
    return this.keep('packed', 'latents_attribution', { ...key, latents: latents.join('.'), view });
  }

  /** @param {OutcomeEntry['kind']} kind @param {RunKey} key @param {{limit?: number}} [options] */
  outcome(kind, key, options = {}) {
    return this.keep('json', kind, { ...key, ...options });
  }

  /** The other runs on the same picture, the newest first: asked again until all pictures were looked at. @param {RunKey} key @returns {Promise<RunKey[]>} */
  async likePictures({ run, id }) {
    for (;;) {
      const { alike, n_left: left } = await this.fetch(this.url('like_pictures', { run, id }), 'json');
      if (!left) return alike;
    }
  }

  /** @param {RunKey} key @param {RunKey} other */
  runPair({ run, id }, other) {
    return this.keep('json', 'run_pair', { run, id, other_run: other.run, other_id: other.id });
  }

  /** A word of both, each by its tokens; none where a run lacks it. @param {RunKey} key @param {RunKey} other @param {RowOptions & {tokens: string, other_tokens: string, step?: number}} options */
  pairWord({ run, id }, other, options) {
    return this.keep('packed', 'pair_word', { run, id, other_run: other.run, other_id: other.id, ...options });
  }

  /** @param {string} id @param {number} latent */
  latentCounterparts(id, latent) {
    return this.keep('json', 'latent_counterparts', { id, latent });
  }

  /** @param {string} id @param {string} other @param {{low?: number, high?: number, step?: number, limit?: number}} options */
  dictionaryPair(id, other, options) {
    return this.keep('json', 'dictionary_pair', { id, other, ...options });
  }

  /** @param {RunKey} key */
  failureSet(key) {
    return this.keep('json', 'failure_set', key);
  }

  /** @param {RunKey} key @param {{by: 'weighted'|'plain', part: 'all'|'half', prompt: number|null}} options */
  failureLatents(key, options) {
    return this.keep('json', 'failure_latents', { ...key, ...options });
  }

  /** How strongly each item used a latent. @param {RunKey} key @param {number} latent @param {'weighted'|'plain'} by */
  failureLatent(key, latent, by) {
    return this.keep('json', 'failure_latent', { ...key, latent, by });
  }

  /** @param {RunKey} key @param {number} item @returns {string} address of its thumbnail */
  failurePictureUrl({ run, id }, item) {
    return this.url('failure_picture', { run, id, item });
  }

  /** @param {RunKey} key @param {number|null} step @returns {string} address of the run as a page of its own */
  runPageUrl({ run, id }, step) {
    return this.url('run_page', { run, id, step });
  }

  /** @param {string} id @param {number|null} step */
  dictionary(id, step) {
    return this.keep('json', 'dictionary', { id, step });
  }

  /** @param {string} id */
  truthReport(id) {
    return this.keep('json', 'truth_report', { id });
  }

  /** @param {string} id */
  saeCheck(id) {
    return this.keep('json', 'sae_check', { id });
  }

  /** @param {string} id @param {number|null} step */
  dictionaryStatistics(id, step) {
    return this.keep('packed', 'dictionary_statistics', { id, step });
  }

  /**
   * Thinned scatters of the statistics, on shared axes.
   * @param {string} id @param {number[]} steps @param {{by: 'images'|'patches', dense: number}} options
   */
  statisticsOverSteps(id, steps, { by, dense }) {
    return this.keep('packed', 'statistics_over_steps', { id, steps: steps.join('.'), by, dense });
  }

  /** Exact statistics of some latents. @param {string} id @param {number[]} steps @param {number[]} latents at most 1,000 */
  latentsOverSteps(id, steps, latents) {
    return this.keep('packed', 'latents_over_steps', { id, steps: steps.join('.'), latents: latents.join('.') });
  }

  /** @param {string} id @param {number|null} step */
  decoderMap(id, step) {
    return this.keep('packed', 'decoder_map', { id, step });
  }

  /** @param {string} id @param {number} latent @param {number|null} step */
  latentNeighbours(id, latent, step) {
    return this.keep('json', 'latent_neighbours', { id, latent, step });
  }

  /** Curves over every logged step. @param {string} id @param {readonly number[]} latents at most eight */
  latentHistory(id, latents) {
    return this.keep('json', 'latent_history', { id, latents: latents.join('.') });
  }

  /** @param {string} id */
  metricsHistory(id) {
    return this.keep('json', 'metrics_history', { id });
  }

  /** @param {string} dictionary @param {number} latent @param {number|null} step */
  references(dictionary, latent, step) {
    return this.keep('json', 'references', { dictionary, latent, step });
  }

  /** Whether it trained well. @param {string} id @param {number|null} step */
  dictionaryHealth(id, step) {
    return this.keep('json', 'dictionary_health', { id, step });
  }

  /** The latents that a check is about. @param {string} id @param {number|null} step @param {string} check */
  healthLatents(id, step, check) {
    return this.keep('packed', 'health_latents', { id, step, check });
  }

  /** Verdicts on all dictionaries by their metrics. @param {string} state changes with what is logged, so that an older answer does not stand for it */
  dictionaryVerdicts(state) {
    return this.keep('json', 'dictionary_verdicts', { state });
  }

  /** Reference images on which latents fire. @param {string} dictionary @param {string} latents as text @param {number|null} step @param {number} limit */
  picturesOfLatents(dictionary, latents, step, limit) {
    return this.keep('packed', 'pictures_of_latents', { dictionary, latents, step, limit });
  }

  /** Runs in which latents fire. @param {string} dictionary @param {string} latents as text @param {{limit: number, look: number, of: number}} options `of`: runs in the log */
  runsOfLatents(dictionary, latents, options) {
    return this.keep('packed', 'runs_of_latents', { dictionary, latents, ...options });
  }

  /** @param {string} dictionary @param {number} image @param {number|null} step @returns {string} address */
  referencePictureUrl(dictionary, image, step) {
    return this.url('reference_picture', { dictionary, image, step });
  }
}
