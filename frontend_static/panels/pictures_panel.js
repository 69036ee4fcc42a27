import { html, nothing } from '../vendor/lit.js';
import { answered } from '../elements/card.js';
import { counted, fixed, whole } from '../elements/format.js';
import '../elements/picture.js';
import '../elements/sheet.js';
import { latentsText } from '../latent_list.js';
import { Panel } from './base/panel.js';
import { askStatistics, request } from './base/requests.js';
import { foundPictures } from './latents/found_pictures.js';

const PAGE = 12;
const MOST = 240;
/** Each press shows so many times as many. */
const GROWTH = 3;
const LOOK = 48;
const SHEET = 'picture-of-latents';

const strength = (x) => fixed(x, x < 10 ? 2 : 1);

/** Every picture known to the log on which the chosen latents fire: references of the image set, and runs. */
export class PicturesPanel extends Panel {
  static properties = { limit: { state: true }, runLimit: { state: true }, look: { state: true }, large: { state: true } };

  constructor() {
    super();
    this.reset();
    this.statistics = this.query(askStatistics);
    this.pictures = this.query((store, api) => {
      const { dictionary, step } = store.selection;
      const text = this.text;
      return text && store.dictionaryEntry?.has_references
        ? request('pictures', [dictionary, text], [step, this.limit], () => api.picturesOfLatents(dictionary, text, step, this.limit))
        : null;
    });
    this.runs = this.query((store, api) => {
      const { dictionary } = store.selection;
      const text = this.text;
      const of = store.session.listing?.vlm_runs.filter((one) => one.dictionary_id === dictionary).length ?? 0;
      const options = { limit: this.runLimit, look: this.look, of };
      return text && of ? request('runs', [dictionary, text], [options], () => api.runsOfLatents(dictionary, text, options)) : null;
    });
  }

  reset() {
    this.limit = PAGE;
    this.runLimit = PAGE;
    this.look = LOOK;
    /** @type {number|null} number of the image that is shown large */
    this.large = null;
  }

  /** The chosen latents as the address writes them; empty for none. */
  get text() {
    const { latents, latent } = this.selection;
    if (latents.length) {
      if (this.sorted?.of !== latents) this.sorted = { of: latents, text: latentsText([...latents].sort((a, b) => a - b)) };
      return this.sorted.text;
    }
    return latent === null ? '' : String(latent);
  }

  willUpdate() {
    const { text } = this;
    if (this.shownFor === text) return;
    this.shownFor = text;
    this.reset();
  }

  /** The run, with the latents chosen and the strongest of them there, that is not dense, under inspection. */
  openRun(found) {
    const entry = this.store.session.listing?.vlm_runs.find((one) => one.run === found.run && one.id === found.id);
    if (!entry) return;
    const { latents, maxFrequency } = this.selection;
    const frequency = this.statistics.value?.arrays.image_frequency;
    // rather one that the ranking lists than one that fires everywhere
    const latent = found.strongest.find((one) => !frequency || frequency[one] <= maxFrequency) ?? found.strongest[0];
    this.store.chooseRun(entry);
    this.store.set({ workspace: 'scratchpad', latents, latent, source: 'latent' }, { asNew: false });
  }

  renderReference(found, nChosen) {
    const { dictionary, step } = this.selection;
    const told = `${found.label ?? found.name}: ${whole(found.n_latents)} of ${counted(nChosen, 'latent')}, sum of B ${strength(found.strength)}`;
    return html`<li><button type="button" class="found" aria-haspopup="dialog" aria-label=${told} title="${found.name}. ${told}" data-image=${found.image}
      @click=${() => {
        this.large = found.image;
        this.store.setSession({ sheet: SHEET });
      }}>
      <vs-picture .src=${found.has_picture ? this.api.referencePictureUrl(dictionary, found.image, step) : ''} .raster=${found.raster} mode="spotlight" square outlined .theme=${this.theme}
        .label=${told} .ratio=${found.width / found.height}></vs-picture>
      <span class="found-facts"><b>${found.label ?? found.name}</b><span>${whole(found.n_latents)}/${whole(nChosen)}</span></span></button></li>`;
  }

  renderReferences(answer) {
    const { n_latents: n, n_pictures: known, n_references: references, n_images: images } = answer.header;
    const of = images ?? references;
    const found = foundPictures(answer);
    const which = n === 1 ? 'this latent' : `one of these ${whole(n)} latents`;
    return html`<h3>Image set</h3>
      <p class="note" data-value="known-pictures">${whole(known)} of ${counted(of, images === null ? 'reference picture' : 'picture')} ${known === 1 ? 'is' : 'are'} a reference of ${which}; on others they may fire more weakly, the log does not know.</p>
      <ul class="found-grid" aria-label="Pictures of the image set, by the sum of B">${found.map((one) => this.renderReference(one, n))}</ul>
      ${
        known > found.length && this.limit < MOST
          ? html`<button type="button" class="button small more" @click=${() => {
              this.limit = Math.min(MOST, GROWTH * this.limit);
            }}>${whole(Math.min(MOST, known, GROWTH * this.limit) - found.length)} more of ${whole(known)}</button>`
          : known > found.length
            ? html`<p class="note">The ${whole(MOST)} strongest are shown: choose fewer latents to see the others.</p>`
            : nothing
      }`;
  }

