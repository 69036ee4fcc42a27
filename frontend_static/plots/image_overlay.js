import { sequentialTable } from '../color/sequential.js';

/**
 * A map of patches over a picture. Patches of base view and tiles overlap, so they are first gathered on a raster of the
 * picture: attention as the sum of A / area, an activation as the maximum.
 *
 * @typedef {{width: number, height: number, value: Float32Array, peak: number, side: number}} Raster value [height, width];
 *   `side`: the shortest edge of a patch, in cells of the raster
 */

const LONG_SIDE = 192;
/** Colours follow the power of the value over the scale's end, so that little attention is seen beside much. */
const GAMMA = 0.72;
/** What the spotlight leaves in the dark. */
const VEIL = [9, 13, 24];
const HATCH = 5;

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
  let side = LONG_SIDE;
  for (let p = 0; p < value.length; p++) {
    if (!(value[p] > 0)) continue;
    const [x0, y0, x1, y1] = [box[4 * p], box[4 * p + 1], box[4 * p + 2], box[4 * p + 3]];
    const area = (x1 - x0) * (y1 - y0);
    if (!(area > 0)) continue;
    const [left, top] = [Math.min(width - 1, Math.round(x0 * sx)), Math.min(height - 1, Math.round(y0 * sy))];
    const right = Math.max(left + 1, Math.min(width, Math.round(x1 * sx)));
    const bottom = Math.max(top + 1, Math.min(height, Math.round(y1 * sy)));
    side = Math.min(side, right - left, bottom - top);
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
  return { width, height, value: out, peak, side };
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

/** @param {number} value over the end of the scale @returns {number} 0...1, along the colours */
const shade = (value) => Math.min(1, Math.max(0, value)) ** GAMMA;

/**
 * @param {Raster} raster
 * @param {{mode: 'spotlight'|'heat', theme: 'light'|'dark', veil: number, top: number, crisp: boolean}} how `top`: the value at the end
 *   of the scale; `crisp`: patches as they are, without soft edges
 * @returns {OffscreenCanvas} to be drawn over the picture, scaled
 */
function mapLayer(raster, { mode, theme, veil, top, crisp }) {
  // edges soften within the patches, whatever their size, so that the middle of each keeps its colour
  const radius = crisp ? 0 : Math.min(5, Math.floor(0.4 * raster.side));
  const soft = radius ? soften(raster, radius) : raster.value;
  const image = new ImageData(raster.width, raster.height);
  const table = sequentialTable(theme === 'light' ? 'dark' : theme);
  for (let i = 0; i < soft.length; i++) {
    const share = shade(soft[i] / top);
    const o = 4 * i;
    if (mode === 'spotlight') {
      image.data.set([...VEIL, 255 * veil * (1 - share)], o);
    } else {
      const entry = 3 * Math.round(255 * share);
      image.data.set([table[entry], table[entry + 1], table[entry + 2], 70 + 160 * share], o);
    }
  }
  const layer = new OffscreenCanvas(raster.width, raster.height);
  layer.getContext('2d').putImageData(image, 0, 0);
  return layer;
}

/** @type {WeakMap<Raster, {key: string, layer: OffscreenCanvas}>} the last layer of each raster: a zoomed picture is painted often */
const layers = new WeakMap();

/** @param {Raster} raster @param {Parameters<typeof mapLayer>[1]} how */
function keptLayer(raster, how) {
  const key = Object.values(how).join(' ');
  let kept = layers.get(raster);
  if (kept?.key !== key) {
    kept = { key, layer: mapLayer(raster, how) };
    layers.set(raster, kept);
  }
  return kept.layer;
}

/** @param {'spotlight'|'heat'} mode @param {number} n @returns {string[]} colours of a map along its scale, zero first */
export function scaleColors(mode, n) {
  const table = sequentialTable('dark');
  return Array.from({ length: n }, (_, i) => {
    const share = shade(i / (n - 1));
    const entry = 3 * Math.round(255 * share);
    const dark = VEIL.map((v) => Math.round(v + (236 - v) * (0.24 + 0.76 * share)));
    return `rgb(${(mode === 'spotlight' ? dark : [table[entry], table[entry + 1], table[entry + 2]]).join(' ')})`;
  });
}

/**
 * The colours of a map along its scale, for a bar beside it.
 * @param {'spotlight'|'heat'} mode @returns {string} a CSS gradient, zero first
 */
export function scaleGradient(mode) {
  const stops = scaleColors(mode, 13).map((color, i) => `${color} ${((100 * i) / 12).toFixed(1)}%`);
  return `linear-gradient(90deg, ${stops.join(', ')})`;
}

/** Edges of the region at or over half of the peak. */
function outline(g, { width, height, value, peak }, w, h, thin) {
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
  strokeTwice(g, thin ? [2.5, 1] : [4, 1.75]);
}

/** A light line in a dark one, to be seen on any picture. */
function strokeTwice(g, [wide, narrow]) {
  for (const [color, line] of [
    ['rgba(9,13,24,.8)', wide],
    ['#ffffff', narrow],
  ]) {
    g.strokeStyle = color;
    g.lineWidth = line;
    g.stroke();
  }
}

/** Patches marked as sinks: hatched and crossed. @param {readonly (readonly number[])[]} marks boxes, 0...1 of width and height */
function drawMarks(g, marks, w, h) {
  for (const [x0, y0, x1, y1] of marks) {
    const [left, top, right, bottom] = [x0 * w, y0 * h, x1 * w, y1 * h];
    g.save();
    g.beginPath();
    g.rect(left, top, right - left, bottom - top);
    g.clip();
    g.beginPath();
    for (let at = left - (bottom - top); at < right; at += HATCH) {
      g.moveTo(at, bottom);
      g.lineTo(at + (bottom - top), top);
    }
    strokeTwice(g, [1.75, 0.75]);
    g.restore();
    g.beginPath();
    g.rect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
    g.moveTo(left, top);
    g.lineTo(right, bottom);
    strokeTwice(g, [2.5, 1.25]);
  }
}

/**
 * @param {CanvasRenderingContext2D} g @param {number} w @param {number} h CSS pixels to fill
 * @param {{image: CanvasImageSource|null, raster: Raster|null, mode: 'spotlight'|'heat'|'off', theme: 'light'|'dark',
 *   outlined: boolean, ground: string, top?: number|null, crisp?: boolean, marks?: readonly (readonly number[])[]}} given
 *   `image` null where pictures are not logged: `ground` fills in for it; `top`: the value at the end of the scale, by default the
 *   map's peak; `crisp`: no soft edges; `marks`: patches to be struck out, as shares of the picture
 */
export function paintOverlay(g, w, h, { image, raster, mode, theme, outlined, ground, top = null, crisp = false, marks = [] }) {
  g.imageSmoothingEnabled = true;
  g.imageSmoothingQuality = 'high';
  if (image) g.drawImage(image, 0, 0, w, h);
  else {
    g.fillStyle = ground;
    g.fillRect(0, 0, w, h);
  }
  if (mode === 'off') return;
  if (raster?.peak) {
    const shown = image ? mode : 'heat';
    g.imageSmoothingEnabled = !crisp;
    g.drawImage(keptLayer(raster, { mode: shown, theme, veil: w < 110 ? 0.52 : 0.66, top: top || raster.peak, crisp }), 0, 0, w, h);
    g.imageSmoothingEnabled = true;
    if (outlined) outline(g, raster, w, h, w <= 150);
  }
  if (marks.length) drawMarks(g, marks, w, h);
}
