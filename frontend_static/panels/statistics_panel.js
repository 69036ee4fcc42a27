import { html, nothing } from '../vendor/lit.js';
import { answered, card, emptyState } from '../elements/card.js';
import '../elements/cloud_view.js';
import { activation, fixed, percent, whole } from '../elements/format.js';
import { binCounts } from '../elements/histogram.js';
import { sequentialColor } from '../color/sequential.js';
import { rangeInput, rangePair, scaleOf } from '../elements/range_inputs.js';
import { segmented } from '../elements/segmented.js';
import { describeLatent } from './latents/description.js';
import { hiddenDense, withoutHidden } from '../dense.js';
import { cutoffsOf, frequencies, latentsWithin, regionCounts } from './latents/regions.js';
import { Panel } from './base/panel.js';
import { askDictionary, askStatistics } from './base/requests.js';
import { overSwitch } from './training/switch.js';

const KEY_BINS = 36;
const ALL = Object.freeze({ frequency: null, mean: null, entropy: null });

/** Dead, dense, sparse and strong: every latent by frequency and mean activation. */
export class StatisticsPanel extends Panel {
  static properties = { ranges: { state: true } };

  constructor() {
    super();
    /** What the range inputs let through; not part of the address, as what they select is. */
    this.ranges = ALL;
    this.scales = { of: null, by: null, made: null };
    this.dictionary = this.query(askDictionary);
    this.statistics = this.query(askStatistics);
    this.made = { of: null, by: null, data: null };
  }

  data() {
    const answer = this.statistics.value;
    const by = this.selection.frequency;
    if (this.made.of !== answer || this.made.by !== by) {
      const { image_frequency: images, patch_frequency: patches, mean, label_entropy: entropy, flags } = answer.arrays;
      this.made = {
        of: answer,
        by,
        data: {
          frequency: by === 'images' ? images : patches,
          mean,
          entropy,
          flags,
          frequencyName: `share of ${by === 'images' ? 'pictures' : 'patches'} it fires in`,
        },
      };
    }
    return this.made.data;
  }

  willUpdate() {
    const { value } = this.statistics;
    const by = this.selection.frequency;
    if (!value || (this.scales.of === value && this.scales.by === by)) return;
    // other statistics, or shares of something else: ranges chosen before mean nothing here
    if (this.scales.of) this.ranges = ALL;
    const { mean, label_entropy: entropy, flags } = value.arrays;
    const scale = (values, bit, log) => {
      let [low, high] = [Infinity, -Infinity];
      for (let i = 0; i < flags.length; i++) {
        if ((flags[i] & bit) !== bit) continue;
        if (values[i] < low) low = values[i];
        if (values[i] > high) high = values[i];
      }
      return low <= high && (!log || low > 0) ? scaleOf(low, high, log) : null;
    };
    this.scales = {
      of: value,
      by,
      made: { frequency: scale(frequencies(value, by), 1, true), mean: scale(mean, 1, true), entropy: scale(entropy, 3, false) },
    };
  }

  /** The lasso and the edges of the regions by range inputs: what the pointer can do, the keyboard can. */
  renderRanges(cutoffs) {
    const { frequency, mean, entropy } = this.scales.made;
    if (!frequency || !mean) return nothing;
    const { frequency: by, dense, sparse, strong } = this.selection;
    const shares = scaleOf(Math.min(frequency.low, cutoffs.sparse, cutoffs.dense), 1, true);
    const moved = dense !== null || sparse !== null || strong !== null;
    const cut = (name, label, text, scale) =>
      rangeInput({ label, text, scale, value: cutoffs[name], onChange: (value) => this.store.set({ [name]: value }) });
    const pair = (name, label, write, scale) =>
      rangePair({
        label,
        write,
        scale,
        range: this.ranges[name],
        onChange: (range) => {
          this.ranges = { ...this.ranges, [name]: range };
        },
      });
    const hidden = hiddenDense(this.store, this.statistics.value);
    const found = [...withoutHidden(hidden, latentsWithin(this.statistics.value, by, this.ranges)).shown];
    return html`<details class="ranges"><summary>Cut-offs and ranges</summary><div class="range-grid">
      <fieldset><legend>Regions begin at</legend>
        ${cut('dense', 'dense over', percent(cutoffs.dense), shares)}
        ${cut('sparse', 'sparse under', percent(cutoffs.sparse), shares)}
        ${cut('strong', 'strong over', fixed(cutoffs.strong, 2), mean)}
        <button type="button" class="button small" ?disabled=${!moved} @click=${() => this.store.set({ dense: null, sparse: null, strong: null })}>Reset</button></fieldset>
      <fieldset><legend>Select living latents by</legend>
        ${pair('frequency', by === 'images' ? 'share of pictures' : 'share of patches', percent, frequency)}
        ${pair('mean', 'mean activation', activation, mean)}
        ${pair('entropy', 'label entropy', (value) => `${fixed(value, 2)} nat`, entropy)}
        <button type="button" class="button small" data-value="within" ?disabled=${!found.length} @click=${() => this.store.set({ latents: found, latent: found[0] })}>Select ${whole(found.length)}</button></fieldset>
    </div></details>`;
  }

