import { LitElement, noChange } from '../../vendor/lit.js';
import { REAL } from '../../selection.js';
import { PATIENT_MS, Query } from './query.js';

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
  /** It shows something of the chosen word: of another run one is chosen by itself, in a moment. */
  static needsWord = false;

  constructor() {
    super();
    /** @type {Query[]} */
    this.queries = [];
    /** What is drawn is made of answers, not of outlines that wait for them. */
    this.whole = false;
    /** @type {ReturnType<typeof setTimeout>|null} how long a word has been awaited; what it is of */
    this.wordless = null;
    this.patient = true;
    /** @type {Element[]} what is marked as busy while it is held */
    this.held = [];
  }

  createRenderRoot() {
    return this;
  }

  /** What was drawn of a former run or dictionary stays as it is while the first answers about the new one are awaited, for a moment. */
  update(changed) {
    const holds = this.whole && (this.queries.some(({ awaited }) => awaited) || this.awaitsWord());
    if (!holds) {
      for (const element of this.held) element.setAttribute('aria-busy', 'false');
      this.held = [];
      this.whole = this.queries.every(({ value, loading }) => value !== undefined || !loading);
      super.update(changed);
      return;
    }
    if (!this.held.length) {
      this.held = [...this.querySelectorAll('[aria-busy=false]')];
      for (const element of this.held) element.setAttribute('aria-busy', 'true');
    }
    this.render = () => noChange;
    super.update(changed);
    delete this.render;
  }

  awaitsWord() {
    const { needsWord } = /** @type {typeof Panel} */ (this.constructor);
    if (!needsWord || this.store.selection.token !== null) {
      clearTimeout(this.wordless);
      this.wordless = null;
      this.patient = true;
      return false;
    }
    this.wordless ??= setTimeout(() => {
      this.patient = false;
      this.requestUpdate();
    }, PATIENT_MS);
    return this.patient;
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
    const query = new Query(this, () => ask(this.store, this.api));
    this.queries.push(query);
    return query;
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
