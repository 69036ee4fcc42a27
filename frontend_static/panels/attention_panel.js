import { html, nothing } from '../vendor/lit.js';
import { answered, card, emptyState } from '../elements/card.js';
import { fixed, percent, tokenText, whole } from '../elements/format.js';
import '../elements/box_brush.js';
import '../elements/picture.js';
import { segmented } from '../elements/segmented.js';
import { select } from '../elements/select.js';
import { rasterise, shareOverHalf } from '../plots/image_overlay.js';
import { Panel, SLIDERS } from './base/panel.js';
import { askAttention, askAttribution, askPatches, askRun } from './base/requests.js';
import { boxButton, boxRow } from './steering/box_row.js';

/** Where the chosen token looked, or where the chosen latent fires. */
export class AttentionPanel extends Panel {
  static indifferentTo = SLIDERS;
  static needsWord = true;
  constructor() {
    super();
    this.run = this.query(askRun);
    this.patches = this.query(askPatches);
    this.attention = this.query(askAttention);
    this.attribution = this.query((store, api) =>
      store.selection.source === 'latent' ? askAttribution(store, api) : null,
    );
    /** @type {{of: unknown, raster: unknown}} the last raster and the answer it was made from */
    this.made = { of: null, raster: null };
  }

  /** @param {import('../packed.js').Packed} answer @param {Float32Array} value @param {'sum'|'maximum'} how */
  rasterOf(answer, value, how) {
    if (this.made.of !== answer) {
      this.made = { of: answer, raster: rasterise(this.run.value.picture, this.patches.value.arrays.box, value, how) };
    }
    return this.made.raster;
  }

  get bySource() {
    return this.selection.source === 'latent' && this.selection.latent !== null ? 'latent' : 'attention';
  }

  /** @param {[number, number, number, number]} box in pixels of the picture */
  drawBox(box) {
    this.store.setSession({ brushing: false });
    this.store.set({ box: Object.freeze(box) });
  }

