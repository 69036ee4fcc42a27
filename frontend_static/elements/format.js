/** Numbers and tokens as text: tabular figures, a true minus sign, never more digits than the number deserves. */

const MINUS = '\u2212';

/** @param {string} text */
const minus = (text) => text.replace('-', MINUS);

/** @param {number} x a share, 0...1 @returns {string} such as `82 %`, `2.0 %`, `0.05 %` */
export function percent(x) {
  if (x === 0) return '0 %';
  if (x > 0.9995) return '100 %';
  if (x > 0.995) return `${(100 * x).toFixed(1)} %`;
  if (x >= 0.0995) return `${Math.round(100 * x)} %`;
  if (x >= 0.00995) return `${(100 * x).toFixed(1)} %`;
  return x < 0.00005 ? 'under 0.01 %' : `${(100 * x).toFixed(2)} %`;
}

/** @param {number} n @returns {string} with thousands separated */
export function whole(n) {
  return minus(Math.round(n).toLocaleString('en-US'));
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

/** @param {string} text a token as the tokenizer writes it @returns {string} what a chip shows */
export function tokenText(text) {
  const bare = text.replace(/^[\u2581\u0120 ]+/, '').replace(/ +$/, '');
  if (bare === '') return text === '' ? '∅' : '␣';
  return bare.replace(/\r?\n|\u010a/g, '⏎').replace(/\t/g, '⇥');
}

/** @param {number} n @param {string} one @param {string} [many] @returns {string} such as `1 latent`, `24 latents` */
export function counted(n, one, many = `${one}s`) {
  return `${whole(n)} ${n === 1 ? one : many}`;
}
