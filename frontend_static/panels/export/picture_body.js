import { sequentialColor } from '../../color/sequential.js';
import { MONO, SANS, TOKENS } from '../../color/tokens.js';
import { fixed } from '../../elements/format.js';
import { paintOverlay, scaleColors } from '../../plots/image_overlay.js';
import { fitted } from '../../plots/figure_table.js';
import { drawText } from '../../plots/surface.js';

/**
 * Pictures with maps over them, and their scales, for saved figures.
 *
 * @typedef {import('../../plots/figure_sheet.js').Body} Body
 */

/**
 * What a picture element shows, at its zoom.
 * @param {any} view vs-picture or vs-zoom-picture @param {'light'|'dark'} theme @param {number} side the longer one @returns {Body}
 */
export function pictureBody(view, theme, side) {
  const { ratio, image, raster, mode, outlined, top, marks, seen } = view;
  const [width, height] = ratio >= 1 ? [side, side / ratio] : [side * ratio, side];
  const { scale, x, y } = seen ?? { scale: 1, x: 0, y: 0 };
  const how = { image, raster, mode, theme, outlined, ground: TOKENS[theme].sunken, top, marks, crisp: scale > 1 };
  return {
    width,
    height,
    draw: (g) => {
      g.save();
      if (scale > 1) {
        g.beginPath();
        g.rect(0, 0, width, height);
        g.clip();
        g.translate(-x * scale * width, -y * scale * height);
      }
      paintOverlay(g, width * scale, height * scale, how);
      g.restore();
    },
  };
}

/**
 * A picture under which lines stand.
 * @param {any} view @param {'light'|'dark'} theme @param {number} side @param {{text: string, strong?: boolean, mono?: boolean}[]} lines
 * @param {{square?: boolean}} [how] `square`: in the middle of a square, so that pictures of different shapes stand in a grid @returns {Body}
 */
export function captioned(view, theme, side, lines, { square = true } = {}) {
  const picture = pictureBody(view, theme, side);
  const [left, top, tall] = square ? [(side - picture.width) / 2, (side - picture.height) / 2, side] : [0, 0, picture.height];
  return {
    width: side,
    height: tall + 4 + 16 * lines.length,
    draw: (g) => {
      g.save();
      g.translate(left, top);
      picture.draw(g);
      g.restore();
      lines.forEach(({ text, strong = false, mono = false }, i) => {
        const font = `${strong ? 600 : 400} 12px ${mono ? MONO : SANS}`;
        g.font = font;
        drawText(g, fitted(g, text, side), 0, tall + 12 + 16 * i, { color: strong ? TOKENS[theme].ink : TOKENS[theme].ink2, font });
      });
    },
  };
}

/** The sequential scale. @param {'light'|'dark'} theme @param {string} low @param {string} high */
export function scaleBody(theme, low, high) {
  const WIDE = 120;
  const PARTS = 60;
  return {
    width: 420,
    height: 16,
    draw: (g) => {
      const { ink2 } = TOKENS[theme];
      drawText(g, low, 0, 8, { color: ink2 });
      const left = g.measureText(low).width + 8;
      for (let i = 0; i < PARTS; i++) {
        g.fillStyle = `rgb(${sequentialColor(theme, i / (PARTS - 1)).join(',')})`;
        g.fillRect(left + (WIDE * i) / PARTS, 3, WIDE / PARTS + (i < PARTS - 1 ? 0.3 : 0), 10);
      }
      drawText(g, high, left + WIDE + 8, 8, { color: ink2 });
    },
  };
}

/**
 * The scale of a map, as the tab draws it: zero, its end, a tick where the outline runs.
 * @param {'light'|'dark'} theme @param {'spotlight'|'heat'} mode @param {{top: number, text: string, peak: number}} given `peak`: of this map @returns {Body}
 */
export function mapScale(theme, mode, { top, text, peak }) {
  const WIDE = 180;
  const colors = scaleColors(mode, 60);
  return {
    width: 420,
    height: 20,
    draw: (g) => {
      const { ink, ink2, line } = TOKENS[theme];
      drawText(g, '0', 0, 10, { color: ink2 });
      const left = 14;
      colors.forEach((color, i) => {
        g.fillStyle = color;
        g.fillRect(left + (WIDE * i) / colors.length, 5, WIDE / colors.length + (i < colors.length - 1 ? 0.3 : 0), 10);
      });
      g.strokeStyle = line;
      g.lineWidth = 1;
      g.strokeRect(left - 0.5, 4.5, WIDE + 1, 11);
      g.fillStyle = ink;
      g.fillRect(left + WIDE * Math.min(1, peak / 2 / top) - 0.75, 2, 1.5, 16);
      drawText(g, text, left + WIDE + 8, 10, { color: ink2 });
    },
  };
}

/** Reference pictures of a latent, with their plain means. @param {any[]} views vs-picture @param {any[]} references @param {'light'|'dark'} theme @param {number} side @returns {Body[]} */
export function referenceBody(views, references, theme, side) {
  return views.map((view, i) => {
    const { plain_mean: plain, label, name } = references[i];
    return captioned(view, theme, side, [{ text: `${fixed(plain, plain < 10 ? 2 : 1)}  ${label ?? name.split('/').at(-1)}` }]);
  });
}
