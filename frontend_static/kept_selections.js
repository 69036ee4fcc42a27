import { latentsText, parseLatents } from './latent_list.js';

/**
 * Selections of latents that the user gave a name, kept in this browser. Latents are numbers of one dictionary, so each
 * selection belongs to one; within it a name stands for one selection.
 *
 * @typedef {{name: string, dictionary: string, latents: string}} Kept `latents` as an address writes them
 */

const KEY = 'visualscratchpad.selections';
export const MAX_NAME = 60;

/** @param {any} one @returns {boolean} */
const isKept = (one) => [one?.name, one?.dictionary, one?.latents].every((text) => typeof text === 'string');

export class KeptSelections {
  /** @param {Pick<Storage, 'getItem'|'setItem'>|null} storage null where the browser keeps nothing for this page */
  constructor(storage) {
    this.storage = storage;
  }

  /** @returns {Kept[]} of all dictionaries, oldest first */
  all() {
    try {
      const known = JSON.parse(this.storage?.getItem(KEY) ?? '[]');
      return Array.isArray(known) ? known.filter(isKept) : [];
    } catch {
      return []; // written by other hands: nothing of ours is in it
    }
  }

  /** @param {string|null} dictionary @returns {{name: string, latents: number[]}[]} newest first */
  of(dictionary) {
    return this.all()
      .filter((one) => one.dictionary === dictionary)
      .map(({ name, latents }) => ({ name, latents: parseLatents(latents) ?? [] }))
      .filter(({ latents }) => latents.length)
      .reverse();
  }

  /** @param {string|null} dictionary @param {readonly number[]} latents @returns {string|null} the name of these very latents */
  nameOf(dictionary, latents) {
    if (!latents.length) return null;
    const text = latentsText(latents);
    return this.all().findLast((one) => one.dictionary === dictionary && one.latents === text)?.name ?? null;
  }

  /** @param {Kept[]} known @returns {string|null} why they cannot be kept */
  write(known) {
    if (!this.storage) return 'This browser keeps nothing for this page: allow it to store site data.';
    try {
      this.storage.setItem(KEY, JSON.stringify(known));
      return null;
    } catch {
      return 'The browser has no room left for this page: remove selections that you no longer need.';
    }
  }

  /** @param {string} dictionary @param {string} name trimmed @returns {string|null} why nothing can be kept under it */
  refusal(dictionary, name) {
    if (!name) return 'A selection is kept under a name: type one.';
    if (name.length > MAX_NAME) return `The name has ${name.length} characters: ${MAX_NAME} are the most.`;
    const taken = this.all().some((one) => one.dictionary === dictionary && one.name === name);
    return taken ? `“${name}” is kept already: choose another name, or remove that one first.` : null;
  }

  /**
   * @param {string} dictionary @param {string} typed the name @param {readonly number[]} latents
   * @returns {string|null} why it cannot be kept
   */
  keep(dictionary, typed, latents) {
    const name = typed.trim();
    return this.refusal(dictionary, name) ?? this.write([...this.all(), { name, dictionary, latents: latentsText(latents) }]);
  }

  /** @param {string} dictionary @param {string} name @param {string} typed the new one @returns {string|null} why it cannot be */
  rename(dictionary, name, typed) {
    const next = typed.trim();
    if (next === name) return null;
    const renamed = this.all().map((one) => (one.dictionary === dictionary && one.name === name ? { ...one, name: next } : one));
    return this.refusal(dictionary, next) ?? this.write(renamed);
  }

  /** @param {string} dictionary @param {string} name @returns {string|null} why it cannot be removed */
  remove(dictionary, name) {
    return this.write(this.all().filter((one) => one.dictionary !== dictionary || one.name !== name));
  }
}
