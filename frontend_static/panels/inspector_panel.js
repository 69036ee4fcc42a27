import { html, nothing } from '../vendor/lit.js';
import { clusterItem, latentItem } from '../basket.js';
import { clusterColors, unnamedColor } from '../color/categories.js';
import { answered, emptyState } from '../elements/card.js';
import { activation, counted, fixed, percent, tokenText, whole } from '../elements/format.js';
import { binCounts, histogram } from '../elements/histogram.js';
import { pictures } from '../elements/icons.js';
import '../elements/picture.js';
import '../elements/sheet.js';
import { rasterise } from '../plots/image_overlay.js';
import { areSeveral } from '../token_set.js';
import { clusterOfLatent } from './latents/clusters.js';
import { nextAction } from './walk/leading.js';
import { askCounterparts, counterpartSections } from './latents/counterparts.js';
import { latentName, spokenName } from './latents/names.js';
import { hiddenDense } from '../dense.js';
import { neighbourChips } from './latents/neighbours.js';
import { Panel } from './base/panel.js';
import { referencePictures } from './latents/references.js';
import {
  askAttribution,
  askLatent,
  askMatrix,
  askNeighbours,
  askPatches,
  askRanks,
  askReferences,
  askRun,
  askStatistics,
} from './base/requests.js';

const REFERENCES = 8;
const N_BINS = 36;

/**
 * The words written under their bars: the chosen one, then the largest, where they do not overlap.
 * @param {{token: {index: number, text: string}, c: number|null}[]} words @param {number} chosen token index
 * @returns {{text: string, at: number, on: boolean}[]} `at`: centre in percent of the width
 */
function wordPlaces(words, chosen) {
  const CHARACTER = 2.4; // percent of the narrowest inspector, with air
  const placed = [];
  const order = words
    .map((word, i) => ({ ...word, i }))
    .sort((a, b) => (b.token.index === chosen) - (a.token.index === chosen) || (b.c ?? 0) - (a.c ?? 0));
  for (const { token, i } of order.slice(0, 8)) {
    const text = tokenText(token.text);
    const half = (CHARACTER * text.length) / 2 + 1;
    const at = Math.min(100 - half, Math.max(half, (100 * (i + 0.5)) / words.length));
    if (half < 50 && placed.every((other) => Math.abs(other.at - at) > other.half + half))
      placed.push({ text, at, half, on: token.index === chosen });
  }
  return placed;
}

/** One latent: on this picture, by word, in the dictionary, on its references. */
export class InspectorPanel extends Panel {
  static needsWord = true;

  constructor() {
    super();
    this.run = this.query(askRun);
    this.patches = this.query(askPatches);
    this.latent = this.query(askLatent);
    this.attribution = this.query(askAttribution);
    this.ranks = this.query(askRanks);
    this.matrix = this.query(askMatrix);
    this.statistics = this.query(askStatistics);
    this.references = this.query((store, api) =>
      askReferences(store, api, store.selection.latent === null ? [] : [store.selection.latent]),
    );
    this.neighbours = this.query(askNeighbours);
    this.counterparts = this.query(askCounterparts);
    this.made = { of: null, raster: null };
    this.binned = { of: null, bins: null };
  }

  raster() {
    const answer = this.attribution.value;
    if (this.made.of !== answer) {
      this.made = {
        of: answer,
        raster: rasterise(this.run.value.picture, this.patches.value.arrays.box, answer.arrays.value, 'maximum'),
      };
    }
    return this.made.raster;
  }

  /** The latent's rank among what the thresholds let through. @param {number} latent @param {'weighted'|'plain'} by */
  rankText(latent, by) {
    const answer = this.ranks.value;
    return answer?.latent === latent && answer[by] !== null ? `#${whole(answer[by])}` : '–';
  }

