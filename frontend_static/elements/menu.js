import { html, LitElement, nothing } from '../vendor/lit.js';
import { caret } from './icons.js';

/**
 * A button that opens a searchable list. Items: `{value, title, detail, note, picture, words}`; `words` is what the search
 * reads. Emits `choose` with the item's value. `searches` names the search where the menu's own name does not.
 */
export class Menu extends LitElement {
  static properties = {
    name: {},
    searches: {},
    current: { attribute: false },
    items: { attribute: false },
    value: { attribute: false },
    open: { state: true },
    query: { state: true },
    active: { state: true },
  };

  constructor() {
    super();
    this.open = false;
    this.query = '';
    this.active = 0;
    this.items = [];
    /** @type {string|null} */
    this.searches = null;
    this.outside = (event) => {
      if (this.open && !event.composedPath().includes(this)) this.open = false;
    };
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener('pointerdown', this.outside);
    this.closeOnBlur = () => {
      this.open = false;
    };
    window.addEventListener('blur', this.closeOnBlur);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener('pointerdown', this.outside);
    window.removeEventListener('blur', this.closeOnBlur);
  }

  found() {
    const words = this.query.toLowerCase().split(/\s+/).filter(Boolean);
    return this.items.filter(({ words: text }) => words.every((word) => text.toLowerCase().includes(word)));
  }

  toggle() {
    this.open = !this.open;
    this.query = '';
    this.active = Math.max(
      0,
      this.items.findIndex(({ value }) => value === this.value),
    );
    if (this.open) this.updateComplete.then(() => this.querySelector('input')?.focus());
  }

  close() {
    this.open = false;
    this.updateComplete.then(() => this.querySelector('.pick').focus());
  }

  choose(item) {
    this.dispatchEvent(new CustomEvent('choose', { detail: item.value }));
    this.close();
  }

  onKey(event) {
    const found = this.found();
    if (event.key === 'Escape') this.close();
    else if (event.key === 'ArrowDown') this.active = Math.min(found.length - 1, this.active + 1);
    else if (event.key === 'ArrowUp') this.active = Math.max(0, this.active - 1);
    else if (event.key === 'Enter' && found[this.active]) this.choose(found[this.active]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  updated() {
    if (this.open) this.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }

  render() {
    const found = this.open ? this.found() : [];
    const id = `list-${this.name.toLowerCase()}`;
    return html`
      <button type="button" class="pick" aria-haspopup="listbox" aria-expanded=${String(this.open)} @click=${() => this.toggle()}>
        ${this.current}${caret}</button>
      ${
        this.open
          ? html`<div class="menu" @keydown=${(event) => this.onKey(event)}>
        <input type="search" role="combobox" aria-expanded="true" aria-controls=${id} aria-label=${this.searches ?? `Search ${this.name.toLowerCase()}s`}
          aria-activedescendant=${found.length ? `${id}-${this.active}` : nothing} autocomplete="off" spellcheck="false"
          placeholder="Search" .value=${this.query}
          @input=${(event) => {
            this.query = event.target.value;
            this.active = 0;
          }}>
        <ul id=${id} role="listbox" aria-label=${this.name}>
          ${found.map(
            (item, i) => html`<li id="${id}-${i}" role="option" aria-selected=${String(i === this.active)}
              class=${item.value === this.value ? 'current' : ''}
              @pointermove=${() => {
                this.active = i;
              }} @click=${() => this.choose(item)}>
            ${item.picture ? html`<img src=${item.picture} alt="" loading="lazy" width="40" height="40">` : nothing}
            <span class="what"><span class="t"><b class="mono">${item.title}</b><span class="k">${item.note}</span></span>
            ${(item.detail ?? []).map((line) => html`<span class="d">${line}</span>`)}</span></li>`,
          )}
        </ul>
        ${found.length ? nothing : html`<p class="note">No ${this.name.toLowerCase()} matches “${this.query}”.</p>`}
      </div>`
          : nothing
      }`;
  }
}

customElements.define('vs-menu', Menu);
