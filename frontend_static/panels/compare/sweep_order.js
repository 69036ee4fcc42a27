/**
 * Rows of the cluster table in the order of a column.
 * @param {any[]} rows as `cluster_sweep` answers @param {{by: string, falling: boolean}} order `by`: `name`, `latents`, `random`,
 *   `hardest`, or the number of a word; falling: most latents, or deepest loss, first
 * @returns {any[]}
 */
export function sortedRows(rows, order) {
  const { by, falling } = order;
  const loss = (found) => (found ? -found.change : 0);
  const value = {
    latents: (row) => row.latents.length,
    random: (row) => loss(row.control_hardest),
    hardest: (row) => loss(row.hardest),
  }[by];
  const sign = falling ? -1 : 1;
  if (by === 'name') return [...rows].sort((a, b) => sign * a.name.localeCompare(b.name));
  const of = value ?? ((row) => -row.change[Number(by)]);
  return [...rows].sort((a, b) => sign * (of(a) - of(b)));
}

/** More columns of words than this would not be read. */
const MOST_WORDS = 7;

/**
 * The words that have columns: of those that fall, the deepest ones; a word that is said twice, where it falls deepest.
 * @param {any} answer as `cluster_sweep` answers @returns {number[]} numbers of words in the original answer, ascending
 */
export function wordColumns({ columns, clusters, original_tokens: tokens }) {
  const deepest = new Map(columns.map((number) => [number, Math.min(...clusters.map(({ change }) => change[number]))]));
  const byDepth = [...columns].sort((a, b) => deepest.get(a) - deepest.get(b));
  const said = new Set();
  const distinct = byDepth.filter((number) => !said.has(tokens[number].text) && said.add(tokens[number].text));
  return distinct.slice(0, MOST_WORDS).sort((a, b) => a - b);
}
