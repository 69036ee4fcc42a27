import { html, nothing } from '../../vendor/lit.js';
import { changeName, steeringSpec } from '../../basket.js';
import { counted, tokenText } from '../../elements/format.js';

/**
 * What a new dose-response is about, and the form that says which words and doses.
 *
 * @typedef {{name: string, latents: number[], op: 'SET'|'SCALE'|'ADD', doses: number[], where: any}} DoseSubject `where` as a spec has it
 */

const SCALES = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5];
const MOST_DOSES = 30;
const FIRST_WORDS = 4;
const SHARES = [0, 0.25, 0.5, 0.75, 1, 1.5, 2];

/** @param {'SET'|'SCALE'|'ADD'} op @param {number} value that is steered to @returns {number[]} */
function usualDoses(op, value) {
  if (op === 'SCALE') return SCALES;
  const top = Math.abs(value) || 8;
  return SHARES.map((share) => Number((share * top * (value < 0 ? -1 : 1)).toPrecision(3))).sort((a, b) => a - b);
}

/**
 * The basket's only item, else the latents of the result when all are changed alike.
 * @param {import('../../selection.js').Selection} selection @param {any} result as `steering_result` answers, or undefined
 * @param {{width: number, height: number}|null} picture in pixels @returns {DoseSubject|null}
 */
export function subjectOf(selection, result, picture) {
  if (selection.basket.length === 1) {
    const [{ name, latents, op, value }] = selection.basket;
    const [{ where }] = steeringSpec(selection, picture).interventions;
    const sorted = [...latents].sort((a, b) => a - b);
    return { name: name ?? `latent ${latents[0]}`, latents: sorted, op, doses: usualDoses(op, value), where };
  }
  if (!result?.steering) return null;
  const { interventions } = result.steering;
  const [{ op, value }] = interventions;
  const latents = interventions.map(({ latent }) => latent).sort((a, b) => a - b);
  const suffix = ` ${changeName({ name: 'x', latents, op, value }).slice(2)}`;
  const name = result.name.endsWith(suffix) ? result.name.slice(0, -suffix.length) : result.name;
  const uniform = interventions.every((one) => one.op === op);
  const scale = op === 'SCALE' || latents.length > 1; // the latents of a cluster have different scales
  const { where } = interventions[0];
  return uniform ? { name, latents, op: scale ? 'SCALE' : op, doses: usualDoses(scale ? 'SCALE' : op, value), where } : null;
}

/** @param {DoseSubject|null} subject */
export const isDosable = (subject) => subject !== null && subject.latents.length > 0;

/** @param {string} text @returns {number[]|null} ascending; null when it is not two to thirty different numbers */
export function parseDoses(text) {
  const parts = text.split(/[,;\s]+/).filter(Boolean);
  const values = [...new Set(parts.map((part) => Number(part.replace('−', '-'))))].sort((a, b) => a - b);
  return values.length >= 2 && values.length <= MOST_DOSES && values.every(Number.isFinite) ? values : null;
}

/**
 * The words that fall in the result, the deepest first, and one that does not; without a result the answer's first.
 * @param {any} result as `steering_result` answers, or undefined @param {number} nWords of the original answer @returns {Set<number>}
 */
export function firstWords(result, nWords) {
  const found = result ? result.falls.slice(0, FIRST_WORDS - 1).map(({ number }) => number) : [];
  if (result?.largest_other) found.push(result.largest_other.number);
  for (let number = 0; number < nWords && !found.length; number++) found.push(number);
  return new Set(found.filter((number) => number < nWords));
}

/**
 * @param {{subject: DoseSubject, tokens: {text: string}[], words: Set<number>, doses: string, why: string|null,
 *   onWord: (number: number) => void, onDoses: (text: string) => void, onRun: () => void}} given `why`: it cannot be run
 */
export function doseSetup({ subject, tokens, words, doses, why, onWord, onDoses, onRun }) {
  const n = parseDoses(doses)?.length ?? 0;
  return html`<form class="dose-setup" aria-label="New doses" @submit=${(event) => {
    event.preventDefault();
    onRun();
  }}>
    <p class="note">Doses (${subject.op}) of <b>${subject.name}</b>, ${counted(subject.latents.length, 'latent')}, for these words:</p>
    <div class="chips" role="group" aria-label="Words">${tokens.map(
      ({ text }, i) => html`<button type="button" class="chip mono ${words.has(i) ? 'on' : ''}" aria-pressed=${String(words.has(i))}
        @click=${() => onWord(i)}>${tokenText(text)}</button>`,
    )}</div>
    <span class="row"><label>Doses <input class="mono" .value=${doses} size="28" @input=${(event) => onDoses(event.target.value)}></label>
      <button class="button small" ?disabled=${why !== null && why !== ''} title=${why ?? ''}>Run ${counted(n, 'dose')}</button></span>
    ${why ? html`<p class="note" role="status">${why}</p>` : nothing}</form>`;
}
