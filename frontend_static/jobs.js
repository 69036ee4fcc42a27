import { ApiError } from './api_error.js';

/**
 * The one job that this browser tab has with the worker: started, followed while tokens come, called off, found again after
 * a reload. What is known of it is in the store's session, where panels read it.
 *
 * @typedef {Object} Job
 * @property {string} id empty until the worker took it @property {string} kind `steer`, `run`, ... @property {string} name
 * @property {import('./api.js').RunKey|null} subject the logged run that is asked again
 * @property {'sending'|'queued'|'running'|'done'|'failed'|'cancelled'} state
 * @property {number|null} position jobs before it while it waits
 * @property {{what: string, done: number, total: number}|null} stage
 * @property {Readonly<Record<string, string>>} texts what was said so far, by condition
 * @property {string|null} error @property {{kind: string, run: string, id: string}|null} result
 * @property {string|null} silent a sentence while nobody answers
 * @property {boolean} fromStart this page started it; otherwise its story is read again
 * @property {number} units of work in it: clusters, doses; 1 otherwise
 * @property {number|null} ranFrom when the model began, in milliseconds since the epoch
 */

const KEPT = 'visualscratchpad.job';
/** The worker's state is asked at most so often. */
const SELDOM_MS = 2000;
/** While it is not ready, its state is asked again after so long. */
const AGAIN_LATER_MS = 15_000;
/** Waits between attempts to take up a story that broke off. */
const AGAIN_MS = [500, 1000, 2000, 4000, 8000, 15_000, 15_000];

const OVER = new Set(['done', 'failed', 'cancelled']);

/** @param {Job|null} job */
export const isUnderWay = (job) => job !== null && !OVER.has(job.state);

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param {Job} job @param {import('./actions.js').JobEvent} event @returns {Job}
 */
export function afterEvent(job, event) {
  if (event.event === 'queued') return { ...job, state: 'queued', position: event.position };
  if (event.event === 'started') return { ...job, state: 'running', position: null, ranFrom: job.fromStart ? Date.now() : null };
  if (event.event === 'stage') {
    const { what, done, total } = event;
    return { ...job, state: 'running', stage: { what, done, total } };
  }
  if (event.event === 'token') {
    const before = job.texts[event.condition] ?? '';
    return { ...job, state: 'running', texts: { ...job.texts, [event.condition]: before + event.text } };
  }
  if (event.event === 'result') return { ...job, state: 'done', stage: null, result: event };
  if (event.event === 'failed') return { ...job, state: 'failed', stage: null, error: event.error };
  if (event.event === 'cancelled') return { ...job, state: 'cancelled', stage: null };
  return job;
}

export class Jobs {
  /**
   * @param {import('./store.js').Store} store @param {import('./actions.js').Actions} actions
   * @param {Storage|null} storage of this browser tab: keeps the job's id over a reload
   * @param {(job: Job) => Promise<void>} onResult called once when a job is done
   */
  constructor(store, actions, storage, onResult) {
    this.store = store;
    this.actions = actions;
    this.storage = storage;
    this.onResult = onResult;
    this.askedAt = -Infinity;
    /** @type {ReturnType<typeof setTimeout>|null} */
    this.timer = null;
  }

  /** @returns {Job|null} */
  get job() {
    return this.store.session.job;
  }

  /** Asks how the worker is, unless that was asked just now. @param {{now?: boolean}} [how] */
  async askWorker({ now = false } = {}) {
    if (!now && performance.now() - this.askedAt < SELDOM_MS) return;
    this.askedAt = performance.now();
    clearTimeout(this.timer);
    let worker;
    try {
      worker = await this.actions.worker();
    } catch (error) {
      const sentence = error instanceof ApiError ? error.message : 'TensorBoard does not answer: is it still running?';
      worker = { state: 'unreachable', sentence, worker: null };
    }
    if (JSON.stringify(worker) !== JSON.stringify(this.store.session.worker)) this.store.setSession({ worker });
    if (worker.state === 'ready' || worker.state === 'off' || isUnderWay(this.job)) return;
    this.timer = setTimeout(() => {
      if (!document.hidden && window.innerWidth > 0) this.askWorker();
    }, AGAIN_LATER_MS);
  }

  /** After the page was loaded: the worker's state, and the job that this tab had before. */
  async begin() {
    await this.askWorker({ now: true });
    const kept = this.kept();
    if (kept && !this.job) this.follow(fresh(kept));
  }

