import { html, nothing } from '../../vendor/lit.js';
import { tokenText } from '../../elements/format.js';
import { Panel } from '../base/panel.js';
import { askMissed, askRun } from '../base/requests.js';

/**
 * The word of which a ranking by B would show the least; of equals the one whose first latent is furthest down.
 * @param {{token: number, n_missed: number|null, first_by_plain: number|null}[]} words
 */
export function mostMissed(words) {
  const defined = words.filter(({ n_missed: missed }) => missed !== null);
  return defined.reduce(
    (most, one) => (!most || one.n_missed > most.n_missed || (one.n_missed === most.n_missed && one.first_by_plain > most.first_by_plain) ? one : most),
    null,
  );
}

/** Under the ranking: how much of this word's ranking by C the plain mean B would not show, and the word where that is most. */
export class MissedLine extends Panel {
  constructor() {
    super();
    this.run = this.query(askRun);
    this.missed = this.query(askMissed);
  }

  renderHere(words) {
    const here = words.find(({ token }) => token === this.selection.token);
    if (!here || here.n_missed === null) return nothing;
    const told = `Of the first ${here.n} latents by C, ${here.n_missed} are not among the first ${here.n} by B. The first by C, ${here.first}, is number ${here.first_by_plain} by B.`;
    return html`<span data-value="missed" title=${told}>B misses <b>${here.n_missed} of ${here.n}</b></span>`;
  }

  renderMost(words) {
    const most = mostMissed(words);
    const text = this.run.value?.tokens.find(({ index }) => index === most?.token)?.text;
    if (!most?.n_missed || text === undefined) return nothing;
    const on = most.token === this.selection.token;
    const word = html`<span class="mono">${tokenText(text)}</span>`;
    if (on) return html`<span class="k">the most of any word</span>`;
    return html`<button type="button" class="link" data-most-missed=${most.token}
      title="Of this word’s first ${most.n} latents by C, ${most.n_missed} are not among the first ${most.n} by B."
      @click=${() => this.store.set({ token: most.token, latent: most.first, by: 'weighted' })}>most at ${word}, ${most.n_missed}</button>`;
  }

  render() {
    const words = this.missed.value?.words;
    return html`<p class="missed">${words && this.selection.token !== null ? html`${this.renderHere(words)}${this.renderMost(words)}` : nothing}</p>`;
  }
}

customElements.define('vs-missed', MissedLine);
