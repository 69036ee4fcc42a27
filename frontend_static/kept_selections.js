import { latentsText, parseLatents } from './latent_list.js';
import { NotesHome } from './notes_home.js';

/**
 * Selections of latents that the user gave a name, kept where notes are: with the log, else in this browser. Latents are numbers
 * of one dictionary, so each selection belongs to one; within it a name stands for one selection.
 */

export const MAX_NAME = 60;

export class KeptSelections {
  /** @param {NotesHome} home */
  constructor(home = new NotesHome(null)) {
    this.home = home;
  }

  /** @param {string|null} dictionary @returns {{name: string, latents: number[], home: 'log'|'browser'}[]} newest first */
  of(dictionary) {
    return this.home
      .selections(dictionary)
      .map(({ name, latents, home }) => ({ name, latents: parseLatents(latents) ?? [], home }))
      .filter(({ latents }) => latents.length)
      .reverse();
  }

  /** @param {string|null} dictionary @param {readonly number[]} latents @returns {string|null} the name of these very latents */
  nameOf(dictionary, latents) {
    if (!latents.length) return null;
    const text = latentsText(latents);
    return this.home.selections(dictionary).findLast((one) => one.latents === text)?.name ?? null;
  }

  /** @param {string} dictionary @param {string} name trimmed @returns {string|null} why nothing can be kept under it */
  refusal(dictionary, name) {
    if (!name) return 'A selection is kept under a name: type one.';
    if (name.length > MAX_NAME) return `The name has ${name.length} characters: ${MAX_NAME} are the most.`;
    const taken = this.home.selections(dictionary).some((one) => one.name === name);
    return taken ? `“${name}” is kept already: choose another name, or remove that one first.` : null;
  }

  /**
   * @param {string} dictionary @param {string} typed the name @param {readonly number[]} latents
   * @returns {Promise<string|null>} why it cannot be kept
   */
  async keep(dictionary, typed, latents) {
    const name = typed.trim();
    return this.refusal(dictionary, name) ?? this.home.setSelection(name, { latents: latentsText(latents) }, this.home.where);
  }

  /**
   * @param {string} dictionary @param {string} name @param {'log'|'browser'} home where it is @param {string} typed the new name
   * @returns {Promise<string|null>} why it cannot be
   */
  async rename(dictionary, name, home, typed) {
    const next = typed.trim();
    if (next === name) return null;
    return this.refusal(dictionary, next) ?? this.home.setSelection(name, { to: next }, home);
  }

  /** @param {string} name @param {'log'|'browser'} home where it is @returns {Promise<string|null>} why it cannot be removed */
  async remove(name, home) {
    return this.home.setSelection(name, { remove: true }, home);
  }
}
