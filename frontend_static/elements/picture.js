import { html, LitElement } from '../vendor/lit.js';
import { paintOverlay } from '../plots/image_overlay.js';
import { Surface } from '../plots/surface.js';
import { TOKENS } from '../color/tokens.js';

/** @type {Map<string, Promise<HTMLImageElement>>} pictures by address; the browser keeps the bytes */
const loaded = new Map();

/** @param {string} src @returns {Promise<HTMLImageElement>} */
function load(src) {
  if (!loaded.has(src)) {
    const image = new Image();
    image.src = src;
    const promise = image.decode().then(() => image);
    promise.catch(() => loaded.delete(src));
    loaded.set(src, promise);
    if (loaded.size > 200) loaded.delete(loaded.keys().next().value);
  }
  return loaded.get(src);
}

/** A picture with a map over it. Without `src` only the map is drawn; a picture that cannot be read says so. */
export class Picture extends LitElement {
  static properties = {
    src: {},
    raster: { attribute: false },
    mode: {},
    theme: {},
    outlined: { type: Boolean },
    label: {},
    ratio: { attribute: false },
    square: { type: Boolean },
    top: { attribute: false },
    marks: { attribute: false },
    image: { state: true },
    failed: { state: true },
  };

  constructor() {
    super();
    this.src = '';
    this.raster = null;
    this.mode = 'spotlight';
    this.theme = 'light';
    this.outlined = false;
    this.ratio = 1;
    this.square = false;
    /** @type {number|null} the value at the end of the scale; null: the map's own peak */
    this.top = null;
    /** @type {readonly (readonly number[])[]} patches that are struck out, as shares of the picture */
    this.marks = [];
    this.image = null;
    this.failed = false;
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    if (this.hasUpdated) this.attach();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.surface?.destroy();
    this.surface = null;
  }

  attach() {
    this.surface ??= new Surface(this.querySelector('.frame'), (g, width, height) => this.paint(g, width, height));
    this.surface.request();
  }

  /** Fills the frame, or lies in its middle where the frame is square and the picture is not. */
  paint(g, width, height) {
    const w = Math.min(width, height * this.ratio);
    const h = Math.min(height, width / this.ratio);
    g.translate((width - w) / 2, (height - h) / 2);
    this.paintPicture(g, w, h, false);
  }

  /** @param {CanvasRenderingContext2D} g @param {number} w @param {number} h @param {boolean} crisp */
  paintPicture(g, w, h, crisp) {
    paintOverlay(g, w, h, {
      image: this.image,
      raster: this.raster,
      mode: this.mode,
      theme: this.theme,
      outlined: this.outlined,
      ground: TOKENS[this.theme].sunken,
      top: this.top,
      crisp,
      marks: this.marks,
    });
  }

  willUpdate(changed) {
    if (!changed.has('src')) return;
    this.image = null;
    this.failed = false;
    const { src } = this;
    if (!src) return;
    load(src).then(
      (image) => {
        if (this.src === src) this.image = image;
      },
      () => {
        if (this.src === src) this.failed = true;
      },
    );
  }

  updated(_changed) {
    this.attach();
  }

  render() {
    return html`<div class="frame" role="img" aria-label=${this.failed ? `${this.label} (the picture cannot be read)` : this.label}
      .style=${`--ratio:${this.square ? 1 : this.ratio}`}>${this.failed ? html`<span class="failed">picture not readable</span>` : ''}</div>`;
  }
}

customElements.define('vs-picture', Picture);
