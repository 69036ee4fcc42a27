import { html, nothing } from '../vendor/lit.js';
import { answered } from '../elements/card.js';
import { counted, fixed, percent, whole } from '../elements/format.js';
import { Panel } from './base/panel.js';
import { askDictionary, askStatistics } from './base/requests.js';
import { nextAction } from './walk/leading.js';
import { cutoffsOf, regionCounts } from './latents/regions.js';

/** A label entropy under this, in nats, is nearly one label. */
const ONE_LABEL = 0.5;
const KINDS = { metrics: 'metrics are', statistics: 'statistics are', references: 'reference pictures are', decoder_map: 'the map is' };

/** The dictionary's state in one sentence built from numbers, and the figures beside it. */
export class HealthPanel extends Panel {
  constructor() {
    super();
    this.dictionary = this.query(askDictionary);
    this.statistics = this.query(askStatistics);
  }

  /** What the statistics arrays tell: counts and the typical frequency; made once per answer. */
  counts() {
    const answer = this.statistics.value;
    if (this.counted?.of === answer) return this.counted;
    const { flags, image_frequency: frequency, label_entropy: entropy } = answer.arrays;
    const living = frequency.filter((_, i) => flags[i] & 1).sort();
    let [nOneLabel, nUndefined] = [0, 0];
    for (let i = 0; i < flags.length; i++) {
      if (!(flags[i] & 1)) continue;
      if (!(flags[i] & 2)) nUndefined++;
      else if (entropy[i] < ONE_LABEL) nOneLabel++;
    }
    const median = living.length ? living[Math.floor(living.length / 2)] : null;
    this.counted = { of: answer, nOneLabel, nUndefined, median };
    return this.counted;
  }

  /** The regions of the scatter, each with its cut-off. */
  regions(dictionary) {
    const by = this.selection.frequency;
    const cutoffs = cutoffsOf(this.selection, dictionary, this.statistics.value);
    const { nDense, nSparse } = regionCounts(this.statistics.value, by, cutoffs);
    const of = by === 'images' ? 'pictures' : 'patches';
    return html` <b data-value="dense">${whole(nDense)}</b> ${nDense === 1 ? 'is' : 'are'} dense (over ${percent(cutoffs.dense)} of ${of}${this.selection.hideDense && by === 'images' ? '; hidden now' : ''}),
      <b data-value="sparse">${whole(nSparse)}</b> sparse and strong (under ${percent(cutoffs.sparse)}, mean over ${fixed(cutoffs.strong, 2)}).`;
  }

  /** What was not logged at the chosen step, and of which it is. */
  otherSteps({ steps, steps_shown: shown }) {
    const chosen = this.selection.step ?? steps.at(-1);
    const others = Object.entries(shown).filter(([, step]) => step !== chosen);
    if (!others.length) return nothing;
    const named = others.map(([kind, step]) => `${KINDS[kind]} of step ${whole(step)}`);
    return html` <span data-value="other-steps">Not everything was logged at step ${whole(chosen)}: ${named.join(', ')}.</span>`;
  }

  sentence(value) {
    const { info, metrics, statistics } = value;
    const parts = [];
    if (metrics && metrics.fvu !== null)
      parts.push(
        html`This dictionary <b>rebuilds ${(100 * Math.max(0, 1 - metrics.fvu)).toFixed(1)} %</b> of what the encoder sees${statistics ? '. ' : '.'}`,
      );
    if (statistics && this.statistics.value) {
      if (!statistics.n_alive)
        return html`${parts} <b>None of ${whole(info.n_latents)}</b> latents fired on ${counted(statistics.n_images, 'picture')}: every one is dead.`;
      const { nOneLabel, nUndefined, median } = this.counts();
      parts.push(
        html`<b>${whole(statistics.n_alive)} of ${whole(info.n_latents)}</b> latents are alive${
          median ? html`; the typical one fires in <b>one picture of ${whole(1 / median)}</b>` : nothing
        }.${this.regions(value)}`,
      );
      if (statistics.labels.length)
        parts.push(
          html` <b>${whole(nOneLabel)}</b> ${nOneLabel === 1 ? 'speaks' : 'speak'} of a single label (under ${ONE_LABEL} nat); <b>${whole(nUndefined)}</b> ${nUndefined === 1 ? 'is' : 'are'} too rare to tell.`,
        );
      if (!statistics.complete) parts.push(html` The sweep was interrupted: this covers what was seen until then.`);
      if (statistics.n_broken) parts.push(html` ${counted(statistics.n_broken, 'picture')} could not be read.`);
    }
    return parts.length ? parts : 'Neither metrics nor statistics were logged for this dictionary.';
  }

  /** Over training it stands among the figures, where it costs no line of the small pictures below. */
  renderDiagnosis() {
    return html`<vs-diagnosis .store=${this.store} .api=${this.api}></vs-diagnosis>`;
  }

  render() {
    return html`<section class="card health" aria-label="Health of the dictionary">${answered(
      this.dictionary,
      (value) => html`<div class="told"><p>${this.sentence(value)}${this.otherSteps(value)}
          ${nextAction(this.store, this.api, 'cluster')}</p>
          ${this.store.overTraining ? nothing : this.renderDiagnosis()}<vs-sae-check .store=${this.store} .api=${this.api}></vs-sae-check><vs-truth .store=${this.store} .api=${this.api}></vs-truth></div>
      ${this.store.overTraining ? this.renderDiagnosis() : nothing}<dl class="figures">
        ${value.statistics ? html`<div><dt>living</dt><dd data-value="alive">${percent(value.statistics.n_alive / value.info.n_latents)}</dd></div>` : nothing}
        ${
          value.metrics
            ? html`<div><dt>unexplained</dt><dd data-value="fvu">${value.metrics.fvu === null ? '–' : percent(value.metrics.fvu)}</dd></div>
          <div><dt>active / patch</dt><dd data-value="l0">${value.metrics.l0 >= 10 ? value.metrics.l0.toFixed(1).replace(/\.0$/, '') : value.metrics.l0.toFixed(2)}</dd></div>`
            : nothing
        }
        ${value.statistics ? html`<div><dt>pictures</dt><dd data-value="n-images">${whole(value.statistics.n_images)}</dd></div>` : nothing}</dl>`,
    )}<vs-export-button></vs-export-button></section>`;
  }
}

customElements.define('vs-health', HealthPanel);
