/**
 * The part of CanvasRenderingContext2D that the plots use, written down as SVG: the code that paints a plot on the screen makes its
 * vector file too. Paths stay paths and text stays text; only what is drawn with `drawImage` is embedded, as PNG.
 *
 * Transformations are translations, rotations and even scalings; what is drawn under another one would have strokes of a wrong width.
 */

/** A picture is embedded at up to so many pixels per pixel of the figure: more would not be seen in print at its size. */
const SHARPNESS = 3;
/** Cells of a map are enlarged to so many pixels per pixel of the figure, so that no viewer blurs them. */
const CELL_SHARPNESS = 2;
const FULL_TURN = 2 * Math.PI - 1e-6;

/** Characters that XML 1.0 does not have, whatever the encoding, lone surrogates among them. */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** @param {string} text @returns {string} for text and attributes in double quotes */
export function xmlText(text) {
  return text
    .replace(NOT_XML, '\ufffd')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}

/** @param {number} x @returns {string} a hundredth of a pixel is enough */
const n = (x) => String(Math.round(100 * x) / 100);

/** @param {string} font as canvas takes it @returns {{style: string, weight: string, size: number, family: string}} */
function parsedFont(font) {
  const found = /^(italic\s+)?(?:(normal|bold|\d{3})\s+)?([\d.]+)px\s+(.+)$/.exec(font.trim());
  if (!found) throw new Error(`SvgContext reads fonts such as "600 12px Arial", this is "${font}".`);
  return { style: found[1] ? 'italic' : 'normal', weight: found[2] ?? '400', size: Number(found[3]), family: found[4] };
}

const START = Object.freeze({
  fillStyle: '#000000',
  strokeStyle: '#000000',
  lineWidth: 1,
  lineCap: 'butt',
  lineJoin: 'miter',
  globalAlpha: 1,
  font: '10px sans-serif',
  textAlign: 'start',
  textBaseline: 'alphabetic',
  imageSmoothingEnabled: true,
  imageSmoothingQuality: 'low',
});

