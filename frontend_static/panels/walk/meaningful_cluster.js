/** From so many living latents a cluster says something. */
const FEWEST = 3;
/** From this share of its latents one label must prevail. */
const SHARE = 0.5;
/** More latents than this add nothing to what a cluster says. */
const ENOUGH = 24;

/**
 * The cluster of the map that says most: one label prevails in the largest share of its latents, and they are several.
 * @param {import('../../plots/latent_map.js').MapData & {cluster: Int32Array}} data
 * @returns {number[]|null} its living latents, ascending; null where no cluster has one label for half of them
 */
export function meaningfulCluster({ cluster, alive, label }) {
  if (!label) return null;
  /** @type {Map<number, {latents: number[], labels: Map<number, number>}>} */
  const clusters = new Map();
  cluster.forEach((number, latent) => {
    if (number < 0 || (alive && !alive[latent])) return;
    const one = clusters.get(number) ?? { latents: [], labels: new Map() };
    clusters.set(number, one);
    one.latents.push(latent);
    if (label[latent] >= 0) one.labels.set(label[latent], (one.labels.get(label[latent]) ?? 0) + 1);
  });
  let [best, most] = [null, 0];
  for (const { latents, labels } of [...clusters].sort(([a], [b]) => a - b).map(([, one]) => one)) {
    const share = Math.max(0, ...labels.values()) / latents.length;
    const says = share * Math.min(ENOUGH, latents.length);
    if (latents.length >= FEWEST && share >= SHARE && says > most) [best, most] = [latents, says];
  }
  return best;
}
