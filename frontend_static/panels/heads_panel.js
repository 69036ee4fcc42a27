import { html, nothing } from '../vendor/lit.js';
import '../elements/copied_text.js';
import { answered } from '../elements/card.js';
import { counted, fixed, percent, tokenText } from '../elements/format.js';
import '../elements/head_grid_view.js';
import '../elements/picture.js';
import { scaleBar, times } from '../elements/scale_bar.js';
import { segmented } from '../elements/segmented.js';
import { select } from '../elements/select.js';
import '../elements/sheet.js';
import { positionOf, recordWith } from '../head_records.js';
import { isUnderWay } from '../jobs.js';
import { rasterise } from '../plots/image_overlay.js';
import { together } from '../token_set.js';
import { Panel, SLIDERS } from './base/panel.js';
import { askHeadMap, askHeadMaps, askPatches, askRun } from './base/requests.js';
import { whyNoWorker } from './steering/asking.js';
import { workerCommand } from './steering/worker_command.js';

/** The worker records so many words at once, where it is not known. */
const AT_ONCE = 8;
/** Room for the grid, in pixels, where the window is of common size. */
const HEIGHT = 620;

/** What each head of each layer looked at for a word: from what a worker recorded, or how to have it recorded. */
export class HeadsPanel extends Panel {
  static indifferentTo = SLIDERS;
  static properties = { order: { state: true }, common: { state: true } };

  constructor() {
    super();
    this.order = 'layer';
    this.common = false;
    const whenOpen = (ask) => (store, api) => (this.open ? ask(store, api) : null);
    this.run = this.query(whenOpen(askRun));
    this.patches = this.query(whenOpen(askPatches));
    this.maps = this.query(whenOpen((store, api) => askHeadMaps(store, api, store.selection.token, this.record)));
    this.map = this.query(whenOpen((store, api) => askHeadMap(store, api, this.record)));
    this.made = { of: null, data: null };
    this.rastered = { of: null, raster: null };
  }

  updated() {
    // the maps come after the sheet: arrow keys are for them
    const there = !this.open ? '' : this.maps.value !== undefined ? 'vs-head-grid .plot' : this.run.value && this.maps.key === null ? '[data-first]' : '';
    if (there && there !== this.entered) requestAnimationFrame(() => this.querySelector(there)?.focus({ preventScroll: true }));
    this.entered = there;
  }

  get open() {
    return this.store.session.sheet === 'heads';
  }

  /** @param {number|null} index */
  token(index) {
    return this.run?.value?.tokens.find((one) => one.index === index) ?? null;
  }

  /** @param {number} index @returns {boolean} whether its row, as chosen, can see the picture */
  canSee(index) {
    const token = this.token(index);
    const first = this.run.value?.image.first_index ?? null;
    return token !== null && first !== null && positionOf(token, this.selection.row) > first;
  }

  /** @returns {string|null} key of what was recorded for the word */
  get record() {
    const token = this.token(this.selection.token);
    return token ? recordWith(this.store, positionOf(token, this.selection.row)) : null;
  }

  /** Words that would be recorded together: all chosen ones that can see the picture and are not recorded, the current one first. */
  get wanted() {
    const { token, row } = this.selection;
    const chosen = [token, ...together(this.selection).filter((one) => one !== token)].filter((one) => one !== null && this.canSee(one));
    return chosen.filter((one) => !recordWith(this.store, positionOf(this.token(one), row))).slice(0, this.store.session.worker?.worker?.limits.head_tokens ?? AT_ONCE);
  }

  /** @returns {string|null} a sentence why nothing can be recorded now */
  get whyNot() {
    return whyNoWorker(this.store) ?? (this.store.runEntry?.has_picture ? null : 'This run was logged without its picture, so its words cannot be read again.');
  }

  ask() {
    const { run, id, row } = this.selection;
    const tokens = this.wanted;
    const name = `heads of ${tokens.map((one) => tokenText(this.token(one).text)).join(', ')}`;
    this.store.jobs.start({ kind: 'heads', name, picture: { run, id }, tokens, row }, { name, subject: { run, id } });
  }

  data() {
    const answer = this.maps.value;
    if (this.made.of !== answer) {
      const { header, arrays, shapes } = answer;
      const [, nHeads, ny, nx] = shapes.map;
      this.made = { of: answer, data: { ...arrays, layers: header.layers, nHeads, ny, nx, most: header.most, localised: header.localised } };
    }
    return this.made.data;
  }

