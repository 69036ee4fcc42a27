/**
 * What the tab asks of the page around it: the address, the theme, and word of a reload. TensorBoard frames the tab from
 * its own origin; opened alone (tests), the tab uses its own window.
 */

const PLUGIN = 'visualscratchpad';
const PREFIX = `p.${PLUGIN}.`;

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

  /** @param {Record<string, string>} parameters */
  write(parameters) {
    this.last = parameters;
    if (this.elsewhere) return;
    const kept = this.parts().filter((part) => !part.startsWith(PREFIX));
    if (this.host !== window && kept.length === 0) kept.push(PLUGIN);
    const ours = Object.entries(parameters).map(([key, value]) => `${PREFIX}${key}=${encodeURIComponent(value)}`);
    this.host.history.replaceState(this.host.history.state, '', `#${[...kept, ...ours].join('&')}`);
  }

  /** @param {() => void} listener called when the address came to differ by other hands @returns {() => void} */
  onChange(listener) {
    const changed = () => {
      if (this.elsewhere) return;
      const before = JSON.stringify(this.last);
      const last = this.last;
      const now = this.read();
      if (Object.keys(now).length === 0 && Object.keys(last).length > 0)
        this.write(last); // back from another tab
      else if (JSON.stringify(now) !== before) listener();
    };
    this.host.addEventListener('hashchange', changed);
    return () => this.host.removeEventListener('hashchange', changed);
  }
}

/**
 * Follows TensorBoard's theme: it marks its body, and tells plugins nothing.
 * @param {Window} host
 * @param {(theme: 'light'|'dark') => void} listener called at once and at each change
 */
export function followTheme(host, listener) {
  if (host !== window) {
    const { body } = host.document;
    const tell = () => listener(body.classList.contains('dark-mode') ? 'dark' : 'light');
    new MutationObserver(tell).observe(body, { attributes: true, attributeFilter: ['class'] });
    tell();
    return;
  }
  const query = window.matchMedia('(prefers-color-scheme: dark)');
  const tell = () => listener(query.matches ? 'dark' : 'light');
  query.addEventListener('change', tell);
  tell();
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
