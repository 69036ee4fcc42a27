import { LitElement } from '../../vendor/lit.js';
import { Query } from './query.js';

/** A panel: drawn from the store and the answers to its queries, in the page's own tree so that names and styles reach it. */
export class Panel extends LitElement {
  static properties = { store: { attribute: false }, api: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.unsubscribe = this.store.subscribe(() => this.requestUpdate());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.unsubscribe();
  }

  /** @param {(store: import('../../store.js').Store, api: import('../../api.js').Api) => import('./query.js').Request|null} ask */
  query(ask) {
    return new Query(this, () => ask(this.store, this.api));
  }

  get selection() {
    return this.store.selection;
  }

  get theme() {
    return this.store.session.theme;
  }
}

/**
 * Whether a key press is meant for the tab as a whole: not typed into a field, and not taken by a plot or a menu.
 * @param {KeyboardEvent} event
 */
export function isShortcut(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  const [target] = event.composedPath();
  return !(target instanceof HTMLElement && target.closest('input, select, textarea, [role=listbox], .menu, dialog'));
}
