import { html, nothing } from '../../vendor/lit.js';
import { fixed, percent, tokenText } from '../../elements/format.js';
import { nextAction } from './leading.js';

/**
 * What a result did to the word that the user marked as wrong.
 * @param {any} result answer to `steering_result` @param {any} run answer to `vlm_run`: the run that was asked again @param {number|null} doubt
 * @returns {{number: number, text: string, before: number, after: number, control: number|null}|null} `number`: of the word in the original
 *   answer; chances; null where no word of this answer is doubted
 */
export function doubtedWord(result, run, doubt) {
  if (doubt === null || !run || (result.original_run_id && result.original_run_id !== run.id)) return null;
  const number = run.tokens.filter(({ span }) => span === 'OUTPUT').findIndex(({ index }) => index === doubt);
  const word = result.answers[0].tokens[number];
  const after = result.answers.at(-1).along_original[number];
  if (!word || after === undefined) return null;
  const before = result.answers[0].along_original[number];
  const control = result.control_mean?.[number];
  return { number, text: tokenText(word.text), before: Math.exp(before), after: Math.exp(after), control: control === undefined ? null : Math.exp(before + control) };
}

/**
 * @param {import('../../store.js').Store} store @param {import('../../api.js').Api} api @param {any} result @param {any} run
 * @returns {unknown} one sentence, and the way back to the word
 */
export function doubtedLine(store, api, result, run) {
  const word = doubtedWord(result, run, store.selection.doubt);
  if (!word) return html`<p class="note doubted-told">${nextAction(store, api, 'word', store.selection.doubt === null ? 'Find the wrong word' : 'Back to the word')}</p>`;
  const change = Math.log(word.after) - Math.log(word.before);
  return html`<p class="note doubted-told" data-value="doubted">The word you doubt, <b class="mono">${word.text}</b>, goes from <b>${percent(word.before)}</b> to
    <b>${percent(word.after)}</b> (${change > 0.005 ? '+' : ''}${fixed(change, 2)} nat)${word.control === null ? nothing : html`; the controls leave it at <b>${percent(word.control)}</b> on the mean`}.
    ${nextAction(store, api, 'word', 'Back to the word')}</p>`;
}
