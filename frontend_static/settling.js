import { itemName } from './basket.js';

/**
 * What of a selection a log can show, and a sentence on each thing that it cannot: an address may be older than the
 * log, or of another.
 *
 * @typedef {import('./selection.js').Selection} Selection
 * @typedef {import('./api.js').Listing} Listing
 * @typedef {import('./api.js').RunEntry} RunEntry
 * @typedef {import('./api.js').DictionaryEntry} DictionaryEntry
 * @typedef {{patch: Partial<Selection>, told: Record<string, string>}} Settled `patch`: what has to change;
 *   `told`: sentences, each by the part of the selection that it is about
 */

/** Nothing of a run or a dictionary is chosen. */
export const NO_CHOICE = Object.freeze({
  step: null,
  token: null,
  tokens: Object.freeze([]),
  head: null,
  otherToken: null,
  doubt: null,
  latent: null,
  latents: Object.freeze([]),
  source: 'attention',
  result: null,
  sweep: null,
  dose: null,
  box: null,
});
/** Nothing is to be steered. */
export const NO_BASKET = Object.freeze([]);
/** Identities are long; so much of one tells it from others. */
const SHOWN_OF_ID = 12;
const SHOWN_STEPS = 6;

/** @param {RunEntry[]} runs @returns {RunEntry|null} */
export function newestOf(runs) {
  return runs.reduce((best, entry) => (!best || entry.created > best.created ? entry : best), null);
}

/** @param {DictionaryEntry} entry @returns {string} */
const quoted = ({ name }) => `“${name}”`;

/** @param {string} id @returns {string} */
const short = (id) => (id.length > SHOWN_OF_ID ? `${id.slice(0, SHOWN_OF_ID)}…` : id);

/** @param {number[]} steps @returns {string} such as `0, 10 and 20` */
function listed(steps) {
  if (steps.length === 1) return String(steps[0]);
  const many = steps.length > SHOWN_STEPS;
  const shown = many ? [...steps.slice(0, SHOWN_STEPS - 2), '…', steps.at(-2)] : steps.slice(0, -1);
  return `${shown.join(', ')} and ${steps.at(-1)}`;
}

/** @param {Selection} wanted @param {Listing} listing @returns {Settled} the run and the dictionary */
function settledRun(wanted, { vlm_runs: runs, dictionaries }) {
  const { run, id, dictionary } = wanted;
  const dictionaryOf = (key) => dictionaries.find((one) => one.id === key) ?? null;
  const known = dictionary === null ? null : dictionaryOf(dictionary);
  const found = runs.find((one) => one.run === run && one.id === id);
  if (found) {
    if (found.dictionary_id === dictionary) return { patch: {}, told: {} };
    if (dictionary === null) return { patch: { dictionary: found.dictionary_id }, told: {} };
    const asked = `The address asks for dictionary ${known ? quoted(known) : short(dictionary)}`;
    const made = `but its run “${found.name}” was made with “${found.dictionary_name}”, which is shown.`;
    const told = { dictionary: `${asked}, ${made}` };
    return { patch: { dictionary: found.dictionary_id }, told };
  }
  const named = run !== null || id !== null;
  if (known && !named) return { patch: {}, told: {} };

  // a run of the same dictionary stands nearest; a dictionary without runs can be shown alone
  const newest = newestOf(known ? runs.filter((one) => one.dictionary_id === dictionary) : runs);
  const alone = known ?? (newest ? null : (dictionaries[0] ?? null));
  const shown = newest
    ? `The newest run${known ? ' of the same dictionary' : ''}, “${newest.name}”, is shown instead.`
    : alone
      ? `Dictionary ${quoted(alone)} is shown without a run.`
      : 'There is nothing else to show.';
  const told = {};
  const gone = (what) => `The address asks for ${what}, which is not in this log. ${shown}`;
  if (named) told.run = gone(`run “${run ?? ''}” (${short(id ?? 'without an id')})`);
  else if (dictionary !== null) told.dictionary = gone(`dictionary ${short(dictionary)}`);
  const kept = known || (dictionary === null && !named) ? {} : { ...NO_CHOICE, basket: NO_BASKET };
  const patch = {
    ...kept,
    ...(named ? { token: null, tokens: NO_CHOICE.tokens, head: null, doubt: null, layers: 'all' } : {}),
    run: newest?.run ?? null,
    id: newest?.id ?? null,
    dictionary: newest?.dictionary_id ?? alone?.id ?? null,
  };
  return { patch, told };
}

