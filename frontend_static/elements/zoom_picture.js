import { html, nothing } from '../vendor/lit.js';
import { afterDoubleClick, afterKey, afterWheel, panned, placeAt, WHOLE, zoomed } from './picture_zoom.js';
import { Picture } from './picture.js';
import { placeTip } from './tip.js';

/**
 * A picture with a map over it that can be looked at closely: wheel, + - 0, drag, double click, arrows when zoomed. `describe` says what
 * lies under the pointer. Emits `seen` with what is seen (picture_zoom.js) whenever that changes.
 */
export class ZoomPicture extends Picture {
  static properties = { describe: { attribute: false }, seen: { state: true }, tip: { state: true }, still: { type: Boolean } };

  constructor() {
    super();
    /** @type {((x: number, y: number) => {content: unknown, spoken: string}|null)|null} at shares of the picture */
    this.describe = null;
    this.seen = WHOLE;
    this.tip = null;
    /** something else has the pointer: a box is being drawn */
    this.still = false;
    this.from = null;
  }

  willUpdate(changed) {
    super.willUpdate(changed);
    if (changed.has('src')) this.seen = WHOLE;
    if (changed.has('raster')) this.tip = null;
  }

  updated(changed) {
    // what is read under the pointer changes nothing of what is painted
    if ([...changed.keys()].some((key) => key !== 'tip' && key !== 'describe')) super.updated(changed);
    placeTip(this.querySelector('.tip'), this.tip?.at);
    if (changed.has('seen') && changed.get('seen')) this.dispatchEvent(new CustomEvent('seen', { detail: this.seen }));
  }

  paint(g, width, height) {
    const { scale, x, y } = this.seen;
    g.save();
    g.translate(-x * scale * width, -y * scale * height);
    this.paintPicture(g, width * scale, height * scale, scale > 1);
    g.restore();
  }

  /** @param {MouseEvent} event @returns {[number, number]} 0...1 of the frame */
  within(event) {
    const { left, top, width, height } = this.querySelector('.frame').getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  }

  onWheel(event) {
    // a page that scrolls has the wheel for itself
    const page = this.closest('.workspace');
    if (!event.ctrlKey && !this.closest('dialog') && page && page.scrollHeight > page.clientHeight + 1) return;
    const next = afterWheel(this.seen, event.deltaY, ...this.within(event));
    if (next === this.seen) return;
    event.preventDefault();
    this.seen = next;
  }

  onDown(event) {
    if (event.button !== 0 || this.still || event.target.closest('button')) return;
    this.from = { at: this.within(event), seen: this.seen };
    if (this.seen.scale > 1) event.currentTarget.setPointerCapture(event.pointerId);
  }

  onMove(event) {
    const at = this.within(event);
    if (this.from && this.seen.scale > 1 && event.buttons & 1) {
      const [x, y] = this.from.at;
      this.seen = panned(this.from.seen, x - at[0], y - at[1]);
      this.tip = null;
      return;
    }
    const read = this.still || event.target.closest('button') ? null : this.describe?.(...placeAt(this.seen, ...at));
    this.tip = read ? { ...read, at: { x: event.clientX, y: event.clientY } } : null;
  }

  onLeave() {
    this.tip = null;
    this.from = null;
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = afterKey(this.seen, event.key);
    if (!next) return;
    event.preventDefault();
    this.seen = next;
    // who does not see the pointer hears what lies in the middle
    const read = this.describe?.(...placeAt(next, 0.5, 0.5));
    this.spoken = `${next.scale > 1 ? `${next.scale.toFixed(1)} times as large` : 'the whole picture'}${read ? `; in the middle: ${read.spoken}` : ''}`;
    this.requestUpdate();
  }

  zoomBy(factor) {
    this.seen = factor ? zoomed(this.seen, factor) : WHOLE;
  }

  renderButtons() {
    const { scale } = this.seen;
    const button = (label, sign, factor, off) =>
      html`<button type="button" tabindex="-1" aria-label=${label} title=${label} ?disabled=${off} @click=${() => this.zoomBy(factor)}>${sign}</button>`;
    return html`<span class="zoom-buttons ${scale > 1 ? 'in' : ''}" role="group" aria-label="Zoom">
      ${scale > 1 ? html`<span class="zoom-scale">${scale.toFixed(1)}×</span>` : nothing}
      ${button('Zoom out (−)', '−', 1 / 1.6, scale <= 1)}${button('Zoom in (+)', '+', 1.6, scale >= 16)}
      ${scale > 1 ? button('The whole picture (0)', '⤢', 0, false) : nothing}</span>`;
  }

  render() {
    const label = this.failed ? `${this.label} (the picture cannot be read)` : this.label;
    return html`<div class="frame zoomable ${this.seen.scale > 1 ? 'zoomed' : ''}" role="application" tabindex="0" aria-roledescription="picture" aria-label=${label}
        .style=${`--ratio:${this.ratio}`} @wheel=${this.onWheel} @pointerdown=${this.onDown} @pointermove=${this.onMove} @pointerup=${() => {
          this.from = null;
        }} @pointerleave=${this.onLeave} @keydown=${this.onKey}
        @dblclick=${(event) => {
          if (!this.still && !event.target.closest('button')) this.seen = afterDoubleClick(this.seen, ...this.within(event));
        }}>${this.failed ? html`<span class="failed">picture not readable</span>` : ''}</div>${this.renderButtons()}
      <span class="spoken" role="status">${this.spoken ?? ''}</span>
      ${this.tip ? html`<div class="tip" aria-hidden="true">${this.tip.content}</div>` : nothing}`;
  }
}

customElements.define('vs-zoom-picture', ZoomPicture);
