/**
 * Many points in a rectangle: splatted into one ImageData, found by linear scan. A layer, not a canvas: plots draw their
 * axes and names around it. Coordinates of points are the plot's data units; the viewport maps them onto the rectangle.
 *
 * @typedef {{x0: number, x1: number, y0: number, y1: number}} Viewport y0 is at the bottom
 * @typedef {{left: number, top: number, width: number, height: number}} Rectangle CSS pixels
 */

/** @param {number} radius device pixels @param {number} ring width of the outline, 0 for a disc @returns coverage stamp, 0...256 */
function stamp(radius, ring) {
  const reach = Math.ceil(radius + 0.5);
  const [dx, dy, cover] = [[], [], []];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const d = Math.hypot(x, y);
      let a = Math.min(1, Math.max(0, radius + 0.5 - d));
      if (ring) a = Math.min(a, Math.min(1, Math.max(0, d - (radius - ring) + 0.5)));
      if (a < 1 / 256) continue;
      dx.push(x);
      dy.push(y);
      cover.push(Math.round(256 * a));
    }
  }
  return { dx: Int32Array.from(dx), dy: Int32Array.from(dy), cover: Int32Array.from(cover), reach };
}

/** Red and blue of a pixel, or green and alpha of one shifted by 8: two channels are multiplied at once. */
const TWO = 0x00ff00ff;

/**
 * Lays a colour over a premultiplied pixel.
 * @param {number} under the pixel, alpha highest @param {number} rb its colour's blue and red @param {number} ag 255 and green
 * @param {number} a coverage, 0...256
 */
function over(under, rb, ag, a) {
  const rest = 256 - a;
  const low = ((Math.imul(rb, a) >>> 8) & TWO) + ((Math.imul(under & TWO, rest) >>> 8) & TWO);
  const high = (Math.imul(ag, a) & ~TWO) + (Math.imul((under >>> 8) & TWO, rest) & ~TWO);
  return low | high;
}

/** What canvases want: colours that are not multiplied by alpha. @param {Uint32Array} pixels */
function divideByAlpha(pixels) {
  for (let i = 0; i < pixels.length; i++) {
    const p = pixels[i];
    const a = p >>> 24;
    if (a === 0 || a === 255) continue;
    const f = 255 / a;
    const r = Math.min(255, (p & 255) * f);
    const g = Math.min(255, ((p >>> 8) & 255) * f);
    const b = Math.min(255, ((p >>> 16) & 255) * f);
    pixels[i] = (r | (g << 8) | (b << 16) | (a << 24)) >>> 0;
  }
}

/** In a vector file more points than this are embedded as pixels: it would take seconds to open. */
const MOST_CIRCLES = 20_000;

export class PointCloud {
  constructor() {
    this.x = new Float32Array(0);
    this.y = new Float32Array(0);
    this.color = new Uint8Array(0);
    this.hollow = new Uint8Array(0);
    /** @type {Uint8Array|null} [N] 1 for points that are drawn but not found: ghosts */
    this.passive = null;
    /** @type {Viewport} */
    this.viewport = { x0: 0, x1: 1, y0: 0, y1: 1 };
    /** @type {Rectangle} */
    this.rectangle = { left: 0, top: 0, width: 1, height: 1 };
    this.radius = 2.2;
    /** @type {OffscreenCanvas|null} the points as last drawn, and what they were drawn from */
    this.layer = null;
    this.drawn = [];
    this.squares = null;
    this.squaresDrawn = [];
  }

  /** @param {Float32Array} x [N] @param {Float32Array} y [N]; NaN in either leaves a point out */
  setPoints(x, y) {
    this.x = x;
    this.y = y;
  }

  /** @param {Uint8Array} color [N, 4] r, g, b, a @param {Uint8Array} hollow [N] 1 draws a ring */
  setColors(color, hollow) {
    this.color = color;
    this.hollow = hollow;
  }

  /** @param {Viewport} viewport @param {Rectangle} rectangle */
  setViewport(viewport, rectangle) {
    this.viewport = viewport;
    this.rectangle = rectangle;
  }

