/**
 * What the tab asks of the page around it: the address, the theme, and word of a reload. TensorBoard frames the tab from
 * its own origin; opened alone (tests), the tab uses its own window.
 */

const PLUGIN = 'visualscratchpad';
const PREFIX = `p.${PLUGIN}.`;
const PACE_MS = 150;
const THEME_KEY = 'visualscratchpad.theme';

/** @returns {Window} TensorBoard's window, or our own when there is none that may be reached */
export function hostWindow() {
  try {
    if (window.parent !== window && window.parent.document.body) return window.parent;
  } catch {
    // framed by another origin: its address and theme are out of reach, ours are not
  }
  return window;
}

/** The selection in the address: TensorBoard's own form, `#visualscratchpad&p.visualscratchpad.token=18`. */
export class Address {
  /** @param {Window} host */
  constructor(host) {
    this.host = host;
    /** @type {Record<string, string>} what we last wrote or read */
    this.last = {};
    /** @type {Record<string, string>} what `pending` will write */
    this.waiting = {};
    /** @type {number|null} a timer; null when nothing waits to be written */
    this.pending = null;
    this.writtenAt = -Infinity;
  }

  /** @returns {string[]} parts of the fragment; the first names TensorBoard's tab */
  parts() {
    return this.host.location.hash.replace(/^#/, '').split('&').filter(Boolean);
  }

  /** @returns {boolean} another tab of TensorBoard is in front */
  get elsewhere() {
    const [first] = this.parts();
    return this.host !== window && first !== undefined && first !== PLUGIN;
  }

  /** @returns {Record<string, string>} */
  read() {
    const found = {};
    for (const part of this.parts()) {
      const [key, value = ''] = part.split('=');
      if (key.startsWith(PREFIX)) found[key.slice(PREFIX.length)] = decodeURIComponent(value.replace(/\+/g, ' '));
    }
    this.last = found;
    return found;
  }

  /** @param {Record<string, string>} parameters @returns {string} the fragment that holds them */
  fragment(parameters) {
    const kept = this.parts().filter((part) => !part.startsWith(PREFIX));
    if (this.host !== window && kept.length === 0) kept.push(PLUGIN);
    const ours = Object.entries(parameters).map(([key, value]) => `${PREFIX}${key}=${encodeURIComponent(value)}`);
    return `#${[...kept, ...ours].join('&')}`;
  }

  /**
   * Whole, since a fragment alone would be resolved against the document's base, which in the tab's own page is another folder.
   * @param {Record<string, string>} parameters @returns {string} the address that restores them
   */
  link(parameters) {
    return new URL(this.fragment(parameters), this.host.location.href).href;
  }

  /**
   * @param {Record<string, string>} parameters
   * @param {boolean} [asNew] as a new entry of the browser's history; otherwise in place of the present one, at a pace that
   *   browsers put up with while a slider is dragged
   */
  write(parameters, asNew = false) {
    this.last = parameters;
    if (this.elsewhere) return;
    if (!asNew) this.waiting = parameters;
    const wait = this.writtenAt + PACE_MS - performance.now();
    if (asNew) {
      this.flush();
      this.host.history.pushState(this.host.history.state, '', this.link(parameters));
    } else if (wait > 0) {
      this.pending ??= setTimeout(() => this.flush(), wait);
    } else {
      this.pending ??= 0;
      this.flush();
    }
  }

  /** Writes what waits, in place of the present entry. */
  flush() {
    if (this.pending === null) return;
    this.forgo();
    if (this.elsewhere) return;
    this.host.history.replaceState(this.host.history.state, '', this.link(this.waiting));
    this.writtenAt = performance.now();
  }

  forgo() {
    clearTimeout(this.pending);
    this.pending = null;
  }

  /** @param {() => void} listener called when the address came to differ by other hands @returns {() => void} */
  onChange(listener) {
    const changed = () => {
      if (this.elsewhere) return;
      this.forgo();
      const before = JSON.stringify(this.last);
      const last = this.last;
      const now = this.read();
      if (Object.keys(now).length === 0 && Object.keys(last).length > 0)
        this.write(last); // back from another tab
      else if (JSON.stringify(now) !== before) listener();
    };
    // `popstate` comes with the new address, `hashchange` a task later: what was due to be written in between would undo going back
    const types = ['popstate', 'hashchange'];
    for (const type of types) this.host.addEventListener(type, changed);
    return () => {
      for (const type of types) this.host.removeEventListener(type, changed);
    };
  }
}

/**
 * The theme: TensorBoard's (it marks its body, and tells plugins nothing), unless the user chose the other one here.
 */
export class Theme {
  /**
   * @param {Window} host @param {Storage|null} storage keeps the choice
   * @param {(theme: 'light'|'dark', own: boolean) => void} listener called at once and at each change
   */
  constructor(host, storage, listener) {
    this.host = host;
    this.storage = storage;
    this.listener = listener;
    this.own = storage?.getItem(THEME_KEY) ?? null;
    this.query = window.matchMedia('(prefers-color-scheme: dark)');
    if (host !== window)
      new MutationObserver(() => this.tell()).observe(host.document.body, {
        attributes: true,
        attributeFilter: ['class'],
      });
    else this.query.addEventListener('change', () => this.tell());
    this.tell();
  }

  /** @returns {'light'|'dark'} */
  get hosts() {
    const dark = this.host === window ? this.query.matches : this.host.document.body.classList.contains('dark-mode');
    return dark ? 'dark' : 'light';
  }

  tell() {
    const own = this.own === 'light' || this.own === 'dark';
    this.listener(own ? this.own : this.hosts, own);
  }

  /** To the other theme; where that is TensorBoard's, it is followed again. */
  toggle() {
    const shown = this.own ?? this.hosts;
    const other = shown === 'dark' ? 'light' : 'dark';
    this.own = other === this.hosts ? null : other;
    try {
      if (this.own) this.storage?.setItem(THEME_KEY, this.own);
      else this.storage?.removeItem(THEME_KEY);
    } catch {
      // no room: the choice lasts as long as the page
    }
    this.tell();
  }
}

/**
 * Hears TensorBoard's reload button and auto-reload through its plugin protocol: a message port, JSON both ways, and a
 * reply to every broadcast.
 * @param {() => void} listener
 */
export function followReload(listener) {
  if (window.parent === window) return;
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', ({ data }) => {
    const { type, id, isReply } = JSON.parse(data);
    if (isReply) return;
    port1.postMessage(JSON.stringify({ type, id, payload: null, error: null, isReply: true }));
    if (type === 'experimental.DataReloaded' || type === 'experimental.RunsChanged') listener();
  });
  port1.start();
  window.parent.postMessage('experimental.bootstrap', '*', [port2]);
}
