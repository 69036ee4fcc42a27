/**
 * Many points in a rectangle: splatted into one ImageData, found by linear scan. A layer, not a canvas: plots draw their
 * axes and names around it. Coordinates of points are the plot's data units; the viewport maps them onto the rectangle.
 *
 * @typedef {{x0: number, x1: number, y0: number, y1: number}} Viewport y0 is at the bottom
 * @typedef {{left: number, top: number, width: number, height: number}} Rectangle CSS pixels
 */

/** @param {number} radius device pixels @param {number} ring width of the outline, 0 for a disc @returns coverage stamp */
function stamp(radius, ring) {
  const reach = Math.ceil(radius + 0.5);
  const size = 2 * reach + 1;
  const alpha = new Float32Array(size * size);
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const d = Math.hypot(x, y);
      let a = Math.min(1, Math.max(0, radius + 0.5 - d));
      if (ring) a = Math.min(a, Math.min(1, Math.max(0, d - (radius - ring) + 0.5)));
      alpha[(y + reach) * size + x + reach] = a;
    }
  }
  return { alpha, reach, size };
}

export class PointCloud {
  constructor() {
    this.x = new Float32Array(0);
    this.y = new Float32Array(0);
    this.color = new Uint8Array(0);
    this.hollow = new Uint8Array(0);
    /** @type {Viewport} */
    this.viewport = { x0: 0, x1: 1, y0: 0, y1: 1 };
    /** @type {Rectangle} */
    this.rectangle = { left: 0, top: 0, width: 1, height: 1 };
    this.radius = 2.2;
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

  /** @param {CanvasRenderingContext2D} context @param {number} ratio device pixels per CSS pixel */
  paint(context, ratio) {
    const { left, top, width, height } = this.rectangle;
    const w = Math.max(1, Math.round(width * ratio));
    const h = Math.max(1, Math.round(height * ratio));
    const image = new ImageData(w, h);
    const out = image.data;
    const disc = stamp(this.radius * ratio, 0);
    const ring = stamp(this.radius * ratio, Math.max(1, 0.8 * ratio));
    for (let i = 0; i < this.x.length; i++) {
      const alpha = this.color[4 * i + 3] / 255;
      if (!alpha) continue;
      const [px, py] = this.toPixels(this.x[i], this.y[i]);
      const cx = Math.round((px - left) * ratio);
      const cy = Math.round((py - top) * ratio);
      const kernel = this.hollow[i] ? ring : disc;
      if (!(cx >= -kernel.reach && cx < w + kernel.reach && cy >= -kernel.reach && cy < h + kernel.reach)) continue;
      this.splat(out, w, h, cx, cy, kernel, i, alpha);
    }
    const layer = new OffscreenCanvas(w, h);
    layer.getContext('2d').putImageData(image, 0, 0);
    context.drawImage(layer, left, top, w / ratio, h / ratio);
  }

  splat(out, w, h, cx, cy, { alpha, reach, size }, i, opacity) {
    const [r, g, b] = [this.color[4 * i], this.color[4 * i + 1], this.color[4 * i + 2]];
    for (let ky = 0; ky < size; ky++) {
      const y = cy + ky - reach;
      if (y < 0 || y >= h) continue;
      for (let kx = 0; kx < size; kx++) {
        const a = alpha[ky * size + kx] * opacity;
        const x = cx + kx - reach;
        if (a === 0 || x < 0 || x >= w) continue;
        const o = 4 * (y * w + x);
        const under = (out[o + 3] / 255) * (1 - a);
        const total = a + under;
        out[o] = (r * a + out[o] * under) / total;
        out[o + 1] = (g * a + out[o + 1] * under) / total;
        out[o + 2] = (b * a + out[o + 2] * under) / total;
        out[o + 3] = 255 * total;
      }
    }
  }

  /**
   * @param {number} px CSS pixels @param {number} py @param {number} reach at most this far, in pixels
   * @returns {number} the nearest visible point, -1 for none
   */
  pick(px, py, reach = 8) {
    let best = -1;
    let least = reach * reach;
    for (let i = 0; i < this.x.length; i++) {
      if (!this.color[4 * i + 3]) continue;
      const [x, y] = this.toPixels(this.x[i], this.y[i]);
      const d = (x - px) ** 2 + (y - py) ** 2;
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
      if (i === from || !this.color[4 * i + 3]) continue;
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
      if (!this.color[4 * i + 3]) continue;
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
