/**
 * Long parts of a selection, kept in this browser under a name, so that the address holds the name alone. The name follows
 * from the text: the same selection has the same name, and a name never stands for another selection.
 */

const KEY = 'visualscratchpad.named';
/** The oldest are let go beyond this many. */
const MAX_KEPT = 30;

/** @param {string} text @returns {string} 8 hex digits, FNV-1a over UTF-16 units run from both ends */
function digest(text) {
  let [forward, backward] = [0x811c9dc5, 0x811c9dc5];
  for (let i = 0; i < text.length; i++) {
    forward = Math.imul(forward ^ text.charCodeAt(i), 0x01000193);
    backward = Math.imul(backward ^ text.charCodeAt(text.length - 1 - i), 0x01000193);
  }
  const hex = (n) => (n >>> 0).toString(16).padStart(8, '0');
  return hex(forward).slice(0, 4) + hex(backward).slice(0, 4);
}

/** @returns {Storage|null} null where the browser keeps nothing for this page */
export function browserStorage() {
  try {
    return window.localStorage;
  } catch {
    return null; // forbidden by the user: what is long is then left out of the address, and the tab says so
  }
}

export class NamedValues {
  /** @param {Pick<Storage, 'getItem'|'setItem'>|null} storage */
  constructor(storage) {
    this.storage = storage;
  }

  /** @returns {[string, string][]} name and text, oldest first */
  all() {
    try {
      const known = JSON.parse(this.storage?.getItem(KEY) ?? '[]');
      return Array.isArray(known) ? known : [];
    } catch {
      return []; // written by other hands: nothing of ours is in it
    }
  }

  /** @param {string} kind first part of the name @param {string} text @returns {string|null} its name; null where it cannot be kept */
  keep(kind, text) {
    if (!this.storage) return null;
    const name = `${kind}-${digest(text)}`;
    const known = this.all().filter(([other]) => other !== name);
    try {
      this.storage.setItem(KEY, JSON.stringify([...known, [name, text]].slice(-MAX_KEPT)));
    } catch {
      return null; // no room
    }
    return name;
  }

  /** @param {string} name @returns {string|null} */
  find(name) {
    return this.all().find(([other]) => other === name)?.[1] ?? null;
  }
}
