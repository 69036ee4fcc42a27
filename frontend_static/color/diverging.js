import { rgbOf } from './sequential.js';

/**
 * The diverging table: loss in orange, gain in blue, nothing in between sinks into the card. For changes of log-probability.
 *
 * @typedef {import('./tokens.js').Theme} Theme
 */

const AT = [0, 0.22, 0.38, 0.5, 0.62, 0.78, 1];
const COLOR = {
  light: ['#a84400', '#e08a4a', '#f6d3b6', '#f5f5f5', '#c4dcf0', '#5c9bcf', '#084f93'],
  dark: ['#ff9a4d', '#b9682f', '#6b4a35', '#34373c', '#33506b', '#4484b8', '#7cc0f5'],
};

/** A change of so many nats, and more, has the end's colour. */
export const FULL_CHANGE = 6;
/** A smaller change has no colour. */
export const NO_CHANGE = 0.02;
/** Small changes are spread: a loss of half a nat is to be seen. */
const SPREAD = 0.7;

/** @param {Theme} theme @param {number} x 0...1, clamped; one half is no change @returns {[number, number, number]} */
export function divergingColor(theme, x) {
  const t = Math.min(1, Math.max(0, x));
  let left = 0;
  while (left < AT.length - 2 && t > AT[left + 1]) left++;
  const share = (t - AT[left]) / (AT[left + 1] - AT[left]);
  const [a, b] = [rgbOf(COLOR[theme][left]), rgbOf(COLOR[theme][left + 1])];
  return [0, 1, 2].map((c) => Math.round(a[c] * (1 - share) + b[c] * share));
}

/** @param {[number, number, number]} rgb 0...255 @returns {number} relative luminance of WCAG 2 */
function luminance(rgb) {
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const INKS = ['#14171c', '#ffffff'];

/**
 * Ground and ink of a change.
 * @param {Theme} theme @param {number} change in nats
 * @returns {{ground: string, ink: string}|null} null where it is too small to be coloured; the ink is the one of black and white
 *   that stands out more
 */
export function changeColors(theme, change) {
  if (Math.abs(change) < NO_CHANGE) return null;
  const share = Math.min(1, Math.abs(change) / FULL_CHANGE) ** SPREAD;
  const rgb = divergingColor(theme, 0.5 + 0.5 * Math.sign(change) * share);
  const contrast = INKS.map((ink) => {
    const [a, b] = [luminance(rgbOf(ink)), luminance(rgb)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
  return { ground: `rgb(${rgb.join(' ')})`, ink: INKS[contrast[0] >= contrast[1] ? 0 : 1] };
}

/** @param {Theme} theme @returns {string} CSS gradient, loss to gain */
export function divergingGradient(theme) {
  return `linear-gradient(90deg, ${COLOR[theme].map((color, i) => `${color} ${AT[i] * 100}%`).join(', ')})`;
}
