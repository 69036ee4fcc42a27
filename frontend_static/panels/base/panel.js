import { LitElement } from '../../vendor/lit.js';
import { REAL } from '../../selection.js';
import { Query } from './query.js';

/** What sliders set. @type {readonly (keyof import('../../selection.js').Selection)[]} */
export const SLIDERS = Object.freeze(Object.keys(REAL));

/** A panel: drawn from the store and the answers to its queries, in the page's own tree so that names and styles reach it. */
export class Panel extends LitElement {
  static properties = { store: { attribute: false }, api: { attribute: false } };
  /**
   * What of the selection changes nothing here, neither what is shown nor what is asked: when that alone is changed, the panel
   * is not drawn anew. For what is dragged.
   * @type {readonly (keyof import('../../selection.js').Selection)[]}
   */
  static indifferentTo = [];

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.heard = { selection: this.store.selection, session: this.store.session };
    this.unsubscribe = this.store.subscribe(() => this.heed());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.unsubscribe();
  }

  /** Hears of a change in the store. */
  heed() {
    const before = this.heard;
    const { selection, session } = this.store;
    this.heard = { selection, session };
    const { indifferentTo } = /** @type {typeof Panel} */ (this.constructor);
    const changed = Object.keys(selection).filter((key) => selection[key] !== before.selection[key]);
    const onlySuch = changed.length > 0 && changed.every((key) => indifferentTo.includes(key));
    if (!onlySuch || session !== before.session) this.requestUpdate();
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
  // keys are the open sheet's, also while nothing in it has the focus
  if (document.querySelector('dialog:modal')) return false;
  const [target] = event.composedPath();
  return !(target instanceof HTMLElement && target.closest('input, select, textarea, [role=listbox], .menu, dialog'));
}
