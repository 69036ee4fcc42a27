/**
 * The one rule by which dense latents are hidden, wherever latents are listed, drawn or found: with `hideDense`, a living latent
 * that fires in more than the dense cut-off of the pictures is left out. It counts pictures also while the Dictionary shows shares
 * of patches, so that it hides the same latents everywhere; ranking and heatmap are asked for with it as `max_frequency`.
 *
 * @typedef {import('./packed.js').Packed} Packed
 * @typedef {import('./store.js').Store} Store
 * @typedef {{cut: number, n: number, mask: Uint8Array}} Hidden `cut`: share of pictures; `mask` [K] 1 for the `n` that are hidden
 */

const DENSE = 0.2;

/** @param {Pick<import('./selection.js').Selection, 'dense'|'frequency'>} selection @param {any} dictionary its answer, or undefined */
export function denseCutoff({ dense, frequency }, dictionary) {
  const swept = frequency === 'images' ? dictionary?.metrics?.dense_cutoff : undefined;
  return dense ?? swept ?? DENSE;
}

/** What the cut-off of the sweep belongs to. @param {Store} store */
const sweptKey = (store) => JSON.stringify([store.selection.dictionary, store.selection.step, store.evidenceVersion]);

/** @param {Store} store @returns {number|null|undefined} the cut-off in force; null where none is, undefined while it is not known yet */
export function hidingCut(store) {
  const { hideDense, dense } = store.selection;
  const entry = store.dictionaryEntry;
  if (!hideDense || !entry?.has_statistics) return null;
  if (dense !== null) return dense;
  if (!entry.has_metrics) return DENSE;
  const swept = store.session.sweptDense;
  return swept?.of === sweptKey(store) ? swept.cutoff : undefined;
}

/** Finds out the cut-off that the sweep counted with. @param {Store} store @param {import('./api.js').Api} api */
async function findSwept(store, api) {
  const of = sweptKey(store);
  const { dictionary, step } = store.selection;
  let cutoff = DENSE;
  try {
    cutoff = denseCutoff({ dense: null, frequency: 'images' }, await api.dictionary(dictionary, step));
  } catch (error) {
    store.setSession({ notice: `The share of pictures over which the sweep called latents dense is not known (${error.message}) Hidden are those over ${100 * DENSE} %.` });
  }
  if (of === sweptKey(store)) store.setSession({ sweptDense: Object.freeze({ of, cutoff }) });
}

/** Keeps the cut-off known while it is in force: of another dictionary or step it is another. @param {Store} store @param {import('./api.js').Api} api */
export function followDense(store, api) {
  let asked = null;
  store.subscribe(() => {
    if (hidingCut(store) !== undefined || asked === sweptKey(store)) return;
    asked = sweptKey(store);
    findSwept(store, api);
  });
}

/** Hides dense latents, or shows them again. @param {Store} store @param {import('./api.js').Api} api */
export async function toggleDense(store, api) {
  const hideDense = !store.selection.hideDense;
  // found out before, so that no panel has to wait for it
  if (hideDense && store.dictionaryEntry?.has_metrics && store.session.sweptDense?.of !== sweptKey(store)) await findSwept(store, api);
  store.set({ hideDense });
}

/** @type {WeakMap<Packed, Hidden>} the last for each answer */
const made = new WeakMap();

/**
 * @param {Store} store @param {Packed|undefined} statistics of the chosen dictionary and step
 * @returns {Hidden|null} null where nothing is hidden, or not known yet
 */
export function hiddenDense(store, statistics) {
  const cut = hidingCut(store);
  if (cut === null || cut === undefined || !statistics) return null;
  const known = made.get(statistics);
  if (known?.cut === cut) return known;
  const hidden = { cut, ...denseMask(statistics, cut) };
  made.set(statistics, hidden);
  return hidden;
}

/** @param {Packed} statistics @param {number} cut @returns {{n: number, mask: Uint8Array}} */
export function denseMask({ arrays: { image_frequency: frequency, flags } }, cut) {
  // as single as the figures are: what lies on the edge is not beyond it, here and in the plugin
  const edge = Math.fround(cut);
  const mask = new Uint8Array(flags.length);
  let n = 0;
  for (let i = 0; i < flags.length; i++) {
    if (!(flags[i] & 1) || !(frequency[i] > edge)) continue;
    mask[i] = 1;
    n++;
  }
  return { n, mask };
}

/**
 * @template T @param {Hidden|null} hidden @param {readonly T[]} rows @param {(row: T) => number} [latentOf]
 * @returns {{shown: readonly T[], nHidden: number}}
 */
export function withoutHidden(hidden, rows, latentOf = Number) {
  if (!hidden) return { shown: rows, nHidden: 0 };
  const shown = rows.filter((row) => !hidden.mask[latentOf(row)]);
  return { shown, nHidden: rows.length - shown.length };
}