  /** So wide that the rows of most models fit the height, in pixels. */
  get gridWidth() {
    if (!this.open || !this.maps.value) return 0;
    const { layers, nHeads, nx, ny } = this.data();
    const side = Math.max(24, Math.min(104, (HEIGHT / layers.length - 9) * Math.max(1, nx / ny)));
    return Math.round(52 + nHeads * (side + 3));
  }

  describe(data, { at, layer, head }) {
    const spread = data.effective[at];
    const facts = [
      ['on the picture', percent(data.mass[at])],
      ['spread as over', spread ? counted(Math.max(1, Math.round(spread)), 'patch', 'patches') : 'none'],
      ['largest', `${times(data.peak[at])} even`],
    ];
    return {
      spoken: `Layer ${layer}, head ${head}: ${facts.map((pair) => pair.join(' ')).join(', ')}`,
      content: html`<div class="kv"><b>layer ${layer}, head ${head}</b></div>${facts.map(([name, value]) => html`<div class="kv"><span>${name}</span><b>${value}</b></div>`)}`,
    };
  }

  /** @param {string} title @param {[number, number][]} heads @param {(at: number) => string} figure @param {string} sign */
  renderFirst(title, heads, figure, sign) {
    const data = this.data();
    return html`<section><h3><i class="head-mark ${sign}"></i>${title}</h3><div class="head-list">${heads.map(([layer, head]) => {
      const name = `${layer}.${head}`;
      return html`<button type="button" class=${name === this.selection.head ? 'on' : ''} aria-pressed=${String(name === this.selection.head)} @click=${() => this.store.set({ head: name, source: 'attention' })}>
        <b class="mono">${name}</b><span>${figure(data.layers.indexOf(layer) * data.nHeads + head)}</span></button>`;
    })}</div></section>`;
  }

  renderChosen() {
    const { head } = this.selection;
    const run = this.run.value;
    if (head === null) return html`<p class="note">Choose a head: it is shown here and on the large picture.</p>`;
    return answered(this.map, (answer) => {
      const { header, arrays } = answer;
      if (!this.patches.value) return nothing;
      if (this.rastered.of !== answer) this.rastered = { of: answer, raster: rasterise(run.picture, this.patches.value.arrays.box, arrays.attention, 'sum') };
      const { raster } = this.rastered;
      const { width, height, has_picture: has } = run.picture;
      const mode = this.selection.overlay === 'off' ? 'heat' : this.selection.overlay;
      return html`<vs-picture .src=${has ? this.api.pictureUrl(this.store.runKey) : ''} .raster=${raster} .mode=${mode} .theme=${this.theme} outlined .ratio=${width / height}
          .label="Picture with the attention of head ${head}"></vs-picture>
        ${scaleBar({ mode, top: raster.peak * width * height, text: times(raster.peak * width * height), unit: 'even', peak: raster.peak * width * height, title: '' })}
        <dl class="facts-list"><div><dt>Layer ${header.layer}, head ${header.head}</dt><dd></dd></div>
          <div><dt>On the picture</dt><dd data-value="head-mass">${percent(header.mass_on_picture)}</dd></div>
          <div><dt>On newlines</dt><dd>${percent(header.mass_on_newlines)}</dd></div></dl>
        <button type="button" class="button small" @click=${() => this.store.setSession({ sheet: null })}>Show on the large picture</button>`;
    });
  }

  renderMaps() {
    const data = this.data();
    const { header } = this.maps.value;
    const how = { order: this.order, common: this.common, selected: this.selection.head };
    const n = data.layers.length * data.nHeads;
    return html`<div class="heads"><div class="head-scroll" tabindex="-1"><vs-head-grid .data=${data} .how=${how} .theme=${this.theme} .describe=${(cell) => this.describe(data, cell)}
        .label=${`${n} heads, a row for each layer. Arrow keys move, Enter shows a head on the picture.`}
        @pick=${({ detail: { layer, head } }) => this.store.set({ head: `${layer}.${head}`, source: 'attention' })}></vs-head-grid></div>
      <aside class="head-side">${this.renderChosen()}
        ${this.renderFirst('Most on the picture', header.most, (at) => percent(data.mass[at]), 'most')}
        ${this.renderFirst('Most localised', header.localised, (at) => `as over ${fixed(data.effective[at], data.effective[at] < 10 ? 1 : 0)} patches`, 'localised')}</aside></div>
      <p class="note head-foot" data-value="difference">The bar under a map is the head’s attention on the picture, up to the largest, ${percent(Math.max(...data.mass))}. Localised: least spread, among the half of the heads with more on the picture.
        The mean over these heads is what the run recorded, to ${header.difference < 1e-6 ? 'under 0.0001 %' : `${Number((100 * header.difference).toPrecision(2))} %`}: the worker’s model is the run’s.</p><vs-export-row></vs-export-row>`;
  }

