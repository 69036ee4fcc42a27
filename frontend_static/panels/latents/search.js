/**
 * Latents that a search text names: by number, by the user's name, by label, by the words of a note.
 *
 * @typedef {import('../../packed.js').Packed} Packed
 * @typedef {ReadonlyMap<number, import('../../notes_home.js').LatentNote>} Notes
 * @typedef {{latent: number, by: 'number'|'name'|'label'|'note'}} Found what of it matched
 */

/** @type {WeakMap<Notes, {latent: number, name: string, note: string}[]>} in lower case, made once after every change */
const lowered = new WeakMap();

/** @param {Notes} notes */
function loweredNotes(notes) {
  if (!lowered.has(notes)) {
    const made = [...notes].map(([latent, { name, note }]) => ({ latent, name: name.toLowerCase(), note: note.toLowerCase() }));
    lowered.set(notes, made.sort((a, b) => a.latent - b.latent));
  }
  return lowered.get(notes);
}

/** @param {string} text @param {string} wanted @returns {boolean} it begins a word of the text */
function beginsWord(text, wanted) {
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    if (at === 0 || /[\s_\-/.,(]/.test(text[at - 1])) return true;
  }
  return false;
}

/** @param {string} digits @param {number} nLatents @returns {number[]} the very number first, then those that begin so */
function byNumber(digits, nLatents) {
  const found = [];
  const start = String(Number(digits));
  for (let low = Number(digits), many = 1; low < nLatents; low *= 10, many *= 10) {
    for (let latent = low; latent < Math.min(low + many, nLatents); latent++) found.push(latent);
    if (start === '0') break;
  }
  return found;
}

/** @type {WeakMap<Packed, Uint32Array>} latents in the order in which labels find them, made once for each answer */
const orders = new WeakMap();

/** @param {Packed} statistics @returns {Uint32Array} the largest share of the prevailing label first, of equal ones the most frequent */
function orderOf(statistics) {
  if (!orders.has(statistics)) {
    const { top_label_share: share, image_frequency: frequency, flags } = statistics.arrays;
    const order = Uint32Array.from(flags, (_, latent) => latent);
    orders.set(statistics, order.sort((a, b) => share[b] - share[a] || frequency[b] - frequency[a] || a - b));
  }
  return orders.get(statistics);
}

/** @param {string} wanted @param {number} nLatents @param {Packed|undefined} statistics @param {string[]} labels @returns {number[]} */
function byLabel(wanted, nLatents, statistics, labels) {
  if (!statistics) return [];
  const { top_label: label, flags } = statistics.arrays;
  const matching = labels.map((name) => beginsWord(name.toLowerCase(), wanted));
  if (!matching.includes(true)) return [];
  const found = [];
  for (const latent of orderOf(statistics)) if (latent < nLatents && flags[latent] & 1 && matching[label[latent]]) found.push(latent);
  return found;
}

/**
 * The very number first; then names (those with a word that begins so before the others), labels where the text begins a word of the
 * prevailing one (the largest share first, of equal ones the most frequent), numbers that begin so, notes. A latent is found once, by the first that matches.
 * @param {string} text @param {number} nLatents
 * @param {Packed|undefined} statistics packed dictionary statistics, if there are any
 * @param {string[]} labels @param {Notes} [notes]
 * @returns {Found[]}
 */
export function searchLatents(text, nLatents, statistics, labels, notes = new Map()) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const known = loweredNotes(notes).filter(({ latent }) => latent < nLatents);
  const named = known.filter(({ name }) => name.includes(wanted));
  const first = named.filter(({ name }) => beginsWord(name, wanted));
  const numbers = /^\d{1,9}$/.test(wanted) ? byNumber(wanted, nLatents) : [];
  const groups = [
    ['number', numbers.slice(0, 1).filter((latent) => latent === Number(wanted))],
    ['name', [...first, ...named.filter((one) => !first.includes(one))].map(({ latent }) => latent)],
    ['label', byLabel(wanted, nLatents, statistics, labels)],
    ['number', numbers],
    ['note', known.filter(({ note }) => note.includes(wanted)).map(({ latent }) => latent)],
  ];
  const seen = new Uint8Array(nLatents);
  const found = [];
  for (const [by, latents] of groups) {
    for (const latent of latents) {
      if (seen[latent]) continue;
      seen[latent] = 1;
      found.push({ latent, by });
    }
  }
  return found;
}

/**
 * The words of a note around what was looked for.
 * @param {string} note @param {string} wanted @returns {string} one line
 */
export function excerpt(note, wanted) {
  const at = note.toLowerCase().indexOf(wanted.trim().toLowerCase());
  const from = Math.max(0, at - 24);
  const part = note.slice(from, from + 90).replace(/\s+/g, ' ').trim();
  return `${from ? '…' : ''}${part}${from + 90 < note.length ? '…' : ''}`;
}
