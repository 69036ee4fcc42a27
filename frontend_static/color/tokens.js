/**
 * The colours of both themes, once: canvas plots read them here, style sheets through the custom properties that
 * `applyTokens` sets.
 *
 * @typedef {'light'|'dark'} Theme
 */

/** @type {Readonly<Record<Theme, Readonly<Record<string, string>>>>} */
export const TOKENS = Object.freeze({
  light: Object.freeze({
    ground: '#f4f5f7',
    panel: '#ffffff',
    sunken: '#f7f8fa',
    raised: '#ffffff',
    line: '#e1e4e9',
    lineStrong: '#c6cbd3',
    ink: '#1b1f26',
    ink2: '#4c5461',
    ink3: '#6a7280',
    faint: '#9aa1ac',
    accent: '#b84900',
    accentInk: '#ffffff',
    accentSoft: '#fdeee3',
    accentLine: '#eab48c',
    bar: '#0b3a75',
    bar2: '#a9b1bd',
    good: '#00795a',
    halo: '#ffffff',
    image: '#0072b2',
    shadow: '0 1px 2px rgba(20,24,32,.06)',
  }),
  dark: Object.freeze({
    ground: '#1c1d20',
    panel: '#26282c',
    sunken: '#202226',
    raised: '#303338',
    line: '#383b41',
    lineStrong: '#54585f',
    ink: '#eceef1',
    ink2: '#b9bec6',
    ink3: '#979da7',
    faint: '#6f757e',
    accent: '#ff9352',
    accentInk: '#231005',
    accentSoft: '#43301f',
    accentLine: '#8a5a35',
    bar: '#e3cf62',
    bar2: '#676d77',
    good: '#4fc7a0',
    halo: '#141518',
    image: '#56b4e9',
    shadow: 'none',
  }),
});

export const SANS = '"Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
export const MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "Roboto Mono", "Liberation Mono", monospace';

/**
 * Sets `--ink-2` and its kin on an element, and `color-scheme`.
 * @param {HTMLElement} element
 * @param {Theme} theme
 * @param {string} ramp CSS gradient of the sequential table
 */
export function applyTokens(element, theme, ramp) {
  for (const [name, value] of Object.entries(TOKENS[theme])) {
    element.style.setProperty(
      `--${name
        .replace(/([A-Z])/g, '-$1')
        .replace(/(\d)/, '-$1')
        .toLowerCase()}`,
      value,
    );
  }
  element.style.setProperty('--ramp', ramp);
  element.style.colorScheme = theme;
}
