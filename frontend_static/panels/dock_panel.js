import { html, nothing } from '../vendor/lit.js';
import { clusterItem, itemName, latentItem, OPERATIONS } from '../basket.js';
import { clusterColors, unnamedColor } from '../color/categories.js';
import '../elements/basket_strip.js';
import { counted, whole } from '../elements/format.js';
import { select } from '../elements/select.js';
import { isShortcut, Panel } from './base/panel.js';
import { askMatrix, askRun } from './base/requests.js';
import { clusterOfLatent } from './latents/clusters.js';

const NO_WORKER = 'no worker: this TensorBoard has no model to run';

/** The steering basket: what a steered answer shall change, where, and what becomes of the dictionary's error. */
export class DockPanel extends Panel {
  constructor() {
    super();
    this.run = this.query(askRun);
    // clusters have their colours from the heatmap, wherever the basket is looked at
    this.matrix = this.query((store, api) =>
      store.selection.workspace === 'scratchpad' || store.selection.basket.length ? askMatrix(store, api) : null,
    );
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (!isShortcut(event)) return;
      if (event.key === 'b') this.addLatent();
      else if (event.key === 'B') this.addCluster();
      else return;
      event.preventDefault();
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  addLatent() {
    const { latent } = this.selection;
    if (latent !== null) this.store.addToBasket(latentItem(latent));
  }

  addCluster() {
    const cluster = clusterOfLatent(this.matrix.value, this.selection.latent);
    if (cluster) this.store.addToBasket(clusterItem(cluster.name, cluster.latents));
  }

  renderItem(item, at) {
    const change = (patch, how) => this.store.replaceInBasket(at, { ...item, ...patch }, how);
    const clusters = this.matrix.value?.header.clusters ?? [];
    // by a member: several clusters may bear one name
    const shown = item.name === null ? null : clusterOfLatent(this.matrix.value, item.latents[0]);
    const color = shown ? clusterColors(clusters, this.theme)[shown.index] : unnamedColor(this.theme);
    const name = itemName(item);
    return html`<li class="basket-item" data-latents=${item.latents.join('.')}>
      <i class="dot" .style=${`background:${color}`}></i>
      ${item.name === null ? html`<b>${item.latents[0]}</b>` : html`<b>${item.name || 'cluster'}</b><span class="k">${counted(item.latents.length, 'latent')}</span>`}
      <span class="operation">${
        item.name === null
          ? select({
              label: `What to do with ${name}`,
              options: OPERATIONS.map((op) => [op, op]),
              value: item.op,
              onChange: (op) => change({ op }),
            })
          : html`<span title="The latents of a cluster have different scales, so it is scaled; 0 takes it away">SCALE</span>`
      }<input type="number" step="any" .value=${String(item.value)} aria-label="Value for ${name}"
        @change=${(event) => {
          const value = Number(event.target.value);
          if (event.target.value !== '' && Number.isFinite(value)) change({ value });
          else event.target.value = String(item.value);
        }}></span>
      <button type="button" class="remove" aria-label="Remove ${name}" @click=${() => this.store.replaceInBasket(at, null)}>✕</button></li>`;
  }

  renderChoices() {
    const run = this.run.value;
    const patches = run ? run.image.n_tokens - run.image.n_newlines : null;
    const tiles = run && run.tile_rows > 0;
    const scopes = [
      ['all', patches === null ? 'all patches' : `all ${counted(patches, 'patch', 'patches')}`],
      ['firing', 'where they fire'],
      ...(tiles || this.selection.scope === 'base' ? [['base', 'the base view']] : []),
      ...(tiles || this.selection.scope === 'tiles' ? [['tiles', 'the tiles']] : []),
    ];
    const n = this.selection.basket.reduce((sum, { latents }) => sum + latents.length, 0);
    return html`<span class="option"><span>Where</span>${select({
      label: 'Where to steer',
      options: scopes,
      value: this.selection.scope,
      onChange: (scope) => this.store.set({ scope }),
    })}</span><span class="option error-term"><span>Error term</span>${select({
      label: 'Error term of the dictionary',
      options: [
        ['kept', 'kept'],
        ['dropped', 'dropped'],
      ],
      value: this.selection.errorTerm,
      onChange: (errorTerm) => this.store.set({ errorTerm }),
    })}</span>
    <span class="option controls-told" title="Every steered answer stands beside the reconstruction alone and five random sets of as many latents">Controls
      <b>reconstruction${n ? `, ${whole(n)} random × 5` : ''}</b></span>`;
  }

  render() {
    const { basket, latent } = this.selection;
    const { notice } = this.store.session;
    const held = latent !== null && basket.some(({ latents }) => latents.includes(latent));
    return html`<footer class="dock" aria-label="Steering basket">
      <h2>Steering basket</h2>
      ${
        basket.length
          ? html`<vs-basket-strip .count=${basket.length} .content=${basket.map((item, at) => this.renderItem(item, at))}></vs-basket-strip>`
          : html`<span class="note">empty: add a latent or cluster</span>`
      }
      ${
        latent === null || held
          ? nothing
          : html`<button type="button" class="button small add" aria-keyshortcuts="b" title="Add latent ${latent} (b)" @click=${() => this.addLatent()}>+ latent ${latent}</button>`
      }
      ${notice ? html`<span class="refused" role="alert">${notice}</span>` : html`<span class="divider"></span>${this.renderChoices()}`}
      <span class="run"><span class="worker" id="no-worker" title=${NO_WORKER}><i class="dot"></i><span class="text">${NO_WORKER}</span></span>
        ${
          basket.length
            ? html`<button type="button" class="button small" aria-haspopup="dialog" title="The basket as a file for the command line"
          @click=${() => this.store.setSession({ sheet: 'spec' })}>Spec</button>`
            : nothing
        }
        <button type="button" class="button main" disabled aria-describedby="no-worker" title=${NO_WORKER}>Run steered answer</button></span>
    </footer>`;
  }
}

customElements.define('vs-dock', DockPanel);
