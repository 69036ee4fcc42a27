/**
 * The sequential table: cividis, trimmed for each theme so that zero sinks into the card. From paper to deep blue in
 * light, from the card to yellow in dark; lightness runs one way in both.
 *
 * @typedef {import('./tokens.js').Theme} Theme
 */

const STOPS = {
  light: {
    at: [0, 0.12, 0.28, 0.45, 0.6, 0.75, 0.88, 1],
    color: ['#fbfaf5', '#f2eacb', '#dccb86', '#ada37a', '#7f7f7a', '#55607a', '#2c4272', '#00224e'],
  },
  dark: {
    at: [0, 0.12, 0.25, 0.4, 0.55, 0.7, 0.86, 1],
    color: ['#232730', '#2c3852', '#3f4d6e', '#5d6472', '#84827a', '#ada279', '#d9c561', '#fee838'],
  },
};

/** @param {string} hex `#rrggbb` @returns {[number, number, number]} 0...255 */
export function rgbOf(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

/** @param {Theme} theme @returns {Uint8ClampedArray} 256 x 3 */
function build(theme) {
  const { at, color } = STOPS[theme];
  const stops = color.map(rgbOf);
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const x = i / 255;
    let left = 0;
    while (left < at.length - 2 && x > at[left + 1]) left++;
    const t = (x - at[left]) / (at[left + 1] - at[left]);
    for (let c = 0; c < 3; c++) table[3 * i + c] = Math.round(stops[left][c] * (1 - t) + stops[left + 1][c] * t);
  }
  return table;
}

const TABLES = { light: build('light'), dark: build('dark') };

/** @param {Theme} theme @returns {Uint8ClampedArray} 256 entries of r, g, b */
export function sequentialTable(theme) {
  return TABLES[theme];
}

/** @param {Theme} theme @param {number} x 0...1, clamped @returns {[number, number, number]} */
export function sequentialColor(theme, x) {
  const i = 3 * Math.round(255 * Math.min(1, Math.max(0, x)));
  return [TABLES[theme][i], TABLES[theme][i + 1], TABLES[theme][i + 2]];
}

/** @param {Theme} theme @returns {string} CSS gradient, low to high */
export function sequentialGradient(theme) {
  const { at, color } = STOPS[theme];
  return `linear-gradient(90deg, ${color.map((c, i) => `${c} ${at[i] * 100}%`).join(', ')})`;
}
