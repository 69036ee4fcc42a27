import { html, LitElement, nothing } from '../vendor/lit.js';

/** A row of items that scrolls sideways, and "+n" for those that lie beyond its right edge. */
export class BasketStrip extends LitElement {
  static properties = { count: { type: Number }, content: { attribute: false }, hiddenItems: { state: true } };

  constructor() {
    super();
    this.count = 0;
    this.content = [];
    this.hiddenItems = 0;
    // measured, not drawn anew as a WidthWatched is: that would put back a value that is being typed
    this.size = new ResizeObserver(() => this.measure());
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.size.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.size.disconnect();
  }

  updated(changed) {
    const list = this.querySelector('ul');
    if (changed.has('count') && this.count > (changed.get('count') ?? 0)) list.scrollLeft = list.scrollWidth;
    this.measure();
  }

  measure() {
    const list = this.querySelector('ul');
    if (!list) return;
    const edges = list.getBoundingClientRect();
    const boxes = [...list.children].map((item) => item.getBoundingClientRect());
    this.hiddenItems = boxes.filter(({ left, right }) => right > edges.right + 1 || left < edges.left - 1).length;
    this.atEnd = list.scrollLeft + list.clientWidth >= list.scrollWidth - 1;
  }

  /** On to the items that are out of sight; from the end back to the first. */
  turn() {
    const list = this.querySelector('ul');
    list.scrollLeft = this.atEnd ? 0 : list.scrollLeft + list.clientWidth;
    this.measure();
  }

  render() {
    return html`<ul class="basket-list" aria-label="In the basket" @scroll=${() => this.measure()}>${this.content}</ul>
      ${
        this.hiddenItems
          ? html`<button type="button" class="button small" aria-label="Show the ${this.hiddenItems} that are out of sight"
        @click=${() => this.turn()}>+${this.hiddenItems}</button>`
          : nothing
      }`;
  }
}

customElements.define('vs-basket-strip', BasketStrip);
