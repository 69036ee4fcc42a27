/** Numbers and tokens as text: tabular figures, a true minus sign, never more digits than the number deserves. */

const MINUS = '\u2212';

/** Made once: making one is a hundred times slower than using it. */
const THOUSANDS = new Intl.NumberFormat('en-US');

/** @param {string} text */
const minus = (text) => text.replace('-', MINUS);

/** @param {number} x a share, 0...1 @returns {string} such as `82 %`, `2.0 %`, `0.05 %` */
export function percent(x) {
  if (x === 0) return '0 %';
  if (x > 1.005) return `${Math.round(100 * x)} %`; // a rebuilt input can be further off than its mean
  if (x > 0.9995) return '100 %';
  if (x > 0.995) return `${(100 * x).toFixed(1)} %`;
  if (x >= 0.0995) return `${Math.round(100 * x)} %`;
  if (x >= 0.00995) return `${(100 * x).toFixed(1)} %`;
  return x < 0.00005 ? 'under 0.01 %' : `${(100 * x).toFixed(2)} %`;
}

/** @param {number} n @returns {string} with thousands separated */
export function whole(n) {
  return minus(THOUSANDS.format(Math.round(n)));
}

/** @param {number} x an activation @returns {string} three decimals, fewer when large */
export function activation(x) {
  return minus(Math.abs(x) >= 1000 ? x.toFixed(0) : Math.abs(x) >= 100 ? x.toFixed(1) : x.toFixed(3));
}

/** @param {number} x @param {number} digits @returns {string} */
export function fixed(x, digits) {
  const text = x.toFixed(digits);
  return minus(Number(text) === 0 ? text.replace('-', '') : text);
}

/** @param {number|null} x C / B; null where B is 0 @returns {string} */
export function lift(x) {
  if (x === null) return '–';
  return `${x >= 10 ? Math.round(x) : x.toFixed(1)}×`;
}

/** Joiners and marks without width: shown by number where a token holds nothing else. */
const INVISIBLE = /^[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]+$/;
/** Control characters and those that turn the direction of what follows: always shown by number. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** @param {string} character @returns {string} such as `<U+200B>` */
const numbered = (character) => `<U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}>`;

/** @param {string} text a token as the tokenizer writes it @returns {string} what a chip shows: never nothing */
export function tokenText(text) {
  const bare = text.replace(/^[\u2581\u0120 ]+/, '').replace(/ +$/, '');
  if (bare === '') return text === '' ? '∅' : '␣';
  if (INVISIBLE.test(bare)) return [...bare].map(numbered).join('');
  return bare
    .replace(/\r?\n|\u010a/g, '⏎')
    .replace(/\t/g, '⇥')
    .replace(CONTROL, numbered);
}

/** @param {number} n @param {string} one @param {string} [many] @returns {string} such as `1 latent`, `24 latents` */
export function counted(n, one, many = `${one}s`) {
  return `${whole(n)} ${n === 1 ? one : many}`;
}
