import { ApiError } from './api_error.js';

/**
 * What makes the worker do something (docs/http_api.md, Jobs): POST alone, with the header that only the tab can send.
 *
 * @typedef {Object} Worker what GET `worker` tells
 * @property {'ready'|'busy'|'none'|'off'|'unreachable'} state @property {string} sentence
 * @property {{id: string, vlm_name: string, sae_name: string, dictionary_id: string, device: string, run: string,
 *   limits: Record<string, number>}|null} worker
 *
 * @typedef {{n: number, event: string, [key: string]: any}} JobEvent
 */

const HEADER = { 'X-Visualscratchpad': '1' };

export class Actions {
  /** @param {string|URL} base folder the routes lie in, with a trailing slash */
  constructor(base = new URL('../', import.meta.url)) {
    this.base = base;
  }

  /** @param {string} route @param {BodyInit} body @param {string} type content type @param {AbortSignal} [signal] @returns {Promise<Response>} */
  async post(route, body, type, signal) {
    let response;
    try {
      const headers = { ...HEADER, 'Content-Type': type };
      response = await fetch(new URL(route, this.base), { method: 'POST', headers, body, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError('TensorBoard does not answer: is it still running?', 0);
    }
    if (response.ok) return response;
    const text = await response.text();
    let sentence = `TensorBoard answered ${response.status} ${response.statusText}.`;
    try {
      sentence = JSON.parse(text).error ?? sentence;
    } catch {
      // not from the plugin: a proxy or an older TensorBoard; the status line is all there is
    }
    throw new ApiError(sentence, response.status);
  }

  /** @param {string} route @param {object} content @returns {Promise<any>} */
  async ask(route, content) {
    return (await this.post(route, JSON.stringify(content), 'application/json')).json();
  }

  /** @returns {Promise<Worker>} */
  async worker() {
    const response = await fetch(new URL('worker', this.base), { cache: 'no-store' });
    if (!response.ok) throw new ApiError(`TensorBoard answered ${response.status} ${response.statusText}.`, response.status);
    return response.json();
  }

  /** @param {object} job @returns {Promise<{job_id: string, position: number}>} */
  start(job) {
    return this.ask('jobs/start', job);
  }

  /** @param {string} id */
  cancel(id) {
    return this.ask('jobs/cancel', { job_id: id });
  }

  /** @returns {Promise<{jobs: {job_id: string, kind: string, state: string, position: number|null}[]}>} */
  list() {
    return this.ask('jobs/list', {});
  }

  /** @param {Blob} picture @returns {Promise<{picture_id: string, width: number, height: number}>} */
  async picture(picture) {
    return (await this.post('jobs/picture', picture, 'application/octet-stream')).json();
  }

  /**
   * Events of a job from number `after` + 1 on, as they come. Ends with the stream.
   * @param {string} id @param {number} after @param {AbortSignal} signal @returns {AsyncGenerator<JobEvent[]>} as many as came together
   */
  async *follow(id, after, signal) {
    const body = JSON.stringify({ job_id: id, after });
    const response = await this.post('jobs/follow', body, 'application/json', signal);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      const events = lines.filter(Boolean).map((line) => JSON.parse(line));
      if (events.length) yield events;
    }
  }
}
