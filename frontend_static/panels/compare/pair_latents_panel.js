import { html, nothing } from '../../vendor/lit.js';
import { latentItem } from '../../basket.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { hiddenDense, withoutHidden } from '../../dense.js';
import { activation, counted, fixed, percent, tokenText, whole } from '../../elements/format.js';
import '../../elements/pair_scatter_view.js';
import { inspect, placeOf } from '../../run_pairs.js';
import { isShortcut, Panel } from '../base/panel.js';
import { askDense } from '../base/requests.js';
import { latentName } from '../latents/names.js';
import { askAlike, askPair, askWord } from './pair_requests.js';

const FIRST_ROWS = 40;

/** @param {number} share 0...1 @returns {string} of a bar's room, which leaves some for its figure */
const barWidth = (share) => `width:calc((100% - 46px) * ${share.toFixed(4)})`;

/** Which latents the chosen word used in both runs, the largest difference first. */
export class PairLatentsPanel extends Panel {
  static properties = { shown: { state: true } };

  constructor() {
    super();
    this.shown = FIRST_ROWS;
    this.alike = this.query(askAlike);
    this.pair = this.query((store, api) => askPair(store, api, this.alike));
    this.word = this.query((store, api) => askWord(store, api, this.pair));
    this.statistics = this.query(askDense);
    this.made = { of: null, hidden: null, rows: [], at: new Int32Array(0), data: null, nHidden: 0 };
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      const by = { j: 1, k: -1 }[event.key];
      if (by && isShortcut(event)) this.step(by);
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  /** @param {number} by rows down the table, past those that only B has */
  step(by) {
    const rows = (this.word.value?.header.rows ? this.visible().rows : []).filter(({ latent }) => latent !== null);
    if (!rows.length) return;
    const at = rows.findIndex(({ latent }) => latent === this.selection.latent);
    const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by));
    this.shown = Math.max(this.shown, this.visible().rows.indexOf(rows[next]) + 1);
    this.choose(rows[next].latent);
    this.updateComplete.then(() => this.querySelector('tr.on')?.scrollIntoView({ block: 'nearest' }));
  }

  /** @param {number} latent of A's dictionary */
  choose(latent) {
    this.store.set({ latent, source: 'latent' });
  }

  value(relative) {
    return relative ? percent : activation;
  }

  get hidden() {
    return hiddenDense(this.store, this.statistics.value);
  }

  /**
   * Pairs without those whose latent of A is hidden: rows of the table, and as the scatter takes them. `at`: their places in the answer.
   * What only B has is not hidden: A's statistics do not speak of it.
   */
  visible() {
    const { header, arrays } = this.word.value;
    const { hidden } = this;
    if (this.made.of === arrays && this.made.hidden === hidden) return this.made;
    const { shown: rows } = withoutHidden(hidden, header.rows, ({ latent }) => latent);
    const at = Int32Array.from(withoutHidden(hidden, [...arrays.latent.keys()], (i) => arrays.latent[i]).shown);
    const text = header.relative ? (value) => percent(value) : (value) => String(value);
    const part = (values) => Float32Array.from(at, (i) => values[i]);
    const data = { value: part(arrays.value), other: part(arrays.other_value), text, names: ['C in A', 'C in B'] };
    this.made = { of: arrays, hidden, rows, at, data, nHidden: arrays.latent.length - at.length };
    return this.made;
  }

  /** The largest C of one run, where dictionaries were not matched. @param {'first'|'second'} side @returns {readonly any[]} */
  topOf(side) {
    const { top } = this.word.value.header[side];
    return side === 'first' ? withoutHidden(this.hidden, top, ({ latent }) => latent).shown : top;
  }

  /** @param {number} place of the scatter */
  describe(place) {
    const { header, arrays } = this.word.value;
    const index = this.visible().at[place];
    const [latent, other] = [arrays.latent[index], arrays.other_latent[index]];
    const row = header.rows[index];
    const shown = this.value(header.relative);
    const name = row && row.label !== null ? latentName(row.label, row.label_share ?? 0) : '';
    const which = latent === other ? `${latent}` : `${latent < 0 ? '–' : latent} · ${other < 0 ? '–' : other}`;
    return {
      content: html`<b class="mono">${which}</b> ${name}<div class="kv"><span>C in A</span><b>${header.first.reason ? '–' : shown(arrays.value[index])}</b></div>
        <div class="kv"><span>C in B</span><b>${header.second.reason ? '–' : shown(arrays.other_value[index])}</b></div>
        ${latent === other ? nothing : html`<div class="kv"><span>cosine</span><b>${arrays.cosine[index] ? fixed(arrays.cosine[index], 2) : 'no counterpart'}</b></div>`}`,
      spoken: `Latent ${which} ${name}: ${shown(arrays.value[index])} in A, ${shown(arrays.other_value[index])} in B`,
    };
  }

  /** @param {{relative: boolean, first: {reason: string|null}, second: {reason: string|null}}} header `reason`: that run has no C for this word */
  renderRow(row, { relative, first, second }, top, same) {
    const { latent, other_latent: other, value, other_value: otherValue } = row;
    const on = latent !== null && latent === this.selection.latent;
    const shown = this.value(relative);
    const share = (one) => barWidth(Math.max(0, one) / top);
    const difference = otherValue - value;
    const sign = difference > 0 ? '+' : difference < 0 ? '−' : '';
    const bar = (side, { reason }, one) => html`<span class="pair-bar ${side}" title=${reason ?? nothing}><i .style=${reason ? 'width:0' : share(one)}></i><b>${reason ? '–' : shown(one)}</b></span>`;
    const name = row.label === null ? row.other_label : latentName(row.label, row.label_share ?? 0);
    const numbers = same
      ? html`<th scope="row"><button type="button" class="name mono" aria-pressed=${String(on)}>${latent}</button></th>`
      : html`<th scope="row">${latent === null ? html`<span class="k">none</span>` : html`<button type="button" class="name mono" aria-pressed=${String(on)}>${latent}</button>`}</th>
        <td class="mono">${other === null ? html`<span class="k">none</span>` : other}</td>
        <td class="num k" title=${row.mutual ? 'Each is the other’s best counterpart' : ''}>${row.cosine === null ? '–' : fixed(row.cosine, 2)}${row.mutual ? ' ⇄' : ''}</td>`;
    return html`<tr class=${on ? 'on' : ''} data-latent=${latent ?? nothing} data-other=${other ?? nothing} @click=${() => (latent === null ? inspect(this.store, this.pair.value, 'second', other) : this.choose(latent))}
      title=${latent === null ? 'Only B has it: open it in the Scratchpad' : nothing}>
      ${numbers}<td class="label">${name ?? nothing}</td>
      <td class="both-bars">${bar('a', first, value)}${bar('b', second, otherValue)}</td>
      <td class="num">${first.reason || second.reason ? '–' : html`${sign}${shown(Math.abs(difference))}`}</td></tr>`;
  }

  renderTable({ header }, same) {
    const { rows } = this.visible();
    const top = Math.max(1e-9, ...rows.map(({ value, other_value: other }) => Math.max(value, other)));
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Latents of both"><table class="sweep-table pair-table"><thead><tr>
      ${same ? html`<th scope="col">latent</th>` : html`<th scope="col">in A</th><th scope="col">in B</th><th scope="col" class="num" title="Of decoder rows; ⇄ each is the other’s best counterpart">cosine</th>`}
      <th scope="col">label</th><th scope="col" title=${header.relative ? 'C as a share of the word’s largest in that run: two dictionaries have their own scales' : 'The upper bar is A, the lower B'}>${header.relative ? 'share of largest C' : 'C in A, C in B'}</th><th scope="col" class="num">B − A</th></tr></thead>
      <tbody>${rows.slice(0, this.shown).map((row) => this.renderRow(row, header, top, same))}</tbody></table>
      ${
        rows.length > this.shown
          ? html`<button type="button" class="button small more" @click=${() => {
              this.shown += FIRST_ROWS;
            }}>${whole(Math.min(FIRST_ROWS, rows.length - this.shown))} more</button>`
          : nothing
      }</div>`;
  }

  renderPairs(pair) {
    const word = this.word.value;
    const { latent, other_latent: others } = word.arrays;
    const { at, data } = this.visible();
    const selected = this.selection.latent === null ? -1 : at.findIndex((i) => latent[i] === this.selection.latent);
    return html`<div class="pair-latents"><vs-pair-scatter .data=${data} .selected=${selected} .describe=${(index) => this.describe(index)} .theme=${this.theme}
      label="Latents of both: C in A to the right, C in B upward" @pick=${({ detail }) =>
        latent[at[detail]] < 0 ? inspect(this.store, pair, 'second', others[at[detail]]) : this.choose(latent[at[detail]])}></vs-pair-scatter>
      ${this.renderTable(word, pair.same_dictionary)}</div>`;
  }

  /** Two dictionaries that were not matched: both lists, and how a match is made. */
  renderLists(pair) {
    const list = (side, letter) => {
      const { reason } = this.word.value.header[side];
      const top = this.topOf(side);
      const most = Math.max(1e-9, ...top.map(({ value }) => value));
      return html`<div><h3><span class="side ${letter.toLowerCase()}">${letter}</span> ${pair[side].dictionary.name}</h3>${
        reason
          ? html`<p class="note">${reason}</p>`
          : html`<ol class="pair-list">${top.slice(0, FIRST_ROWS).map(
              ({ latent, value, label, label_share: share }) => html`<li><button type="button" class="mono" title="Open it in the Scratchpad" @click=${() => inspect(this.store, pair, side, latent)}>${latent}</button>
              <span class="label">${label === null ? nothing : latentName(label, share)}</span><span class="pair-bar ${letter.toLowerCase()}"><i .style=${barWidth(value / most)}></i><b>${activation(value)}</b></span></li>`,
            )}</ol>`
      }</div>`;
    };
    return html`<div class="scroll"><p class="note pair-hint">Two dictionaries number their latents each in its own way, and these were not matched. To see which are the same:
        <code>visualscratchpad match-sae --vlm MODEL --sae SAE --other-sae OTHER --logdir LOGDIR</code></p>
      <div class="pair-lists">${list('first', 'A')}${list('second', 'B')}</div></div>`;
  }

  renderFoot(pair) {
    const row = this.word.value?.header.rows?.find(({ latent }) => latent !== null && latent === this.selection.latent);
    if (!row) return nothing;
    const { latent, other_latent: other } = row;
    const held = this.selection.basket.some(({ latents }) => latents.includes(latent));
    return html`<footer class="pair-foot"><span>Latent <b class="mono">${latent}</b>${other !== null && other !== latent ? html`, in B <b class="mono">${other}</b>` : nothing}</span>
      <button type="button" class="button small" title="In the Scratchpad of A" @click=${() => inspect(this.store, pair, 'first', latent)}>Inspect in A</button>
      <button type="button" class="button small" ?disabled=${other === null} title="In the Scratchpad of B" @click=${() => inspect(this.store, pair, 'second', other)}>Inspect in B</button>
      <button type="button" class="button small" ?disabled=${held} aria-keyshortcuts="b" @click=${() => this.store.addToBasket(latentItem(latent))}>${held ? 'In the basket' : '+ Basket'}</button></footer>`;
  }

  renderBody(pair) {
    if (!pair.steps.length) return emptyState('There is no word to look at.');
    return answered(this.word, ({ header }) => {
      if (header.rows === null) return this.renderLists(pair);
      const [first, second] = [header.first, header.second];
      if (first.reason && second.reason) return emptyState(first.reason);
      const { rows, nHidden } = this.visible();
      if (rows.length) return this.renderPairs(pair);
      return emptyState(nHidden ? `${counted(nHidden, 'dense latent')} hidden; no other fires where either word looked.` : 'No latent fires where either word looked.');
    });
  }

  render() {
    const pair = this.pair.value;
    const place = pair ? placeOf(pair, this.selection) : -1;
    const [, i, j] = pair?.steps[place] ?? ['kept', null, null];
    const [mine, theirs] = [i === null ? null : tokenText(pair.first.words[i].text), j === null ? null : tokenText(pair.second.words[j].text)];
    const { at = [], nHidden = 0 } = this.word.value?.header.rows ? this.visible() : {};
    return card({
      label: 'Latents of both',
      title: html`Latents <span class="of">of</span> <span class="subject mono">${mine === theirs ? mine : [mine, theirs].filter((text) => text !== null).join(' | ')}</span>`,
      sub: at.length || nHidden ? `${counted(at.length, 'latent')} that either uses, the largest difference first${nHidden ? `; ${counted(nHidden, 'dense latent')} hidden` : ''}` : '',
      busy: this.word.stale,
      late: this.word.late,
      body: this.pair.key === null ? emptyState('Choose a second run.') : answered(this.pair, (value) => this.renderBody(value)),
      foot: pair ? this.renderFoot(pair) : nothing,
    });
  }
}

customElements.define('vs-pair-latents', PairLatentsPanel);
