import { html, nothing } from '../../vendor/lit.js';
import { hiddenDense, withoutHidden } from '../../dense.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { counted, fixed, percent, whole } from '../../elements/format.js';
import { segmented } from '../../elements/segmented.js';
import { isShortcut, Panel } from '../base/panel.js';
import { askDense } from '../base/requests.js';
import { latentName } from '../latents/names.js';
import { askDictionaryPair } from './dictionary_requests.js';

/** The dictionary's latents by how near their counterpart is; first those that have none. */
export class DictionaryLatents extends Panel {
  constructor() {
    super();
    this.pair = this.query((store, api) => askDictionaryPair(store, api, store.selection.matched));
    this.statistics = this.query(askDense);
  }

  /** @returns {{shown: readonly any[], nHidden: number}} rows without hidden ones; of those that were sent */
  visible() {
    return withoutHidden(hiddenDense(this.store, this.statistics.value), this.pair.value?.rows ?? [], ({ latent }) => latent);
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      const by = { j: 1, k: -1 }[event.key];
      const rows = this.visible().shown;
      if (!by || !rows.length || !isShortcut(event)) return;
      const at = rows.findIndex(({ latent }) => latent === this.selection.latent);
      this.store.chooseLatent(rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))].latent);
      this.updateComplete.then(() => this.querySelector('tr.on')?.scrollIntoView({ block: 'nearest' }));
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  renderRow(row) {
    const on = row.latent === this.selection.latent;
    const name = (label, share) => (label === null ? nothing : latentName(label, share ?? 0));
    return html`<tr class=${on ? 'on' : ''} data-latent=${row.latent} @click=${() => this.store.chooseLatent(row.latent)}>
      <th scope="row"><button type="button" class="name mono" aria-pressed=${String(on)}>${row.latent}</button></th>
      <td class="label">${row.alive === false ? html`<span class="k">dead</span>` : name(row.label, row.label_share)}</td>
      <td class="num">${row.frequency === null ? '–' : percent(row.frequency)}</td>
      <td class="num"><span class="cosine ${row.cosine === null || row.cosine <= 0.7 ? 'none' : row.cosine > 0.9 ? 'close' : 'near'}">${row.cosine === null ? 'none' : fixed(row.cosine, 2)}</span></td>
      <td class="mono">${row.other_latent ?? nothing}${row.mutual ? html`<span class="k" title="Each is the other’s best"> ⇄</span>` : nothing}</td>
      <td class="label">${name(row.other_label, row.other_label_share)}</td></tr>`;
  }

  renderTable({ n_listed: n, n_dead_left_out: dead }) {
    const { shown: rows, nHidden } = this.visible();
    const left = dead ? html`<p class="note more">${counted(dead, 'more latent')} that ${dead === 1 ? 'fires' : 'fire'} nowhere in the image set ${dead === 1 ? 'is' : 'are'} left out.</p>` : nothing;
    if (!rows.length) return html`${emptyState(nHidden ? `${counted(nHidden, 'dense latent')} hidden; no other that fires lies in this range.` : 'No latent that fires lies in this range.')}${left}`;
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Latents by counterpart"><table class="sweep-table pair-table"><thead><tr><th scope="col">latent</th><th scope="col">label</th>
      <th scope="col" class="num">of pictures</th><th scope="col" class="num">best cosine</th><th scope="col">in B</th><th scope="col">its label</th></tr></thead>
      <tbody>${rows.map((row) => this.renderRow(row))}</tbody></table>
      ${n - nHidden > rows.length ? html`<p class="note more">The ${whole(rows.length)} most frequent of ${whole(n - nHidden)}.</p>` : nothing}${left}</div>`;
  }

  render() {
    const { matched } = this.selection;
    const { nHidden } = this.visible();
    const n = this.pair.value && this.pair.value.n_listed - nHidden;
    return card({
      label: 'Latents by counterpart',
      title: 'Latents of A',
      sub: n === undefined ? '' : `${counted(n, 'latent')}, the most frequent first${nHidden ? `; ${counted(nHidden, 'dense latent')} hidden` : ''}`,
      busy: this.pair.stale,
      late: this.pair.late,
      controls: segmented({
        label: 'Cosine of the best counterpart',
        value: matched,
        options: [
          ['none', 'No counterpart'],
          ['near', '.7–.9'],
          ['close', 'Over .9'],
        ],
        onChange: (value) => this.store.set({ matched: value }),
      }),
      body: this.pair.key === null ? emptyState('Not matched.') : answered(this.pair, (pair) => this.renderTable(pair)),
    });
  }
}

customElements.define('vs-dictionary-latents', DictionaryLatents);
