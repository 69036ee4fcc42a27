import { sequentialColor } from './sequential.js';

const FAINT = { light: [154, 161, 172, 150], dark: [111, 117, 126, 150] };

/**
 * The colour of a latent in the statistics: the lower its label entropy, the stronger.
 * @param {import('./tokens.js').Theme} theme @param {number|null} share of the largest entropy, 0...1; null where it is undefined
 * @returns {number[]} r, g, b, a, 0...255
 */
export function entropyColor(theme, share) {
  return share === null ? FAINT[theme] : [...sequentialColor(theme, 1 - 0.72 * share), 215];
}
