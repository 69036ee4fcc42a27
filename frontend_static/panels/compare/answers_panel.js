import { html, nothing } from '../../vendor/lit.js';
import '../../elements/answer_raster.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { counted, fixed, tokenText } from '../../elements/format.js';
import '../../elements/picture.js';
import { select } from '../../elements/select.js';
import { originalOf } from '../../outcomes.js';
import { rasterise } from '../../plots/image_overlay.js';
import { Panel } from '../base/panel.js';
import { askFiring, askOriginal, askOriginalPatches, askSteered } from './requests.js';

/** @param {any} result @returns {string} */
const controlsName = (result) => (result.erasure ? 'Other boxes' : 'Random');

/** @param {any} result @returns {string} what was done, in a few words for a row */
function steeredNote({ steering, answers }) {
  const n = answers.at(-1).latents.length;
  const { interventions } = steering;
  const [{ op, value }] = interventions;
  const alike = interventions.every((one) => one.op === op && one.value === value);
  const to = { SCALE: '× ', SET: 'to ', ADD: '+ ' }[op];
  return alike ? `${counted(n, 'latent')} ${to}${fixed(value, 2).replace(/\.?0+$/, '')}` : counted(n, 'latent');
}

/** The answers under every condition, word by word; where the latents fire; both answers under both models. */
export class AnswersPanel extends Panel {
  static properties = { shownControls: { state: true } };

  constructor() {
    super();
    this.shownControls = 'mean';
    this.result = this.query(askSteered);
    this.original = this.query(askOriginal);
    this.patches = this.query(askOriginalPatches);
    this.firing = this.query((store, api) => askFiring(store, api, this.result.value?.answers.at(-1).latents ?? []));
    this.made = { of: null, raster: null, rows: null };
  }

  /** The mean, or the lowest, over the controls: it has no words of its own. */
  controlSummary(result, n) {
    const worst = this.shownControls === 'worst';
    const changes = worst ? result.control_worst : result.control_mean;
    if (!changes) return [];
    return [
      {
        name: controlsName(result),
        note: `${worst ? 'worst' : 'mean'} of ${n}`,
        words: [],
        steps: changes.map((_, i) => ['kept', i, null]),
        changes,
        told: false,
      },
    ];
  }

  /** @param {any} result @returns {import('../../elements/answer_raster.js').RasterRow[]} */
  rows(result) {
    const row = (answer, name, note) => ({
      name,
      note,
      words: answer.tokens.map(({ text }) => text),
      steps: answer.diff.steps,
      changes: answer.change_along_original,
    });
    const of = (condition) => result.answers.filter((answer) => answer.condition === condition);
    const controls = of('control');
    return [
      ...of('reconstruction').map((answer) => row(answer, 'Reconstruction', 'control')),
      ...(this.shownControls === 'each'
        ? controls.map((answer, i) => row(answer, controlsName(result), `${i + 1} of ${controls.length}`))
        : this.controlSummary(result, controls.length)),
      ...of('steered').map((answer) => row(answer, 'Steered', steeredNote(result))),
      ...of('erased').map((answer) => row(answer, 'Erased', result.erasure.fill)),
    ];
  }

  /** Made anew only when the answer behind it or the choice of controls changed. */
  madeRows(result) {
    const of = [result, this.shownControls];
    if (!this.made.of?.every((one, i) => one === of[i])) this.made = { of, rows: this.rows(result) };
    return this.made.rows;
  }

