/**
 * Latent numbers as text for an address. Few are written out, `3.17.576`. Many are packed: the gaps between ascending numbers in
 * Rice's code (R. F. Rice, 1979), which for numbers drawn at random comes within a few percent of the shortest there is: 600 of
 * 65,536 take some 850 characters; a whole dictionary of K latents never takes more than K / 6 + 10.
 *
 * Packed: `~`, the parameter k in one digit of base 32, then bits in base64url, most significant first: each gap g (0 for the next
 * number) as g >> k ones, a zero, and the low k bits of g. Spare bits at the end are ones, which begin no number.
 */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BITS = 6;
const MAX_K = 24;
/** Shorter texts stay readable. */
const PACKED_FROM = 120;
/** No dictionary is larger; keeps a forged text from filling the memory. */
const MAX_LATENT = 2 ** 24;

/** @param {readonly number[]} gaps @param {number} k @returns {number} bits */
const costOf = (gaps, k) => gaps.reduce((sum, gap) => sum + Math.floor(gap / 2 ** k) + 1 + k, 0);

/** @param {readonly number[]} gaps @returns {number} the parameter that makes the text shortest, or nearly: it follows from the mean gap */
function bestParameter(gaps) {
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const near = Math.min(MAX_K, Math.max(0, Math.floor(Math.log2(Math.max(1, mean)))));
  const tried = [near, near - 1, near + 1].filter((k) => k >= 0 && k <= MAX_K);
  const costs = tried.map((k) => costOf(gaps, k));
  return tried[costs.indexOf(Math.min(...costs))];
}

/** @param {readonly number[]} latents ascending @returns {string} */
function pack(latents) {
  const gaps = latents.map((latent, i) => latent - (i ? latents[i - 1] + 1 : 0));
  const k = bestParameter(gaps);
  let [text, held, n] = ['', 0, 0];
  const put = (bit) => {
    held = (held << 1) | bit;
    if (++n < BITS) return;
    text += DIGITS[held];
    [held, n] = [0, 0];
  };
  for (const gap of gaps) {
    for (let ones = gap >>> k; ones > 0; ones--) put(1);
    put(0);
    for (let place = k - 1; place >= 0; place--) put((gap >>> place) & 1);
  }
  while (n) put(1);
  return `~${k.toString(32)}${text}`;
}

/** @param {string} text after the `~` @returns {number[]|undefined} undefined when it is not what `pack` writes */
function unpack(text) {
  const k = Number.parseInt(text[0], 32);
  if (!(k <= MAX_K)) return undefined;
  const latents = [];
  let [ones, low, left, next] = [0, 0, -1, 0]; // left: low bits still to come, -1 while counting ones
  for (const digit of text.slice(1)) {
    const value = DIGITS.indexOf(digit);
    if (value < 0) return undefined;
    for (let place = BITS - 1; place >= 0; place--) {
      const bit = (value >> place) & 1;
      if (left < 0 && bit) ones++;
      else if (left < 0) left = k;
      else {
        low = 2 * low + bit;
        left--;
      }
      if (left) continue;
      const latent = next + ones * 2 ** k + low;
      if (latent >= MAX_LATENT) return undefined;
      latents.push(latent);
      next = latent + 1;
      [ones, low, left] = [0, 0, -1];
    }
  }
  return left < 0 && ones < BITS && latents.length ? latents : undefined;
}

/** @param {readonly number[]} latents @returns {string} */
function written(latents) {
  const plain = latents.join('.');
  if (plain.length <= PACKED_FROM || latents.some((latent, i) => i && latent <= latents[i - 1])) return plain;
  const packed = pack(latents);
  return packed.length < plain.length ? packed : plain;
}

/** @type {WeakMap<readonly number[], string>} texts of selections, which are written with every move of a slider */
const texts = new WeakMap();

/** @param {readonly number[]} latents not empty, in any order (packed only where they ascend), never altered @returns {string} */
export function latentsText(latents) {
  let text = texts.get(latents);
  if (text === undefined) {
    text = written(latents);
    texts.set(latents, text);
  }
  return text;
}

/** @param {string} text @returns {number[]|undefined} undefined when it is no list of latents */
export function parseLatents(text) {
  if (text.startsWith('~')) return unpack(text.slice(1));
  return /^\d+(\.\d+)*$/.test(text) ? text.split('.').map(Number) : undefined;
}
