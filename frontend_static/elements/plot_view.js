import { html, LitElement } from '../vendor/lit.js';
import { placeTip } from './tip.js';

/**
 * Holds a canvas plot: focusable, named, with its reading in a live region and beside the pointer. Subclasses make the
 * plot and feed it; `describe` turns what is under the cursor into text.
 */
export class PlotView extends LitElement {
  static properties = { label: {}, theme: {}, tip: { state: true } };

  constructor() {
    super();
    this.theme = 'light';
    this.label = '';
    /** @type {{at: {x: number, y: number}, content: unknown, spoken: string}|null} */
    this.tip = null;
    this.plot = null;
  }

  createRenderRoot() {
    return this;
  }

  /** @param {HTMLElement} container */
  makePlot(container) {
    throw new Error(`${this.localName} makes no plot in ${container.className}`);
  }

  feed() {}

  connectedCallback() {
    super.connectedCallback();
    if (this.hasUpdated) this.requestUpdate('label', undefined);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.plot?.destroy();
    this.plot = null;
  }

  willUpdate(changed) {
    if (changed.has('data')) this.tip = null;
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    const fresh = !this.plot;
    this.plot ??= this.makePlot(this.querySelector('.plot'));
    const only = [...changed.keys()].every((key) => key === 'tip');
    if (fresh || !only) this.feed(changed, fresh);
    placeTip(this.querySelector('.tip'), this.tip?.at);
  }

  render() {
    return html`<div class="plot" tabindex="0" role="application" aria-roledescription="plot" aria-label=${this.label}></div>
      <div class="spoken" role="status" aria-live="polite">${this.tip?.spoken ?? ''}</div>
      ${this.tip ? html`<div class="tip" aria-hidden="true">${this.tip.content}</div>` : ''}`;
  }

  /** @param {string} name @param {unknown} detail */
  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