  renderPicture(raster, label) {
    const { picture } = this.run.value;
    const entry = this.store.runKey;
    const ratio = picture.width / picture.height;
    return html`<div class="boxed" .style=${`--ratio:${ratio}`}><vs-picture .src=${picture.has_picture ? this.api.pictureUrl(entry) : ''} .raster=${raster}
        .mode=${this.selection.overlay} .theme=${this.theme} outlined .label=${label} .ratio=${ratio}></vs-picture>
        <vs-box-brush .width=${picture.width} .height=${picture.height} .box=${this.selection.box} .active=${this.store.session.brushing}
          @box=${({ detail }) => this.drawBox(detail)}></vs-box-brush>${boxButton(this.store)}</div>
      ${picture.has_picture ? nothing : html`<p class="note">The picture was not logged; the map is drawn alone.</p>`}`;
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

  renderAttention(answer) {
    const { header, arrays } = answer;
    const run = this.run.value;
    const token = run.tokens.find(({ index }) => index === header.token);
    const name = token ? tokenText(token.text) : `token ${header.token}`;
    if (!header.sees_image || !header.defined) {
      return html`${this.renderPicture(null, `Picture, without attention of “${name}”`)}
        <p class="note reason" role="status">${header.reason ?? `“${name}” cannot see the picture.`}</p>`;
    }
    const raster = this.rasterOf(answer, arrays.attention, 'sum');
    return html`${this.renderPicture(raster, `Picture with the attention of “${name}”: ${percent(header.mass_on_picture)} on the picture`)}
      <div class="meta"><dl class="facts-list">
        <div><dt>On the picture</dt><dd data-value="mass-on-picture">${percent(header.mass_on_picture)}</dd></div>
        <div><dt>On newlines</dt><dd data-value="mass-on-newlines">${percent(header.mass_on_newlines)}</dd></div>
        <div><dt>Half of peak</dt><dd>${percent(shareOverHalf(raster))} of it</dd></div></dl>
        ${header.mass_by_layer ? this.renderLayers(header.mass_by_layer, run.layers) : nothing}</div>`;
  }

  renderAttribution(answer) {
    const { header, arrays } = answer;
    const raster = this.rasterOf(answer, arrays.value, 'maximum');
    return html`${this.renderPicture(raster, `Picture with latent ${header.latent}: fires in ${header.n_firing} patches`)}
      <div class="meta"><dl class="facts-list">
        <div><dt>Fires in</dt><dd>${whole(header.n_firing)} patches</dd></div>
        <div><dt>Largest</dt><dd>${fixed(header.maximum, 2)}</dd></div>
        <div><dt>Half of peak</dt><dd>${percent(shareOverHalf(raster))} of the picture</dd></div></dl></div>`;
  }

  /** The position whose row is shown, told by the word at that place: short where the choice of views stands beside it. */
  producingText() {
    const { tokens, tile_rows: tiled } = this.run.value;
    const token = tokens.find(({ index }) => index === this.selection.token);
    if (token?.span !== 'OUTPUT') return 'producing row';
    const before = tokens.find(({ index }) => index === token.index - 1);
    const word = before ? tokenText(before.text) : '';
    if (tiled) return word ? `by “${word}”` : `by row ${whole(token.index - 1)}`;
    return `produced by row ${whole(token.index - 1)}${word ? `, ${word}` : ''}`;
  }

  /** As large as the picture and what stands under it; while the run is not known, as the one before. */
  outline() {
    const { width, height } = this.run.value?.picture ?? this.outlined ?? {};
    if (!width) return nothing;
    this.outlined = { width, height };
    return html`<div class="boxed picture-outline" .style=${`--ratio:${width / height}`}></div><div class="meta-outline"></div>`;
  }

  renderChoices() {
    const { layers, row, view } = this.selection;
    const run = this.run.value;
    const set = (key) => (value) => this.store.set({ [key]: value });
    const all = run.layers.length > 1 ? `layers ${run.layers[0]}–${run.layers.at(-1)}` : `layer ${run.layers[0]}`;
    return html`<div class="choices">
      ${
        this.bySource === 'latent'
          ? nothing
          : select({
              label: 'Row',
              value: row,
              onChange: set('row'),
              title: 'The position that produced the word, or the word’s own position',
              options: [
                ['producing', this.producingText()],
                ['own', 'its own row'],
              ],
            })
      }
      ${
        run.tile_rows
          ? segmented({
              label: 'View',
              value: view,
              options: [
                ['both', 'Both'],
                ['base', 'Base'],
                ['tiles', 'Tiles'],
              ],
              onChange: set('view'),
            })
          : nothing
      }
      ${
        this.bySource === 'latent'
          ? nothing
          : select({
              label: 'Layers',
              value: layers,
              onChange: set('layers'),
              disabled: !run.has_layers,
              title: run.has_layers
                ? 'Attention of all layers, or of one'
                : 'Attention by layer is not at hand: its sidecar is missing',
              options: [['all', all], ...run.layers.map((l) => [String(l), `layer ${l}`])],
            })
      }</div>`;
  }

  render() {
    const { overlay, token, latent } = this.selection;
    const back = html`<button type="button" class="icon tiny" aria-label="Back to attention" title="Back to attention"
      @click=${() => this.store.set({ source: 'attention' })}>×</button>`;
    const query = this.bySource === 'latent' ? this.attribution : this.attention;
    const chosen = this.run.value?.tokens.find(({ index }) => index === token);
    const first = [this.run, this.patches].find((one) => one.value === undefined) ?? query;
    const title =
      this.bySource === 'latent'
        ? html`Latent <span class="subject">${latent}</span>${back}`
        : html`Attention <span class="of">of</span> <span class="subject mono">${chosen ? tokenText(chosen.text) : '…'}</span>`;
    return card({
      label: 'Attention',
      title,
      busy: query.stale,
      late: query.late,
      controls: segmented({
        label: 'Overlay',
        value: overlay,
        options: [
          ['spotlight', 'Spotlight'],
          ['heat', 'Heat'],
          ['off', 'Off'],
        ],
        onChange: (value) => this.store.set({ overlay: value }),
      }),
      body:
        token === null && this.bySource === 'attention' && this.run.value && !this.run.value.tokens.length
          ? emptyState('Choose a word of the answer.')
          : answered(
              first,
              () => html`${this.bySource === 'latent' ? this.renderAttribution(query.value) : this.renderAttention(query.value)}
          ${this.renderChoices()}${boxRow(this.store, this.run.value)}`,
              this.outline(),
            ),
    });
  }
}

customElements.define('vs-attention', AttentionPanel);
