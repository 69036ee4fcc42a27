import { html, LitElement, nothing } from '../vendor/lit.js';

/**
 * A rectangle on a picture, drawn with the pointer. Lies over the picture and fills it. Emits `box` with [x0, y0, x1, y1] in
 * whole pixels of the picture. The keyboard's way is four number fields beside it (`boxFields`).
 */
export class BoxBrush extends LitElement {
  static properties = {
    width: { type: Number },
    height: { type: Number },
    box: { attribute: false },
    active: { type: Boolean },
    drawn: { state: true },
  };

  constructor() {
    super();
    this.width = 1;
    this.height = 1;
    /** @type {readonly number[]|null} */
    this.box = null;
    this.active = false;
    /** @type {number[]|null} while it is drawn */
    this.drawn = null;
  }

  createRenderRoot() {
    return this;
  }

  /** @param {PointerEvent} event @returns {[number, number]} pixels of the picture */
  place(event) {
    const { left, top, width, height } = this.getBoundingClientRect();
    const x = (this.width * (event.clientX - left)) / width;
    const y = (this.height * (event.clientY - top)) / height;
    return [Math.round(Math.min(this.width, Math.max(0, x))), Math.round(Math.min(this.height, Math.max(0, y)))];
  }

  onDown(event) {
    if (!this.active || event.button !== 0) return;
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    this.from = this.place(event);
    this.drawn = [...this.from, ...this.from];
  }

  onMove(event) {
    if (!this.drawn) return;
    const [x, y] = this.place(event);
    const [a, b] = this.from;
    this.drawn = [Math.min(a, x), Math.min(b, y), Math.max(a, x), Math.max(b, y)];
  }

  onUp() {
    const { drawn } = this;
    this.drawn = null;
    if (drawn && drawn[0] < drawn[2] && drawn[1] < drawn[3]) this.dispatchEvent(new CustomEvent('box', { detail: drawn }));
  }

  render() {
    const box = this.drawn ?? this.box;
    const share = (value, of) => `${(100 * value) / of}%`;
    const style = box
      ? `left:${share(box[0], this.width)};top:${share(box[1], this.height)};width:${share(box[2] - box[0], this.width)};height:${share(box[3] - box[1], this.height)}`
      : '';
    return html`<div class="brush ${this.active ? 'active' : ''}" @pointerdown=${this.onDown} @pointermove=${this.onMove} @pointerup=${this.onUp}
      @pointercancel=${() => {
        this.drawn = null;
      }}>${box ? html`<i class="box-mark" .style=${style}></i>` : nothing}</div>`;
  }
}

customElements.define('vs-box-brush', BoxBrush);

const FIELDS = [
  ['left', 0, 'width'],
  ['top', 1, 'height'],
  ['right', 2, 'width'],
  ['bottom', 3, 'height'],
];

/**
 * The box as four numbers.
 * @param {{box: readonly number[]|null, picture: {width: number, height: number}, onBox: (box: number[]) => void}} given
 */
export function boxFields({ box, picture, onBox }) {
  const whole = [0, 0, picture.width, picture.height];
  const change = (event) => {
    const inputs = [...event.target.closest('.box-fields').querySelectorAll('input')];
    const next = inputs.map(({ value }, i) => Math.round(Math.min(i % 2 ? picture.height : picture.width, Math.max(0, Number(value)))));
    if (next.every(Number.isFinite) && next[0] < next[2] && next[1] < next[3]) onBox(next);
    else inputs.forEach((input, i) => (input.value = String((box ?? whole)[i])));
  };
  return html`<span class="box-fields" role="group" aria-label="Box in pixels of the picture">${FIELDS.map(
    ([name, i, side]) => html`<label><span>${name}</span><input type="number" min="0" max=${picture[side]} step="1"
      .value=${String((box ?? whole)[i])} @change=${change}></label>`,
  )}</span>`;
}
