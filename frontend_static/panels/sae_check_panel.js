import { html, nothing } from '../vendor/lit.js';
import { counted, fixed, percent, whole } from '../elements/format.js';
import '../elements/sheet.js';
import { Panel, SLIDERS } from './base/panel.js';
import { askSaeCheck } from './base/requests.js';

const MARKS = { 'as expected': ['✓', 'as expected'], unexpected: ['!', 'not as expected'], undecided: ['·', 'tells nothing here'] };

const share = (x) => (x === null ? '–' : `${fixed(100 * x, 1)} %`);
const slope = (x) => (x === null ? '–' : fixed(x, 3));
/** Three digits of anything. */
const figure = (x) => (x === null ? '–' : Math.abs(x) >= 100 ? whole(x) : Math.abs(x) >= 10 ? fixed(x, 1) : Math.abs(x) >= 0.1 || x === 0 ? fixed(x, 2) : fixed(x, 4));

/** Whether the SAE is read rightly: a line in the health card, and all that was measured over the tab. */
export class SaeCheckPanel extends Panel {
  static indifferentTo = SLIDERS;

  constructor() {
    super();
    this.check = this.query(askSaeCheck);
  }

  renderPlaces({ places, n_latents: nLatents }) {
    return html`<div class="check-scroll" tabindex="0" role="group" aria-label="As loaded, at every place"><table class="check-table"><caption>As loaded, at every place</caption>
      <thead><tr><th scope="col">place</th><th scope="col" class="num">unexplained</th><th scope="col" class="num">slope</th>
        <th scope="col" class="num">latents / token</th><th scope="col" class="num">silent</th><th scope="col" class="num">dense</th>
        <th scope="col" class="num">strength</th></tr></thead>
      <tbody>${places.map(
        (place) => html`<tr class=${place.is_read ? 'is-read' : ''}>
          <th scope="row">${place.name}${place.is_read ? html` <span class="k">read here</span>` : nothing}${place.is_hook ? nothing : html` <span class="k">no hook</span>`}</th>
          <td class="num">${share(place.fvu)}</td><td class="num">${slope(place.slope)}</td><td class="num">${fixed(place.l0, 1)}</td>
          <td class="num">${percent(place.n_dead / nLatents)}</td><td class="num">${whole(place.n_dense)}</td>
          <td class="num">${figure(place.mean_strength)}</td></tr>`,
      )}</tbody></table></div>`;
  }

  renderReadings({ readings }) {
    return html`<table class="check-table"><caption>At that place, but with</caption>
      <thead><tr><th scope="col">change</th><th scope="col" class="num">unexplained</th><th scope="col" class="num">slope</th>
        <th scope="col" class="num">better in</th></tr></thead>
      <tbody>${readings.map(
        ({ words, fvu, slope: its, better, is_clear: clear }) => html`<tr class=${clear ? 'is-clear' : ''}>
          <th scope="row">${words}${clear ? html` <b>clearly better</b>` : nothing}</th>
          <td class="num">${share(fvu)}</td><td class="num">${slope(its)}</td><td class="num">${better === null ? '–' : percent(better)}</td></tr>`,
      )}</tbody></table>`;
  }

  renderMeasures({ measures }) {
    return html`<table class="check-table"><caption>What can tell a wrong reading</caption>
      <thead><tr><th scope="col">figure</th><th scope="col" class="num">found</th><th scope="col">expected</th></tr></thead>
      <tbody>${measures.map(({ name, value, expected, outcome }) => {
        const [mark, told] = MARKS[outcome];
        return html`<tr class=${outcome === 'unexpected' ? 'is-off' : ''}><th scope="row"><span class="mark" aria-hidden="true">${mark}</span><span class="spoken">${told}: </span>${name}</th>
          <td class="num">${figure(value)}</td><td>${expected}</td></tr>`;
      })}</tbody></table>`;
  }

  renderContent(check) {
    return html`<p>${check.verdict}</p>
      <p class="note">On ${whole(check.n_tokens)} tokens of ${counted(check.n_images, 'picture')} of ${check.images}.${
        check.n_asked
          ? html` With the reconstruction in place, ${whole(check.n_kept)} of ${counted(check.n_asked, 'answer')} to “${check.prompt}” stay the same.`
          : nothing
      } Slope: of the features on the reconstruction, 1 after training. Better in: share of bootstrap samples of the pictures.</p>
      ${this.renderPlaces(check)}${this.renderReadings(check)}${this.renderMeasures(check)}
      <p class="note">Made by <code>visualscratchpad check-sae</code> on ${new Date(1000 * check.created).toLocaleDateString('en-GB', { dateStyle: 'long' })}.</p>`;
  }

  renderLine({ right, remedies, n_images: nImages, n_asked: nAsked, n_kept: nKept }) {
    const told = right
      ? html`SAE checked on ${counted(nImages, 'picture')}: <b>read rightly</b>${nAsked ? html`, <b>${whole(nKept)} of ${whole(nAsked)}</b> answers kept under its reconstruction` : nothing}`
      : html`SAE checked on ${counted(nImages, 'picture')}: <b>it looks wrong</b>${remedies.length ? html`, try <code>${remedies.join('; ')}</code>` : nothing}`;
    return html`<p class="note check-line" data-value="sae-check">${told} · <button type="button" class="link" aria-haspopup="dialog"
      aria-label="Details of the check of the SAE" @click=${() => this.store.setSession({ sheet: 'sae-check' })}>details</button></p>`;
  }

  render() {
    const check = this.check.value;
    if (this.check.error) return html`<p class="note check-line">The check of the SAE cannot be shown: ${this.check.error.message}</p>`;
    if (!check) return nothing;
    const open = this.store.session.sheet === 'sae-check';
    return html`${this.renderLine(check)}<vs-sheet class="wide" .open=${open} label="Is the SAE read rightly?"
      .content=${open ? this.renderContent(check) : nothing} @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }
}

customElements.define('vs-sae-check', SaeCheckPanel);
