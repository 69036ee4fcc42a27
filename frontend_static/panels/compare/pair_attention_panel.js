import { html, nothing } from '../../vendor/lit.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { counted, fixed, percent, tokenText } from '../../elements/format.js';
import '../../elements/picture.js';
import { overlayChoice } from '../../elements/overlay_choice.js';
import { segmented } from '../../elements/segmented.js';
import { select } from '../../elements/select.js';
import { rasterise } from '../../plots/image_overlay.js';
import { onOneScale } from '../../plots/shared_scale.js';
import { placeOf } from '../../run_pairs.js';
import { Panel, SLIDERS } from '../base/panel.js';
import { request } from '../base/requests.js';
import { askAlike, askPair, askWord, counterpartIn, layersOf, viewOf } from './pair_requests.js';

/** Where both runs looked for the chosen word, or where a latent fires in both: side by side, on one scale. */
export class PairAttentionPanel extends Panel {
  static indifferentTo = SLIDERS;
  constructor() {
    super();
    this.alike = this.query(askAlike);
    this.pair = this.query((store, api) => askPair(store, api, this.alike));
    this.word = this.query((store, api) => askWord(store, api, this.pair));
    this.places = this.query((store, api) => {
      const { value: pair } = this.pair;
      return pair ? request('pair patches', [pair.first.id, pair.second.id], [], () => Promise.all([api.patches(pair.first), api.patches(pair.second)])) : null;
    });
    this.fires = this.query((store, api) => this.askFires(store, api));
    this.made = { of: [], rasters: [null, null] };
  }

  /** Where the chosen latent, and what stands for it in the other dictionary, fire. */
  askFires(store, api) {
    const { value: pair } = this.pair;
    const { latent, source } = store.selection;
    if (!pair || latent === null || source !== 'latent') return null;
    const other = counterpartIn(pair, this.word.value, latent);
    const view = viewOf(store, pair);
    return request('pair latent', [pair.first.id, pair.second.id], [latent, other, view], () =>
      Promise.all([api.latentAttribution(pair.first, latent, { view }), other === null ? null : api.latentAttribution(pair.second, other, { view })]),
    );
  }

  get byLatent() {
    return this.selection.source === 'latent' && this.selection.latent !== null;
  }

  /** @param {any} pair @param {(Float32Array|null)[]} values @param {'sum'|'maximum'} how */
  rasters(pair, values, how) {
    const of = [...values, this.selection.pairScale];
    if (!of.every((one, i) => one === this.made.of[i])) {
      const each = values.map((value, i) => value && rasterise([pair.first, pair.second][i].picture, this.places.value[i].arrays.box, value, how));
      // Two dictionaries have their own scales of activation.
      const shared = this.selection.pairScale === 'same' && (how === 'sum' || pair.same_dictionary);
      this.made = { of, rasters: shared ? onOneScale(each) : each };
    }
    return this.made.rasters;
  }

  /**
   * @param {any} pair @param {'first'|'second'} side @param {any} raster @param {unknown} caption @param {string|null} reason why there is no map
   * @param {string} spoken what is heard of it
   */
  renderSide(pair, side, raster, caption, reason, spoken) {
    const { picture } = pair[side];
    const letter = side === 'first' ? 'A' : 'B';
    const ratio = picture.width / picture.height;
    return html`<figure class="pair-picture"><div class="boxed" .style=${`--ratio:${ratio}`}><vs-picture .src=${picture.has_picture ? this.api.pictureUrl(pair[side]) : ''}
        .raster=${raster} .mode=${this.selection.overlay} .theme=${this.theme} outlined .ratio=${ratio} .label=${`Picture of ${letter}, ${spoken}`}></vs-picture></div>
      <figcaption><span class="side ${letter.toLowerCase()}" aria-hidden="true">${letter}</span> ${reason ? html`<span class="note">${reason}</span>` : caption}</figcaption></figure>`;
  }

  /** What both maps are, in words. @returns {[string, string]} */
  spokenSides() {
    const pair = this.pair.value;
    if (this.byLatent) {
      const told = ({ header }) => `latent ${header.latent} in ${counted(header.n_firing, 'patch', 'patches')}, at most ${fixed(header.maximum, 2)}`;
      const [mine, theirs] = this.fires.value;
      return [told(mine), theirs ? told(theirs) : 'it has no counterpart in B’s dictionary'];
    }
    const [, i, j] = pair.steps[placeOf(pair, this.selection)];
    const { header } = this.word.value;
    const told = (words, number, { mass, attention_reason: why }) =>
      number === null ? 'no word at this place' : `“${tokenText(words[number].text)}”: ${mass === null ? why : `${percent(mass)} of its attention on the picture`}`;
    return [told(pair.first.words, i, header.first), told(pair.second.words, j, header.second)];
  }

