import { html, nothing } from '../../vendor/lit.js';
import { answered } from '../../elements/card.js';
import { counted, fixed, whole } from '../../elements/format.js';
import '../../elements/menu.js';
import { failureSetItem, failureSetsOf, openFailureSet } from '../../failure_sets.js';
import { hiddenDense, withoutHidden } from '../../dense.js';
import { latentName, spokenName } from '../latents/names.js';
import { Panel } from '../base/panel.js';
import { askDense } from '../base/requests.js';
import { pageChoice } from '../compare/page_choice.js';
import { askSet, askTelling } from './requests.js';

/** @param {number} share 0...1 @returns {string} without the leading zero, as correlations are written */
export const share2 = (share) => fixed(share, 2).replace(/^0/, '');

/** The set in one sentence, and which set is looked at. */
export class SummaryPanel extends Panel {
  constructor() {
    super();
    this.set = this.query(askSet);
    this.telling = this.query(askTelling);
    this.statistics = this.query(askDense);
  }

  renderMenu() {
    const { value } = this.set;
    const items = failureSetsOf(this.store).map(failureSetItem);
    const shown = value ? JSON.stringify([value.run, value.id, 'failure set']) : '';
    return html`<vs-menu .name=${'Failure set'} .current=${html`<span class="k">Set</span><span class="v">${value?.name ?? 'none'}</span>`}
      .items=${items} .value=${shown} @choose=${(event) => {
        const [run, id] = JSON.parse(event.detail);
        openFailureSet(this.store, { run, id });
      }}></vs-menu>`;
  }

  /** @param {any} telling */
  renderTold({ n_wrong: wrong, n_right: right, n_tested: tested, n_telling: telling, level, reason, rows }) {
    const subject = this.selection.setPart === 'half' ? 'on the half that latents are chosen on' : '';
    const head = html`<b>${whole(wrong)} of ${counted(wrong + right, 'answer')}</b> ${wrong === 1 ? 'is' : 'are'} wrong${subject ? ` ${subject}` : ''}`;
    if (reason) return html`<p data-value="told">${head}. ${reason}</p>`;
    const [first] = withoutHidden(hiddenDense(this.store, this.statistics.value), rows, ({ latent }) => latent).shown;
    const name = first ? spokenName(this.store, first.latent, first.label === null ? '' : latentName(first.label, first.label_share ?? 0)) : '';
    const which = first ? `${first.latent}${name ? ` ${name}` : ''}` : '';
    return html`<p data-value="told">${head}; <b>${counted(telling, 'latent')}</b> of ${whole(tested)} ${telling === 1 ? 'tells' : 'tell'} them apart at q &lt; ${share2(level)}${
      telling && first?.q < level
        ? html`, ${first === rows[0] ? 'first' : 'first of those not hidden'} <button type="button" class="link" @click=${() => this.store.chooseLatent(first.latent)}>${which}</button>: AUC ${share2(first.auc)}`
        : '.'
    }${telling && first?.q < level ? '.' : nothing}</p>`;
  }

  renderNotes(set, telling) {
    const notes = [];
    if (set.items.length < set.n_given) notes.push(`Interrupted after ${whole(set.items.length)} of ${counted(set.n_given, 'picture')}.`);
    if (set.prompts.length > 1 && this.selection.setPrompt === null)
      notes.push(
        `${whole(set.prompts.length)} prompts are taken together. Where one is answered worse than another, latents that belong to its pictures tell wrong from right, too: compare within one prompt.`,
      );
    const flagged = set.items.filter((item) => item.is_flagged).length;
    const rule = set.match === 'exact' ? 'says the same as the right one' : 'has the right one among its words';
    notes.push(
      flagged === set.items.length
        ? 'Judged by whoever made the set.'
        : `An answer is right when it ${rule}, case and a closing full stop aside${flagged ? `; ${whole(flagged)} ${flagged === 1 ? 'was' : 'were'} judged by hand` : ''}.`,
    );
    if (telling && telling.n_firing > telling.n_tested)
      notes.push(`${counted(telling.n_firing - telling.n_tested, 'latent')} on under ${telling.min_items} pictures ${telling.n_firing - telling.n_tested === 1 ? 'is' : 'are'} not tested.`);
    if (telling?.problem) notes.push(telling.problem);
    return html`<p class="note">${notes.join(' ')}</p>`;
  }

  render() {
    const telling = this.telling.value;
    return html`<section class="card health verdict set-summary" aria-label="The failure set" aria-busy=${String(this.set.stale || this.telling.stale)}>
      <div class="which">${pageChoice(this.store)}${this.renderMenu()}</div>
      ${answered(this.set.value === undefined ? this.set : this.telling, () => html`<div class="told">${this.renderTold(telling)}${this.renderNotes(this.set.value, telling)}</div>`)}
    </section>`;
  }
}

customElements.define('vs-set-summary', SummaryPanel);