  renderControls() {
    const words = together(this.selection).filter((one) => this.canSee(one));
    const token = this.selection.token;
    const options = [...new Set([...(token === null ? [] : [token]), ...words])].sort((a, b) => a - b).map((one) => [String(one), tokenText(this.token(one)?.text ?? '')]);
    return html`<div class="head-controls">${
      options.length > 1
        ? html`<label class="inline">Word ${select({ label: 'Word', value: String(token), options, onChange: (value) => this.store.set({ token: Number(value) }) })}</label>`
        : html`<span>Word <b class="mono subject">${options[0]?.[1] ?? '…'}</b></span>`
    }
      ${
        this.maps.value
          ? html`${segmented({ label: 'Order', value: this.order, options: [['layer', 'By layer'], ['mass', 'Most first'], ['localised', 'Localised first']], onChange: (order) => (this.order = order) })}
          ${segmented({ label: 'Colours', value: this.common ? 'common' : 'own', options: [['own', 'Own scale'], ['common', 'Common scale']], onChange: (value) => (this.common = value === 'common') })}`
          : nothing
      }
      ${this.maps.value && this.wanted.length ? this.renderAsk() : nothing}</div>`;
  }

  renderAsk() {
    const { wanted, whyNot } = this;
    const names = wanted.map((one) => tokenText(this.token(one).text)).join(', ');
    return html`<button type="button" class="button ${this.maps.value ? '' : 'main'}" data-first ?disabled=${whyNot !== null} title=${whyNot ?? ''} @click=${() => this.ask()}>Record the heads of ${wanted.length > 3 ? counted(wanted.length, 'word') : `“${names}”`}</button>`;
  }

  renderMissing() {
    const { job, worker } = this.store.session;
    const token = this.token(this.selection.token);
    if (!token) return html`<p>Choose a word of the answer first.</p>`;
    if (!this.canSee(token.index)) return html`<p>“${tokenText(token.text)}” cannot see the picture: its row comes before the image.</p>`;
    if (isUnderWay(job) && job.kind === 'heads')
      return html`<p role="status">The worker reads the answer again${job.stage?.total > 1 ? `: layer ${job.stage.done} of ${job.stage.total}` : ''}.</p><progress max="1" value=${job.stage?.total ? job.stage.done / job.stage.total : nothing} aria-label="Progress"></progress>`;
    const failed = job?.kind === 'heads' && job.state === 'failed' ? html`<p class="refused" role="alert">${job.error}</p>` : nothing;
    const without = !worker?.worker && worker?.state !== 'off';
    return html`${failed}<p>A run records the mean over heads. Which head looked where is recorded for single words by a worker, which reads the known answer again in one pass.</p>
      ${without ? html`<p data-value="no-worker">There is no worker. This command starts one:</p><vs-copied .text=${workerCommand(this.store)} label="Command that starts a worker" action="Copy command"></vs-copied>` : nothing}
      ${!without && this.whyNot ? html`<p class="note">${this.whyNot}</p>` : nothing}${without ? nothing : this.renderAsk()}`;
  }

  renderContent() {
    return answered(this.run, () =>
      html`${this.renderControls()}${this.maps.key === null ? html`<div class="head-missing">${this.renderMissing()}</div>` : answered(this.maps, () => this.renderMaps())}`,
    );
  }

  render() {
    const { open } = this;
    return html`<vs-sheet class="heads-sheet" .style=${`--heads-width:${this.gridWidth}px`} .open=${open} label="Heads" .content=${open ? this.renderContent() : nothing}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }
}

customElements.define('vs-heads', HeadsPanel);
