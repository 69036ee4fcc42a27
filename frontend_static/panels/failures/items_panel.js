import { html, nothing } from '../../vendor/lit.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { activation, counted, whole } from '../../elements/format.js';
import { segmented } from '../../elements/segmented.js';
import { setKeyOf } from '../../failure_sets.js';
import { Panel } from '../base/panel.js';
import { askAblation, askSet, askSetLatent } from './requests.js';

const FIRST_ITEMS = 120;

/** The pictures, wrong answers first; with a latent chosen, on which of them it fires. */
export class ItemsPanel extends Panel {
  static properties = { firing: { state: true }, shown: { state: true } };

  constructor() {
    super();
    this.set = this.query(askSet);
    this.latent = this.query(askSetLatent);
    this.ablation = this.query(askAblation);
    /** @type {'any'|'yes'|'no'} */
    this.firing = 'any';
    this.shown = FIRST_ITEMS;
  }

  willUpdate() {
    const { setPrompt, setPart } = this.selection;
    const of = JSON.stringify([setKeyOf(this.store), setPrompt, setPart]);
    if (of === this.of) return;
    this.of = of;
    this.shown = FIRST_ITEMS;
  }

  /** The run that was logged of an item, with all its evidence. */
  open(id) {
    const { run } = this.set.value;
    const entry = this.store.session.listing.vlm_runs.find((one) => one.run === run && one.id === id);
    if (!entry) {
      this.store.setSession({ notice: 'TensorBoard has not loaded this run yet: try again in a few seconds.' });
      return;
    }
    const { latent } = this.selection;
    this.store.chooseRun(entry);
    this.store.set({ workspace: 'scratchpad', latent }, { asNew: false });
  }

  /** @param {any} item @param {number|null} value of the chosen latent @param {number} largest */
  renderItem(item, value, largest) {
    const set = this.set.value;
    const kind = item.is_right ? 'right' : 'wrong';
    const several = set.prompts.length > 1;
    const fate = this.ablation.value?.items.find(({ number, fate: one }) => number === item.number && one !== 'changed')?.fate;
    const picture = set.has_pictures
      ? html`<img src=${this.api.failurePictureUrl(set, item.number)} alt="" loading="lazy" decoding="async">`
      : html`<span class="none mono">${item.name}</span>`;
    const fires = value === null ? nothing : html`<i class="level ${value > 0 ? 'on' : ''}" .style=${`width:${largest ? (100 * value) / largest : 0}%`}></i>`;
    const title = `${item.name}: ${set.prompts[item.prompt].text}${value === null ? '' : `; the latent: ${value > 0 ? activation(value) : 'does not fire'}`}${item.is_held_out ? '; held out' : ''}`;
    const body = html`<span class="shot">${picture}${fires}${fate ? html`<b class="fate ${fate}">${fate}</b>` : nothing}</span>
      ${several ? html`<span class="asked k">${set.prompts[item.prompt].text}</span>` : nothing}
      <span class="said mono">${item.output_text || '∅'}${item.truncated ? '…' : ''}</span>
      ${item.is_right ? nothing : html`<span class="wanted mono"><span class="spoken">right: </span>${item.right_answer}</span>`}`;
    return html`<li class="set-item ${kind} ${value === null || value > 0 ? '' : 'silent'}" data-item=${item.number}>${
      item.run_id
        ? html`<button type="button" title="${title}. Open its run" @click=${() => this.open(item.run_id)}>${body}</button>`
        : html`<div title=${title}>${body}</div>`
    }</li>`;
  }

  /** @param {string} name @param {any[]} items @param {number[]|null} values @param {number} largest */
  renderGroup(name, items, values, largest) {
    if (!items.length) return nothing;
    return html`<h3>${name} <span class="k">${whole(items.length)}</span></h3>
      <ul class="set-grid">${items.map((item) => this.renderItem(item, values ? values[item.number] : null, largest))}</ul>`;
  }

  renderItems(set) {
    const { setPrompt, setPart } = this.selection;
    const values = this.latent.value?.values ?? null;
    const asked = set.items.filter(
      (item) => (setPrompt === null || item.prompt === setPrompt) && (setPart === 'all' || !item.is_held_out),
    );
    const wanted = asked.filter(({ number }) => !values || this.firing === 'any' || values[number] > 0 === (this.firing === 'yes'));
    // the strongest first, so that the pictures that speak for a latent stand together
    const sorted = values ? [...wanted].sort((one, other) => values[other.number] - values[one.number] || one.number - other.number) : wanted;
    const shown = sorted.slice(0, this.shown);
    const largest = values ? Math.max(...values) : 0;
    if (!wanted.length) return emptyState('None of these pictures.');
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Pictures of the set">
      ${this.renderGroup('Wrong', shown.filter((item) => !item.is_right), values, largest)}
      ${this.renderGroup('Right', shown.filter((item) => item.is_right), values, largest)}
      ${
        sorted.length > shown.length
          ? html`<button type="button" class="button small more" @click=${() => {
              this.shown += FIRST_ITEMS;
            }}>${whole(Math.min(FIRST_ITEMS, sorted.length - shown.length))} more</button>`
          : nothing
      }</div>`;
  }

  render() {
    const { latent } = this.selection;
    const n = this.set.value?.items.length;
    const controls =
      latent === null
        ? nothing
        : segmented({
            label: `Where latent ${latent} fires`,
            value: this.firing,
            options: [
              ['any', 'All'],
              ['yes', `${latent} fires`],
              ['no', 'does not'],
            ],
            onChange: (firing) => {
              this.firing = firing;
            },
          });
    return card({
      label: 'Pictures of the set',
      title: 'Pictures',
      sub: n === undefined ? '' : latent === null ? `${counted(n, 'picture')}; choose a latent to see where it fires` : `bars: latent ${latent}, strongest first`,
      busy: this.set.stale || this.latent.stale,
      controls,
      body: answered(this.set, (set) => this.renderItems(set)),
    });
  }
}

customElements.define('vs-set-items', ItemsPanel);
