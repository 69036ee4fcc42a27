import { html, LitElement } from '../vendor/lit.js';

const LONG_SIDE = 160;

/** A picture that is not on any server yet, small: drawn on a canvas, since a strict policy shows no blob as an image. */
export class SizedPicture extends LitElement {
  static properties = { file: { attribute: false }, failed: { state: true } };

  constructor() {
    super();
    /** @type {Blob|null} */
    this.file = null;
    this.failed = false;
  }

  createRenderRoot() {
    return this;
  }

  async updated(changed) {
    if (!changed.has('file') || !this.file) return;
    const { file } = this;
    try {
      const bitmap = await createImageBitmap(file);
      if (this.file !== file) return;
      const scale = Math.min(1, LONG_SIDE / Math.max(bitmap.width, bitmap.height));
      const canvas = this.querySelector('canvas');
      canvas.width = Math.max(1, Math.round(bitmap.width * scale));
      canvas.height = Math.max(1, Math.round(bitmap.height * scale));
      canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      bitmap.close();
      this.failed = false;
    } catch {
      if (this.file === file) this.failed = true;
    }
  }

  render() {
    return html`<canvas role="img" aria-label="The chosen picture" ?hidden=${this.failed}></canvas>
      ${this.failed ? html`<p class="note">This browser cannot show it; the worker may still read it.</p>` : ''}`;
  }
}

customElements.define('vs-sized-picture', SizedPicture);
