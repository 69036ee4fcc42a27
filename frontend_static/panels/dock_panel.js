import { html, nothing } from '../vendor/lit.js';
import { showResult } from '../arrivals.js';
import { clusterItem, latentItem } from '../basket.js';
import { clusterColors, unnamedColor } from '../color/categories.js';
import '../elements/basket_strip.js';
import { counted, whole } from '../elements/format.js';
import { select } from '../elements/select.js';
import { isUnderWay } from '../jobs.js';
import { isShortcut, Panel } from './base/panel.js';
import { askMatrix, askRun, askStatistics } from './base/requests.js';
import { clusterOfLatent } from './latents/clusters.js';
import { runBasket, whyNotSteer } from './steering/asking.js';
import { basketItem } from './steering/basket_items.js';
import { jobLine } from './steering/job_line.js';

const WORKER_TEXT = {
  ready: 'worker ready',
  busy: 'worker busy',
  none: 'no worker',
  off: 'running is off',
  unreachable: 'worker does not answer',
};
/** Far end of a slider over activations where nothing is known of them. */
const NO_STATISTICS = 10;
/** What takes the Enter key for itself. */
const TAKES_ENTER = 'button, a, summary, label, [role=application], [role=option]';

/** The steering basket: what a steered answer shall change, where, and what becomes of the dictionary's error. */
export class DockPanel extends Panel {
  constructor() {
    super();
    this.run = this.query(askRun);
    // clusters have their colours from the heatmap, wherever the basket is looked at
    this.matrix = this.query((store, api) =>
      store.selection.workspace === 'scratchpad' || store.selection.basket.length ? askMatrix(store, api) : null,
    );
    this.statistics = this.query((store, api) =>
      store.selection.basket.some(({ name }) => name === null) ? askStatistics(store, api) : null,
    );
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (!isShortcut(event)) return;
      const [target] = event.composedPath();
      if (event.key === 'Enter' && (!(target instanceof HTMLElement) || !target.closest(TAKES_ENTER))) this.runNow();
      else if (event.key === 'b') this.addLatent();
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

  /** A box that is not drawn yet is drawn first. @param {string} scope */
  chooseScope(scope) {
    const brushing = scope === 'box' && !this.selection.box;
    this.store.set({ scope, ...(brushing ? { workspace: 'scratchpad' } : {}) });
    if (brushing) this.store.setSession({ brushing });
  }

  runNow() {
    const why = this.whyNot();
    if (why) this.store.setSession({ notice: why });
    else runBasket(this.store, this.run.value.picture);
  }

  /** @returns {string|null} why the basket cannot be run now */
  whyNot() {
    const why = whyNotSteer(this.store);
    if (why) return why;
    if (this.selection.scope === 'box' && !this.selection.box) return 'No box is drawn: draw one on the picture, or steer elsewhere.';
    return this.run.value ? null : 'The run is not loaded yet.';
  }

  addCluster() {
    const cluster = clusterOfLatent(this.matrix.value, this.selection.latent);
    if (cluster) this.store.addToBasket(clusterItem(cluster.name, cluster.latents));
  }

  /** A strong activation of a latent: the slider's far end. @param {import('../basket.js').BasketItem} item */
  typical({ latents }) {
    const mean = this.statistics.value?.arrays.mean[latents[0]] ?? 0;
    return mean > 0 ? Number((4 * mean).toPrecision(2)) : NO_STATISTICS;
  }

  renderItem(item, at) {
    const clusters = this.matrix.value?.header.clusters ?? [];
    // by a member: several clusters may bear one name
    const shown = item.name === null ? null : clusterOfLatent(this.matrix.value, item.latents[0]);
    return basketItem({
      item,
      given: item.name === null ? this.store.notes.of(item.latents[0]).name : '',
      color: shown ? clusterColors(clusters, this.theme)[shown.index] : unnamedColor(this.theme),
      typical: this.typical(item),
      onChange: (patch, how) => this.store.replaceInBasket(at, { ...item, ...patch }, how),
      onRemove: () => this.store.replaceInBasket(at, null),
    });
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
      ['box', this.selection.box ? 'in the box' : 'in a box…'],
    ];
    const n = this.selection.basket.reduce((sum, { latents }) => sum + latents.length, 0);
    return html`<span class="option"><span>Where</span>${select({
      label: 'Where to steer',
      options: scopes,
      value: this.selection.scope,
      onChange: (scope) => this.chooseScope(scope),
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

  renderWorker() {
    const { worker, job } = this.store.session;
    const state = worker?.state === 'ready' && isUnderWay(job) ? 'busy' : worker?.state;
    const text = state ? WORKER_TEXT[state] : 'looking for a worker';
    return html`<button type="button" class="worker ${state ?? ''}" aria-haspopup="dialog" title=${worker?.sentence ?? text}
      @click=${() => {
        this.store.jobs?.askWorker();
        this.store.setSession({ sheet: 'worker' });
      }}><i class="dot"></i><span class="text" id="worker-state" data-value="worker">${text}</span></button>`;
  }

  renderMiddle() {
    const { notice, job } = this.store.session;
    if (job)
      return jobLine(job, {
        onCancel: () => this.store.jobs.cancel(),
        onDismiss: () => this.store.jobs.dismiss(),
        onOpen: () => showResult(this.store, this.api, job, { asked: true }),
      });
    return notice ? html`<span class="refused" role="alert">${notice}</span>` : html`<span class="divider"></span>${this.renderChoices()}`;
  }

  render() {
    const { basket, latent } = this.selection;
    const held = latent !== null && basket.some(({ latents }) => latents.includes(latent));
    const why = this.whyNot();
    return html`<footer class="dock" aria-label="Steering basket">
      <h2>Steering basket</h2>
      ${
        basket.length
          ? html`<vs-basket-strip .count=${basket.length} .content=${basket.map((item, at) => this.renderItem(item, at))}></vs-basket-strip>`
          : html`<span class="note">empty: add a latent or cluster</span>`
      }
      ${
        latent === null || held
          ? html`<span class="add"></span>`
          : html`<span class="add"><button type="button" class="button small" aria-keyshortcuts="b" title="Add latent ${latent} (b)" @click=${() => this.addLatent()}>+ latent ${latent}${this.store.notes.of(latent).name ? html` <span class="given">${this.store.notes.of(latent).name}</span>` : nothing}</button></span>`
      }
      ${this.renderMiddle()}
      <span class="run">${this.renderWorker()}
        ${
          basket.length
            ? html`<button type="button" class="button small" aria-haspopup="dialog" title="The basket as a file for the command line"
          @click=${() => this.store.setSession({ sheet: 'spec' })}>Spec</button>`
            : nothing
        }
        <button type="button" class="button main" ?disabled=${why !== null} aria-keyshortcuts="Enter" aria-describedby="worker-state" title=${why ?? 'Ask the model again, with the basket (Enter)'}
          @click=${() => this.runNow()}>Run steered answer</button></span>
    </footer>`;
  }
}

customElements.define('vs-dock', DockPanel);