  renderPicture(result) {
    const entry = originalOf(this.store);
    const run = this.original.value;
    if (!run || !this.patches.value || !entry) return nothing;
    const { width, height } = run.picture;
    const fires = this.firing.value;
    if (fires && this.mapped?.of !== fires)
      this.mapped = { of: fires, raster: rasterise(run.picture, this.patches.value.arrays.box, fires.arrays.value, 'maximum') };
    const raster = result.erasure || !fires ? null : this.mapped.raster;
    const n = result.answers.at(-1).latents.length;
    const caption = result.erasure ? 'the box' : n === 1 ? 'where the latent fires' : `where the ${n} latents fire`;
    const [x0, y0, x1, y1] = result.erasure?.box ?? [0, 0, 0, 0];
    const box = `left:${(100 * x0) / width}%;top:${(100 * y0) / height}%;width:${(100 * (x1 - x0)) / width}%;height:${(100 * (y1 - y0)) / height}%`;
    return html`<figure class="where"><div class="boxed" .style=${`--ratio:${width / height}`}><vs-picture
        .src=${entry.has_picture ? this.api.pictureUrl(entry) : ''} .raster=${raster} .mode=${'spotlight'} .theme=${this.theme} outlined
        .label=${`Picture: ${caption}`} .ratio=${width / height}></vs-picture>
        ${result.erasure ? html`<i class="box-mark" .style=${box}></i>` : nothing}</div>
      <figcaption class="note">${caption}</figcaption></figure>`;
  }

  /** Both answers under both models, and where they part. */
  renderBoth(result) {
    const [first, last] = [result.answers[0], result.answers.at(-1)];
    const [name, under] = result.erasure ? ['erased', `picture with the box ${result.erasure.fill === 'outside' ? 'alone' : 'erased'}`] : ['steered', 'steered model'];
    const both = (of, key) => html`${of} answer <b data-value=${key}>${logs(first[key], last[key])}</b>`;
    const { parting } = result;
    const word = (answer) => (answer.tokens[parting.number] ? tokenText(answer.tokens[parting.number].text) : 'its end');
    return html`<p class="both note">Log-probability of the whole, original → ${under}: ${both('original', 'original_logprob')},
      ${both(name, 'steered_logprob')}. <span data-value="parting">${
        parting
          ? html`They part at word ${parting.number + 1}: <b class="mono">${word(first)}</b> ${logs(parting.original_before, parting.original_after)},
            <b class="mono">${word(last)}</b> ${logs(parting.steered_before, parting.steered_after)}.`
          : 'Both answers are the same, word by word.'
      }</span></p>`;
  }

  renderAnswers(result) {
    if (!result.answers[0].tokens.length && !result.answers.at(-1).tokens.length) return emptyState('Neither model said anything.');
    return html`<div class="answers-row"><div class="lines" tabindex="0" role="group" aria-label="Answers, word by word"><vs-answer-raster
        .original=${result.answers[0].tokens} .rows=${this.madeRows(result)} .theme=${this.theme}></vs-answer-raster>${this.renderBoth(result)}</div>
      <aside>${this.renderPicture(result)}</aside></div>`;
  }

  render() {
    const result = this.result.value;
    const nControls = result?.answers.filter(({ condition }) => condition === 'control').length ?? 0;
    return card({
      label: 'Answers, word by word',
      title: 'Answers, word by word',
      sub: 'under each word: change of its log-probability against the original, along the original answer',
      busy: this.result.stale,
      controls: html`${
        nControls
          ? select({
              label: 'Controls',
              title: 'Controls: what as large a change elsewhere does',
              value: this.shownControls,
              options: [
                ['mean', `${controlsName(result).toLowerCase()}: mean of ${nControls}`],
                ['worst', `${controlsName(result).toLowerCase()}: worst, word by word`],
                ['each', `${controlsName(result).toLowerCase()}: each of ${nControls}`],
              ],
              onChange: (value) => {
                this.shownControls = value;
              },
            })
          : nothing
      }<span class="diverging-key"><span>−6</span><i></i><span>+6 nat</span></span>`,
      body: this.result.key === null ? emptyState('No steered run yet: fill the basket.') : answered(this.result, (value) => this.renderAnswers(value)),
    });
  }
}

/** @param {number|null} before @param {number|null} after @returns {string} under the original and the steered model */
function logs(before, after) {
  const figure = (value) => (value === null ? '–' : fixed(value, 2));
  return `${figure(before)} → ${figure(after)}`;
}

customElements.define('vs-answers', AnswersPanel);
