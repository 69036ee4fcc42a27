import { html, nothing } from '../../vendor/lit.js';
import { counted, fixed, percent, tokenText } from '../../elements/format.js';

/**
 * The result in one sentence, built from what `steering_result` answers. No adjective without its figure.
 *
 * @typedef {any} Result as `steering_result` answers
 */

/** @param {number} logprob @returns {string} */
const chance = (logprob) => percent(Math.exp(logprob));

/** @param {Result} result @param {number} number of a word of the original answer @returns {string} */
export const wordOf = (result, number) => tokenText(result.answers[0].tokens[number].text);

const mono = (text) => html`<b class="mono">${text}</b>`;

/**
 * Name of what was changed: a cluster's, when the result is called after one.
 * @param {Result} result @returns {string|null}
 */
function clusterName({ name, steering }) {
  const found = /^(.+) × [−\d.e]+$/u.exec(name);
  return found && steering.interventions.length > 1 ? found[1] : null;
}

/** @param {Result} result what was done to the model, as the sentence begins */
export function whatWasDone(result) {
  if (result.erasure) {
    const [x0, y0, x1, y1] = result.erasure.box.map(Math.round);
    const { fill } = result.erasure;
    if (fill === 'outside') return html`With nothing but the box of <b>${x1 - x0} × ${y1 - y0} pixels</b> kept`;
    const how = fill === 'mean' ? 'filled with the colour around it' : 'blurred';
    return html`With the box of <b>${x1 - x0} × ${y1 - y0} pixels</b> ${how}`;
  }
  const { interventions } = result.steering;
  const n = interventions.length;
  const [{ latent, op, value }] = interventions;
  const alike = interventions.every((one) => one.op === op && one.value === value);
  const cluster = clusterName(result);
  const named = (count) => (cluster ? html`the ${count} of cluster <b>${cluster}</b>` : count);
  const latents = n === 1 ? html`latent <b>${latent}</b>` : named(html`<b>${counted(n, 'latent')}</b>`);
  const where = interventions[0].where;
  const place = where === 'all' ? nothing : where === 'firing' ? ' where they fire' : ' in the box';
  if (alike && value === 0 && op !== 'ADD') return html`Without ${latents}${place}`;
  if (!alike) return html`With <b>${counted(n, 'latent')}</b> changed (${result.name})${place}`;
  const change = { SET: 'set to', SCALE: 'scaled by', ADD: 'raised by' }[op];
  return html`With ${latents} ${change} <b>${fixed(value, 2).replace(/\.?0+$/, '')}</b>${place}`;
}

/** @param {Result} result what the controls are, as a noun */
function controlsAre(result) {
  const controls = result.answers.filter(({ condition }) => condition === 'control');
  if (!controls.length) return null;
  const sets = `${counted(controls.length, 'set')} of `;
  if (result.erasure) return `${counted(controls.length, 'box', 'boxes')} of the same size elsewhere`;
  return `${sets}${counted(controls[0].latents.length, 'random latent')} of like effect`;
}

/** @param {Result} result */
function whatTheControlsDo(result, { before, control_mean: mean, control_worst: worst }) {
  const controls = controlsAre(result);
  if (!controls || mean === null) return nothing;
  return html` ${controls} leave it at <b data-value="control-chance">${chance(before + mean)}</b> on the mean, at
    <b>${chance(before + worst)}</b> at worst.`;
}

/** @param {Result} result @returns {unknown} the sentence */
export function verdict(result) {
  const done = whatWasDone(result);
  const nWords = result.answers[0].tokens.length;
  const { falls, largest_other: other } = result;
  if (!nWords) return html`${done} there is nothing to compare: the original answer is empty.`;
  if (!falls.length) {
    return html`${done} <b>no word of ${nWords}</b> becomes half as likely; ${mono(wordOf(result, other.number))} changes most, by
      <b>${signed(other.change)} nat</b>. The answer ${result.parting ? html`parts at ${mono(partingWord(result))}` : 'stays the same'}.`;
  }
  const [deepest, ...more] = falls;
  const leaves = deepest.said ? (deepest.kept ? ' but stays' : ' and leaves its place') : ' and leaves the answer';
  const alsoFall = more.length
    ? html` ${counted(more.length, 'more word falls', 'more words fall')} (${mono(wordOf(result, more[0].number))} to
      <b>${chance(more[0].after)}</b>).`
    : nothing;
  const rest = other
    ? html` The other ${counted(nWords - falls.length, 'word')} change by at most <b>${fixed(Math.abs(other.change), 2)} nat</b>.`
    : nothing;
  return html`${done} the word ${mono(wordOf(result, deepest.number))} falls from <b>${chance(deepest.before)}</b> to
    <b data-value="fallen-to">${chance(deepest.after)}</b>${leaves}.${alsoFall}${rest}${whatTheControlsDo(result, deepest)}`;
}

/** @param {number} change @returns {string} with its sign */
export function signed(change) {
  return `${change > 0.005 ? '+' : ''}${fixed(change, 2)}`;
}

/** @param {Result} result @returns {string} the word of the original at which the answers part; of the steered one where it has ended */
function partingWord(result) {
  const { number } = result.parting;
  const token = result.answers[0].tokens[number] ?? result.answers.at(-1).tokens[number];
  return tokenText(token.text);
}

/**
 * The word that the figures are about: the deepest fall, else the largest change.
 * @param {Result} result @returns {{word: string, change: number, reconstruction: number|null, control: number|null}|null}
 */
export function keyFigures(result) {
  const number = result.falls[0]?.number ?? result.largest_other?.number;
  if (number === undefined) return null;
  const reconstruction = result.answers.find(({ condition }) => condition === 'reconstruction');
  return {
    word: wordOf(result, number),
    change: result.answers.at(-1).change_along_original[number],
    reconstruction: reconstruction ? reconstruction.change_along_original[number] : null,
    control: result.control_mean ? result.control_mean[number] : null,
  };
}
