import { MAX_NAME, MAX_NOTE, nameOf, noteOf } from './latent_notes.js';
import { parseLatents } from './latent_list.js';

/**
 * Notes as a file: JSON that can be read again, a table for a spreadsheet.
 *
 * @typedef {import('./notes_home.js').LatentNote} LatentNote
 * @typedef {import('./notes_home.js').KeptText} KeptText
 */

const VERSION = 1;
/** As the plugin: a larger file is none of ours. */
export const MAX_FILE = 8 << 20;
const MAX_SELECTION_NAME = 60;

/** @param {{id: string, name: string}} dictionary @param {ReadonlyMap<number, LatentNote>} latents @param {KeptText[]} selections */
export function notesJson({ id, name }, latents, selections) {
  const rows = [...latents].sort(([a], [b]) => a - b);
  const kept = selections.map(({ name: title, latents: text, changed }) => ({ name: title, latents: text, changed }));
  return `${JSON.stringify({ version: VERSION, dictionary: id, dictionary_name: name, latents: Object.fromEntries(rows), selections: kept }, null, 1)}\n`;
}

/** @param {unknown} value @returns {string} RFC 4180 */
const cell = (value) => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));

/** @param {ReadonlyMap<number, LatentNote>} latents @param {(latent: number) => string} labelOf @returns {string} */
export function notesCsv(latents, labelOf) {
  const rows = [...latents].sort(([a], [b]) => a - b);
  const lines = rows.map(([latent, { name, note, pinned, changed }]) =>
    [latent, name, labelOf(latent), pinned ? 1 : 0, note, new Date(1000 * changed).toISOString()].map(cell).join(','),
  );
  return `${['latent,name,label,pinned,note,changed', ...lines].join('\r\n')}\r\n`;
}

/** @param {any} value @returns {LatentNote|string} the note, or what is wrong with it */
function readNote(value) {
  const { name = '', note = '', pinned = false, changed = 0 } = value ?? {};
  if (typeof value !== 'object' || value === null) return 'is no object';
  if (typeof name !== 'string' || typeof note !== 'string' || typeof pinned !== 'boolean') return 'has a name, note or pin of another kind';
  if (!Number.isFinite(changed) || changed < 0) return 'says no time when it was changed';
  const clean = { name: nameOf(name), note: noteOf(note), pinned, changed };
  if (clean.name.length > MAX_NAME) return `has a name of ${clean.name.length} characters, ${MAX_NAME} are the most`;
  if (clean.note.length > MAX_NOTE) return `has a note of ${clean.note.length} characters, ${MAX_NOTE} are the most`;
  return clean.name || clean.note || clean.pinned ? clean : 'is empty';
}

/**
 * @param {string} text @param {{id: string, name: string, n_latents: number}} dictionary
 * @returns {{latents: Map<number, LatentNote>, selections: KeptText[], refused: string[]}} `refused`: a part of a sentence each
 * @throws {Error} with a sentence, where nothing of it can be taken
 */
export function readNotesFile(text, { id, name, n_latents: nLatents }) {
  let read;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw new Error(`The file is no JSON (${error.message}): choose one that was exported here.`);
  }
  if (typeof read !== 'object' || read === null || typeof read.latents !== 'object' || read.latents === null)
    throw new Error('The file holds no notes: choose one that was exported here as JSON.');
  if (read.version !== VERSION) throw new Error(`The file’s version is ${JSON.stringify(read.version) ?? 'missing'}, this tab reads ${VERSION}.`);
  if (read.dictionary !== id)
    throw new Error(
      `The file is of dictionary “${read.dictionary_name ?? String(read.dictionary).slice(0, 12)}”, whose latents are others than those of “${name}”: choose that dictionary first. Nothing was taken.`,
    );
  const [latents, selections, refused] = [new Map(), [], []];
  for (const [key, value] of Object.entries(read.latents)) {
    const latent = /^\d{1,9}$/.test(key) ? Number(key) : -1;
    const note = latent >= 0 && latent < nLatents ? readNote(value) : 'is not in this dictionary';
    if (typeof note === 'string') refused.push(`latent ${key.slice(0, 20)} ${note}`);
    else latents.set(latent, note);
  }
  for (const one of Array.isArray(read.selections) ? read.selections : []) {
    const title = typeof one?.name === 'string' ? nameOf(one.name) : '';
    const numbers = typeof one?.latents === 'string' ? parseLatents(one.latents) : undefined;
    if (!title || title.length > MAX_SELECTION_NAME) refused.push('a selection without a name that can be kept');
    else if (!numbers?.length || numbers.some((latent) => latent >= nLatents)) refused.push(`selection “${title}” of other latents`);
    else selections.push({ name: title, latents: one.latents, changed: Number.isFinite(one.changed) && one.changed >= 0 ? one.changed : 0 });
  }
  return { latents, selections, refused };
}
