import { html, nothing } from '../vendor/lit.js';
import { answered, card, emptyState } from '../elements/card.js';
import '../elements/cloud_view.js';
import { counted, whole } from '../elements/format.js';
import { segmented } from '../elements/segmented.js';
import { labelColors, unnamedColor } from '../color/categories.js';
import { Panel } from './base/panel.js';
import { askDictionary, askMap, askStatistics } from './base/requests.js';
import { hiddenDense } from '../dense.js';
import { describeLatent } from './latents/description.js';
import { mapData, shownMap } from './latents/map_data.js';
import { mapPlaces } from '../plots/map_places.js';

/** Said of the axes, which carry no scale. */
const OPENED = 'both axes open where latents crowd';

/** The latents as neighbours: by decoder row, or by what they fire on. */
export class MapPanel extends Panel {
  constructor() {
    super();
    this.dictionary = this.query(askDictionary);
    this.statistics = this.query(askStatistics);
    this.map = this.query(askMap);
    this.made = { data: null, n: 0, nPlaceless: 0 };
  }

  get hidden() {
    return hiddenDense(this.store, this.statistics.value);
  }

  /** How many latents the map shows, and how many of those that have a place are hidden. */
  counts() {
    const { hidden } = this;
    if (!hidden) return { n: this.made.n, nHidden: 0 };
    if (this.made.hidden !== hidden) {
      const { shown } = mapPlaces(this.made.data);
      this.made.hidden = hidden;
      this.made.nHidden = shown.reduce((sum, one, i) => sum + (one && hidden.mask[i] ? 1 : 0), 0);
    }
    return { n: this.made.n - this.made.nHidden, nHidden: this.made.nHidden };
  }

  get which() {
    return shownMap(this.selection.map, this.dictionary.value);
  }

  data() {
    const data = mapData(this.map.value, this.statistics.value, this.dictionary.value, this.which);
    if (this.made.data !== data) {
      const n = mapPlaces(data).shown.reduce((sum, one) => sum + one, 0);
      const nLiving = data.alive ? data.alive.reduce((sum, one) => sum + one, 0) : data.xy.length / 2;
      this.made = { data, n, nPlaceless: nLiving - n };
    }
    return data;
  }

  renderMap() {
    const data = this.data();
    if (this.selection.mapAs === 'list') return html`<vs-cluster-list .store=${this.store} .api=${this.api}></vs-cluster-list>`;
    if (!this.made.n)
      return emptyState(
        this.made.nPlaceless
          ? `None of the ${counted(this.made.nPlaceless, 'living latent')} has a place on this map.`
          : 'No latent is alive, so there is none to place.',
      );
    const told = this.dictionary.value?.decoder_map;
    const method = told ? (this.which === 'firing' ? told.firing_method : told.method) : '';
    const labels = this.dictionary.value?.statistics?.labels ?? [];
    return html`<vs-latent-map .data=${data} .theme=${this.theme} .selected=${this.selection.latent} .chosen=${this.selection.latents}
        .describe=${(latent) => describeLatent(this.statistics.value, labels, latent, this.store.notes.of(latent))}
        .pinned=${this.store.notes.pinned()} .hiddenLatents=${this.hidden?.mask ?? null}
        .label=${'Map of the latents. Arrow keys go to the nearest latent, with Shift they choose several, Enter chooses one, plus and minus zoom.'}
        @pick=${({ detail }) => this.store.set({ latent: detail, latents: [] })}
        @lasso=${({ detail }) => this.store.set({ latents: detail, latent: detail[0] ?? null })}
        @clear=${() => this.store.set({ latents: [], latent: null })}></vs-latent-map>
      ${this.renderLegend(data)}<p class="note method" title="${method}; ${OPENED}">${this.store.notes.pinned().length ? '◇ pinned; ' : nothing}${method}${told ? `, seed ${told.seed}` : ''}; ${OPENED}</p>`;
  }

  /** What the colours mean: one label each while there are enough, else only that neighbours differ. */
  renderLegend({ label, names }) {
    const key = (color, text) => html`<span class="key"><i .style=${`background:${color}`}></i>${text}</span>`;
    const unnamed = unnamedColor(this.theme);
    if (!label) {
      return html`<p class="map-legend">${key(unnamed, this.statistics.value ? 'the pictures bear no labels' : 'no statistics, so no labels')}</p>`;
    }
    const colors = labelColors(this.theme);
    return html`<p class="map-legend">${
      names.length <= colors.length
        ? names.map((name, i) => key(colors[i], name))
        : html`<span class="key">${colors.map((color) => html`<i .style=${`background:${color}`}></i>`)}${whole(names.length)} labels share ${colors.length} colours; neighbours differ</span>`
    }${key(unnamed, 'no label prevails (45 %)')}</p>`;
  }

  render() {
    const has = this.store.dictionaryEntry?.has_decoder_map;
    const both = this.dictionary.value?.decoder_map?.firing_method;
    // drawn once, when all that it is drawn from is there
    const ready = [this.statistics, this.dictionary].find((one) => one.loading && one.value === undefined) ?? this.map;
    if (ready.value) this.data();
    return card({
      label: 'Latent map',
      title: 'Latent map',
      lead: has
        ? segmented({
            label: 'Show the map as',
            value: this.selection.mapAs,
            options: [
              ['map', 'Map'],
              ['list', 'List'],
            ],
            onChange: (mapAs) => this.store.set({ mapAs }),
          })
        : nothing,
      sub: ready.value
        ? html`<span data-value="on-map">${counted(this.counts().n, `${this.statistics.value ? 'living ' : ''}latent`)}</span>${this.counts().nHidden ? `, ${whole(this.counts().nHidden)} dense hidden` : ''}${
            this.made.nPlaceless
              ? html`, <span data-value="placeless" title=${
                  this.which === 'firing' ? 'They have too few reference pictures' : 'Their decoder rows are zero'
                }>${whole(this.made.nPlaceless)} without a place</span>`
              : nothing
          }`
        : '',
      busy: this.map.stale,
      late: this.map.late,
      controls: both
        ? segmented({
            label: 'Near by',
            value: this.which,
            options: [
              ['firing', 'Firing', 'Near by what they fire on'],
              ['decoder', 'Decoder', 'Near by their decoder rows'],
            ],
            onChange: (map) => this.store.set({ map }),
          })
        : nothing,
      body: has ? answered(ready, () => this.renderMap()) : emptyState('No map was logged for this dictionary.'),
    });
  }
}

customElements.define('vs-map', MapPanel);
