import { html, nothing } from '../vendor/lit.js';
import { cross } from '../elements/icons.js';
import { browserStorage } from '../named_values.js';
import { isShortcut, Panel, SLIDERS } from './base/panel.js';
import { lead } from './walk/leading.js';
import { WalkMemory } from './walk/memory.js';
import { doneHere, presentStep, STEPS, stepOf } from './walk/steps.js';

/** The walk in one line under the bar: nine steps, the present one marked, what is done ticked, and a way to each. Its line is there only when asked for. */
export class WalkPanel extends Panel {
  static indifferentTo = SLIDERS;
  static properties = { told: { state: true } };

  constructor() {
    super();
    this.memory = new WalkMemory(browserStorage());
    /** @type {string|null} the step whose sentence is read: under the pointer, or with the focus */
    this.told = null;
  }

  connectedCallback() {
    super.connectedCallback();
    this.store.setSession({ walk: this.memory.open });
    this.seen = this.store.selection;
    this.onKey = (event) => {
      if (event.key !== 'g' || !isShortcut(event)) return;
      this.store.setSession({ walk: !this.store.session.walk });
      event.preventDefault();
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  heed() {
    super.heed();
    const { walk, listing } = this.store.session;
    if (walk !== this.memory.open) this.memory.show(walk);
    if (listing) for (const key of doneHere(this.store, this.seen)) this.memory.add(key, stepOf(key).subject(this.store));
    this.seen = this.store.selection;
  }

  /** @param {string} key */
  isDone(key) {
    return this.memory.has(key, stepOf(key).subject(this.store));
  }

  get present() {
    const { ledTo } = this.store.session;
    return ledTo ?? presentStep(this.store, (key) => this.isDone(key));
  }

  /** Left and right among the steps. @param {KeyboardEvent} event */
  onArrow(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    const all = [...this.querySelectorAll('.walk-step')];
    all[Math.min(all.length - 1, Math.max(0, all.indexOf(document.activeElement) + by))]?.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  renderStep(step, number, present) {
    const done = this.isDone(step.key);
    const on = step.key === present;
    return html`<li><button type="button" class="walk-step ${done ? 'done' : ''}" data-step=${step.key} tabindex=${on ? 0 : -1}
      aria-current=${on ? 'step' : nothing} title=${step.text}
      @click=${() => lead(this.store, this.api, step.key)}
      @pointerenter=${() => {
        this.told = step.key;
      }} @focus=${() => {
        this.told = step.key;
      }}><i aria-hidden="true">${done ? '✓' : number}</i>${step.name}<span class="spoken">, step ${number} of ${STEPS.length}${done ? ', done' : ''}. ${step.text}</span></button></li>`;
  }

  render() {
    const { walk, listing } = this.store.session;
    if (!walk || !listing || !(listing.vlm_runs.length || listing.dictionaries.length)) return nothing;
    const { present } = this;
    const at = STEPS.findIndex(({ key }) => key === present);
    const told = stepOf(this.told ?? present);
    const next = STEPS[at + 1];
    const unfinished = present === 'word' && this.selection.doubt === null;
    return html`<nav class="walk" aria-label="Walk, from a dictionary to the cause of a wrong word">
      <ol @keydown=${(event) => this.onArrow(event)} @pointerleave=${() => {
        this.told = null;
      }} @focusout=${() => {
        this.told = null;
      }}>${STEPS.map((step, i) => this.renderStep(step, i + 1, present))}</ol>
      <p title=${told.text}>${told.text}</p>
      ${
        next
          ? html`<button type="button" class="button small walk-next" ?disabled=${unfinished} title=${unfinished ? 'Mark the wrong word first (y)' : next.text}
            @click=${() => lead(this.store, this.api, next.key)}>Next: ${next.next.toLowerCase()}</button>`
          : html`<button type="button" class="button small walk-next" title=${stepOf('word').text} @click=${() => lead(this.store, this.api, 'word')}>Back to the word</button>`
      }
      <button type="button" class="icon small" aria-label="Close the walk" title="Close the walk (g)" aria-keyshortcuts="g"
        @click=${() => this.store.setSession({ walk: false })}>${cross}</button></nav>`;
  }
}

customElements.define('vs-walk', WalkPanel);
