const KEY = 'visualscratchpad.walk';
/** Of more steps done the oldest are forgotten. */
const MAX_DONE = 400;

/** What the browser remembers of the walk: whether its strip is shown, and which steps were done for what. */
export class WalkMemory {
  /** @param {Pick<Storage, 'getItem'|'setItem'>|null} storage null: as long as the page lives */
  constructor(storage) {
    this.storage = storage;
    this.open = false;
    /** @type {Set<string>} */
    this.done = new Set();
    try {
      const { open, done } = JSON.parse(storage?.getItem(KEY) ?? '{}');
      this.open = open === true;
      if (Array.isArray(done)) this.done = new Set(done.filter((one) => typeof one === 'string'));
    } catch {
      // written by hand or by a later version: the walk begins anew
    }
  }

  /** @param {string} key of a step @param {string|null} subject @returns {boolean} */
  has(key, subject) {
    return subject !== null && this.done.has(`${key} ${subject}`);
  }

  /** @param {string} key @param {string|null} subject @returns {boolean} whether it is new */
  add(key, subject) {
    if (subject === null || this.has(key, subject)) return false;
    this.done.add(`${key} ${subject}`);
    while (this.done.size > MAX_DONE) this.done.delete(this.done.values().next().value);
    this.keep();
    return true;
  }

  /** @param {boolean} open */
  show(open) {
    this.open = open;
    this.keep();
  }

  keep() {
    try {
      this.storage?.setItem(KEY, JSON.stringify({ open: this.open, done: [...this.done] }));
    } catch {
      // no room: it lasts as long as the page
    }
  }
}