export class SvgContext {
  /** @param {number} width @param {number} height of the figure, in CSS pixels */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    Object.assign(this, START);
    /** @type {number[]} */
    this.dash = [];
    /** a, b, c, d, e, f of the transformation, as canvas names them */
    this.matrix = [1, 0, 0, 1, 0, 0];
    /** @type {string|null} id of the clip that holds */
    this.clipId = null;
    /** @type {any[]} */
    this.stack = [];
    /** @type {string[]} */
    this.path = [];
    /** The path as a circle, where it is nothing else. @type {{x: number, y: number, r: number}|null} */
    this.circle = null;
    /** @type {string[]} */
    this.definitions = [];
    /** Elements under one clip. @type {{clip: string|null, elements: string[]}[]} */
    this.groups = [];
    this.measuring = document.createElement('canvas').getContext('2d');
  }

  /** Plots that draw dots as pixels may draw them as circles here. */
  get vector() {
    return true;
  }

  save() {
    const state = Object.fromEntries(Object.keys(START).map((key) => [key, this[key]]));
    this.stack.push({ ...state, dash: this.dash, matrix: this.matrix, clipId: this.clipId });
  }

  restore() {
    Object.assign(this, this.stack.pop());
  }

  transform(a, b, c, d, e, f) {
    const [A, B, C, D, E, F] = this.matrix;
    this.matrix = [A * a + C * b, B * a + D * b, A * c + C * d, B * c + D * d, A * e + C * f + E, B * e + D * f + F];
  }

  translate(x, y) {
    this.transform(1, 0, 0, 1, x, y);
  }

  rotate(angle) {
    this.transform(Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle), 0, 0);
  }

  scale(x, y) {
    this.transform(x, 0, 0, y, 0, 0);
  }

  /** @returns {[number, number]} on the figure */
  at(x, y) {
    const [a, b, c, d, e, f] = this.matrix;
    return [a * x + c * y + e, b * x + d * y + f];
  }

  /** How much longer a length becomes. */
  get size() {
    const [a, b, c, d] = this.matrix;
    return Math.sqrt(Math.abs(a * d - b * c));
  }

  setLineDash(dash) {
    this.dash = [...dash];
  }

  beginPath() {
    this.path = [];
    this.circle = null;
  }

  /** @param {string} letter @param {...[number, number]} points */
  add(letter, ...points) {
    this.circle = null;
    this.path.push(letter + points.map(([x, y]) => this.at(x, y).map(n).join(' ')).join(' '));
  }

  moveTo(x, y) {
    this.add('M', [x, y]);
  }

  lineTo(x, y) {
    this.add(this.path.length ? 'L' : 'M', [x, y]);
  }

  bezierCurveTo(x1, y1, x2, y2, x, y) {
    this.add('C', [x1, y1], [x2, y2], [x, y]);
  }

  quadraticCurveTo(x1, y1, x, y) {
    this.add('Q', [x1, y1], [x, y]);
  }

  closePath() {
    this.circle = null;
    this.path.push('Z');
  }

  rect(x, y, w, h) {
    this.add('M', [x, y]);
    this.add('L', [x + w, y]);
    this.add('L', [x + w, y + h]);
    this.add('L', [x, y + h]);
    this.closePath();
  }

  /** @param {number} radius of all corners, made smaller where the rectangle is */
  roundRect(x, y, w, h, radius = 0) {
    const r = Math.min(radius, Math.abs(w) / 2, Math.abs(h) / 2);
    if (r <= 0) {
      this.rect(x, y, w, h);
      return;
    }
    const K = 0.5522847498 * r; // a quarter of a circle as a Bézier curve
    this.moveTo(x + r, y);
    this.lineTo(x + w - r, y);
    this.bezierCurveTo(x + w - r + K, y, x + w, y + r - K, x + w, y + r);
    this.lineTo(x + w, y + h - r);
    this.bezierCurveTo(x + w, y + h - r + K, x + w - r + K, y + h, x + w - r, y + h);
    this.lineTo(x + r, y + h);
    this.bezierCurveTo(x + r - K, y + h, x, y + h - r + K, x, y + h - r);
    this.lineTo(x, y + r);
    this.bezierCurveTo(x, y + r - K, x + r - K, y, x + r, y);
    this.closePath();
  }

  arc(x, y, radius, from, to, counter = false) {
    const first = this.path.length === 0;
    const whole = Math.abs(to - from) >= FULL_TURN;
    const point = (angle) => [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
    const r = n(radius * this.size);
    const part = (angle, large) => {
      this.circle = null;
      this.path.push(`A${r} ${r} 0 ${large ? 1 : 0} ${counter ? 0 : 1} ${this.at(...point(angle)).map(n).join(' ')}`);
    };
    this.add(first ? 'M' : 'L', point(from));
    if (whole) {
      const turn = counter ? -Math.PI : Math.PI;
      part(from + turn, false);
      part(from + 2 * turn, false);
      if (first) {
        const [cx, cy] = this.at(x, y);
        this.circle = { x: cx, y: cy, r: radius * this.size };
      }
      return;
    }
    const turn = (((counter ? from - to : to - from) % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI);
    part(to, turn > Math.PI);
  }

  /** The clip that holds together with the path. */
  clip() {
    const id = `clip${this.definitions.length}`;
    const outer = this.clipId ? ` clip-path="url(#${this.clipId})"` : '';
    this.definitions.push(`<clipPath id="${id}"${outer}><path d="${this.path.join('')}"/></clipPath>`);
    this.clipId = id;
  }

  /** @param {string} element */
  emit(element) {
    const last = this.groups.at(-1);
    if (last && last.clip === this.clipId) last.elements.push(element);
    else this.groups.push({ clip: this.clipId, elements: [element] });
  }

  /** @param {string} style @param {'fill'|'stroke'} of @returns {string} attributes; colour and its opacity apart, as SVG 1.1 has them */
  color(style, of) {
    const found = /^rgba?\(([^)]*)\)$/.exec(style);
    let [color, alpha] = [style, this.globalAlpha];
    if (found) {
      const [r, g, b, a = '1'] = found[1].split(/[\s,/]+/).filter(Boolean);
      color = `rgb(${r},${g},${b})`;
      alpha *= a.endsWith('%') ? Number(a.slice(0, -1)) / 100 : Number(a);
    }
    return `${of}="${xmlText(color)}"${alpha < 1 ? ` ${of}-opacity="${Math.round(1000 * alpha) / 1000}"` : ''}`;
  }

  get shape() {
    if (!this.circle) return `<path d="${this.path.join('')}"`;
    const { x, y, r } = this.circle;
    return `<circle cx="${n(x)}" cy="${n(y)}" r="${n(r)}"`;
  }

  get strokeAttributes() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.map((one) => n(one * this.size)).join(' ')}"` : '';
    const cap = this.lineCap === 'butt' ? '' : ` stroke-linecap="${this.lineCap}"`;
    const join = this.lineJoin === 'miter' ? ' stroke-miterlimit="10"' : ` stroke-linejoin="${this.lineJoin}"`;
    return `${this.color(this.strokeStyle, 'stroke')} stroke-width="${n(this.lineWidth * this.size)}"${dash}${cap}${join}`;
  }

  fill() {
    if (this.path.length) this.emit(`${this.shape} ${this.color(this.fillStyle, 'fill')}/>`);
  }

  stroke() {
    if (this.path.length) this.emit(`${this.shape} fill="none" ${this.strokeAttributes}/>`);
  }

  /** Draws apart from the path that is being made. @param {() => void} draw */
  aside(draw) {
    const { path, circle } = this;
    this.beginPath();
    draw();
    this.path = path;
    this.circle = circle;
  }

  fillRect(x, y, w, h) {
    const [, b, c] = this.matrix;
    if (b || c) {
      this.aside(() => {
        this.rect(x, y, w, h);
        this.fill();
      });
      return;
    }
    const [x0, y0] = this.at(Math.min(x, x + w), Math.min(y, y + h));
    const [x1, y1] = this.at(Math.max(x, x + w), Math.max(y, y + h));
    if (x1 === x0 || y1 === y0) return;
    this.emit(`<rect x="${n(x0)}" y="${n(y0)}" width="${n(x1 - x0)}" height="${n(y1 - y0)}" ${this.color(this.fillStyle, 'fill')}/>`);
  }

  strokeRect(x, y, w, h) {
    this.aside(() => {
      if (w === 0 || h === 0) {
        this.moveTo(x, y);
        this.lineTo(x + w, y + h);
      } else this.rect(x, y, w, h);
      this.stroke();
    });
  }

  measureText(text) {
    this.measuring.font = this.font;
    this.measuring.textAlign = this.textAlign;
    this.measuring.textBaseline = this.textBaseline;
    return this.measuring.measureText(text);
  }

  /** How far below its given place the letters stand on. @param {string} text */
  below(text) {
    if (this.textBaseline === 'alphabetic') return 0;
    const asked = this.measureText(text).actualBoundingBoxAscent;
    this.measuring.textBaseline = 'alphabetic';
    return this.measuring.measureText(text).actualBoundingBoxAscent - asked;
  }

  /** @param {string} text @param {string} attributes */
  text(text, x, y, attributes) {
    const { style, weight, size, family } = parsedFont(this.font);
    const anchor = { center: 'middle', right: 'end', end: 'end' }[this.textAlign] ?? 'start';
    const [a, b, c, d] = this.matrix;
    const [px, py] = this.at(x, y + this.below(text));
    const plain = a === 1 && d === 1 && !b && !c;
    const place = plain ? `x="${n(px)}" y="${n(py)}"` : `transform="matrix(${[a, b, c, d, px, py].map((v) => Number(v.toFixed(6))).join(' ')})"`;
    this.emit(
      `<text ${place} font-family="${xmlText(family)}" font-size="${n(size)}"${weight === '400' || weight === 'normal' ? '' : ` font-weight="${weight}"`}${
        style === 'normal' ? '' : ` font-style="${style}"`
      }${anchor === 'start' ? '' : ` text-anchor="${anchor}"`} xml:space="preserve" ${attributes}>${xmlText(text)}</text>`,
    );
  }

  fillText(text, x, y) {
    this.text(text, x, y, this.color(this.fillStyle, 'fill'));
  }

  strokeText(text, x, y) {
    this.text(text, x, y, `fill="none" aria-hidden="true" ${this.strokeAttributes}`);
  }

  /**
   * The whole image into a rectangle, or a part of it.
   * @param {any} image @param {...number} places as canvas takes them: 4 or 8
   */
  drawImage(image, ...places) {
    const whole = [0, 0, image.naturalWidth ?? image.width, image.naturalHeight ?? image.height];
    const [sx, sy, sw, sh, x, y, w, h] = places.length === 8 ? places : [...whole, places[0], places[1], places[2] ?? whole[2], places[3] ?? whole[3]];
    if (!(sw > 0 && sh > 0 && w > 0 && h > 0)) return;
    const sharp = this.imageSmoothingEnabled ? SHARPNESS : CELL_SHARPNESS;
    const [mostW, mostH] = [w, h].map((side) => Math.max(1, Math.ceil(side * this.size * sharp)));
    const canvas = document.createElement('canvas');
    canvas.width = this.imageSmoothingEnabled ? Math.min(Math.ceil(sw), mostW) : mostW;
    canvas.height = this.imageSmoothingEnabled ? Math.min(Math.ceil(sh), mostH) : mostH;
    const pixels = canvas.getContext('2d');
    pixels.imageSmoothingEnabled = this.imageSmoothingEnabled;
    pixels.imageSmoothingQuality = 'high';
    pixels.drawImage(image, sx, sy, sw, sh, 0, 0, canvas.width, canvas.height);
    const [px, py] = this.at(x, y);
    const [a, b, c, d] = this.matrix;
    const turned = b || c ? ` transform="matrix(${[a, b, c, d, px, py].join(' ')})"` : ` x="${n(px)}" y="${n(py)}"`;
    const [wide, tall] = b || c ? [w, h] : [w * a, h * d];
    const alpha = this.globalAlpha < 1 ? ` opacity="${this.globalAlpha}"` : '';
    const crisp = this.imageSmoothingEnabled ? '' : ' image-rendering="optimizeSpeed"';
    this.emit(`<image${turned} width="${n(wide)}" height="${n(tall)}" preserveAspectRatio="none"${alpha}${crisp} href="${canvas.toDataURL('image/png')}"/>`);
  }

  /** @param {{title?: string, description?: string}} [told] @returns {string} the whole file */
  toSvg({ title = '', description = '' } = {}) {
    const { width, height } = this;
    const body = this.groups.map(({ clip, elements }) =>
      clip ? `<g clip-path="url(#${clip})">${elements.join('\n')}</g>` : elements.join('\n'),
    );
    return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${n(width)}" height="${n(height)}" viewBox="0 0 ${n(width)} ${n(height)}" role="img">
${title ? `<title>${xmlText(title)}</title>\n` : ''}${description ? `<desc>${xmlText(description)}</desc>\n` : ''}<defs>${this.definitions.join('')}</defs>
${body.join('\n')}
</svg>
`;
  }
}
