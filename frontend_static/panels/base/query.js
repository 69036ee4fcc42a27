/**
 * Fetches what a panel shows, whenever what it asks for changes. An answer to an older question is dropped, whichever
 * order the answers come in; until the new one is there the former stays, marked stale, unless it is of another subject.
 *
 * @typedef {{key: string, subject: string, load: () => Promise<any>}} Request
 *   `key` names the question, `subject` the run or dictionary it is about
 */

/** A caption appears only when loading takes longer than this. */
const SLOW_MS = 300;
/** A former answer fades only when the new one takes longer than this: fading costs several frames, most answers only one. */
const LATE_MS = 150;
/** What a panel shows of the former subject stays for so long: most answers come sooner, and an outline that flashes tells nothing. */
export const PATIENT_MS = 220;
/** A question waits at most this long for the answer to the one before. */
const HOLD_MS = 150;

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
    /** The value has belonged to a former question for so long that this must be seen. */
    this.late = false;
    /** Nothing is known of this subject yet, and not for long: what the panel showed may stay meanwhile. */
    this.awaited = false;
    /** @type {ReturnType<typeof setTimeout>|null} ends that */
    this.patience = null;
    /** @type {ReturnType<typeof setTimeout>|null} makes it late */
    this.fading = null;
    this.nAsking = 0;
    /** @type {(() => void)|null} asks what waits */
    this.next = null;
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
    this.next = null;
    this.watch();
    this.wait();
    if (!request) return;
    if (!this.nAsking) this.start(request, key);
    else this.hold(request, key);
  }

  /** Starts or ends the waiting for an answer that comes late; many questions may follow one another before one is answered. */
  watch() {
    if (!this.stale) {
      clearTimeout(this.fading);
      this.fading = null;
      this.late = false;
    } else {
      this.fading ??= setTimeout(() => {
        this.late = true;
        this.host.requestUpdate();
      }, LATE_MS);
    }
  }

  /** Begins or ends the patience with the first answer about a subject; many subjects may follow one another. */
  wait() {
    if (!this.loading || this.value !== undefined) {
      clearTimeout(this.patience);
      this.patience = null;
      this.awaited = false;
    } else if (this.patience === null) {
      this.awaited = true;
      this.patience = setTimeout(() => {
        this.awaited = false;
        this.host.requestUpdate();
      }, PATIENT_MS);
    }
  }

  /**
   * While a slider is dragged, questions come faster than answers: this one waits for the answer before it, and is never asked
   * when another takes its place meanwhile.
   * @param {Request} request @param {string} key
   */
  hold(request, key) {
    const next = () => {
      clearTimeout(timer);
      if (this.next !== next) return;
      this.next = null;
      this.start(request, key);
    };
    const timer = setTimeout(next, HOLD_MS);
    this.next = next;
  }

  /** @param {Request} request @param {string} key */
  async start(request, key) {
    this.nAsking++;
    const caption = setTimeout(() => {
      if (this.key !== key || !this.loading) return;
      this.slow = true;
      this.host.requestUpdate();
    }, SLOW_MS);
    try {
      const value = await request.load();
      if (this.key === key) this.value = value;
    } catch (error) {
      if (this.key === key) {
        this.value = undefined;
        this.error = error instanceof Error ? error : new Error(String(error));
      }
    } finally {
      clearTimeout(caption);
      this.nAsking--;
    }
    this.next?.();
    if (this.key !== key) return;
    this.loading = false;
    this.watch();
    this.wait();
    this.host.requestUpdate();
  }

  retry() {
    this.key = null;
    this.host.requestUpdate();
  }
}
