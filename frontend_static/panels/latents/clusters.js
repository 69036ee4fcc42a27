/**
 * The heatmap's cluster that holds a latent.
 * @param {import('../../packed.js').Packed|undefined} answer to `token_latent_matrix` @param {number|null} latent
 * @returns {{index: number, name: string, latents: number[]}|null}
 */
export function clusterOfLatent(answer, latent) {
  const at = answer && latent !== null ? answer.arrays.latent.indexOf(latent) : -1;
  return at < 0 ? null : clusterAt(answer, answer.arrays.cluster[at]);
}

/** @param {import('../../packed.js').Packed} answer @param {number} index @returns {{index: number, name: string, latents: number[]}|null} */
export function clusterAt(answer, index) {
  const cluster = answer.header.clusters[index];
  if (!cluster) return null;
  const { name, start, count } = cluster;
  return { index, name, latents: Array.from(answer.arrays.latent.slice(start, start + count)) };
}
