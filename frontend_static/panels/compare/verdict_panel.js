import { html, nothing } from '../../vendor/lit.js';
import { answered } from '../../elements/card.js';
import '../../elements/menu.js';
import { keyText, outcomeKey, outcomesOf } from '../../outcomes.js';
import { Panel } from '../base/panel.js';
import { doubtedLine } from '../walk/doubted_word.js';
import { nextAction } from '../walk/leading.js';
import { pageChoice } from './page_choice.js';
import { askOriginal, askSteered } from './requests.js';
import { keyFigures, signed, verdict } from './verdict.js';

/** What the steered answer showed, in one sentence and three figures; which result is looked at. */
export class VerdictPanel extends Panel {
  constructor() {
    super();
    this.result = this.query(askSteered);
    this.original = this.query(askOriginal);
  }

  items() {
    return outcomesOf(this.store, 'steering_result').map((entry) => ({
      value: keyText(entry),
      title: entry.name,
      note: new Date(1000 * entry.created).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' }),
      detail: [entry.output_text],
      words: [entry.name, entry.output_text, entry.prompt].join(' '),
    }));
  }

  renderMenu() {
    const key = outcomeKey(this.store, 'steering_result');
    const items = this.items();
    const value = key ? keyText(key) : '';
    const name = items.find((item) => item.value === value)?.title ?? this.result.value?.name ?? 'none';
    return html`<vs-menu .name=${'Result'} .current=${html`<span class="k">Result</span><span class="v mono">${name}</span>`} .items=${items}
      .value=${value} @choose=${(event) => this.store.set({ result: event.detail })}></vs-menu>`;
  }

  /** The run under steering, with all its evidence. */
  openSteered() {
    const { steered_run_id: id, run } = this.result.value;
    const entry = this.store.session.listing.vlm_runs.find((one) => one.run === run && one.id === id);
    const result = this.selection.result ?? keyText(this.result.value);
    if (!entry) {
      this.store.setSession({ notice: 'TensorBoard has not loaded the steered run yet: try again in a few seconds.' });
      return;
    }
    this.store.chooseRun(entry);
    this.store.set({ workspace: 'scratchpad', result }, { asNew: false });
  }

  renderFigures(result) {
    const figures = keyFigures(result);
    if (!figures) return nothing;
    const control = result.answers.find(({ condition }) => condition === 'control');
    const cell = (name, value, mark, accent = false) =>
      html`<div><dt>${name}</dt><dd class=${accent ? 'accent' : ''} data-value=${mark}>${value === null ? '–' : signed(value)}</dd></div>`;
    return html`<dl class="figures">${cell(html`Δ log p “${figures.word}”`, figures.change, 'change', true)}
      ${result.erasure ? nothing : cell('reconstruction', figures.reconstruction, 'reconstruction-change')}
      ${cell(control && !result.erasure ? `random × ${control.latents.length}` : 'controls', figures.control, 'control-change')}</dl>`;
  }

  renderNotes(result) {
    const notes = [result.differs_from_logged, ...result.reductions];
    if (result.answers.at(-1).truncated) notes.push('The steered answer stopped at its token limit.');
    const shown = notes.filter(Boolean);
    return shown.length ? html`<p class="note">${shown.join(' ')}</p>` : nothing;
  }

  renderButtons(result) {
    return html`<span class="buttons">${
      result.steering
        ? html`<button type="button" class="button small" aria-haspopup="dialog" title="The steering as JSON, and for the command line"
          @click=${() => this.store.setSession({ sheet: 'result-spec' })}>Its spec</button>`
        : nothing
    }${
      result.steered_run_id
        ? html`<button type="button" class="button small" title="The steered run with its attention, heatmap and ranking"
          @click=${() => this.openSteered()}>Its run</button>`
        : nothing
    }</span>`;
  }

  renderEmpty() {
    return html`<div class="told"><h1>No steered run yet: fill the basket</h1>
      <p class="note">Choose a latent and press <kbd>b</kbd>, or click a cluster’s name in the heatmap; then run the steered answer, below. Without a worker,
        “Spec” in the basket has the file and the command. ${nextAction(this.store, this.api, this.selection.latent === null ? 'latents' : 'away')}</p></div>`;
  }

  render() {
    const any = outcomeKey(this.store, 'steering_result') !== null;
    const result = this.result.value;
    return html`<section class="card health verdict" aria-label="What the steered answer shows" aria-busy=${String(this.result.stale)}>
      <div class="which">${pageChoice(this.store)}${any ? html`${this.renderMenu()}${result ? this.renderButtons(result) : nothing}` : nothing}</div>
      ${
        any
          ? answered(
              this.result,
              () => html`<div class="told"><p data-value="verdict">${verdict(result)}</p>${doubtedLine(this.store, this.api, result, this.original.value)}${this.renderNotes(result)}</div>${this.renderFigures(result)}`,
            )
          : this.renderEmpty()
      }</section>`;
  }
}

customElements.define('vs-verdict', VerdictPanel);