/** @param {Selection} wanted @param {DictionaryEntry} entry @returns {Settled} what belongs to the dictionary */
function settledChoice(wanted, entry) {
  const { n_latents: nLatents, steps } = entry;
  const [patch, told] = [{}, {}];
  if (wanted.step !== null && !steps.includes(wanted.step)) {
    patch.step = null;
    const asked = `The address asks for step ${wanted.step} of dictionary ${quoted(entry)}`;
    const there = `${steps.length === 1 ? 'step' : 'steps'} ${listed(steps)}`;
    told.step = steps.length
      ? `${asked}, which is not in this log: TensorBoard has ${there}. The newest is shown instead.`
      : `${asked}, of which this log has no step.`;
  }
  const has = (latent) => latent < nLatents;
  const range = `dictionary ${quoted(entry)} has latents 0 to ${nLatents - 1}`;
  if (wanted.latent !== null && !has(wanted.latent)) {
    patch.latent = null;
    patch.source = 'attention';
    told.latent = `The address asks for latent ${wanted.latent}, but ${range}. None is chosen instead.`;
  }
  if (!wanted.latents.every(has)) {
    patch.latents = Object.freeze(wanted.latents.filter(has));
    const lost = wanted.latents.length - patch.latents.length;
    const left = `${lost} ${lost === 1 ? 'is' : 'are'} left out`;
    told.latents = `The address asks for ${wanted.latents.length} latents, but ${range}: ${left}.`;
  }
  const lost = wanted.basket.filter(({ latents }) => !latents.every(has));
  if (lost.length) {
    patch.basket = Object.freeze(wanted.basket.filter((item) => !lost.includes(item)));
    told.basket = `The address asks to steer ${lost.map(itemName).join(', ')}, but ${range}: left out of the basket.`;
  }
  return { patch, told };
}

/** @param {Selection} wanted @param {DictionaryEntry} entry @param {DictionaryEntry[]} dictionaries @returns {Settled} the view over training */
function settledTraining(wanted, entry, dictionaries) {
  const [patch, told] = [{}, {}];
  const n = wanted.over === 'training' ? entry.statistics_steps.length : 2;
  if (n < 2) {
    patch.over = 'step';
    const logged = n ? `its statistics were logged at one step, ${entry.statistics_steps[0]}` : 'no statistics of it were logged';
    told.over = `The address asks for dictionary ${quoted(entry)} over its training, but ${logged}. One step is shown instead.`;
  }
  if (wanted.beside === null) return { patch, told };
  const other = dictionaries.find(({ id }) => id === wanted.beside);
  const why = !other
    ? 'which is not in this log'
    : other === entry
      ? 'which is that dictionary itself'
      : other.has_statistics
        ? null
        : 'of which no statistics were logged';
  if (why) {
    patch.beside = null;
    told.beside = `The address asks for dictionary ${other ? quoted(other) : short(wanted.beside)} beside ${quoted(entry)}, ${why}. None stands beside it.`;
  }
  return { patch, told };
}

/**
 * @param {Selection} wanted what an address or the user asked for
 * @param {Listing} listing
 * @returns {Settled} both empty when the log has it all
 */
export function settled(wanted, listing) {
  const first = settledRun(wanted, listing);
  const next = { ...wanted, ...first.patch };
  const entry = listing.dictionaries.find(({ id }) => id === next.dictionary);
  const parts = entry
    ? [first, settledChoice(next, entry), settledTraining(next, entry, listing.dictionaries)]
    : [first];
  return {
    patch: Object.assign({}, ...parts.map(({ patch }) => patch)),
    told: Object.assign({}, ...parts.map(({ told }) => told)),
  };
}
