import { html } from '../vendor/lit.js';
import { answered, card, emptyState } from '../elements/card.js';
import '../elements/cloud_view.js';
import { fixed } from '../elements/format.js';
import { binCounts } from '../elements/histogram.js';
import { sequentialColor } from '../color/sequential.js';
import { segmented } from '../elements/segmented.js';
import { describeLatent } from './latents/description.js';
import { Panel } from './base/panel.js';
import { askDictionary, askStatistics } from './base/requests.js';

const DENSE_CUTOFF = 0.2;
const KEY_BINS = 36;

/** Dead, dense, sparse and strong: every latent by frequency and mean activation. */
export class StatisticsPanel extends Panel {
  constructor() {
    super();
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
      <span><span class="hollow">○ undefined</span><br>${fixed(top, 1)} nat label entropy</span></div>`;
  }

  render() {
    const has = this.store.dictionaryEntry?.has_statistics;
    const labels = this.dictionary.value?.statistics?.labels ?? [];
    const cutoff =
      this.selection.frequency === 'images'
        ? (this.dictionary.value?.metrics?.dense_cutoff ?? DENSE_CUTOFF)
        : DENSE_CUTOFF;
    return card({
      label: 'Statistics',
      title: 'Statistics',
      sub: 'each dot a latent; drag a lasso to select',
      busy: this.statistics.stale,
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
            () => html`<vs-scatter .data=${this.data()} .theme=${this.theme} .denseCutoff=${cutoff}
          .selected=${this.selection.latent} .chosen=${this.selection.latents} .describe=${(latent) => describeLatent(this.statistics.value, labels, latent)}
          .label=${'Latents by frequency and mean activation. Arrow keys go to the nearest latent, Enter chooses it, plus and minus zoom.'}
          @pick=${({ detail }) => this.store.set({ latent: detail, latents: [] })}
          @lasso=${({ detail }) => this.store.set({ latents: detail, latent: detail[0] ?? null })}
          @clear=${() => this.store.set({ latents: [], latent: null })}></vs-scatter>${this.renderKey()}`,
          )
        : emptyState(
            'Statistics were not logged for this dictionary.',
            html`<code>visualscratchpad statistics --vlm MODEL --sae SAE --images FOLDER --logdir LOGDIR</code>`,
          ),
    });
  }
}

customElements.define('vs-statistics', StatisticsPanel);
