import { sequentialTable } from '../color/sequential.js';

/**
 * A map of patches over a picture. Patches of base view and tiles overlap, so they are first gathered on a raster of the
 * picture: attention as the sum of A / area, an activation as the maximum.
 *
 * @typedef {{width: number, height: number, value: Float32Array, peak: number, scale?: number}} Raster value [height, width]; `scale`: what is
 *   brightest, of several maps that share it (see shared_scale.js)
 */

const LONG_SIDE = 192;

/**
 * @param {{width: number, height: number}} picture original size in pixels
 * @param {ArrayLike<number>} box [P, 4] x0, y0, x1, y1 in pixels of the picture
 * @param {ArrayLike<number>} value [P]; 0 adds nothing
 * @param {'sum'|'maximum'} how 'sum' adds value / area, 'maximum' keeps the largest value
 * @returns {Raster}
 */
export function rasterise(picture, box, value, how) {
  const scale = LONG_SIDE / Math.max(picture.width, picture.height);
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const [sx, sy] = [width / picture.width, height / picture.height];
  const out = new Float32Array(width * height);
  for (let p = 0; p < value.length; p++) {
    if (!(value[p] > 0)) continue;
    const [x0, y0, x1, y1] = [box[4 * p], box[4 * p + 1], box[4 * p + 2], box[4 * p + 3]];
    const area = (x1 - x0) * (y1 - y0);
    if (!(area > 0)) continue;
    const [left, top] = [Math.min(width - 1, Math.round(x0 * sx)), Math.min(height - 1, Math.round(y0 * sy))];
    const right = Math.max(left + 1, Math.min(width, Math.round(x1 * sx)));
    const bottom = Math.max(top + 1, Math.min(height, Math.round(y1 * sy)));
    const amount = how === 'sum' ? value[p] / area : value[p];
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const i = y * width + x;
        out[i] = how === 'sum' ? out[i] + amount : Math.max(out[i], amount);
      }
    }
  }
  let peak = 0;
  for (const v of out) peak = Math.max(peak, v);
  return { width, height, value: out, peak };
}

/** @param {Raster} raster @returns {number} share of the picture's area where the map reaches half of its peak */
export function shareOverHalf({ value, peak }) {
  if (!peak) return 0;
  let n = 0;
  for (const v of value) if (v >= peak / 2) n++;
  return n / value.length;
}

/** Box blur along both axes, for soft edges. @param {Raster} raster @param {number} radius @returns {Float32Array} */
function soften({ width, height, value }, radius) {
  let from = value;
  for (const [n, step, lines, jump] of [
    [width, 1, height, width],
    [height, width, width, 1],
  ]) {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      const start = line * jump;
      let sum = 0;
      for (let i = -radius; i <= radius; i++) sum += from[start + Math.min(n - 1, Math.max(0, i)) * step];
      for (let i = 0; i < n; i++) {
        to[start + i * step] = sum / (2 * radius + 1);
        sum += from[start + Math.min(n - 1, i + radius + 1) * step] - from[start + Math.max(0, i - radius) * step];
      }
    }
    from = to;
  }
  return from;
}

/** @param {Raster} raster @returns {number} the largest value once edges are soft */
export function softenedPeak(raster) {
  let peak = 0;
  for (const v of soften(raster, 5)) peak = Math.max(peak, v);
  return peak;
}

/**
 * @param {Raster} raster @param {'spotlight'|'heat'} mode @param {'light'|'dark'} theme @param {number} veil 0...1
 * @returns {OffscreenCanvas} to be drawn over the picture, scaled
 */
function mapLayer(raster, mode, theme, veil) {
  const soft = soften(raster, 5);
  let peak = raster.scale ?? 1e-30;
  if (raster.scale === undefined) for (const v of soft) peak = Math.max(peak, v);
  const image = new ImageData(raster.width, raster.height);
  const table = sequentialTable(theme === 'light' ? 'dark' : theme);
  for (let i = 0; i < soft.length; i++) {
    const share = (soft[i] / peak) ** 0.72;
    const o = 4 * i;
    if (mode === 'spotlight') {
      image.data.set([9, 13, 24, 255 * veil * (1 - share)], o);
    } else {
      const entry = 3 * Math.round(255 * share);
      image.data.set([table[entry], table[entry + 1], table[entry + 2], 70 + 160 * share], o);
    }
  }
  const layer = new OffscreenCanvas(raster.width, raster.height);
  layer.getContext('2d').putImageData(image, 0, 0);
  return layer;
}

/** Edges of the region at or over half of the peak. */
function outline(g, { width, height, value, peak }, w, h) {
  if (!peak) return;
  const on = (x, y) => x >= 0 && y >= 0 && x < width && y < height && value[y * width + x] >= peak / 2;
  const [ux, uy] = [w / width, h / height];
  g.beginPath();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!on(x, y)) continue;
      if (!on(x, y - 1)) {
        g.moveTo(x * ux, y * uy);
        g.lineTo((x + 1) * ux, y * uy);
      }
      if (!on(x, y + 1)) {
        g.moveTo(x * ux, (y + 1) * uy);
        g.lineTo((x + 1) * ux, (y + 1) * uy);
      }
      if (!on(x - 1, y)) {
        g.moveTo(x * ux, y * uy);
        g.lineTo(x * ux, (y + 1) * uy);
      }
      if (!on(x + 1, y)) {
        g.moveTo((x + 1) * ux, y * uy);
        g.lineTo((x + 1) * ux, (y + 1) * uy);
      }
    }
  }
  g.lineCap = 'square';
  for (const [color, line] of [
    ['rgba(9,13,24,.8)', w > 150 ? 4 : 2.5],
    ['#ffffff', w > 150 ? 1.75 : 1],
  ]) {
    g.strokeStyle = color;
    g.lineWidth = line;
    g.stroke();
  }
}

/**
 * @param {CanvasRenderingContext2D} g @param {number} w @param {number} h CSS pixels to fill
 * @param {{image: CanvasImageSource|null, raster: Raster|null, mode: 'spotlight'|'heat'|'off', theme: 'light'|'dark',
 *   outlined: boolean, ground: string}} given `image` null where pictures are not logged: `ground` fills in for it
 */
export function paintOverlay(g, w, h, { image, raster, mode, theme, outlined, ground }) {
  g.imageSmoothingEnabled = true;
  g.imageSmoothingQuality = 'high';
  if (image) g.drawImage(image, 0, 0, w, h);
  else {
    g.fillStyle = ground;
    g.fillRect(0, 0, w, h);
  }
  if (!raster || !raster.peak || mode === 'off') return;
  g.drawImage(mapLayer(raster, image ? mode : 'heat', theme, w < 110 ? 0.52 : 0.66), 0, 0, w, h);
  if (outlined) outline(g, raster, w, h);
}