  renderHead({ latent, statistics }) {
    const cluster = clusterOfLatent(this.matrix.value, latent);
    const held = this.selection.basket.some(({ latents }) => latents.includes(latent));
    const name = statistics?.alive ? latentName(statistics.label, statistics.label_share ?? 0) : '';
    const color = cluster ? clusterColors(this.matrix.value.header.clusters, this.theme)[cluster.index] : unnamedColor(this.theme);
    return html`<header class="inspector-head"><div class="inspector-title"><h2>Latent <span data-value="latent">${latent}</span></h2>
      <button type="button" class="button small" ?disabled=${held} aria-keyshortcuts="b" title=${held ? 'It is in the basket' : 'Add it to the steering basket (b)'}
        @click=${() => this.store.addToBasket(latentItem(latent))}>${held ? 'In the basket' : '+ Basket'}</button><vs-export-button></vs-export-button></div><div class="tags">
      ${
        statistics
          ? html`<span class="tag">${
              statistics.alive
                ? html`<i class="dot" .style=${`background:${color}`}></i>${name}
        ${statistics.label !== null ? html`<span class="k">${percent(statistics.label_share)} ${name === statistics.label ? 'of it' : statistics.label}</span>` : nothing}`
                : 'dead in the image set'
            }</span>`
          : nothing
      }
      ${
        cluster
          ? html`<button type="button" class="tag" data-cluster=${cluster.index} aria-keyshortcuts="Shift+B"
        title="Add the cluster of ${counted(cluster.latents.length, 'latent')} to the steering basket (Shift+B)"
        @click=${() => this.store.addToBasket(clusterItem(cluster.name, cluster.latents))}><span class="k">+ cluster</span> ${cluster.name || 'without a name'}
        <span class="k">${whole(cluster.latents.length)}</span></button>
        ${
          this.store.dictionaryEntry?.has_references
            ? html`<button type="button" class="tag" data-value="cluster-pictures" aria-label="Pictures of the cluster" title="All pictures known to the log on which the cluster’s latents fire"
          @click=${() => this.store.set({ workspace: 'dictionary', over: 'step', latents: Object.freeze([...cluster.latents]), gallery: 'pictures' })}>${pictures}</button>`
            : nothing
        }`
          : nothing
      }</div><vs-latent-notes .store=${this.store} .api=${this.api}></vs-latent-notes></header>`;
  }

  renderHere(answer) {
    const { picture } = this.run.value;
    const { token } = this.selection;
    const at = answer.by_token.index.indexOf(token);
    const several = areSeveral(this.selection);
    const weighted = several ? (answer.together?.weighted ?? null) : at < 0 ? null : answer.by_token.weighted[at];
    const ranks = {
      weighted: this.rankText(answer.latent, 'weighted'),
      plain: this.rankText(answer.latent, 'plain'),
    };
    const word = this.run.value.tokens.find(({ index }) => index === token);
    return html`<section class="section"><h3>On this picture <span>${several ? `for ${this.selection.tokens.length} words together` : word ? html`for <span class="mono">${tokenText(word.text)}</span>` : nothing}</span></h3>
      <div class="here">${
        this.attribution.value && this.patches.value
          ? html`<button type="button" class="enlarge" aria-pressed=${String(this.selection.source === 'latent')} title="Show it on the large picture"
            aria-label="Show latent ${answer.latent} on the large picture"
            @click=${() => this.store.set({ source: this.selection.source === 'latent' ? 'attention' : 'latent' })}><vs-picture .src=${picture.has_picture ? this.api.pictureUrl(this.store.runKey) : ''} .raster=${this.raster()} mode="spotlight"
            .theme=${this.theme} outlined .label=${`Picture, lit where latent ${answer.latent} fires`} .ratio=${picture.width / picture.height}></vs-picture></button>`
          : html`<div></div>`
      }
      <div><div class="ranks"><div><span>weighted</span><b class="big accent" data-value="weighted-rank">${ranks.weighted}</b></div><div><span>plain mean</span><b class="big" data-value="plain-rank">${ranks.plain}</b></div></div>
        <dl class="facts-list">
          <div><dt>weighted C</dt><dd data-value="weighted">${weighted === null ? '–' : activation(weighted)}</dd></div>
          <div><dt>plain mean B</dt><dd data-value="plain">${activation(answer.plain)}</dd></div>
          <div><dt>fires in</dt><dd data-value="n-firing">${whole(answer.n_firing_patches)} of ${whole(answer.n_patches)}</dd></div></dl></div></div></section>`;
  }

