import { html, LitElement } from '../vendor/lit.js';
import { SmallScatter } from '../plots/small_scatter.js';

/** A small scatter among others. `pick` finds the latent under the pointer. */
export class SmallScatterView extends LitElement {
  static properties = {
    data: { attribute: false },
    view: { attribute: false },
    dense: { attribute: false },
    marks: { attribute: false },
    theme: {},
  };

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    if (this.hasUpdated) this.requestUpdate('data', undefined);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.plot?.destroy();
    this.plot = null;
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    this.plot ??= new SmallScatter(this.querySelector('.small-plot'));
    if ([...changed.keys()].some((key) => key !== 'marks')) this.plot.setData(this.data, this.view, this.dense, this.theme);
    this.plot.setMarks(this.marks ?? null);
  }

  /** @param {{clientX: number, clientY: number}} at @param {number} reach pixels @returns {number|null} a latent */
  pick({ clientX, clientY }, reach) {
    const box = this.getBoundingClientRect();
    const found = this.plot ? this.plot.pick(clientX - box.left, clientY - box.top, reach) : -1;
    return found < 0 ? null : this.data.latent[found];
  }

  render() {
    return html`<span class="small-plot"></span>`;
  }
}

customElements.define('vs-small-scatter', SmallScatterView);
