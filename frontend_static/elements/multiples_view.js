import { html, LitElement, nothing } from '../vendor/lit.js';
import { logTicks, shareText } from '../plots/log_axes.js';
import { percent, whole } from './format.js';
import './small_scatter_view.js';
import { placeTip } from './tip.js';

/**
 * Small scatters in rows, one a step; one block of them for each dictionary, on the same axes. Emits `choose` the number of a
 * column, `pick` {block, latent} for a click with Shift, Ctrl or Cmd on a latent, `near` {block, latent} under the pointer or null.
 *
 * @typedef {Object} Multiple
 * @property {number} step @property {string} note beside the step, may be empty @property {boolean} drawn otherwise it says where it is
 * @property {number} living share of all latents @property {number} dense @property {number} nDead
 * @property {import('../plots/small_scatter.js').SmallScatterData} data
 * @property {import('../plots/small_scatter.js').Marks|null} marks @property {number} nFollowedDead of those followed
 *
 * @typedef {Object} Block
 * @property {string} key @property {string} name @property {string} note @property {Multiple[]} multiples
 * @property {(latent: number, column: number) => unknown} describe what is read under the pointer
 */

/** A latent is found from this far, in pixels. */
const NEAR = 7;
/** A tick's words take about so many pixels. */
const TICK_WIDTH = 42;
const TICK_HEIGHT = 18;

export class MultiplesView extends LitElement {
  static properties = {
    blocks: { attribute: false },
    columns: { attribute: false },
    rows: { attribute: false },
    size: { attribute: false },
    view: { attribute: false },
    dense: { attribute: false },
    current: { attribute: false },
    exact: { attribute: false },
    theme: {},
    tip: { state: true },
    at: { state: true },
  };

  constructor() {
    super();
    /** @type {{at: {x: number, y: number}, content: unknown}|null} */
    this.tip = null;
    /** The one that the Tab key reaches, counted over all blocks; null: the current one. @type {number|null} */
    this.at = null;
  }

  createRenderRoot() {
    return this;
  }

  updated() {
    placeTip(this.querySelector('.tip'), this.tip?.at);
  }

  get count() {
    return this.blocks.reduce((sum, { multiples }) => sum + multiples.length, 0);
  }

  /** @param {number} place counted over all blocks */
  cell(place) {
    return this.blocks.flatMap(({ multiples }) => multiples)[place];
  }

