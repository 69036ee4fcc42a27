import { SANS } from '../color/tokens.js';

/** A canvas that fills its container, in device pixels, painted at most once per frame; and what hears the container until `destroy()`. */
export class Surface {
  /**
   * @param {HTMLElement} container
   * @param {(context: CanvasRenderingContext2D, width: number, height: number, ratio: number) => void} paint in CSS pixels
   */
  constructor(container, paint) {
    this.container = container;
    this.paint = paint;
    this.canvas = document.createElement('canvas');
    this.canvas.setAttribute('aria-hidden', 'true');
    container.append(this.canvas);
    this.frame = 0;
    this.observer = new ResizeObserver(() => this.request());
    this.observer.observe(container);
    this.ended = new AbortController();
  }

  /**
   * Listens to the container as long as the plot lives: the container outlives it, where the panel is taken out and put in again.
   * @param {string} type @param {(event: any) => void} listener @param {AddEventListenerOptions} [options]
   */
  listen(type, listener, options = {}) {
    this.container.addEventListener(type, listener, { ...options, signal: this.ended.signal });
  }

  get width() {
    return this.pinned?.width ?? this.container.clientWidth;
  }

  get height() {
    return this.pinned?.height ?? this.container.clientHeight;
  }

  /**
   * Takes a size of its own instead of the container's: for a figure that is drawn elsewhere, or on paper.
   * @param {number} width @param {number} height @param {number} [ratio] pixels of the canvas for one of these; the screen's by default
   */
  pin(width, height, ratio) {
    this.pinned = { width, height, ratio };
  }

  /** Takes the container's size again. */
  unpin() {
    this.pinned = null;
    this.request();
  }

  request() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.now());
  }

  now() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { width, height } = this;
    if (!width || !height) return;
    const ratio = this.pinned?.ratio ?? (window.devicePixelRatio || 1);
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    const context = this.canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.paint(context, width, height, ratio);
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
    this.ended.abort();
    this.canvas.remove();
  }
}

/**
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} y
 * @param {{color: string, font?: string, align?: CanvasTextAlign, baseline?: CanvasTextBaseline, halo?: string}} style
 */
export function drawText(
  context,
  text,
  x,
  y,
  { color, font = `11px ${SANS}`, align = 'left', baseline = 'middle', halo },
) {
  context.font = font;
  context.textAlign = align;
  context.textBaseline = baseline;
  if (halo) {
    context.strokeStyle = halo;
    context.lineWidth = 3;
    context.lineJoin = 'round';
    context.strokeText(text, x, y);
  }
  context.fillStyle = color;
  context.fillText(text, x, y);
}
