import { html, nothing } from '../../vendor/lit.js';
import { answered, card, emptyState } from '../../elements/card.js';
import '../../elements/dose_view.js';
import { counted, fixed, percent, tokenText } from '../../elements/format.js';
import { select } from '../../elements/select.js';
import { keyText, outcomeKey, outcomesOf } from '../../outcomes.js';
import { Panel } from '../base/panel.js';
import { askAgain, whyNotAgain } from '../steering/asking.js';
import { doseSetup, firstWords, isDosable, parseDoses, subjectOf } from './dose_setup.js';
import { askDose, askOriginal, askSteered } from './requests.js';

const SUFFIX = { SCALE: '×', SET: '', ADD: '' };
const AXIS = {
  SCALE: (what) => `scale of ${what} (1× untouched, 0× ablated)`,
  SET: (what) => `activation that ${what} is set to`,
  ADD: (what) => `added to the activation of ${what}`,
};

/** How much is needed, and that random latents do nothing: words over doses of a latent or cluster. */
export class DosePanel extends Panel {
  static properties = {
    chosen: { state: true },
    open: { state: true },
    words: { state: true },
    doses: { state: true },
    refused: { state: true },
  };

  constructor() {
    super();
    this.result = this.query(askSteered);
    this.original = this.query(askOriginal);
    this.dose = this.query((store, api) => askDose(store, api));
    /** @type {number|null} place among the words of the plot; null: the one that falls most */
    this.chosen = null;
    this.open = false;
    /** @type {ReadonlySet<number>|null} numbers of the words to be asked; null: those that fall */
    this.words = null;
    this.doses = '';
    this.refused = '';
    this.made = { of: null, data: null };
  }

  willUpdate() {
    const key = this.dose.key;
    if (key !== this.shownKey) {
      this.shownKey = key;
      this.chosen = null;
    }
  }

  plotData(answer) {
    if (this.made.of === answer) return this.made.data;
    const { op, values, at_rest: rest, latents, original_tokens: tokens } = answer;
    const what = latents.length === 1 ? `latent ${latents[0]}` : `${answer.name}, ${latents.length} latents`;
    this.made = {
      of: answer,
      data: {
        doses: values,
        rest,
        suffix: SUFFIX[op],
        axis: AXIS[op](what),
        words: answer.words.map(({ number, logprob, controls }) => ({ text: tokenText(tokens[number].text), logprob, controls })),
      },
    };
    return this.made.data;
  }

  /** @returns {number} place of the word that falls farthest below its rest */
  deepest({ words }) {
    const falls = words.map(({ at_rest: rest, logprob }) => rest - Math.min(...logprob));
    return falls.indexOf(Math.max(...falls));
  }

  describe(answer, { word, dose }) {
    const { original_tokens: tokens, values, op, output_texts: texts } = answer;
    const { number, logprob, control_mean: mean } = answer.words[word];
    const text = tokenText(tokens[number].text);
    const at = `${fixed(values[dose], 2).replace(/\.?0+$/, '')}${SUFFIX[op]}`;
    return {
      spoken: `${text} at ${at}: log-probability ${fixed(logprob[dose], 2)}, ${percent(Math.exp(logprob[dose]))}`,
      content: html`<div class="kv"><b class="mono">${text}</b><span>at ${at}</span></div>
        <div class="kv"><span>log-probability</span><b>${fixed(logprob[dose], 2)}</b></div>
        <div class="kv"><span>probability</span><b>${percent(Math.exp(logprob[dose]))}</b></div>
        ${mean ? html`<div class="kv"><span>random, mean</span><b>${fixed(mean[dose], 2)}</b></div>` : nothing}
        <p class="mono answer">${texts[dose]}</p>`,
    };
  }

  renderPlot(answer) {
    const data = this.plotData(answer);
    const chosen = this.chosen ?? this.deepest(answer);
    const { number, falls_below: below, falls_above: above } = answer.words[chosen];
    const name = tokenText(answer.original_tokens[number].text);
    const halves = [below, above].filter((one) => one !== null).map((one) => `${fixed(one, 2)}${SUFFIX[answer.op]}`);
    return html`<vs-dose-plot .data=${data} .theme=${this.theme} .chosen=${chosen} .describe=${(point) => this.describe(answer, point)}
        .label=${`Dose and response: ${counted(data.words.length, 'word')} over ${data.doses.length} doses. Arrows go along the lines, Enter chooses the word.`}
        @pick=${({ detail }) => {
          this.chosen = detail;
        }}></vs-dose-plot>
      <p class="note dose-note" data-value="halves"><b class="mono">${name}</b> ${halves.length ? `is half as likely at ${halves.join(' and ')}.` : 'never becomes half as likely.'}
        ${answer.differs_from_logged}</p>`;
  }

  /** What a new dose-response would be about, or null. */
  get subject() {
    return subjectOf(this.selection, this.result.value, this.original.value?.picture ?? null);
  }

  startSetup() {
    this.open = !this.open;
    this.refused = '';
    const { subject } = this;
    if (this.open && subject) this.doses = subject.doses.join(', ');
  }

  async run(words) {
    const { subject } = this;
    const values = parseDoses(this.doses);
    if (!values) this.refused = `The doses are “${this.doses}”: give two to thirty different numbers, with commas between.`;
    else if (!words.size) this.refused = 'No word is chosen: choose at least one.';
    else {
      this.open = false;
      const { name, latents, op, where } = subject;
      const job = { kind: 'dose', name, latents, op, where, values, words: [...words].sort((a, b) => a - b) };
      await askAgain(this.store, job, `doses of ${name}`);
    }
  }

  renderSetup() {
    const run = this.original.value;
    const { subject } = this;
    if (!run) return nothing;
    if (!isDosable(subject)) return html`<p class="note">Put one latent or cluster into the basket, or look at a steered answer: doses are of that.</p>`;
    const tokens = run.tokens.filter(({ span }) => span === 'OUTPUT');
    const words = this.words ?? firstWords(this.result.value, tokens.length);
    return doseSetup({
      subject,
      tokens,
      words,
      doses: this.doses,
      why: this.refused || whyNotAgain(this.store),
      onWord: (number) => {
        const next = new Set(words);
        if (!next.delete(number)) next.add(number);
        this.words = next;
        this.refused = '';
      },
      onDoses: (text) => {
        this.doses = text;
        this.refused = '';
      },
      onRun: () => this.run(words),
    });
  }

  renderWhich() {
    const outcomes = outcomesOf(this.store, 'dose_response');
    const key = outcomeKey(this.store, 'dose_response');
    if (outcomes.length < 2 || !key) return nothing;
    return select({
      label: 'Which doses',
      value: keyText(key),
      options: outcomes.map((one) => [keyText(one), one.name]),
      onChange: (dose) => this.store.set({ dose }),
    });
  }

  render() {
    const any = this.dose.key !== null;
    const body = any ? answered(this.dose, (answer) => this.renderPlot(answer)) : emptyState('How much is needed? Run doses of a latent or cluster.');
    return card({
      label: 'Dose and response',
      title: 'Dose and response',
      sub: this.dose.value ? `log-probability of each word, ${this.dose.value.name}` : '',
      busy: this.dose.stale,
      controls: html`${this.renderWhich()}<button type="button" class="button small" aria-expanded=${String(this.open)}
        @click=${() => this.startSetup()}>${this.open ? 'Close' : 'Run doses'}</button>`,
      body: html`${this.open ? this.renderSetup() : nothing}${this.open && !any ? nothing : body}`,
    });
  }
}

customElements.define('vs-dose', DosePanel);
