import { html, LitElement, nothing } from '../../vendor/lit.js';
import { KINDS, PICTURES, sizeText, whyNotKind } from './kinds.js';
import { figureAround } from './registry.js';
import { copyPicture, download, fileOf } from './saving.js';

/** In a sheet, over which no menu can open: saves the figure of the panel that the sheet belongs to, in the colours that are shown. */
export class ExportRow extends LitElement {
  static properties = { told: { state: true }, failed: { state: true } };

  constructor() {
    super();
    this.told = '';
    this.failed = false;
    this.busy = false;
  }

  createRenderRoot() {
    return this;
  }

  /** @param {import('./kinds.js').SavedAs} kind */
  async save(kind) {
    const { panel, description } = figureAround(this);
    if (this.busy) return;
    this.busy = true;
    try {
      if (kind === 'copy') {
        await copyPicture(fileOf(description, panel, 'png', panel.theme).then(({ blob }) => blob));
        this.told = 'Copied.';
      } else {
        const file = await fileOf(description, panel, kind, panel.theme);
        download(file);
        this.told = `Saved ${file.name} (${sizeText(file.blob.size)}).`;
      }
      this.failed = false;
    } catch (error) {
      this.told = `Not saved: ${error instanceof Error ? error.message : error}`;
      this.failed = true;
    } finally {
      this.busy = false;
    }
  }

  render() {
    const figure = figureAround(this);
    if (!figure) return nothing;
    const kinds = KINDS.filter(([kind]) => figure.description.body || !PICTURES.has(kind));
    return html`<p class="export-row"><span class="k">Save</span>${kinds.map(([kind, name, what]) => {
      const why = whyNotKind(figure, kind);
      return html`<button type="button" class="button small" ?disabled=${why !== null} title=${why ?? what} @click=${() => this.save(kind)}>${name}</button>`;
    })}<span class="told ${this.failed ? 'refused' : ''}" role="status">${this.told}</span></p>`;
  }
}

customElements.define('vs-export-row', ExportRow);
