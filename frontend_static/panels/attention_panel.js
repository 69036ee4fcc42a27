import { html, nothing } from '../vendor/lit.js';
import { answered, card, emptyState } from '../elements/card.js';
import { activation, counted, fixed, percent, tokenText, whole } from '../elements/format.js';
import '../elements/box_brush.js';
import { enlarge } from '../elements/icons.js';
import { overlayStyle, WHOLE } from '../elements/picture_zoom.js';
import { scaleBar, times } from '../elements/scale_bar.js';
import { overlayChoice } from '../elements/overlay_choice.js';
import { segmented } from '../elements/segmented.js';
import '../elements/sheet.js';
import '../elements/zoom_picture.js';
import { positionOf, recordWith } from '../head_records.js';
import { rasterise, shareOverHalf } from '../plots/image_overlay.js';
import { areSeveral, together } from '../token_set.js';
import { attentionChoices } from './attention/choices.js';
import { multiples } from './attention/multiples.js';
import { readAt } from './attention/readout.js';
import { sinkMarks, sinksFact } from './attention/sinks_row.js';
import { isShortcut, Panel, SLIDERS } from './base/panel.js';
import { askAttention, askAttribution, askHeadMap, askPatches, askRun, askSinks } from './base/requests.js';
import { boxButton, boxRow } from './steering/box_row.js';

const EVEN = 'even';
const SCALE_TITLE =
  'Attention per area, as a multiple of an even spread: 1× is what every place would have if the word spent all of its attention on the picture, everywhere alike. The tick is half of the largest value, where the outline runs.';

/** Where the chosen words looked, what a head did, or where the chosen latent fires. */
export class AttentionPanel extends Panel {
  static indifferentTo = SLIDERS;
  static properties = { seen: { state: true } };
  static needsWord = true;

  constructor() {
    super();
    this.run = this.query(askRun);
    this.patches = this.query(askPatches);
    this.attention = this.query(askAttention);
    this.sinks = this.query(askSinks);
    this.headMap = this.query((store, api) => askHeadMap(store, api, this.heads));
    this.attribution = this.query((store, api) =>
      store.selection.source === 'latent' ? askAttribution(store, api) : null,
    );
    /** @type {WeakMap<object, any>} rasters by the array they were made from */
    this.rasters = new WeakMap();
    this.seen = WHOLE;
  }

