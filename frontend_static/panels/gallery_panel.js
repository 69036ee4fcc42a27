import { html, nothing } from '../vendor/lit.js';
import { answered, card, emptyState } from '../elements/card.js';
import { counted, fixed, percent, whole } from '../elements/format.js';
import { bookmark, notebook } from '../elements/icons.js';
import { segmented } from '../elements/segmented.js';
import { clusterItem, latentItem } from '../basket.js';
import { firstClusters } from './latents/first_clusters.js';
import { latentName, pinMark, shownName } from './latents/names.js';
import { hiddenDense, withoutHidden } from '../dense.js';
import { clusterOnMap, colorOnMap, mapData, shownMap } from './latents/map_data.js';
import { Panel } from './base/panel.js';
import { nextAction } from './walk/leading.js';
import { referencePictures } from './latents/references.js';
import { askDictionary, askMap, askReferences, askStatistics } from './base/requests.js';

const FIRST_ROWS = 10;
const MORE_ROWS = 20;

/** The chosen latents with their reference pictures. */
export class GalleryPanel extends Panel {
  static properties = { shown: { state: true } };

  constructor() {
    super();
    this.shown = FIRST_ROWS;
    this.sorted = { of: null, by: null, hidden: null, latents: [], nHidden: 0 };
    this.dictionary = this.query(askDictionary);
    this.statistics = this.query(askStatistics);
    this.map = this.query(askMap);
    this.references = this.query((store, api) =>
      store.selection.gallery === 'pictures' ? null : askReferences(store, api, this.latents.slice(0, this.shown)),
    );
  }

  /** @returns {number[]} the lasso's latents, strongest mean first; else the one */
  get latents() {
    const { latents, latent } = this.selection;
    if (!latents.length) return latent === null ? [] : [latent];
    const statistics = this.statistics.value;
    const hidden = hiddenDense(this.store, statistics);
    if (this.sorted.of !== latents || this.sorted.by !== statistics || this.sorted.hidden !== hidden) {
      const mean = statistics?.arrays.mean;
      const { shown, nHidden } = withoutHidden(hidden, latents);
      const ranked = mean ? [...shown].sort((a, b) => mean[b] - mean[a] || a - b) : shown;
      this.sorted = { of: latents, by: statistics, hidden, latents: ranked, nHidden };
    }
    return this.sorted.latents;
  }

  willUpdate() {
    if (this.of === this.selection.latents) return;
    this.of = this.selection.latents;
    this.shown = FIRST_ROWS;
  }

  facts(latent) {
    if (!this.statistics.value) return { name: null, text: '' };
    const { arrays } = this.statistics.value;
    const labels = this.dictionary.value?.statistics?.labels ?? [];
    const label = arrays.top_label[latent];
    if (!(arrays.flags[latent] & 1)) return { name: 'dead', text: '' };
    const entropy = arrays.flags[latent] & 2 ? ` · ${fixed(arrays.label_entropy[latent], 2)} nat` : '';
    return {
      name: latentName(label < 0 ? null : (labels[label] ?? null), arrays.top_label_share[latent]),
      text: `${percent(arrays.image_frequency[latent])}${entropy}`,
    };
  }

  /** The map that is shown, once all that it is made of is there; its colours and clusters are told here, too. */
  onMap() {
    if (!this.map.value || !this.statistics.value || !this.dictionary.value) return null;
    const which = shownMap(this.selection.map, this.dictionary.value);
    return mapData(this.map.value, this.statistics.value, this.dictionary.value, which);
  }

  /** @param {number[]} latents @param {{name: string}|null} cluster of the map */
  renderControls(latents, cluster) {
    const held = new Set(this.selection.basket.flatMap((item) => item.latents));
    const all = latents.every((latent) => held.has(latent));
    const item = () => (latents.length === 1 ? latentItem(latents[0]) : clusterItem(cluster?.name || 'selected', latents));
    const { latent } = this.selection;
    return html`${latent === null ? nothing : html`<button type="button" class="icon small" aria-label="Name, note and pin of latent ${latent}" aria-haspopup="dialog" aria-keyshortcuts="n"
        title="Name latent ${latent}, write a note on it, pin it (n)" @click=${() => this.store.setSession({ sheet: 'note', naming: true })}>${notebook}</button>`}
      <button type="button" class="icon small" aria-label="Clear" title="Clear the selection"
        @click=${() => this.store.set({ latents: [], latent: null })}>✕</button>
      <button type="button" class="button small" ?disabled=${all} title=${all ? 'In the basket' : `Add ${latents.length === 1 ? 'it' : 'them'} to the steering basket`}
        @click=${() => this.store.addToBasket(item())}>${all ? 'In the basket' : '+ Basket'}</button>`;
  }

