import { html, nothing } from '../../vendor/lit.js';
import '../../elements/sheet.js';
import { segmented } from '../../elements/segmented.js';
import { isShortcut, Panel, SLIDERS } from '../base/panel.js';
import './export_button.js';
import './export_row.js';
import { KINDS, PICTURES, sizeText, whyNotKind } from './kinds.js';
import { figureAround, figuresIn } from './registry.js';
import { copyPicture, download, fileOf } from './saving.js';

/** A sentence on what was saved stays so long. */
const TOLD_MS = 6000;
const WIDTH = 236;

/**
 * Saves figures: a small menu at a card's export control, a sheet of all figures of the workspace, a sentence on what was saved.
 * Listens for `export-figure` in the whole page, so that panels need not know of it.
 */
export class ExportMenu extends Panel {
  static indifferentTo = SLIDERS;
  static properties = { at: { state: true }, told: { state: true }, failed: { state: true }, asked: { state: true }, busy: { state: true } };

  constructor() {
    super();
    /** @type {{panel: any, opener: HTMLElement, x: number, y: number}|null} where the menu is open */
    this.at = null;
    this.told = '';
    this.failed = false;
    this.busy = false;
    /** The theme that pictures are saved in; null: the one that is shown. @type {'light'|'dark'|null} */
    this.asked = null;
  }

  connectedCallback() {
    super.connectedCallback();
    this.onAsk = (event) => this.open(event.detail.panel, event.detail.opener);
    this.onKey = (event) => {
      if (event.key !== 'e' || !isShortcut(event)) return;
      event.preventDefault();
      const around = figureAround(document.activeElement);
      const opener = (around?.panel.querySelector('vs-export-button') ?? around?.panel.closest('section.card')?.querySelector('vs-export-button'))?.querySelector('button');
      if (around && opener && around.description.ready(around.panel)) this.open(around.panel, opener);
      else this.store.setSession({ sheet: 'export' });
    };
    this.onOutside = (event) => {
      if (this.at && !event.composedPath().some((one) => one === this.querySelector('.export-menu') || one === this.at.opener)) this.at = null;
    };
    this.onBlur = () => {
      this.at = null;
    };
    window.addEventListener('export-figure', this.onAsk);
    window.addEventListener('keydown', this.onKey);
    window.addEventListener('resize', this.onBlur);
    document.addEventListener('pointerdown', this.onOutside);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('export-figure', this.onAsk);
    window.removeEventListener('keydown', this.onKey);
    window.removeEventListener('resize', this.onBlur);
    document.removeEventListener('pointerdown', this.onOutside);
    clearTimeout(this.forgetting);
  }

  /** @param {any} panel @param {HTMLElement} opener */
  open(panel, opener) {
    if (this.at?.opener === opener) {
      this.close();
      return;
    }
    const box = opener.getBoundingClientRect();
    this.at = { panel, opener, x: Math.max(8, Math.min(window.innerWidth - WIDTH - 8, box.right - WIDTH)), y: box.bottom + 4 };
    this.updateComplete.then(() => {
      const menu = this.querySelector('.export-menu');
      if (!menu) return;
      if (this.at && this.at.y + menu.offsetHeight > window.innerHeight - 8) this.at = { ...this.at, y: Math.max(8, box.top - menu.offsetHeight - 4) };
      menu.querySelector('button:not([disabled])')?.focus();
    });
  }

  close() {
    const { opener } = this.at ?? {};
    this.at = null;
    if (opener?.isConnected) opener.focus();
  }

