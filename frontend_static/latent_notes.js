import { isEmpty, NotesHome } from './notes_home.js';

/**
 * Names, notes and pins that the user gave to latents of the chosen dictionary.
 *
 * @typedef {import('./notes_home.js').LatentNote} LatentNote
 */

export const MAX_NAME = 80;
export const MAX_NOTE = 4000;
/** @type {Readonly<LatentNote>} */
export const NO_NOTE = Object.freeze({ name: '', note: '', pinned: false, changed: 0 });

/** Control characters: nothing that one types. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\p{Surrogate}/gu;

/** @param {string} typed @returns {string} one line */
export const nameOf = (typed) => typed.replace(/\s+/g, ' ').replace(CONTROL, '').trim();
/** @param {string} typed @returns {string} */
export const noteOf = (typed) => typed.replace(/\r\n?/g, '\n').replace(CONTROL, '').trimEnd();

/** @param {{name: string, note: string}} texts @returns {string|null} why they are not taken */
export function refusalOfNote({ name, note }) {
  if (name.length > MAX_NAME) return `The name has ${name.length} characters: ${MAX_NAME} are the most.`;
  if (note.length > MAX_NOTE) return `The note has ${note.length.toLocaleString('en-US')} characters: ${MAX_NOTE.toLocaleString('en-US')} are the most.`;
  return null;
}

export class LatentNotes {
  /** @param {NotesHome} home */
  constructor(home = new NotesHome(null)) {
    this.home = home;
    this.ofPinned = { of: null, pinned: [] };
  }

  /** @returns {ReadonlyMap<number, LatentNote>} those with anything in them; another object after every change */
  all() {
    return this.home.latents();
  }

  /** @param {number|null} latent @returns {Readonly<LatentNote>} */
  of(latent) {
    return (latent === null ? null : this.all().get(latent)) ?? NO_NOTE;
  }

  /** @returns {number[]} ascending; the same object until something changes */
  pinned() {
    const all = this.all();
    if (this.ofPinned.of !== all) {
      const pinned = [...all].filter(([, note]) => note.pinned).map(([latent]) => latent);
      this.ofPinned = { of: all, pinned: pinned.sort((a, b) => a - b) };
    }
    return this.ofPinned.pinned;
  }

  /**
   * @param {number} latent @param {Partial<LatentNote>} patch as typed @param {Partial<LatentNote>} [was] the text that the change
   *   began from: where somebody else changed it meanwhile, theirs stays @returns {Promise<string|null>} why it is not kept
   */
  async set(latent, patch, was = {}) {
    const clean = { ...patch };
    if ('name' in clean) clean.name = nameOf(clean.name);
    if ('note' in clean) clean.note = noteOf(clean.note);
    const before = this.of(latent);
    const next = { ...before, ...clean };
    if (Object.keys(clean).every((key) => clean[key] === before[key])) return null;
    return refusalOfNote(next) ?? this.home.setLatent(latent, clean, next, was);
  }

  /** @param {number} latent @returns {Promise<string|null>} why not */
  toggle(latent) {
    return this.set(latent, { pinned: !this.of(latent).pinned });
  }
}

export { isEmpty };
