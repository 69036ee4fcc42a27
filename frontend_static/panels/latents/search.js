/**
 * Latents that a search text names: by number (the very one first, then those that begin so), by label (where it begins
 * a word of the prevailing label; the largest share first).
 * @param {string} text @param {number} nLatents
 * @param {import('../../packed.js').Packed|undefined} statistics packed dictionary statistics, if there are any
 * @param {string[]} labels
 * @returns {number[]}
 */
export function findLatents(text, nLatents, statistics, labels) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  if (/^\d+$/.test(wanted)) {
    const found = [];
    const start = String(Number(wanted));
    for (let low = Number(wanted), many = 1; low < nLatents; low *= 10, many *= 10) {
      for (let latent = low; latent < Math.min(low + many, nLatents); latent++) found.push(latent);
      if (start === '0') break;
    }
    return found;
  }
  if (!statistics) return [];
  const { top_label: label, top_label_share: share, flags } = statistics.arrays;
  const matching = new Set();
  labels.forEach((name, i) => {
    if (name.toLowerCase().split(/[\s_-]+/).some((word) => word.startsWith(wanted)) || name.toLowerCase() === wanted)
      matching.add(i);
  });
  const found = [];
  for (let latent = 0; latent < nLatents; latent++)
    if (flags[latent] & 1 && matching.has(label[latent])) found.push(latent);
  return found.sort((a, b) => share[b] - share[a] || a - b);
}