  /** @param {string} text @param {boolean} [failed] */
  say(text, failed = false) {
    this.told = text;
    this.failed = failed;
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => {
      this.told = '';
    }, TOLD_MS);
  }

  get shownTheme() {
    return this.asked ?? this.theme;
  }

  /** @param {{panel: any, description: import('./description.js').Description}} figure @param {string} kind */
  async save({ panel, description }, kind) {
    if (this.busy) return;
    this.busy = true;
    try {
      if (kind === 'copy') {
        await copyPicture(fileOf(description, panel, 'png', this.shownTheme).then(({ blob }) => blob));
        this.say(`Copied the picture of “${description.title(panel)}”.`);
      } else {
        const file = await fileOf(description, panel, /** @type {any} */ (kind), this.shownTheme);
        download(file);
        this.say(`Saved ${file.name} (${sizeText(file.blob.size)}).`);
      }
    } catch (error) {
      this.say(`Not saved: ${error instanceof Error ? error.message : error}`, true);
    } finally {
      this.busy = false;
    }
  }

  /** @param {KeyboardEvent} event */
  onMenuKey(event) {
    const buttons = [...this.querySelectorAll('.export-menu [role=menuitem]:not([disabled])')];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === 'Escape') this.close();
    else if (event.key === 'Tab') {
      this.at = null;
      return;
    } else if (to !== undefined) buttons[(to + buttons.length) % buttons.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  renderTheme() {
    return segmented({
      label: 'Colours of the picture',
      value: this.shownTheme,
      options: [
        ['light', 'Light'],
        ['dark', 'Dark'],
      ],
      onChange: (theme) => {
        this.asked = theme;
      },
    });
  }

  renderMenu() {
    if (!this.at) return nothing;
    const around = figureAround(this.at.panel);
    const kinds = KINDS.filter(([kind]) => around.description.body || !PICTURES.has(kind));
    return html`<div class="export-menu" role="menu" aria-label="Save this figure" .style=${`left:${this.at.x}px;top:${this.at.y}px`} @keydown=${(event) => this.onMenuKey(event)}>
      ${around.description.body ? html`<div class="export-theme"><span>Colours</span>${this.renderTheme()}</div>` : nothing}
      ${kinds.map(([kind, name, what]) => {
        const why = whyNotKind(around, kind);
        return html`<button type="button" role="menuitem" ?disabled=${why !== null} title=${why ?? nothing} @click=${() => {
          this.close();
          this.save(around, kind);
        }}><b>${name}</b><span>${why ?? what}</span></button>`;
      })}</div>`;
  }

  renderSheet() {
    const figures = figuresIn(document.body);
    return html`<div class="export-head"><p>What this workspace shows now, as files. Each picture has a caption that says what it is of; the data begin with the same.</p>
        <span class="export-theme"><span>Colours</span>${this.renderTheme()}</span></div>
      ${figures.length ? nothing : html`<p class="note">There is no figure here yet.</p>`}
      <ul class="export-list">${figures.map(
        (figure) => html`<li><span class="t">${figure.description.title(figure.panel)}</span><span class="kinds">${KINDS.filter(([kind]) => kind !== 'copy').map(([kind, name, what]) => {
          const why = whyNotKind(figure, kind);
          return html`<button type="button" class="button small" ?disabled=${why !== null} title=${why ?? what}
            aria-label="${name} of ${figure.description.title(figure.panel)}" @click=${() => this.save(figure, kind)}>${name}</button>`;
        })}</span></li>`,
      )}</ul>
      ${this.told ? html`<p class="note" role="status">${this.told}</p>` : nothing}
      ${
        this.store.runKey
          ? html`<p class="export-page"><a class="button" href=${this.api.runPageUrl(this.store.runKey, this.selection.step)} download>Save this run as a page</a>
            <span class="note">One HTML file that opens anywhere, without TensorBoard.</span></p>`
          : nothing
      }`;
  }

  render() {
    const open = this.store.session.sheet === 'export';
    return html`${this.renderMenu()}<vs-sheet .open=${open} label="Save figures and data" .content=${open ? this.renderSheet() : nothing}
        @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>
      ${this.told && !open ? html`<p class="toast ${this.failed ? 'failed' : ''}" role=${this.failed ? 'alert' : 'status'}>${this.told}</p>` : nothing}`;
  }
}

customElements.define('vs-export', ExportMenu);