  renderRow({ latent, references }) {
    const { name, text } = this.facts(latent);
    const { dictionary, step } = this.selection;
    const on = latent === this.selection.latent;
    const given = this.store.notes.of(latent).name;
    const map = this.onMap();
    const dot = map ? html`<i class="dot" .style=${`background:${colorOnMap(map, latent, this.theme)}`}></i>` : nothing;
    return html`<div class="gallery-row ${on ? 'on' : ''}" data-latent=${latent}>
      <button type="button" class="gallery-head" aria-pressed=${String(on)} @click=${() => this.store.set({ latent })}>
        ${pinMark(this.store, latent)}<b class="mono">${latent}</b>${name || given ? html`<span class="tag">${dot}${shownName(this.store, latent, name ?? '')}</span>` : nothing}<span class="s">${text}</span></button>
      ${referencePictures({ references, count: 4, theme: this.theme, url: (image) => this.api.referencePictureUrl(dictionary, image, step) })}</div>`;
  }

  /** @param {string|null} name that the selection is kept under */
  renderKeep(name) {
    const { dictionary, latents } = this.selection;
    if (!latents.length && !this.store.kept.of(dictionary).length) return nothing;
    return html`<button type="button" class="icon small ${name ? 'set' : ''}" aria-haspopup="dialog" aria-label=${name || !latents.length ? 'Kept…' : 'Keep…'}
      title="Keep this selection under a name; open earlier ones" @click=${() => this.store.setSession({ sheet: 'selections' })}>${bookmark}</button>`;
  }

  /** Each latent with its references, or the pictures of all. */
  renderSwitch() {
    return html`<div class="gallery-switch">${segmented({
      label: 'Show of the selected latents',
      value: this.selection.gallery,
      options: [
        ['latents', 'Latents'],
        ['pictures', 'Pictures'],
      ],
      onChange: (gallery) => this.store.set({ gallery }),
    })}</div>`;
  }

  /** @param {number[]} latents @param {ReturnType<GalleryPanel['onMap']>} map */
  renderBody(latents, map) {
    if (!latents.length)
      return emptyState(
        this.store.overTraining
          ? 'Shift-click a latent to follow it over the steps; drag around several in “This step”.'
          : 'Click a latent in either plot, or drag around several.',
        (!this.store.overTraining && map && firstClusters(this.store, map, this.statistics.value, this.theme)) || nothing,
      );
    if (this.selection.gallery === 'pictures') return html`<vs-pictures .store=${this.store} .api=${this.api}></vs-pictures>`;
    if (!this.store.dictionaryEntry?.has_references) return emptyState('References were not logged for this dictionary.');
    const left = latents.length - this.shown;
    return answered(
      this.references,
      (rows) => html`<div class="gallery">${rows.map((row) => this.renderRow(row))}
            ${
              left > 0
                ? html`<button type="button" class="button small more" @click=${() => {
                    this.shown += MORE_ROWS;
                  }}>
              ${whole(Math.min(MORE_ROWS, left))} more of ${whole(latents.length)}</button>`
                : nothing
            }</div>`,
    );
  }

  render() {
    const { latents } = this;
    const sorted = latents.length > 1 && this.statistics.value;
    const map = this.onMap();
    const cluster = map && latents.length > 1 ? clusterOnMap(map, latents) : null;
    const nHidden = this.selection.latents.length ? this.sorted.nHidden : 0;
    const name = this.store.kept.nameOf(this.selection.dictionary, this.selection.latents);
    return card({
      label: 'Selected latents',
      title: 'Selected',
      sub: latents.length
        ? html`<span title=${[name ? `“${name}”` : '', sorted ? 'strongest mean first' : ''].filter(Boolean).join(', ')}>${counted(latents.length, 'latent')}${nHidden ? `, ${whole(nHidden)} dense hidden` : ''}${name ? ` · “${name}”` : ''}${cluster ? ` · map cluster ${cluster.name || 'without a name'}` : ''}</span>`
        : '',
      busy: this.references.stale,
      late: this.references.late,
      foot: html`${latents.length ? html`<p class="card-next">${nextAction(this.store, this.api, 'run')}</p>` : nothing}<p class="spoken" role="status">${latents.length > 1 ? `${counted(latents.length, 'latent')} chosen.` : latents.length ? `Latent ${latents[0]} chosen.` : 'No latent chosen.'}</p>`,
      controls: html`${this.renderKeep(name)}${latents.length ? this.renderControls(latents, cluster) : nothing}`,
      body: html`${latents.length ? this.renderSwitch() : nothing}${this.renderBody(latents, map)}`,
    });
  }
}

customElements.define('vs-gallery', GalleryPanel);
