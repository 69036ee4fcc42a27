import { html, nothing } from '../../vendor/lit.js';
import { latentItem } from '../../basket.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { counted, fixed, percent, tokenText, whole } from '../../elements/format.js';
import { select } from '../../elements/select.js';
import { hiddenDense, withoutHidden } from '../../dense.js';
import { latentName, pinMark, shownName } from '../latents/names.js';
import { askDense } from '../base/requests.js';
import { Panel } from '../base/panel.js';
import { askAgain, whyNotAgain } from '../steering/asking.js';
import { askContributions, askOriginal } from './requests.js';
import { tableChoice } from './table_choice.js';

const FIRST_ROWS = 60;

/** @param {number} value in nats @returns {string} two decimals, or two digits where that is less than a hundredth */
function small(value) {
  const size = Math.abs(value);
  const text = size >= 0.1 ? fixed(value, 2) : size === 0 ? '0' : Number(value.toPrecision(2)).toString().replaceAll('-', '−');
  return value > 0 ? `+${text}` : text;
}

/** Which latents carried a word: the gradient's estimate for all of them, beside what really taking the best away did. */
export class ContributionsPanel extends Panel {
  static properties = { shown: { state: true } };

  constructor() {
    super();
    this.shown = FIRST_ROWS;
    this.original = this.query(askOriginal);
    this.statistics = this.query(askDense);
    this.contributions = this.query((store, api) => askContributions(store, api, this.word));
  }

  /** @returns {{index: number, text: string}[]} words of the original answer */
  get answer() {
    return this.original.value?.tokens.filter(({ span }) => span === 'OUTPUT') ?? [];
  }

  /** @returns {number|null} number of the chosen word within the answer */
  get word() {
    const at = this.answer.findIndex(({ index }) => index === this.selection.token);
    return at < 0 ? null : at;
  }

  run() {
    const { word } = this;
    askAgain(this.store, { kind: 'contributions', word }, `what carried “${tokenText(this.answer[word].text)}”`);
  }

  renderRun() {
    const { word } = this;
    const why = whyNotAgain(this.store) ?? (word === null ? 'Choose a word of the answer.' : null);
    return html`<button type="button" class="button small" ?disabled=${why !== null}
      title=${why ?? 'One backward pass ranks all latents; the first sixty are taken away in truth'} @click=${() => this.run()}>Find what carried it</button>`;
  }

  renderWords() {
    const { word } = this;
    return select({
      label: 'Word of the answer',
      value: word === null ? '' : String(word),
      options: [...(word === null ? [['', 'choose a word']] : []), ...this.answer.map(({ text }, i) => [String(i), `${i} ${tokenText(text)}`])],
      onChange: (value) => {
        if (value !== '') this.store.set({ token: this.answer[Number(value)].index });
      },
    });
  }

  /** @param {any} row @param {{contribution: number, ablated: number}} top the largest of each: an estimate can be far smaller than what is lost */
  renderRow(row, top) {
    const on = row.latent === this.selection.latent;
    const figure = (value, kind) =>
      value === null
        ? html`<td class="num k">–</td>`
        : html`<td class="num bar-cell"><i class="bar ${kind} ${value < 0 ? 'against' : ''}" .style=${`width:${(100 * Math.abs(value)) / top[kind]}%`}></i>
          <span>${small(value)}</span></td>`;
    return html`<tr class=${on ? 'on' : ''} data-latent=${row.latent} @click=${() => this.store.chooseLatent(row.latent)}>
      <td class="num k">${row.rank}</td><th scope="row"><span class="cluster-cell"><button type="button" class="name mono" aria-pressed=${String(on)}>${pinMark(this.store, row.latent)}${row.latent}</button>${
        on
          ? html`<button type="button" class="button small" title="Put this latent, set to 0, into the basket"
            @click=${() => this.store.addToBasket(latentItem(row.latent))}>Steer this</button>`
          : nothing
      }</span></th>
      <td>${shownName(this.store, row.latent, row.label === null ? '' : latentName(row.label, row.label_share ?? 0))}</td>
      ${figure(row.contribution, 'contribution')}${figure(row.ablated, 'ablated')}
      <td class="num k">${row.ablated_rank ?? ''}</td></tr>`;
  }

  renderTable(answer) {
    const { shown: visible, nHidden } = withoutHidden(hiddenDense(this.store, this.statistics.value), answer.rows, ({ latent }) => latent);
    const largest = (key) => Math.max(1e-30, ...visible.map((row) => Math.abs(row[key] ?? 0)));
    const top = { contribution: largest('contribution'), ablated: largest('ablated') };
    const rows = visible.slice(0, this.shown);
    const agreement =
      answer.agreement === null
        ? ''
        : `; over the ${whole(answer.n_checked)} that were taken away in truth, the two rankings agree with Spearman’s ${fixed(answer.agreement, 2)}`;
    return html`<p class="note found" data-value="agreement">${counted(answer.n_firing, 'latent')} fire; together they give the word
        <b>${small(answer.total)} nat</b> to first order (${percent(Math.exp(answer.original_tokens[answer.word].logprob))} likely)${agreement}.
        ${nHidden ? `${counted(nHidden, 'dense latent')} hidden. ` : ''}${answer.differs_from_logged} ${answer.problem ?? ''}</p>
      <div class="scroll" tabindex="0" role="group" aria-label="Table of latents"><table class="sweep-table latents-table">
        <thead><tr><th scope="col" class="num">rank</th><th scope="col">latent</th><th scope="col">label</th>
          <th scope="col" class="num" title="Activation times gradient of the word’s log-probability, summed over patches">estimate (nat)</th>
          <th scope="col" class="num" title="What the word really lost without the latent">taken away (nat)</th>
          <th scope="col" class="num" title="Rank by what was really lost">rank</th></tr></thead>
        <tbody>${rows.map((row) => this.renderRow(row, top))}</tbody></table>
        ${
          visible.length > rows.length
            ? html`<button type="button" class="button small more" @click=${() => {
                this.shown += FIRST_ROWS;
              }}>${whole(Math.min(FIRST_ROWS, visible.length - rows.length))} more</button>`
            : nothing
        }</div>`;
  }

  renderBody() {
    if (this.original.key !== null && this.original.value === undefined) return answered(this.original, () => nothing);
    if (this.word === null) return emptyState('Which latents carried a word? Choose the word.', this.renderWords());
    if (this.contributions.key === null)
      return emptyState(`Not asked yet: which latents carried “${tokenText(this.answer[this.word].text)}”.`, this.renderRun());
    return answered(this.contributions, (answer) => this.renderTable(answer));
  }

  render() {
    const any = this.word !== null;
    return card({
      label: 'Which latents carried this word',
      title: 'Which latents carried this word',
      busy: this.contributions.stale,
      controls: html`${any ? this.renderWords() : nothing}${tableChoice(this.store)}`,
      body: this.renderBody(),
    });
  }
}

customElements.define('vs-contributions', ContributionsPanel);