  renderWords({ by_token: { index, weighted }, latent }) {
    const { tokens } = this.run.value;
    const words = index
      .map((i, at) => ({ token: tokens.find((one) => one.index === i), c: weighted[at] }))
      .filter(({ token }) => token?.span === 'OUTPUT');
    const top = words.reduce((most, { c }) => Math.max(most, c ?? 0), 1e-12);
    const names = wordPlaces(words, this.selection.token);
    if (!words.length) return nothing;
    return html`<section class="section"><h3>Which words use it <span>share of its largest C</span></h3>
      <div class="words ${words.length > 90 ? 'many' : ''}" role="group" aria-label="C of latent ${latent} by word">${words.map(
        ({ token, c }) => {
          const on = areSeveral(this.selection) ? this.selection.tokens.includes(token.index) : token.index === this.selection.token;
          return html`<button type="button" class=${on ? 'on' : ''} tabindex="-1" title="${tokenText(token.text)}: C ${c === null ? 'undefined' : activation(c)}"
          aria-label="${tokenText(token.text)}: ${c === null ? 'undefined' : activation(c)}" @click=${() => this.store.set({ token: token.index, tokens: Object.freeze([]), source: 'attention' })}>
          <i .style=${`height:${(100 * Math.max(0, c ?? 0)) / top}%`}></i></button>`;
        },
      )}</div>
      <p class="words-named mono" aria-hidden="true">${names.map(({ text, at, on }) => html`<span class=${on ? 'on' : ''} .style=${`left:${at}%`}>${text}</span>`)}</p></section>`;
  }

  bins() {
    const answer = this.statistics.value;
    if (this.binned.of === answer) return this.binned.bins;
    const { flags, image_frequency: frequency, mean, label_entropy: entropy } = answer.arrays;
    const of = (values, bit, scale) => {
      const chosen = [];
      for (let i = 0; i < flags.length; i++) if ((flags[i] & bit) === bit) chosen.push(scale(values[i]));
      const low = chosen.reduce((a, b) => Math.min(a, b), Infinity);
      const high = chosen.reduce((a, b) => Math.max(a, b), -Infinity);
      return {
        counts: binCounts(chosen, low, high, N_BINS),
        place: (value) => (high > low ? (scale(value) - low) / (high - low) : 0.5),
        n: chosen.length,
      };
    };
    const log = (value) => Math.log10(Math.max(value, 1e-9));
    this.binned = {
      of: answer,
      bins: { frequency: of(frequency, 1, log), mean: of(mean, 1, log), entropy: of(entropy, 3, (value) => value) },
    };
    return this.binned.bins;
  }

  renderStatistics(statistics) {
    const head = (sub) => html`<h3>In the dictionary <span>${sub}</span></h3>`;
    if (!statistics)
      return html`<section class="section">${head('')}<p class="note">Statistics were not logged for this dictionary.</p></section>`;
    if (!statistics.alive)
      return html`<section class="section">${head('')}<p class="note">It fires nowhere in the image set: no mean, no entropy, no references.</p></section>`;
    const bins = this.statistics.value ? this.bins() : null;
    const strip = (name, key, value, text, data) =>
      html`<div class="strip"><span>${name}</span>${
        bins && value !== null ? histogram(bins[key].counts, bins[key].place(value)) : html`<i></i>`
      }<b data-value=${data}>${text}</b></div>`;
    return html`<section class="section">${head(bins ? `among ${counted(bins.frequency.n, 'living latent')}` : '')}
      ${strip('pictures', 'frequency', statistics.image_frequency, percent(statistics.image_frequency), 'image-frequency')}
      ${strip('mean', 'mean', statistics.mean, fixed(statistics.mean, 2), 'mean')}
      ${strip('label entropy', 'entropy', statistics.label_entropy, statistics.label_entropy === null ? 'undefined' : `${fixed(statistics.label_entropy, 2)} nat`, 'entropy')}</section>`;
  }