  renderKey() {
    const { label_entropy: entropy, flags } = this.statistics.value.arrays;
    const defined = [];
    for (let i = 0; i < flags.length; i++) if ((flags[i] & 3) === 3) defined.push(entropy[i]);
    if (!defined.length)
      return html`<div class="entropy-key"><span>label entropy is undefined for every latent: too few references, or no labels</span></div>`;
    const top = defined.reduce((a, b) => Math.max(a, b), 1e-6);
    const counts = binCounts(defined, 0, top, KEY_BINS);
    const most = Math.max(...counts);
    return html`<div class="entropy-key"><span>0</span><span class="key-bars" aria-hidden="true">${counts.map(
      (n, i) => html`<i
      .style=${`height:${Math.max(2, 24 * Math.sqrt(n / most))}px;background:rgb(${sequentialColor(this.theme, 1 - 0.72 * ((i + 0.5) / KEY_BINS))})`}></i>`,
    )}</span>
      <span><span class="hollow">○ undefined</span>${this.store.notes.pinned().length ? html` <span class="hollow pinned-key">◇ pinned</span>` : nothing}<br>${fixed(top, 1)} nat label entropy</span></div>`;
  }

  renderScatter(labels) {
    const answer = this.statistics.value;
    const cutoffs = cutoffsOf(this.selection, this.dictionary.value, answer);
    const regions = { ...cutoffs, ...regionCounts(answer, this.selection.frequency, cutoffs) };
    return html`<vs-scatter .data=${this.data()} .theme=${this.theme} .regions=${regions}
        .selected=${this.selection.latent} .chosen=${this.selection.latents} .describe=${(latent) => describeLatent(answer, labels, latent, this.store.notes.of(latent))}
        .pinned=${this.store.notes.pinned()} .hiddenLatents=${hiddenDense(this.store, answer)?.mask ?? null}
        .label=${'Latents by frequency and mean activation. Arrow keys go to the nearest latent, with Shift they choose several, Enter chooses one, plus and minus zoom.'}
        @pick=${({ detail }) => this.store.set({ latent: detail, latents: [] })}
        @lasso=${({ detail }) => this.store.set({ latents: detail, latent: detail[0] ?? null })}
        @cutoff=${({ detail: { name, value } }) => this.store.set({ [name]: value })}
        @clear=${() => this.store.set({ latents: [], latent: null })}></vs-scatter>${this.renderKey()}${this.renderRanges(cutoffs)}`;
  }

  render() {
    const has = this.store.dictionaryEntry?.has_statistics;
    const labels = this.dictionary.value?.statistics?.labels ?? [];
    return card({
      label: 'Statistics',
      title: 'Statistics',
      lead: overSwitch(this.store),
      sub: 'each dot a latent; drag a lasso to select, Shift to pan',
      busy: this.statistics.stale,
      late: this.statistics.late,
      controls: segmented({
        label: 'Frequency counts',
        value: this.selection.frequency,
        options: [
          ['images', 'Pictures'],
          ['patches', 'Patches'],
        ],
        onChange: (frequency) => this.store.set({ frequency }),
      }),
      body: has
        ? answered(
            this.statistics,
            () => this.renderScatter(labels),
          )
        : emptyState(
            'Statistics were not logged for this dictionary.',
            html`<code>visualscratchpad statistics --vlm MODEL --sae SAE --images FOLDER --logdir LOGDIR</code>`,
          ),
    });
  }
}

customElements.define('vs-statistics', StatisticsPanel);
