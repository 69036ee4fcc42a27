import { html, nothing } from '../../vendor/lit.js';
import { basketName } from '../../basket.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { counted, percent, whole } from '../../elements/format.js';
import { select } from '../../elements/select.js';
import { ablationKeyOf, ablationsOf, setKeyOf } from '../../failure_sets.js';
import { keyText } from '../../outcomes.js';
import { Panel } from '../base/panel.js';
import { whyNoWorker } from '../steering/asking.js';
import { askAblation, askSet } from './requests.js';

const N_SET_CONTROLS = 3;
const HELD = 'on held-out pictures';
const CHOSEN = 'on the pictures they were chosen on';

/** @param {{n: number}[]} shares @returns {string} such as `0`, `0 to 2` */
function range(shares) {
  const counts = shares.map(({ n }) => n);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? whole(least) : `${whole(least)} to ${whole(most)}`;
}

/** The set without some latents: what is mended, what is broken, and what chance would do. */
export class AblationPanel extends Panel {
  constructor() {
    super();
    this.set = this.query(askSet);
    this.ablation = this.query(askAblation);
  }

  get latents() {
    return this.selection.basket.flatMap(({ latents }) => [...latents]);
  }

  /** @returns {string|null} why the set cannot be asked again now */
  whyNot() {
    const why = whyNoWorker(this.store);
    if (why) return why;
    if (!this.set.value) return 'The set is not loaded yet.';
    if (!this.set.value.has_pictures) return 'This set was logged without its pictures (--no-images), so it cannot be asked again.';
    const { basket } = this.selection;
    if (!basket.length) return 'The basket is empty: tick latents in the table.';
    const other = basket.find(({ op, value }) => op === 'ADD' || value !== 0);
    return other ? 'Over a set, latents are only taken away: scale or set all of the basket to 0.' : null;
  }

  run() {
    const key = setKeyOf(this.store);
    const name = basketName(this.selection.basket);
    const job = { kind: 'set_ablation', failure_set: key, latents: this.latents, chosen_on: this.selection.setPart, name };
    this.store.jobs.start(job, { name, subject: key });
  }

  renderRun() {
    const why = this.whyNot();
    const n = this.set.value?.items.length ?? 0;
    const estimate = `Ask ${counted(n, 'picture')} again without the basket’s latents, beside ${N_SET_CONTROLS} control sets each`;
    return html`<button type="button" class="button small" ?disabled=${why !== null} title=${why ?? estimate} @click=${() => this.run()}>Take the basket away</button>`;
  }

  renderWhich() {
    const outcomes = ablationsOf(this.store);
    const key = ablationKeyOf(this.store);
    if (outcomes.length < 2 || !key) return nothing;
    return select({
      label: 'Which ablation',
      value: keyText(key),
      options: outcomes.map((one) => [keyText(one), `${one.name}, ${new Date(1000 * one.created).toLocaleTimeString('en-GB', { timeStyle: 'short' })}`]),
      onChange: (ablation) => this.store.set({ ablation }),
    });
  }

  /** One sentence: what is mended and broken where it counts. */
  renderVerdict(found) {
    const part = found.chosen_on === 'half' ? found.parts.held_out : found.parts.all;
    const { mended, broken } = part.ablated;
    const where = found.chosen_on === 'half' ? HELD : 'on all pictures, which they were chosen on';
    const chance = part.controls.length
      ? html` As many other latents mend ${range(part.controls.map((one) => one.mended))} and break ${range(part.controls.map((one) => one.broken))}.`
      : nothing;
    return html`<p class="found" data-value="ablation">Without ${counted(found.latents.length, 'latent')}, ${where} <b>${whole(mended.n)} of ${counted(mended.total, 'wrong answer')}
      ${mended.n === 1 ? 'is' : 'are'} mended</b> and <b>${whole(broken.n)} of ${whole(broken.total)} right ones ${broken.n === 1 ? 'is' : 'are'} broken</b>.${chance}
      ${found.chosen_on === 'half' ? nothing : 'To know whether that holds, choose latents on one half.'}</p>`;
  }

