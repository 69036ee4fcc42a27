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
  light: ['#0072b2', '#cc79a7', '#56b4e9', '#e69f00', '#009e73', '#8a919c', '#b97f00'],
  dark: ['#2f8fd8', '#cc79a7', '#8fd3ff', '#e69f00', '#22b98a', '#a4abb5', '#f0e442'],
};

/** A cluster under this many latents is small: it stays grey and its name goes below the matrix. */
export const SMALL_CLUSTER = 4;

/**
 * One colour per cluster: the larger ones take the four hues in turn, "all words" and small ones are grey.
 * @param {{count: number, kind: string}[]} clusters
 * @param {Theme} theme
 * @returns {string[]}
 */
export function clusterColors(clusters, theme) {
  let next = 0;
  return clusters.map(({ count, kind }) => {
    if (kind === 'all words') return SHARED[theme];
    if (count < SMALL_CLUSTER) return UNNAMED[theme];
    return CLUSTERS[theme][next++ % CLUSTERS[theme].length];
  });
}

/** @param {Theme} theme @returns {string[]} colours of labels; where labels are more, colours come again */
export function labelColors(theme) {
  return LABELS[theme];
}

/** @param {Theme} theme @returns {string} the grey of what has no name */
export function unnamedColor(theme) {
  return UNNAMED[theme];
}
