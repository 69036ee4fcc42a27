/**
 * A binary tree of columns from scipy's linkage: leaves 0...C-1 are the columns from left to right, node C+i is row i.
 *
 * @typedef {Object} TreeNode
 * @property {number} left @property {number} right x of the two children, in columns (centre of column k is k + 0.5)
 * @property {number} leftHeight @property {number} rightHeight @property {number} height
 * @property {number} first @property {number} last columns it spans, inclusive
 */

/**
 * @param {Float64Array} linkage [C-1, 4] row by row
 * @returns {TreeNode[]} in order of the rows; empty when there is no tree
 */
export function treeNodes(linkage) {
  const n = linkage.length / 4;
  const nLeaves = n + 1;
  const nodes = [];
  const of = (index) =>
    index < nLeaves
      ? { x: index + 0.5, height: 0, first: index, last: index }
      : { x: (nodes[index - nLeaves].left + nodes[index - nLeaves].right) / 2, ...nodes[index - nLeaves] };
  for (let i = 0; i < n; i++) {
    let [a, b] = [of(linkage[4 * i]), of(linkage[4 * i + 1])];
    if (a.x > b.x) [a, b] = [b, a];
    nodes.push({
      left: a.x,
      right: b.x,
      leftHeight: a.height,
      rightHeight: b.height,
      height: linkage[4 * i + 2],
      first: Math.min(a.first, b.first),
      last: Math.max(a.last, b.last),
    });
  }
  return nodes;
}

/** Heights are drawn by a power under one, for most merges are low. */
const POWER = 0.6;

/** @param {number} height @param {number} top the largest height @returns {number} 0...1 */
export function heightShare(height, top) {
  return top > 0 ? (Math.max(0, height) / top) ** POWER : 0;
}

/** @param {number} share @param {number} top @returns {number} the height drawn there */
export function heightOfShare(share, top) {
  return Math.min(1, Math.max(0, share)) ** (1 / POWER) * top;
}