  /** @param {'mended'|'broken'} fate @param {any} part */
  renderBars(fate, part) {
    const bar = (name, share, kind) => {
      const width = (value) => `${100 * (value ?? 0)}%`;
      const text = share.total ? `${whole(share.n)} of ${whole(share.total)}` : 'none';
      const interval = share.low === null ? '' : `, ${percent(share.low)} to ${percent(share.high)} (95 %)`;
      return html`<div class="set-bar ${kind}" title="${name}: ${fate} ${text}${interval}"><span class="track"><i class="fill" .style=${`width:${width(share.total ? share.n / share.total : 0)}`}></i>${
        share.low === null ? nothing : html`<i class="interval" .style=${`left:${width(share.low)};width:${width(share.high - share.low)}`}></i>`
      }</span><span class="n">${text}</span></div>`;
    };
    return html`<td>${bar('without them', part.ablated[fate], fate)}${part.controls.map((one, i) => bar(`as many others, seed ${i}`, one[fate], 'control'))}</td>`;
  }

  renderParts({ chosen_on: chosenOn, parts }) {
    const rows =
      chosenOn === 'half'
        ? [
            [HELD, parts.held_out],
            [CHOSEN, parts.chosen],
          ]
        : [['on all pictures', parts.all]];
    return html`<table class="set-parts"><thead><tr><td></td><th scope="col">mended, of the wrong</th><th scope="col">broken, of the right</th></tr></thead>
      <tbody>${rows.map(
        ([name, part]) => html`<tr><th scope="row">${name}<span class="k">${whole(part.n_items)}, they fire on ${whole(part.n_firing)}</span></th>
        ${this.renderBars('mended', part)}${this.renderBars('broken', part)}</tr>`,
      )}</tbody></table>
      <p class="note keys"><span><i class="swatch mended"></i>mended</span><span><i class="swatch broken"></i>broken</span><span><i class="swatch control"></i>as many other latents
        of like norm, by seed</span><span>line: 95 % (Wilson)</span></p>`;
  }

  renderChanged(found) {
    const set = this.set.value;
    const order = ['mended', 'broken', 'changed'];
    const items = [...found.items].sort((one, other) => order.indexOf(one.fate) - order.indexOf(other.fate) || one.number - other.number);
    if (!items.length) return html`<p class="note">No answer changed.</p>`;
    return html`<ul class="set-changed">${items.map(({ number, fate, original, ablated }) => {
      const item = set?.items[number];
      return html`<li data-fate=${fate}>${set?.has_pictures ? html`<img src=${this.api.failurePictureUrl(set, number)} alt="" loading="lazy">` : nothing}
        <b class="fate ${fate}">${fate}</b><span class="mono texts"><del>${original || '∅'}</del> → <ins>${ablated || '∅'}</ins></span>
        <span class="k">${item?.name ?? ''}${found.chosen_on === 'half' && item ? (item.is_held_out ? ', held out' : '') : ''}</span></li>`;
    })}</ul>`;
  }

  renderFound(found) {
    return html`<div class="scroll" tabindex="0" role="group" aria-label="What was mended and broken">${this.renderVerdict(found)}${this.renderParts(found)}
      ${this.renderChanged(found)}${found.differs_from_logged ? html`<p class="note">${found.differs_from_logged}</p>` : nothing}</div>`;
  }

  render() {
    const any = ablationKeyOf(this.store) !== null;
    const found = this.ablation.value;
    return card({
      label: 'Taken away from every picture',
      title: 'Taken away from every picture',
      sub: found ? html`<span title=${found.latents.join(', ')}>${found.name}</span>` : '',
      busy: this.ablation.stale,
      controls: html`${this.renderWhich()}${any ? this.renderRun() : nothing}`,
      body: any
        ? answered(this.ablation, () => this.renderFound(found))
        : emptyState('Does taking latents away mend more than it breaks? Tick some in the table, then:', this.renderRun()),
    });
  }
}

customElements.define('vs-set-ablation', AblationPanel);
