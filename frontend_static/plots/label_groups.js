/**
 * The latents of one label on the map: where its name stands, and which colour tells it from its neighbours.
 *
 * @typedef {Object} LabelGroup
 * @property {string} name @property {number} label @property {number} count of its latents on the map
 * @property {number} x median place @property {number} y @property {number} radius median distance from it
 * @property {boolean} compact its latents lie together, so that it has a place to be named at
 */

const MIN_NAMED = 3;
/** A label has a place when its latents lie within this share of the spread of all. */
const COMPACT = 0.6;

/**
 * A name stands at its latents' component-wise median, which stays inside the larger of two groups. A label whose latents
 * lie about as far apart as all latents do has no place on the map, and no name.
 * @param {Float32Array} x [K] @param {Float32Array} y [K] @param {Uint8Array} shown [K] 0 leaves a latent out
 * @param {Int32Array} label [K] -1 for none @param {string[]} names
 * @returns {LabelGroup[]} labels with a latent on the map, most latents first
 */
export function groupLabels(x, y, shown, label, names) {
  const groups = names.map(() => []);
  const all = [];
  for (let i = 0; i < x.length; i++) {
    if (!shown[i]) continue;
    all.push(i);
    if (label[i] >= 0) groups[label[i]].push(i);
  }
  const everywhere = spreadOf(all, x, y).radius;
  return groups
    .map((members, l) => ({ name: names[l], label: l, count: members.length, ...spreadOf(members, x, y) }))
    .filter(({ count }) => count > 0)
    .map((group) => ({ ...group, compact: group.count >= MIN_NAMED && group.radius < COMPACT * everywhere }))
    .sort((a, b) => b.count - a.count);
}

/** @returns {{x: number, y: number, radius: number}} median place, and median distance from it; zeros for none */
function spreadOf(members, x, y) {
  const median = (values) => values.sort()[Math.floor(values.length / 2)] ?? 0;
  const mx = median(Float32Array.from(members, (i) => x[i]));
  const my = median(Float32Array.from(members, (i) => y[i]));
  return { x: mx, y: my, radius: median(Float32Array.from(members, (i) => Math.hypot(x[i] - mx, y[i] - my))) };
}

/**
 * Colours of labels: one each while there are enough. Of more labels each, larger ones first, takes an unused colour, else
 * the one whose nearest label is farthest away, so that neighbours differ.
 * @param {LabelGroup[]} groups @param {number} nLabels @param {number} nColors
 * @returns {Uint8Array} [nLabels] number of the colour
 */
export function colorNumbers(groups, nLabels, nColors) {
  const colors = Uint8Array.from({ length: nLabels }, (_, label) => label % nColors);
  if (nLabels <= nColors) return colors;
  const placed = [];
  for (const { label, x, y } of groups) {
    const nearest = new Float64Array(nColors).fill(Infinity);
    for (const other of placed) {
      const d = (other.x - x) ** 2 + (other.y - y) ** 2;
      if (d < nearest[other.color]) nearest[other.color] = d;
    }
    let best = 0;
    for (let c = 1; c < nColors; c++) if (nearest[c] > nearest[best]) best = c;
    colors[label] = best;
    placed.push({ x, y, color: best });
  }
  return colors;
}
