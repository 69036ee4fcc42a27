/**
 * Fetches what a panel shows, whenever what it asks for changes. An answer to an older question is dropped, whichever
 * order the answers come in; until the new one is there the former stays, marked stale, unless it is of another subject.
 *
 * @typedef {{key: string, subject: string, load: () => Promise<any>}} Request
 *   `key` names the question, `subject` the run or dictionary it is about
 */

/** A caption appears only when loading takes longer than this. */
const SLOW_MS = 300;

export class Query {
  /**
   * @param {import('../../vendor/lit.js').LitElement & {store: import('../../store.js').Store}} host
   * @param {() => Request|null} ask called before each update of the host; null when there is nothing to ask
   */
  constructor(host, ask) {
    this.host = host;
    this.ask = ask;
    this.key = null;
    this.subject = null;
    /** @type {any} undefined until an answer is there */
    this.value = undefined;
    /** @type {Error|null} */
    this.error = null;
    this.loading = false;
    this.slow = false;
    host.addController(this);
  }

  /** The value belongs to the former question. */
  get stale() {
    return this.loading && this.value !== undefined;
  }

  hostUpdate() {
    const request = this.ask();
    const key = request ? `${this.host.store.evidenceVersion} ${request.key}` : null;
    if (key === this.key) return;
    this.key = key;
    this.error = null;
    if (!request || request.subject !== this.subject) this.value = undefined;
    this.subject = request?.subject ?? null;
    this.loading = Boolean(request);
    this.slow = false;
    if (request) this.start(request, key);
  }

  /** @param {Request} request @param {string} key */
  async start(request, key) {
    const caption = setTimeout(() => {
      if (this.key !== key || !this.loading) return;
      this.slow = true;
      this.host.requestUpdate();
    }, SLOW_MS);
    try {
      const value = await request.load();
      if (this.key !== key) return;
      this.value = value;
    } catch (error) {
      if (this.key !== key) return;
      this.value = undefined;
      this.error = error instanceof Error ? error : new Error(String(error));
    } finally {
      clearTimeout(caption);
    }
    this.loading = false;
    this.host.requestUpdate();
  }

  retry() {
    this.key = null;
    this.host.requestUpdate();
  }
}