  connectedCallback() {
    super.connectedCallback();
    this.onShortcut = (event) => {
      if (event.key !== 'h' || !isShortcut(event) || this.selection.workspace !== 'scratchpad') return;
      this.store.setSession({ sheet: 'heads' });
      event.preventDefault();
    };
    window.addEventListener('keydown', this.onShortcut);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onShortcut);
  }

  /** @returns {string|null} key of the maps of heads that hold the chosen word */
  get heads() {
    const token = this.run?.value?.tokens.find(({ index }) => index === this.selection.token);
    return token ? recordWith(this.store, positionOf(token, this.selection.row)) : null;
  }

  /** @param {Float32Array} value by patch @param {'sum'|'maximum'} how */
  rasterOf(value, how) {
    let made = this.rasters.get(value);
    if (!made) {
      made = rasterise(this.run.value.picture, this.patches.value.arrays.box, value, how);
      this.rasters.set(value, made);
    }
    return made;
  }

  /** The maps of several words, each a part of one array. @param {import('../packed.js').Packed} answer @returns {any[]} */
  rastersOf(answer) {
    let made = this.rasters.get(answer);
    if (!made) {
      const n = answer.arrays.attention.length;
      made = answer.header.tokens.map((_, i) => this.rasterOf(answer.arrays.each.subarray(i * n, (i + 1) * n), 'sum'));
      this.rasters.set(answer, made);
    }
    return made;
  }

  get bySource() {
    const { source, latent, head, token } = this.selection;
    if (source === 'latent' && latent !== null) return 'latent';
    return head !== null && token !== null ? 'head' : 'attention';
  }

  /** @param {[number, number, number, number]} box in pixels of the picture */
  drawBox(box) {
    this.store.setSession({ brushing: false });
    this.store.set({ box: Object.freeze(box) });
  }

  /** Sinks are struck out while they are known; the latent's own map has nothing to do with them. */
  get marks() {
    const { value } = this.sinks;
    if (this.bySource === 'latent' || !value?.header.n_sinks || !this.patches.value) return [];
    const key = `${this.selection.view}`;
    if (this.marked?.of !== value || this.marked.key !== key) {
      this.marked = { of: value, key, marks: sinkMarks(this.run.value.picture, this.patches.value, value.arrays.sink, key) };
    }
    return this.marked.marks;
  }

  /** @param {{raster: any, value: Float32Array|null, label: string, top?: number|null, kind?: 'attention'|'activation'}} map @param {boolean} large */
  picture({ raster, value, label, top = null, kind = 'attention' }, large) {
    const { picture } = this.run.value;
    const { arrays } = this.patches.value;
    const read = { picture, patches: arrays, value, kind, sink: kind === 'attention' ? this.sinks.value?.arrays.sink : null, view: this.selection.view };
    return html`<vs-zoom-picture class=${large ? 'large' : ''} .src=${picture.has_picture ? this.api.pictureUrl(this.store.runKey) : ''} .raster=${raster} .top=${top} .marks=${this.marks}
        .mode=${this.selection.overlay} .theme=${this.theme} outlined .label=${label} .ratio=${picture.width / picture.height}
        .describe=${value && this.selection.overlay !== 'off' ? (x, y) => readAt(read, x, y) : null} .still=${!large && this.store.session.brushing}
        @seen=${({ detail }) => {
          if (!large) this.seen = detail;
        }}></vs-zoom-picture>`;
  }

  /** @param {Parameters<AttentionPanel['picture']>[0]} map @param {unknown} scale */
  renderPicture(map, scale = nothing) {
    const { picture } = this.run.value;
    const ratio = picture.width / picture.height;
    const { sheet, brushing } = this.store.session;
    const open = sheet === 'picture';
    return html`<div class="boxed ${this.bySource === 'attention' && areSeveral(this.selection) ? 'several' : ''}" .style=${`--ratio:${ratio}`}>${this.picture(map, false)}
        <vs-box-brush .style=${overlayStyle(this.seen)} .width=${picture.width} .height=${picture.height} .box=${this.selection.box} .active=${brushing}
          @box=${({ detail }) => this.drawBox(detail)}></vs-box-brush>${boxButton(this.store)}
        <button type="button" class="box-button enlarge-button" aria-haspopup="dialog" aria-label="Enlarge the picture" title="Enlarge the picture"
          @click=${() => this.store.setSession({ sheet: 'picture' })}>${enlarge}</button></div>
      ${picture.has_picture ? nothing : html`<p class="note">The picture was not logged; the map is drawn alone.</p>`}${scale}
      <vs-sheet class="picture-sheet" .style=${`--ratio:${ratio}`} .open=${open} label=${open ? this.sheetTitle : 'Picture'} .content=${
        open ? html`<div class="large-picture">${this.picture(map, true)}</div>${scale}
          <p class="note">Wheel, double click, + and − zoom, 0 shows the whole picture; drag or arrow keys move it.</p>` : nothing
      } @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }

  get sheetTitle() {
    const { latent, head } = this.selection;
    if (this.bySource === 'latent') return `Latent ${latent}`;
    return `Attention of ${this.subject}${this.bySource === 'head' ? `, head ${head}` : ''}`;
  }

  /** What is looked at, in words. */
  get subject() {
    if (this.bySource === 'attention' && areSeveral(this.selection)) return counted(this.selection.tokens.length, 'word');
    const token = this.run.value?.tokens.find(({ index }) => index === this.selection.token);
    return token ? tokenText(token.text) : '…';
  }

  renderLayers(masses, layers) {
    const top = Math.max(1e-9, ...masses);
    const chosen = this.selection.layers;
    return html`<div class="layers" role="img" aria-label="Attention on the picture by layer: ${masses.map((m, i) => `layer ${layers[i]} ${percent(m)}`).join(', ')}">
      ${masses.map(
        (
          m,
          i,
        ) => html`<span title="layer ${layers[i]}: ${percent(m)} on the picture" class=${chosen === 'all' || chosen === String(layers[i]) ? '' : 'off'}
        @click=${() => this.store.set({ layers: chosen === String(layers[i]) ? 'all' : String(layers[i]) })}><i .style=${`height:${(100 * m) / top}%`}></i></span>`,
      )}</div>`;
  }

  /** @param {any} raster @param {number} top @param {unknown} controls */
  attentionScale(raster, top, controls = nothing) {
    const { width, height } = this.run.value.picture;
    const even = width * height;
    const said = { top: top * even, text: times(top * even), peak: raster.peak * even };
    return scaleBar({ mode: this.selection.overlay, ...said, unit: EVEN, title: SCALE_TITLE, controls });
  }

  renderFacts(header, raster, layers) {
    const sinks = this.sinks.value;
    const fact = (name, title, value, key) => html`<div title=${title}><dt>${name}</dt><dd data-value=${key}>${value}</dd></div>`;
    return html`<div class="meta"><dl class="facts-list">
        ${fact('On the picture', '', percent(header.mass_on_picture), 'mass-on-picture')}
        ${sinks ? sinksFact(this.store, sinks, header.mass_on_sinks) : nothing}
        ${fact('On newlines', 'Newline tokens stand for no place: in no other figure', percent(header.mass_on_newlines), 'mass-on-newlines')}
        ${fact('Half of peak', 'The outline: where attention per area is at least half of its largest value', `${percent(shareOverHalf(raster))} of it`, 'half-of-peak')}</dl>
        <div class="by-layer">${layers ? this.renderLayers(layers, this.run.value.layers) : nothing}${this.renderHeadsButton()}</div></div>`;
  }

  renderAttention(answer) {
    const { header, arrays } = answer;
    const name = this.subject;
    const several = Boolean(header.tokens);
    if (!header.sees_image || !header.defined) {
      return html`${this.renderPicture({ raster: null, value: null, label: `Picture, without attention of “${name}”` })}
        <p class="note reason" role="status">${header.reason ?? `“${name}” cannot see the picture.`}</p>`;
    }
    const raster = this.rasterOf(arrays.attention, 'sum');
    const common = several && this.selection.scale === 'common';
    const parts = several ? this.rastersOf(answer) : [];
    const top = common ? Math.max(raster.peak, ...parts.map(({ peak }) => peak)) : raster.peak;
    const controls = several
      ? segmented({ label: 'Scale', value: this.selection.scale, options: [['own', 'Own'], ['common', 'Common']], onChange: (scale) => this.store.set({ scale }) })
      : nothing;
    const label = `Picture with the attention of ${several ? name : `“${name}”`}: ${percent(header.mass_on_picture)} on the picture`;
    return html`${this.renderPicture({ raster, value: arrays.attention, label, top }, this.attentionScale(raster, top, controls))}
      ${several ? this.renderMultiples(header, parts, common ? top : null) : nothing}
      ${this.renderFacts(header, raster, header.mass_by_layer)}`;
  }

  renderMultiples({ tokens, n_averaged: n }, rasters, top) {
    const run = this.run.value;
    const src = run.picture.has_picture ? this.api.pictureUrl(this.store.runKey) : '';
    return html`${n < tokens.length ? html`<p class="note mean-of">Mean of ${counted(n, 'row')}; ${counted(tokens.length - n, 'word')} without a row left out.</p>` : nothing}
      ${multiples({ store: this.store, run, src, headers: tokens, rasters, top })}`;
  }

  renderHead(answer) {
    const { header, arrays } = answer;
    const raster = this.rasterOf(arrays.attention, 'sum');
    const { head } = this.selection;
    const label = `Picture with the attention of “${this.subject}” in layer ${header.layer}, head ${header.head}: ${percent(header.mass_on_picture)} on the picture`;
    return html`${this.renderPicture({ raster, value: arrays.attention, label }, this.attentionScale(raster, raster.peak))}
      ${this.renderFacts(header, raster, null)}
      <p class="note" data-value="head-note">Layer ${header.layer}, head ${header.head} alone. Ranking and heatmap go on with the mean over heads.
        <button type="button" class="link" @click=${() => this.store.set({ head: null })} aria-label="Leave head ${head}: back to the mean over heads">Mean over heads</button></p>`;
  }

  renderAttribution(answer) {
    const { header, arrays } = answer;
    const raster = this.rasterOf(arrays.value, 'maximum');
    const scale = scaleBar({
      mode: this.selection.overlay, top: raster.peak, text: activation(raster.peak), unit: 'activation', peak: raster.peak,
      title: 'Activation z of the latent; where patches of base view and tiles overlap, the larger one. The tick is half of the largest, where the outline runs.',
    });
    return html`${this.renderPicture({ raster, value: arrays.value, label: `Picture with latent ${header.latent}: fires in ${header.n_firing} patches`, kind: 'activation' }, scale)}
      <div class="meta"><dl class="facts-list">
        <div><dt>Fires in</dt><dd>${whole(header.n_firing)} patches</dd></div>
        <div><dt>Largest</dt><dd>${fixed(header.maximum, 2)}</dd></div>
        <div><dt>Half of peak</dt><dd>${percent(shareOverHalf(raster))} of the picture</dd></div></dl></div>`;
  }

  renderHeadsButton() {
    return html`<button type="button" class="button small" aria-haspopup="dialog" aria-keyshortcuts="h" title="What each head of each layer looked at (h)"
        @click=${() => this.store.setSession({ sheet: 'heads' })}>Heads</button>`;
  }

  /** A head of which nothing is recorded for this word. */
  renderNoHead() {
    return html`<p class="note reason" role="status">Head ${this.selection.head} is not recorded for “${this.subject}”.
      <button type="button" class="link" @click=${() => this.store.setSession({ sheet: 'heads' })}>Heads</button> ·
      <button type="button" class="link" @click=${() => this.store.set({ head: null })}>Mean over heads</button></p>`;
  }

  /** As large as the picture and what stands under it; while the run is not known, as the one before. */
  outline() {
    const { width, height } = this.run.value?.picture ?? this.outlined ?? {};
    if (!width) return nothing;
    this.outlined = { width, height };
    return html`<div class="boxed picture-outline" .style=${`--ratio:${width / height}`}></div><div class="meta-outline"></div>`;
  }

  renderBody() {
    const of = this.bySource;
    const body =
      of === 'latent'
        ? this.renderAttribution(this.attribution.value)
        : of === 'head' && this.headMap.key === null
          ? html`${this.renderPicture({ raster: null, value: null, label: 'Picture' })}${this.renderNoHead()}`
          : of === 'head'
            ? this.renderHead(this.headMap.value)
            : this.renderAttention(this.attention.value);
    const shown = { rows: of !== 'latent', layers: of === 'attention', several: of === 'attention' && areSeveral(this.selection) };
    return html`${body}${attentionChoices(this.store, this.run.value, shown)}${boxRow(this.store, this.run.value)}`;
  }

  render() {
    const { overlay, latent, head } = this.selection;
    const of = this.bySource;
    const back = html`<button type="button" class="icon tiny" aria-label="Back to attention" title="Back to attention"
      @click=${() => this.store.set({ source: 'attention' })}>×</button>`;
    const several = of === 'attention' && areSeveral(this.selection);
    const query = of === 'latent' ? this.attribution : of === 'head' && this.headMap.key !== null ? this.headMap : this.attention;
    const first = [this.run, this.patches].find((one) => one.value === undefined) ?? query;
    const title =
      of === 'latent'
        ? html`Latent <span class="subject">${latent}</span>${back}`
        : several
          ? html`<span title="The mean of their rows as they are, none of them divided by anything first">Mean <span class="of">of</span> <span class="subject">${this.subject}</span></span>`
          : html`${of === 'head' ? html`Head <span class="subject">${head}</span>` : 'Attention'} <span class="of">of</span> <span class="subject mono">${this.subject}</span>`;
    return card({
      label: 'Attention',
      title,
      busy: query.stale,
      late: query.late,
      controls: overlayChoice(overlay, (value) => this.store.set({ overlay: value })),
      body:
        !together(this.selection).length && of === 'attention' && this.run.value && !this.run.value.tokens.length
          ? emptyState('Choose a word of the answer.')
          : html`${answered(first, () => this.renderBody(), this.outline())}${first === this.headMap && first.error ? this.renderNoHead() : nothing}`,
    });
  }
}

customElements.define('vs-attention', AttentionPanel);