  /** @param {number} x data @param {number} y data @returns {[number, number]} CSS pixels */
  toPixels(x, y) {
    const { x0, x1, y0, y1 } = this.viewport;
    const { left, top, width, height } = this.rectangle;
    return [left + ((x - x0) / (x1 - x0)) * width, top + height - ((y - y0) / (y1 - y0)) * height];
  }

  /** @param {number} px CSS pixels @param {number} py @returns {[number, number]} data */
  toData(px, py) {
    const { x0, x1, y0, y1 } = this.viewport;
    const { left, top, width, height } = this.rectangle;
    return [x0 + ((px - left) / width) * (x1 - x0), y0 + ((top + height - py) / height) * (y1 - y0)];
  }

  /** Points are drawn anew only when they or the view changed. @param {CanvasRenderingContext2D} context @param {number} ratio */
  paint(context, ratio) {
    const { left, top, width, height } = this.rectangle;
    if (context.vector && this.x.length <= MOST_CIRCLES) {
      this.paintCircles(context);
      return;
    }
    const w = Math.max(1, Math.round(width * ratio));
    const h = Math.max(1, Math.round(height * ratio));
    const { x0, x1, y0, y1 } = this.viewport;
    const drawn = [this.x, this.y, this.color, this.hollow, x0, x1, y0, y1, w, h, ratio, this.radius];
    if (!this.layer || drawn.some((one, i) => one !== this.drawn[i])) {
      this.drawn = drawn;
      this.layer = this.paintLayer(w, h, ratio);
    }
    context.drawImage(this.layer, left, top, w / ratio, h / ratio);
  }

  /** For a vector file: a circle per point. @param {any} context */
  paintCircles(context) {
    const { left, top, width, height } = this.rectangle;
    const { x, y, color, hollow, radius } = this;
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    context.setLineDash([]);
    context.lineWidth = 0.8;
    for (let i = 0; i < x.length; i++) {
      if (!color[4 * i + 3]) continue;
      const [px, py] = this.toPixels(x[i], y[i]);
      if (!(px >= left - radius && px <= left + width + radius && py >= top - radius && py <= top + height + radius)) continue;
      const paint = `rgba(${color[4 * i]},${color[4 * i + 1]},${color[4 * i + 2]},${color[4 * i + 3] / 255})`;
      context.beginPath();
      context.arc(px, py, hollow[i] ? radius - 0.4 : radius, 0, 7);
      if (hollow[i]) {
        context.strokeStyle = paint;
        context.stroke();
      } else {
        context.fillStyle = paint;
        context.fill();
      }
    }
    context.restore();
  }

  /** @returns {OffscreenCanvas} of w x h device pixels */
  paintLayer(w, h, ratio) {
    const image = new ImageData(w, h);
    const pixels = new Uint32Array(image.data.buffer);
    const disc = stamp(this.radius * ratio, 0);
    const ring = stamp(this.radius * ratio, Math.max(1, 0.8 * ratio));
    const { x, y, color, hollow } = this;
    const { x0, x1, y0, y1 } = this.viewport;
    const [scaleX, scaleY] = [w / (x1 - x0), h / (y1 - y0)];
    for (let i = 0; i < x.length; i++) {
      const alpha = color[4 * i + 3];
      if (!alpha) continue;
      const cx = Math.round((x[i] - x0) * scaleX);
      const cy = Math.round((y1 - y[i]) * scaleY);
      const kernel = hollow[i] ? ring : disc;
      const { reach } = kernel;
      if (!(cx >= -reach && cx < w + reach && cy >= -reach && cy < h + reach)) continue;
      const inside = cx >= reach && cx < w - reach && cy >= reach && cy < h - reach;
      const rb = color[4 * i] | (color[4 * i + 2] << 16);
      const ag = color[4 * i + 1] | (255 << 16);
      const { dx, dy, cover } = kernel;
      for (let k = 0; k < cover.length; k++) {
        const px = cx + dx[k];
        const py = cy + dy[k];
        if (!inside && (px < 0 || px >= w || py < 0 || py >= h)) continue;
        const at = py * w + px;
        pixels[at] = over(pixels[at], rb, ag, (cover[k] * alpha + 127) >> 8);
      }
    }
    divideByAlpha(pixels);
    const layer = this.layer?.width === w && this.layer.height === h ? this.layer : new OffscreenCanvas(w, h);
    layer.getContext('2d').putImageData(image, 0, 0);
    return layer;
  }

