/**
 * Which part of a picture is seen: `scale` times as large, its left upper corner at `x`, `y` in shares of the picture. Changes come at
 * once, without motion.
 *
 * @typedef {{scale: number, x: number, y: number}} Window
 */

export const WHOLE = Object.freeze({ scale: 1, x: 0, y: 0 });
const MOST = 16;
/** Of a key, a button, a double click. */
const STEP = 1.6;
const PAN = 0.15;

const within = (value, low, high) => Math.min(high, Math.max(low, value));

/** @param {Window} window @returns {Window} inside the picture */
function kept({ scale, x, y }) {
  const s = within(scale, 1, MOST);
  if (s < 1.005) return WHOLE;
  return Object.freeze({ scale: s, x: within(x, 0, 1 - 1 / s), y: within(y, 0, 1 - 1 / s) });
}

/** Larger or smaller, what lies at a place of the frame stays there. @param {Window} from @param {number} factor @param {number} fx @param {number} fy 0...1 of the frame */
export function zoomed(from, factor, fx = 0.5, fy = 0.5) {
  const scale = within(from.scale * factor, 1, MOST);
  return kept({ scale, x: from.x + fx / from.scale - fx / scale, y: from.y + fy / from.scale - fy / scale });
}

/** @param {Window} from @param {number} dx @param {number} dy in shares of the frame, to the right and down @returns {Window} */
export const panned = (from, dx, dy) => kept({ ...from, x: from.x + dx / from.scale, y: from.y + dy / from.scale });

/** @param {Window} from @param {number} fx @param {number} fy 0...1 of the frame @returns {[number, number]} 0...1 of the picture */
export const placeAt = (from, fx, fy) => [from.x + fx / from.scale, from.y + fy / from.scale];

/** @param {Window} from @param {string} key of a key press @returns {Window|null} null where the key does nothing here */
export function afterKey(from, key) {
  if (key === '+' || key === '=') return zoomed(from, STEP);
  if (key === '-' || key === '−') return zoomed(from, 1 / STEP);
  if (key === '0') return WHOLE;
  const step = { ArrowLeft: [-PAN, 0], ArrowRight: [PAN, 0], ArrowUp: [0, -PAN], ArrowDown: [0, PAN] }[key];
  return step && from.scale > 1 ? panned(from, step[0], step[1]) : null;
}

/** @param {Window} from @param {number} delta of a wheel, in pixels @param {number} fx @param {number} fy @returns {Window} */
export const afterWheel = (from, delta, fx, fy) => zoomed(from, Math.exp(within(-delta, -120, 120) / 300), fx, fy);

/** Closer, and back to the whole from close by. @param {Window} from @param {number} fx @param {number} fy @returns {Window} */
export const afterDoubleClick = (from, fx, fy) => (from.scale * STEP * STEP > MOST ? WHOLE : zoomed(from, STEP * STEP, fx, fy));

/** Where an overlay that fills the picture lies over the frame. @param {Window} window @returns {string} CSS */
export function overlayStyle({ scale, x, y }) {
  const percent = (value) => `${100 * value}%`;
  return `left:${percent(-x * scale)};top:${percent(-y * scale)};width:${percent(scale)};height:${percent(scale)}`;
}