  renderRun(found, nChosen) {
    const told = `${found.name}: ${whole(found.n_latents)} of ${counted(nChosen, 'latent')}`;
    return html`<li><button type="button" class="found-run" title="Open it in the Scratchpad with these latents chosen" data-run=${found.id} @click=${() => this.openRun(found)}>
      <vs-picture .src=${found.has_picture ? this.api.pictureUrl(found) : ''} .raster=${found.raster} mode="spotlight" square outlined .theme=${this.theme} .label=${told} .ratio=${found.width / found.height}></vs-picture>
      <span class="found-words"><b>${found.name}</b><span class="k">${found.prompt}</span><span>${found.output_text}</span></span>
      <span class="found-count">${whole(found.n_latents)}/${whole(nChosen)}<span class="k">B ${strength(found.strength)}</span>${found.steered ? html`<span class="k">steered</span>` : nothing}</span></button></li>`;
  }

  renderRuns(answer) {
    const { n_latents: n, n_runs: all, n_looked: looked, n_pictures: known, n_unreadable: unreadable } = answer.header;
    const found = foundPictures(answer);
    return html`<h3>Runs</h3>
      <p class="note" data-value="known-runs">${n === 1 ? 'It fires' : 'Some of them fire'} in ${whole(known)} of ${looked < all ? `the newest ${whole(looked)} of ` : ''}${counted(all, 'run')}, by what each recorded.${unreadable ? ` ${counted(unreadable, 'run')} could not be read.` : ''}</p>
      <ul class="found-runs" aria-label="Runs, those first in which most of them fire">${found.map((one) => this.renderRun(one, n))}</ul>
      ${
        known > found.length && this.runLimit < MOST
          ? html`<button type="button" class="button small more" @click=${() => {
              this.runLimit = Math.min(MOST, GROWTH * this.runLimit);
            }}>${whole(Math.min(MOST, known, GROWTH * this.runLimit) - found.length)} more runs of ${whole(known)}</button>`
          : nothing
      }${
        looked < all
          ? html`<button type="button" class="button small more" @click=${() => {
              this.look = Math.min(1000, this.look + 2 * LOOK);
            }}>Look at older runs</button>`
          : nothing
      }`;
  }

  renderLarge() {
    const answer = this.pictures.value;
    const found = answer && foundPictures(answer).find((one) => one.image === this.large);
    const open = this.store.session.sheet === SHEET && Boolean(found);
    const { dictionary, step } = this.selection;
    const content = () => html`<p class="note">${found.name}. Lit where ${whole(found.n_latents)} of ${counted(answer.header.n_latents, 'chosen latent')} fire that have it among their ten references; sum of B ${strength(found.strength)}.</p>
      <vs-picture class="large" .src=${found.has_picture ? this.api.referencePictureUrl(dictionary, found.image, step) : ''} .raster=${found.raster} mode="spotlight" outlined .theme=${this.theme}
        .label=${found.label ?? found.name} .ratio=${found.width / found.height}></vs-picture>
      <p class="strongest">Strongest here: ${found.strongest.map(
        (latent) => html`<button type="button" class="tag mono" @click=${() => {
          this.store.set({ latent });
          this.store.setSession({ sheet: null });
        }}>${latent}</button>`,
      )}</p>`;
    return html`<vs-sheet .open=${open} label=${found ? (found.label ?? found.name) : 'Picture'} .content=${open ? content() : nothing}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }

  render() {
    const references = this.store.dictionaryEntry?.has_references
      ? answered(this.pictures, (answer) => this.renderReferences(answer))
      : html`<h3>Image set</h3><p class="note">References were not logged for this dictionary.</p>`;
    const hasRuns = this.runs.key !== null;
    return html`<div class="gallery pictures" aria-busy=${String(this.pictures.stale || this.runs.stale)}>
      <section aria-label="Pictures of the image set" class=${this.pictures.late ? 'stale' : ''}>${references}</section>
      <section aria-label="Pictures of runs" class=${this.runs.late ? 'stale' : ''}>${
        hasRuns ? answered(this.runs, (answer) => this.renderRuns(answer)) : html`<h3>Runs</h3><p class="note">No run of this dictionary was logged.</p>`
      }</section></div>${this.renderLarge()}`;
  }
}

customElements.define('vs-pictures', PicturesPanel);
