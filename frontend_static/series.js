/**
 * Runs of one picture and prompt, explained at several steps of a training: one thing that the step slider walks through.
 *
 * @typedef {import('./api.js').RunEntry} RunEntry
 * @typedef {import('./api.js').Listing} Listing
 * @typedef {import('./selection.js').Selection} Selection
 */

/** What belongs to one run and not to the next of its series. The latent and the picture's box stay. */
const OF_ONE_RUN = Object.freeze({ result: null, sweep: null, dose: null });

/** @param {RunEntry} entry @returns {string|null} the same for all runs of a series; null for a run that stands alone */
export function seriesKey(entry) {
  return entry.series_id ? JSON.stringify([entry.run, entry.dictionary_id, entry.series_id]) : null;
}

/** @param {readonly RunEntry[]} runs @param {RunEntry} entry @returns {RunEntry[]} its series by step, without what was superseded */
export function seriesOf(runs, entry) {
  const key = seriesKey(entry);
  if (key === null) return [];
  return runs.filter((one) => !one.superseded && seriesKey(one) === key).sort((a, b) => a.step - b.step);
}

/** @param {RunEntry[]} series @param {number|null} step null is the newest @returns {RunEntry|null} the newest not after the step, or else the first */
export function runAtStep(series, step) {
  if (step === null) return series.at(-1) ?? null;
  return series.findLast((one) => one.step <= step) ?? series[0] ?? null;
}

/** @param {RunEntry} entry @returns {string} its name without the step */
export function nameOfSeries({ name, step, series_id: series }) {
  return series ? name.replace(` (step ${step})`, '') : name;
}

/**
 * A change of the step also moves to the run of that step, where the shown run belongs to a series. Its prompt is the same, so that the
 * word's place stays, unless the next answer is shorter and may not have it.
 * @param {Partial<Selection>} patch @param {Selection} selection @param {Listing|null} listing
 * @returns {Partial<Selection>}
 */
export function withRunOfStep(patch, selection, listing) {
  if (!listing || !('step' in patch) || 'run' in patch || 'id' in patch) return patch;
  const shown = listing.vlm_runs.find(({ run, id }) => run === selection.run && id === selection.id);
  const next = shown ? runAtStep(seriesOf(listing.vlm_runs, shown), patch.step) : null;
  if (!next || next.id === shown.id) return patch;
  const word = next.n_output_tokens < shown.n_output_tokens ? { token: null, otherToken: null, doubt: null } : {};
  return { ...OF_ONE_RUN, ...word, ...patch, run: next.run, id: next.id };
}

/**
 * Runs as a list shows them, the newest first: each series once, by the run that is shown or else the one at the step; superseded
 * runs only where one is shown.
 * @param {readonly RunEntry[]} runs @param {Selection} selection
 * @returns {{entry: RunEntry, series: RunEntry[]}[]} `series`: by step; empty for a run that stands alone
 */
export function foldedRuns(runs, { run, id, dictionary, step }) {
  const isShown = (one) => one.run === run && one.id === id;
  const [found, seen] = [[], new Set()];
  for (const entry of [...runs].sort((a, b) => b.created - a.created)) {
    const key = seriesKey(entry);
    if (key === null) found.push({ entry, series: [] });
    if (key === null || seen.has(key) || entry.superseded) continue;
    seen.add(key);
    const series = seriesOf(runs, entry);
    const shown = runs.find((one) => isShown(one) && seriesKey(one) === key);
    found.push({ entry: shown ?? runAtStep(series, entry.dictionary_id === dictionary ? step : null), series });
  }
  return found;
}