  /**
   * Many points marked by a small square each.
   * @param {CanvasRenderingContext2D} context @param {number} ratio @param {number[]} indices @param {[number, number, number]} rgb
   */
  paintSquares(context, ratio, indices, [r, g, b]) {
    const { left, top, width, height } = this.rectangle;
    const w = Math.max(1, Math.round(width * ratio));
    const h = Math.max(1, Math.round(height * ratio));
    const drawn = [...this.drawn, indices, r, g, b];
    if (!this.squares || drawn.some((one, i) => one !== this.squaresDrawn[i])) {
      this.squaresDrawn = drawn;
      const image = new ImageData(w, h);
      const pixels = new Uint32Array(image.data.buffer);
      const word = (r | (g << 8) | (b << 16) | (255 << 24)) >>> 0;
      const reach = Math.max(1, Math.round(ratio));
      for (const i of indices) {
        if (!(i < this.x.length) || !this.color[4 * i + 3]) continue;
        const [px, py] = this.toPixels(this.x[i], this.y[i]);
        const cx = Math.round((px - left) * ratio);
        const cy = Math.round((py - top) * ratio);
        for (let at = Math.max(0, cy - reach); at <= Math.min(h - 1, cy + reach); at++) {
          const [from, to] = [Math.max(0, cx - reach), Math.min(w, cx + reach + 1)];
          if (from < to) pixels.fill(word, at * w + from, at * w + to);
        }
      }
      this.squares = new OffscreenCanvas(w, h);
      this.squares.getContext('2d').putImageData(image, 0, 0);
    }
    context.drawImage(this.squares, left, top, w / ratio, h / ratio);
  }

  /** Whether a point can be found: drawn, and no ghost. @param {number} i */
  isThere(i) {
    return this.color[4 * i + 3] !== 0 && !this.passive?.[i];
  }

  /**
   * @param {number} px CSS pixels @param {number} py @param {number} reach at most this far, in pixels
   * @returns {number} the nearest visible point, -1 for none
   */
  pick(px, py, reach = 8) {
    let best = -1;
    let least = reach * reach;
    const { x0, x1, y0, y1 } = this.viewport;
    const { width, height } = this.rectangle;
    const [dataX, dataY] = this.toData(px, py);
    const [scaleX, scaleY] = [width / (x1 - x0), height / (y1 - y0)];
    for (let i = 0; i < this.x.length; i++) {
      if (!this.isThere(i)) continue;
      const dx = (this.x[i] - dataX) * scaleX;
      const dy = (this.y[i] - dataY) * scaleY;
      const d = dx * dx + dy * dy;
      if (d <= least) {
        least = d;
        best = i;
      }
    }
    return best;
  }

  /**
   * The nearest point in a direction: what an arrow key goes to.
   * @param {number} from @param {number} dx -1, 0, 1 @param {number} dy -1, 0, 1 (1 is down) @returns {number} -1 for none
   */
  neighbour(from, dx, dy) {
    const [fx, fy] = this.toPixels(this.x[from], this.y[from]);
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.x.length; i++) {
      if (i === from || !this.isThere(i)) continue;
      const [x, y] = this.toPixels(this.x[i], this.y[i]);
      const along = (x - fx) * dx + (y - fy) * dy;
      const across = Math.abs((x - fx) * dy) + Math.abs((y - fy) * dx);
      if (!(along > 0.5)) continue;
      const cost = along + 2 * across;
      if (cost < least) {
        least = cost;
        best = i;
      }
    }
    return best;
  }

  /** @param {[number, number][]} polygon CSS pixels @returns {number[]} visible points inside, ascending (even-odd rule) */
  lasso(polygon) {
    const inside = [];
    for (let i = 0; i < this.x.length; i++) {
      if (!this.isThere(i)) continue;
      const [x, y] = this.toPixels(this.x[i], this.y[i]);
      let odd = false;
      for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
        const [[ax, ay], [bx, by]] = [polygon[a], polygon[b]];
        if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
      }
      if (odd) inside.push(i);
    }
    return inside;
  }
}
