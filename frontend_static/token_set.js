/**
 * Several words taken together. The word that was chosen last (`token`) stays the one whose details are shown and from which arrow
 * keys go on; the set counts from two words on.
 *
 * @typedef {{token: number|null, tokens: readonly number[]}} Chosen
 */

/** As many as the plugin takes together. */
export const MAX_TOGETHER = 32;

const ascending = (tokens) => Object.freeze([...new Set(tokens)].sort((a, b) => a - b));

/** @param {Chosen} chosen @returns {readonly number[]} what is looked at: several tokens, or the one, or none */
export function together({ token, tokens }) {
  if (tokens.length > 1) return tokens;
  return token === null ? [] : [token];
}

/** @param {Chosen} chosen @returns {boolean} */
export const areSeveral = ({ tokens }) => tokens.length > 1;

/**
 * A token into the set, or out of it. A set begins with the token that was chosen alone.
 * @param {Chosen} chosen @param {number} index @returns {Chosen} the same where there is no room
 */
export function toggled({ token, tokens }, index) {
  const before = tokens.length ? tokens : token === null ? [] : [token];
  const has = before.includes(index);
  if (!has && before.length >= MAX_TOGETHER) return { token, tokens };
  const next = has ? before.filter((one) => one !== index) : [...before, index];
  if (has && next.length === 1) return { token: next[0], tokens: Object.freeze([]) };
  if (!next.length) return { token, tokens: Object.freeze([]) };
  return { token: index, tokens: ascending(next) };
}

/** The current token into the set or out of it, by keyboard: it stays the current one. @param {Chosen} chosen @returns {Chosen} */
export function marked({ token, tokens }) {
  if (token === null) return { token, tokens };
  const has = tokens.includes(token);
  if (!has && tokens.length >= MAX_TOGETHER) return { token, tokens };
  return { token, tokens: ascending(has ? tokens.filter((one) => one !== token) : [...tokens, token]) };
}

/** The next word joins the set and becomes the current one. @param {Chosen} chosen @param {number} index @returns {Chosen} */
export function extended({ token, tokens }, index) {
  const before = tokens.length ? tokens : token === null ? [] : [token];
  if (!before.includes(index) && before.length >= MAX_TOGETHER) return { token, tokens };
  return { token: index, tokens: ascending([...before, index]) };
}

/**
 * All tokens from the current one to another.
 * @param {Chosen} chosen @param {number} index @param {readonly number[]} order of the tokens that can be chosen @returns {Chosen}
 */
export function ranged({ token }, index, order) {
  const [from, to] = [order.indexOf(token), order.indexOf(index)];
  if (from < 0 || to < 0) return { token: index, tokens: Object.freeze([]) };
  const part = order.slice(Math.min(from, to), Math.max(from, to) + 1).slice(0, MAX_TOGETHER);
  return { token, tokens: part.length > 1 ? ascending(part) : Object.freeze([]) };
}

/** @param {string} text as an address has it @returns {readonly number[]|undefined} undefined when it is no list of tokens */
export function parseTokens(text) {
  if (!/^\d+(\.\d+)*$/.test(text)) return undefined;
  return ascending(text.split('.').map(Number).slice(0, MAX_TOGETHER));
}