  /** @param {KeyboardEvent} event @param {number} place */
  onKey(event, place) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, Home: -place, End: this.count - 1 - place };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    let next = place + steps[event.key];
    while (this.cell(next)?.drawn === false) next += Math.sign(steps[event.key]);
    if (!this.cell(next)) return;
    this.at = next;
    this.updateComplete.then(() => /** @type {HTMLElement} */ (this.querySelector(`[data-place="${next}"]`)).focus());
  }

  /** @param {PointerEvent} event @param {Block} block @param {number} column */
  onMove(event, block, column) {
    const latent = event.currentTarget.querySelector('vs-small-scatter').pick(event, NEAR);
    this.tip = latent === null ? null : { at: { x: event.clientX, y: event.clientY }, content: block.describe(latent, column) };
    const near = latent === null ? null : { block: block.key, latent };
    if (JSON.stringify(near) === JSON.stringify(this.nearest ?? null)) return;
    this.nearest = near;
    this.emit('near', near);
  }

  leave() {
    this.tip = null;
    if (!this.nearest) return;
    this.nearest = null;
    this.emit('near', null);
  }

  /** @param {MouseEvent} event @param {Block} block @param {number} column */
  onClick(event, block, column) {
    if (!(event.shiftKey || event.ctrlKey || event.metaKey)) {
      this.emit('choose', column);
      return;
    }
    const latent = event.currentTarget.querySelector('vs-small-scatter').pick(event, 2 * NEAR);
    if (latent !== null) this.emit('pick', { block: block.key, latent });
  }

  /** @param {Block} block @param {number} column @param {number} first place of the block's first one */
  renderMultiple(block, column, first) {
    const { step, note, drawn, living, dense, nDead, data, marks, nFollowedDead } = block.multiples[column];
    if (!drawn) return html`<p class="multiple-gap"><span>nearest is<br>step ${whole(step)}</span></p>`;
    const place = first + column;
    const current = column === this.current;
    const reached = this.at !== null && this.cell(this.at)?.drawn ? this.at : this.blocks[0].multiples[this.current].drawn ? this.current : this.count - 1;
    const stop = place === reached;
    const dead = percent(Math.max(0, 1 - living));
    return html`<button type="button" class="multiple ${current ? (this.exact ? 'on' : 'close') : ''}" data-step=${step} data-place=${place} tabindex=${stop ? 0 : -1}
      aria-current=${current && this.exact ? 'step' : 'false'}
      @click=${(event) => this.onClick(event, block, column)} @keydown=${(event) => this.onKey(event, place)}
      @focus=${() => {
        this.at = place;
      }}
      @pointermove=${(event) => this.onMove(event, block, column)} @pointerleave=${() => this.leave()}>
      <span class="multiple-name"><span class="spoken">${block.name ? `${block.name}, ` : ''}step </span><b class="step">${whole(step)}</b>${note ? html`<span class="k">${note}</span>` : nothing}</span>
      <span class="multiple-facts"><span data-value="living">${percent(living)}</span> living · <span data-value="dense">${percent(dense)}</span> dense<span class="spoken"> · ${whole(nDead)} dead${nFollowedDead ? `, ${whole(nFollowedDead)} of the chosen among them` : ''}</span></span>
      <span class="multiple-plot" aria-hidden="true"><span class="dead-strip" title="${whole(nDead)} dead, ${dead}"><i .style=${`height:${100 * (1 - living)}%`}></i>
        ${nFollowedDead ? html`<b title="${whole(nFollowedDead)} of the chosen are dead here">${nFollowedDead > 99 ? '99+' : nFollowedDead}</b>` : nothing}</span>
        <vs-small-scatter .data=${data} .view=${this.view} .dense=${this.dense} .marks=${marks} .theme=${this.theme}></vs-small-scatter></span></button>`;
  }

  /** Marks along an axis, thinned to the room. @param {number} low @param {number} high @param {number[]} steps @param {number} room pixels @param {number} each */
  ticks(low, high, steps, room, each) {
    const found = logTicks(low, high, steps).map((value) => ({ value, share: (Math.log10(value) - low) / (high - low) }));
    const kept = [];
    // from the upper end, which is named first
    for (const tick of found.reverse()) {
      if (!kept.length || (kept.at(-1).share - tick.share) * room >= each) kept.push(tick);
    }
    return kept;
  }

  renderBlock(block, first) {
    const { columns, view } = this;
    const n = block.multiples.length;
    const rows = Math.ceil(n / columns);
    const across = this.ticks(view.x0, view.x1, [1], this.size.width, TICK_WIDTH);
    const up = this.ticks(view.y0, view.y1, [1, 3], this.size.height, TICK_HEIGHT);
    return html`<section class="multiples-block" aria-label=${block.name || 'Steps of the training'} data-block=${block.key}>
      ${block.name ? html`<h3><b class="mono">${block.name}</b><span class="k">${block.note}</span></h3>` : nothing}
      <div class="multiples" .style=${`--columns:${columns};--rows:${rows}`}>
        ${Array.from(
          { length: rows },
          (_, row) => html`<div class="y-ticks" aria-hidden="true"><span>${up.map(
            ({ value, share }) => html`<i .style=${`bottom:${100 * share}%`}>${Number(value.toPrecision(2))}</i>`,
          )}</span></div>
          ${block.multiples.slice(row * columns, (row + 1) * columns).map((_, i) => this.renderMultiple(block, row * columns + i, first))}`,
        )}</div>
      <div class="x-ticks" aria-hidden="true" .style=${`--columns:${columns}`}><span></span>${Array.from(
        { length: Math.min(columns, n) },
        () => html`<span>${across.map(({ value, share }) => html`<i .style=${`left:${100 * share}%`}>${shareText(value)}</i>`)}</span>`,
      )}</div></section>`;
  }

  render() {
    let first = 0;
    return html`${this.blocks.map((block) => {
      const drawn = this.renderBlock(block, first);
      first += block.multiples.length;
      return drawn;
    })}${this.tip ? html`<div class="tip" aria-hidden="true">${this.tip.content}</div>` : nothing}`;
  }

  /** @param {string} name @param {unknown} detail */
  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

customElements.define('vs-multiples', MultiplesView);