  /** @returns {{id: string, kind: string, name: string, subject: import('./api.js').RunKey|null}|null} */
  kept() {
    try {
      const kept = JSON.parse(this.storage?.getItem(KEPT) ?? 'null');
      return typeof kept?.id === 'string' ? kept : null;
    } catch {
      return null; // written by other hands
    }
  }

  /** @param {Job|null} job */
  keep(job) {
    try {
      if (job) this.storage?.setItem(KEPT, JSON.stringify({ id: job.id, kind: job.kind, name: job.name, subject: job.subject }));
      else this.storage?.removeItem(KEPT);
    } catch {
      // no room: after a reload the job is not found again, its result is
    }
  }

  /** @param {Partial<Job>} patch */
  change(patch) {
    this.store.setSession({ job: Object.freeze({ ...this.job, ...patch }) });
  }

  /**
   * Starts a job, and follows it to its end.
   * @param {{kind: string, [key: string]: any}} job as the worker takes it
   * @param {{name: string, subject: import('./api.js').RunKey|null, picture?: Blob}} about `picture` is sent first
   */
  async start(job, { name, subject, picture }) {
    if (isUnderWay(this.job)) return;
    this.store.setSession({ job: fresh({ id: '', kind: job.kind, name, subject, units: (job.clusters ?? job.values ?? [0]).length, fromStart: true }), notice: null });
    try {
      const sent = picture ? { picture: { picture_id: (await this.actions.picture(picture)).picture_id } } : {};
      const { job_id: id, position } = await this.actions.start({ ...job, ...sent });
      this.change({ id, position, state: 'queued' });
    } catch (error) {
      this.change({ state: 'failed', error: error.message });
      this.askWorker({ now: true });
      return;
    }
    this.keep(this.job);
    await this.follow(this.job);
  }

  /** Reads the job's story to its end; where it breaks off, it is taken up again. @param {Job} job */
  async follow(job) {
    this.store.setSession({ job });
    const ended = () => this.job?.id !== job.id || !isUnderWay(this.job);
    let [after, failures] = [0, 0];
    this.abort = new AbortController();
    while (!ended()) {
      try {
        for await (const events of this.actions.follow(job.id, after, this.abort.signal)) {
          failures = 0;
          after = Math.max(after, ...events.map(({ n }) => n));
          this.change({ ...events.reduce(afterEvent, this.job), silent: null });
        }
      } catch (error) {
        if (this.abort.signal.aborted) return;
        if (error.status === 404 || failures >= AGAIN_MS.length) this.change({ state: 'failed', error: error.message });
        else this.change({ silent: `${error.message} Asking again.` });
      }
      if (ended()) break;
      await pause(AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)]);
    }
    if (this.job?.id !== job.id) return;
    this.keep(null);
    if (this.job.state === 'done') this.time(this.job);
    this.askWorker({ now: true });
    if (this.job.state === 'done') await this.onResult(this.job);
  }

  /** Keeps how long a job took, from its start on the model, to tell how long the next will. @param {Job} job that is done */
  time({ kind, units, ranFrom }) {
    if (ranFrom === null) return; // it had begun before this page was loaded
    const seconds = (Date.now() - ranFrom) / 1000 / units;
    this.store.setSession({ paces: Object.freeze({ ...this.store.session.paces, [kind]: seconds }) });
  }

  async cancel() {
    const { id } = this.job ?? {};
    if (!id) return;
    try {
      await this.actions.cancel(id);
    } catch (error) {
      this.change({ silent: error.message });
    }
  }

  /** Lets go of a job that is over. */
  dismiss() {
    if (!isUnderWay(this.job)) this.store.setSession({ job: null });
  }
}

/**
 * @param {{id: string, kind: string, name: string, subject: import('./api.js').RunKey|null, units?: number, fromStart?: boolean}} known
 * @returns {Job}
 */
function fresh({ id, kind, name, subject, units = 1, fromStart = false }) {
  return Object.freeze({
    id,
    kind,
    name,
    subject,
    state: id ? 'queued' : 'sending',
    position: null,
    stage: null,
    texts: Object.freeze({}),
    error: null,
    result: null,
    silent: null,
    units,
    fromStart,
    ranFrom: null,
  });
}
