/**
 * What a worker found out about a run, and how it is named in the address: `run/id`, since an id alone says not where it lies.
 *
 * @typedef {import('./api.js').OutcomeEntry} OutcomeEntry
 * @typedef {import('./api.js').RunKey} RunKey
 */

/** @param {RunKey} key @returns {string} */
export const keyText = ({ run, id }) => `${run}/${id}`;

/** @param {string|null} text @returns {RunKey|null} null when it is not a key's text */
export function parseKey(text) {
  const at = text?.lastIndexOf('/') ?? -1;
  return at > 0 && at < text.length - 1 ? { run: text.slice(0, at), id: text.slice(at + 1) } : null;
}

/**
 * The run that steered answers are held against: the chosen one, or what it was steered from.
 * @param {import('./store.js').Store} store @returns {import('./api.js').RunEntry|null}
 */
export function originalOf(store) {
  const entry = store.runEntry;
  if (!entry?.original_run_id) return entry;
  const runs = store.session.listing?.vlm_runs ?? [];
  return runs.find(({ id }) => id === entry.original_run_id) ?? entry;
}

/**
 * Outcomes about the chosen run, the newest first; then, of the same dictionary, those whose run is not in the log.
 * @param {import('./store.js').Store} store @param {OutcomeEntry['kind']} kind @returns {OutcomeEntry[]}
 */
export function outcomesOf(store, kind) {
  const { listing } = store.session;
  const original = originalOf(store);
  if (!listing || !original) return [];
  const runs = new Set(listing.vlm_runs.map(({ id }) => id));
  const found = (listing.outcomes ?? []).filter(
    (one) => one.kind === kind && one.dictionary_id === original.dictionary_id,
  );
  const newest = (one, other) => other.created - one.created;
  const own = found.filter((one) => one.original_run_id === original.id).sort(newest);
  return [...own, ...found.filter((one) => !runs.has(one.original_run_id)).sort(newest)];
}

/** The choice in the selection that keeps an outcome of a kind. */
export const CHOICE_OF = { steering_result: 'result', cluster_sweep: 'sweep', dose_response: 'dose' };

/**
 * Which outcome of a kind is looked at: the chosen one, else this run's newest.
 * @param {import('./store.js').Store} store @param {OutcomeEntry['kind']} kind @returns {RunKey|null}
 */
export function outcomeKey(store, kind) {
  const choice = CHOICE_OF[kind];
  const chosen = choice ? parseKey(store.selection[choice]) : null;
  return chosen ?? outcomesOf(store, kind)[0] ?? null;
}

/**
 * A listing with what was learnt since and TensorBoard has not loaded yet.
 * @param {import('./api.js').Listing} listing
 * @param {{vlm_runs: import('./api.js').RunEntry[], outcomes: OutcomeEntry[]}} fresh
 * @returns {import('./api.js').Listing}
 */
export function withFresh(listing, fresh) {
  const added = (known, more) => {
    const keys = new Set(known.map(keyText));
    return [...known, ...more.filter((one) => !keys.has(keyText(one)))];
  };
  return {
    ...listing,
    vlm_runs: added(listing.vlm_runs, fresh.vlm_runs),
    outcomes: added(listing.outcomes ?? [], fresh.outcomes),
  };
}

/** What of it the listing still lacks. @param {import('./api.js').Listing} listing @param {{vlm_runs: import('./api.js').RunEntry[], outcomes: OutcomeEntry[]}} fresh */
export function stillFresh(listing, fresh) {
  const lacking = (known, more) => {
    const keys = new Set(known.map(keyText));
    return more.filter((one) => !keys.has(keyText(one)));
  };
  return { vlm_runs: lacking(listing.vlm_runs, fresh.vlm_runs), outcomes: lacking(listing.outcomes ?? [], fresh.outcomes) };
}

/** The line that a listing has for a run, from its evidence. @param {RunKey} key @param {any} run as `vlm_run` answers */
export function runEntryOf({ run: directory }, run) {
  return {
    run: directory,
    id: run.id,
    name: run.name,
    prompt: run.prompt,
    output_text: run.output_text,
    created: run.created,
    dictionary_id: run.dictionary.id,
    dictionary_name: run.dictionary.name,
    vlm_name: run.dictionary.vlm_name,
    n_output_tokens: run.tokens.filter(({ span }) => span === 'OUTPUT').length,
    truncated: run.truncated,
    steered: run.steering !== null,
    has_picture: run.picture.has_picture,
    original_run_id: run.original_run_id ?? '',
    series_id: '',
    step: null,
    superseded: false,
  };
}

/** The same for an outcome. @param {OutcomeEntry['kind']} kind @param {any} outcome as its route answers */
export function outcomeEntryOf(kind, outcome) {
  const { run, id, name, prompt, created, original_run_id: original } = outcome;
  const common = { run, id, kind, name, prompt, created, dictionary_id: outcome.dictionary.id, original_run_id: original };
  if (kind === 'steering_result') {
    const last = outcome.answers.at(-1);
    return {
      ...common,
      steered_run_id: outcome.steered_run_id,
      output_text: last.output_text,
      erased: outcome.erasure !== null,
      n_latents: last.latents.length,
    };
  }
  if (kind === 'word_contributions') {
    return { ...common, word: outcome.word, word_text: outcome.original_tokens[outcome.word].text };
  }
  if (kind === 'head_attention') return { ...common, query_positions: outcome.query_positions };
  if (kind === 'set_ablation') return { ...common, set_id: outcome.set_id, n_latents: outcome.latents.length };
  return common;
}