  renderReferences() {
    if (!this.store.dictionaryEntry?.has_references) {
      return html`<section class="section"><h3>Reference pictures</h3><p class="note">References were not logged for this dictionary.</p></section>`;
    }
    const all = this.references.value?.[0]?.references ?? [];
    const more =
      all.length > REFERENCES
        ? html`<button type="button" class="link" aria-haspopup="dialog" @click=${() => this.store.setSession({ sheet: 'references' })}>more</button>`
        : nothing;
    const sub = all.length ? html`strongest ${Math.min(REFERENCES, all.length)} of ${all.length} ${more}` : '';
    return html`<section class="section"><h3>Reference pictures <span>${sub}</span></h3>${answered(
      this.references,
      ([{ references }]) => this.pictures(references, REFERENCES),
    )}</section>`;
  }

  pictures(references, count) {
    const { dictionary, step } = this.selection;
    const url = (image) => this.api.referencePictureUrl(dictionary, image, step);
    return referencePictures({ references, count, theme: this.theme, url });
  }

  renderSheet() {
    const [answer] = this.references.value ?? [];
    const open = this.store.session.sheet === 'references' && Boolean(answer);
    const content = open
      ? html`<p class="note">The pictures of the image set with the largest plain mean B, lit where the latent fires; the figure is B.</p>
        <div class="ten">${this.pictures(answer.references, 10)}</div>
        <ol class="reference-names">${answer.references.map(
          ({ name, label, plain_mean: plain }) => html`<li><span class="mono">${name}</span><span class="k">${label ?? ''}</span><b>${activation(plain)}</b></li>`,
        )}</ol><p class="sheet-next"><button type="button" class="link next-action" title="In the Dictionary: all pictures known to the log on which it fires" @click=${() => {
          this.store.setSession({ sheet: null });
          this.store.set({ workspace: 'dictionary', over: 'step', latents: Object.freeze([answer.latent]), gallery: 'pictures' });
        }}>All its pictures<span aria-hidden="true"> →</span></button>${this.selection.basket.some(({ latents }) => latents.includes(answer.latent)) ? nothing : nextAction(this.store, this.api, 'away')}</p>`
      : nothing;
    return html`<vs-sheet .open=${open} label=${open ? `References of latent ${answer.latent}` : 'References'} .content=${content}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }

  renderNeighbours() {
    if (!this.store.dictionaryEntry?.has_decoder_map) return nothing;
    return html`<section class="section"><h3>Nearest in the dictionary <span>cosine of decoder rows</span></h3>${answered(
      this.neighbours,
      (answer) => neighbourChips(answer, this.store, hiddenDense(this.store, this.statistics.value)),
    )}</section>`;
  }

  renderCounterparts() {
    return this.counterparts.key === null ? nothing : answered(this.counterparts, (answer) => counterpartSections(this.store, this.api, answer));
  }

  /** What was chosen, for who does not see it. */
  renderSpoken() {
    const { token, latent } = this.selection;
    const word = this.run.value?.tokens.find(({ index }) => index === token);
    const answer = this.latent.stale ? null : this.latent.value;
    const facts = answer?.latent === latent ? answer.statistics : null;
    const label = facts?.alive ? latentName(facts.label, facts.label_share ?? 0) : facts ? 'dead' : '';
    const told = latent === null ? label : spokenName(this.store, latent, label);
    const name = told ? `, ${told}` : '';
    return html`<p class="spoken" role="status">${word ? `Word ${tokenText(word.text)}. ` : ''}${latent === null ? 'No latent chosen.' : `Latent ${latent}${name}.`}</p>`;
  }

  render() {
    const body =
      this.selection.latent === null
        ? emptyState('Choose a latent: a cell of the heatmap or a row of the ranking.')
        : answered(
            this.run.value === undefined ? this.run : this.latent,
            (answer) => html`${this.renderHead(answer)}<div class="scroll">${this.renderHere(answer)}
        ${this.renderWords(answer)}${this.renderStatistics(answer.statistics)}${answer.statistics?.alive === false ? nothing : this.renderReferences()}${this.renderNeighbours()}${this.renderCounterparts()}</div>${this.renderSheet()}`,
          );
    return html`<section class="card inspector" aria-label="Inspector" aria-busy=${String(this.latent.stale)}><div class="inspector-body ${this.latent.late ? 'stale' : ''}">${body}</div>${this.renderSpoken()}</section>`;
  }
}

customElements.define('vs-inspector', InspectorPanel);
