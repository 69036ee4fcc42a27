import { LitElement } from '../vendor/lit.js';

/** An element in the page's own tree that is drawn anew when its width changes. */
export class WidthWatched extends LitElement {
  static properties = { width: { state: true } };

  constructor() {
    super();
    /** In whole pixels; 0 before it is known. */
    this.width = 0;
    this.size = new ResizeObserver(([{ contentRect }]) => {
      this.width = Math.floor(contentRect.width);
    });
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
}