  renderAttention(pair) {
    const [, i, j] = pair.steps[placeOf(pair, this.selection)];
    const { header, arrays } = this.word.value;
    const values = [header.first.mass === null ? null : arrays.attention, header.second.mass === null ? null : arrays.other_attention];
    const rasters = this.rasters(pair, values, 'sum');
    const text = (words, number) => (number === null ? '' : tokenText(words[number].text));
    const caption = (word, { mass }) => html`<b class="mono">${word}</b> <span class="k">on the picture</span> <b>${mass === null ? '–' : percent(mass)}</b>`;
    const why = (word, told, letter) => (word === '' ? `${letter} has no word at this place.` : told.mass === null ? told.attention_reason : null);
    const [mine, theirs] = [text(pair.first.words, i), text(pair.second.words, j)];
    const spoken = this.spokenSides();
    return html`<div class="pair-pictures">${this.renderSide(pair, 'first', rasters[0], caption(mine, header.first), why(mine, header.first, 'A'), spoken[0])}
      ${this.renderSide(pair, 'second', rasters[1], caption(theirs, header.second), why(theirs, header.second, 'B'), spoken[1])}</div>`;
  }

  renderLatent(pair) {
    const [mine, theirs] = this.fires.value;
    const spoken = this.spokenSides();
    const rasters = this.rasters(pair, [mine.arrays.value, theirs?.arrays.value ?? null], 'maximum');
    const caption = ({ header }) => html`<b class="mono">${header.latent}</b> <span class="k">in ${counted(header.n_firing, 'patch', 'patches')}, at most</span> <b>${fixed(header.maximum, 2)}</b>`;
    return html`<div class="pair-pictures">${this.renderSide(pair, 'first', rasters[0], caption(mine), null, spoken[0])}
      ${this.renderSide(pair, 'second', rasters[1], theirs ? caption(theirs) : '', theirs ? null : 'It has no counterpart in B’s dictionary.', spoken[1])}</div>`;
  }

  renderChoices(pair) {
    const { row } = this.selection;
    const set = (key) => (value) => this.store.set({ [key]: value });
    return html`<div class="choices">${
      this.byLatent
        ? nothing
        : html`${select({
            label: 'Row',
            value: row,
            title: 'The position that produced the word, or the word’s own position; in both runs',
            options: [
              ['producing', 'producing row'],
              ['own', 'its own row'],
            ],
            onChange: set('row'),
          })}${select({
            label: 'Layers',
            value: layersOf(this.store, pair),
            disabled: !pair.common_layers.length,
            title: pair.common_layers.length ? 'Attention of all layers, or of one that both have' : 'Attention by layer is not at hand in both',
            options: [['all', 'all layers'], ...pair.common_layers.map((layer) => [String(layer), `layer ${layer}`])],
            onChange: set('layers'),
          })}`
    }${
      pair.first.picture.has_tiles && pair.second.picture.has_tiles
        ? segmented({
            label: 'View',
            value: this.selection.view,
            options: [
              ['both', 'Both'],
              ['base', 'Base'],
              ['tiles', 'Tiles'],
            ],
            onChange: set('view'),
          })
        : nothing
    }${
      this.byLatent && !pair.same_dictionary
        ? html`<span class="note">each on its own scale: two dictionaries</span>`
        : segmented({
            label: 'Scale',
            value: this.selection.pairScale,
            options: [
              ['same', 'One scale'],
              ['own', 'Own scales'],
            ],
            onChange: set('pairScale'),
          })
    }</div>${pair.same_map || this.byLatent ? nothing : html`<p class="note">Their image tokens stand for other patches: the maps are laid on the pictures, not compared patch by patch.</p>`}`;
  }

  renderBody(pair) {
    if (!pair.steps.length && !this.byLatent) return emptyState('There is no word to look at.');
    const query = this.byLatent ? this.fires : this.word;
    const first = this.places.value === undefined ? this.places : query;
    return answered(first, () => html`${this.byLatent ? this.renderLatent(pair) : this.renderAttention(pair)}${this.renderChoices(pair)}`);
  }

  render() {
    const { overlay, latent } = this.selection;
    const query = this.byLatent ? this.fires : this.word;
    const back = html`<button type="button" class="icon tiny" aria-label="Back to attention" title="Back to attention"
      @click=${() => this.store.set({ source: 'attention' })}>×</button>`;
    return card({
      label: 'Where both looked',
      title: this.byLatent ? html`Latent <span class="subject">${latent}</span>${back}` : 'Where both looked',
      busy: query.stale,
      late: query.late,
      controls: overlayChoice(overlay, (value) => this.store.set({ overlay: value })),
      body: this.pair.key === null ? emptyState('Choose a second run.') : answered(this.pair, (pair) => this.renderBody(pair)),
    });
  }
}

customElements.define('vs-pair-attention', PairAttentionPanel);
