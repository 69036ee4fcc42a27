import { html, nothing } from '../vendor/lit.js';
import { emptyState } from '../elements/card.js';
import { counted, fixed, percent, whole } from '../elements/format.js';
import { Panel, SLIDERS } from './base/panel.js';
import { askDictionary, askMap, askStatistics } from './base/requests.js';
import { colorOnMap, mapData, shownMap } from './latents/map_data.js';
import { choiceOf } from './latents/first_clusters.js';
import { mapClusters } from './latents/map_clusters.js';

const ROWS = 200;

/** The map's clusters as a list, the most meaningful first; choosing one selects its latents and shows their pictures. */
export class ClusterListPanel extends Panel {
  static indifferentTo = SLIDERS;

  constructor() {
    super();
    this.dictionary = this.query(askDictionary);
    this.statistics = this.query(askStatistics);
    this.map = this.query(askMap);
    this.made = { data: null, statistics: null, clusters: [] };
  }

  clusters(data) {
    const statistics = this.statistics.value;
    if (this.made.data !== data || this.made.statistics !== statistics) this.made = { data, statistics, clusters: mapClusters(data, statistics) };
    return this.made.clusters;
  }

  /** @param {import('./latents/map_clusters.js').MapCluster} cluster */
  choose(cluster) {
    this.store.set(choiceOf(this.store, cluster));
  }

  isChosen({ latents }) {
    const chosen = this.selection.latents;
    return chosen.length === latents.length && latents.every((latent, i) => latent === chosen[i]);
  }

  /** Arrow keys go through the list. */
  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const all = [...this.querySelectorAll('.cluster-row')];
    all[Math.min(all.length - 1, Math.max(0, all.indexOf(document.activeElement) + step))]?.focus();
    event.preventDefault();
  }

  renderRow(data, cluster) {
    const dot = html`<i class="dot" .style=${`background:${colorOnMap(data, cluster.latents.find((one) => data.label && data.names[data.label[one]] === cluster.name) ?? cluster.latents[0], this.theme)}`}></i>`;
    const share = percent(cluster.purity);
    return html`<li><button type="button" class="cluster-row" aria-pressed=${String(this.isChosen(cluster))} data-cluster=${cluster.cluster} @click=${() => this.choose(cluster)}>
      <span class="cluster-name">${dot}${cluster.name || html`<span class="k">no label</span>`}</span>
      <span class="purity" title="${share} of its latents speak of one label"><i .style=${`width:${100 * cluster.purity}%`}></i><span>${share}</span></span>
      <span class="num"><b>${whole(cluster.latents.length)}</b><span class="spoken"> ${cluster.latents.length === 1 ? 'latent' : 'latents'}, mean entropy </span></span>
      <span class="num">${cluster.entropy === null ? '–' : fixed(cluster.entropy, 2)}<span class="spoken">${cluster.entropy === null ? ' undefined' : ' nat'}</span></span></button></li>`;
  }

  render() {
    if (!this.map.value || (this.statistics.loading && !this.statistics.value)) return nothing; // the card around it says so
    const data = mapData(this.map.value, this.statistics.value, this.dictionary.value, shownMap(this.selection.map, this.dictionary.value));
    const clusters = this.clusters(data);
    if (!clusters.length) return emptyState('This map has no clusters: its latents lie too evenly.');
    const labelled = data.names.length > 0;
    return html`<div class="cluster-list"><div class="cluster-head" aria-hidden="true"><span>cluster, by label</span><span>of that label</span><span class="num">latents</span><span class="num">entropy</span></div>
      <ul aria-label="Clusters of the map, the most meaningful first" @keydown=${(event) => this.onKey(event)}>${clusters.slice(0, ROWS).map((one) => this.renderRow(data, one))}</ul>
      <p class="note">${counted(clusters.length, 'cluster')}${clusters.length > ROWS ? `, the first ${whole(ROWS)} of them` : ''}. ${
        labelled
          ? 'First those of which most latents speak of one label (lower end of the share’s 95 % interval, so that many count for more than few); entropy is the mean in nats.'
          : 'The pictures bear no labels, so the largest come first.'
      }</p></div>`;
  }
}

customElements.define('vs-cluster-list', ClusterListPanel);
