/**
 * Colours of kinds that have no order: clusters of the heatmap and labels of the image set (Okabe-Ito, without
 * vermillion, which is the selection's).
 *
 * @typedef {import('./tokens.js').Theme} Theme
 */

const CLUSTERS = {
  light: ['#0072b2', '#009e73', '#b8578d', '#b97f00'],
  dark: ['#4ba6de', '#2fbf95', '#d98cb6', '#e6a91f'],
};
const SHARED = { light: '#8a919c', dark: '#5b6069' };
const UNNAMED = { light: '#c2c7cf', dark: '#5b6069' };
const LABELS = {
  light: ['#0072b2', '#cc79a7', '#56b4e9', '#e69f00', '#009e73', '#1b1f26', '#b97f00'],
  dark: ['#2f8fd8', '#cc79a7', '#8fd3ff', '#e69f00', '#22b98a', '#eceef1', '#f0e442'],
};

/** A cluster under this many latents is small: it stays grey and its name goes below the matrix. */
export const SMALL_CLUSTER = 4;

/**
 * One colour per cluster: the four largest have a hue of their own, others of some size one that neither neighbour has;
 * "all words" and small ones are grey.
 * @param {{count: number, kind: string}[]} clusters in the order of the columns
 * @param {Theme} theme
 * @returns {string[]}
 */
export function clusterColors(clusters, theme) {
  const hues = CLUSTERS[theme];
  const colors = clusters.map(({ kind }) => (kind === 'all words' ? SHARED : UNNAMED)[theme]);
  const colored = [...clusters.keys()].filter((i) => clusters[i].kind !== 'all words' && clusters[i].count >= SMALL_CLUSTER);
  const largest = [...colored].sort((a, b) => clusters[b].count - clusters[a].count || a - b).slice(0, hues.length);
  // in the order of the columns, so that the same clusters at another cut keep their colours where they can
  largest.sort((a, b) => a - b).forEach((i, n) => {
    colors[i] = hues[n];
  });
  colored.forEach((i, n) => {
    if (largest.includes(i)) return;
    const beside = [colors[colored[n - 1]], colors[colored[n + 1]]];
    const free = hues.filter((hue) => !beside.includes(hue));
    colors[i] = free[n % free.length];
  });
  return colors;
}

/** @param {Theme} theme @returns {string[]} colours of labels; where labels are more, colours come again */
export function labelColors(theme) {
  return LABELS[theme];
}

/** @param {Theme} theme @returns {string} the grey of what has no name */
export function unnamedColor(theme) {
  return UNNAMED[theme];
}
