import { html } from '../../vendor/lit.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { whole } from '../../elements/format.js';
import '../../elements/pair_raster.js';
import { choiceOf, placeOf } from '../../run_pairs.js';
import { isShortcut, Panel, SLIDERS } from '../base/panel.js';
import { askAlike, askPair } from './pair_requests.js';

/** Both answers, word by word; the chosen word is chosen in both. */
export class PairAnswersPanel extends Panel {
  static indifferentTo = SLIDERS;
  constructor() {
    super();
    this.alike = this.query(askAlike);
    this.pair = this.query((store, api) => askPair(store, api, this.alike));
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const pair = this.pair.value;
      if (!by || !pair?.steps.length || !isShortcut(event)) return;
      const next = Math.min(pair.steps.length - 1, Math.max(0, placeOf(pair, this.selection) + by));
      this.choose(next, !event.repeat);
      event.preventDefault();
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  /** @param {number} place @param {boolean} asNew */
  choose(place, asNew = true) {
    this.store.set({ ...choiceOf(this.pair.value, place), source: 'attention' }, { asNew });
  }

  renderAnswers(pair) {
    if (!pair.steps.length) return emptyState('Neither run said anything.');
    const { first, second } = pair;
    const alike = first.name === second.name && first.step === second.step;
    const named = ({ name, dictionary }) => (alike && first.dictionary.name !== second.dictionary.name ? dictionary.name : name);
    const note = (side) => (side.step === null ? named(side) : `step ${whole(side.step)}, ${named(side)}`);
    const short = (text) => (text.length > 22 ? `${text.slice(0, 20)}…` : text);
    return html`<div class="lines" tabindex="-1" role="group" aria-label="Both answers, word by word"><vs-pair-raster .first=${pair.first.words} .second=${pair.second.words}
      .steps=${pair.steps} .chosen=${placeOf(pair, this.selection)} .notes=${[short(note(pair.first)), short(note(pair.second))]} .theme=${this.theme}
      @choose=${({ detail }) => this.choose(detail)}></vs-pair-raster></div>`;
  }

  render() {
    return card({
      label: 'Both answers, word by word',
      title: 'Both answers, word by word',
      sub: 'struck: B leaves it out; framed: B says it instead, or in addition. Under a word its log p; under one that both say, B’s change',
      busy: this.pair.stale,
      late: this.pair.late,
      controls: html`<span class="diverging-key"><span>−6</span><i></i><span>+6 nat</span></span>`,
      body: this.pair.key === null ? emptyState('Choose a second run.') : answered(this.pair, (pair) => this.renderAnswers(pair)),
    });
  }
}

customElements.define('vs-pair-answers', PairAnswersPanel);
