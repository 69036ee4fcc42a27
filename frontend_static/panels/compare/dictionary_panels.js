import { html, nothing } from '../../vendor/lit.js';
import { againstOf, matchedWith, openCounterpart } from '../../dictionary_pairs.js';
import { answered, card, emptyState } from '../../elements/card.js';
import { cosineBars } from '../../elements/cosine_bars.js';
import { counted, fixed, percent, whole } from '../../elements/format.js';
import '../../elements/menu.js';
import { isShortcut, Panel, SLIDERS } from '../base/panel.js';
import { askReferences } from '../base/requests.js';
import { askCounterparts, counterpartSections } from '../latents/counterparts.js';
import { referencePictures } from '../latents/references.js';
import { askDictionaryPair } from './dictionary_requests.js';
import { pageChoice } from './page_choice.js';

/** @param {import('../../store.js').Store} store the other dictionary takes the place of the first */
function swapDictionaries(store) {
  const other = againstOf(store);
  const { dictionary } = store.selection;
  if (!other) return;
  store.chooseDictionary(other.id);
  store.set({ against: dictionary }, { asNew: false });
}

/** How much of the dictionary another one has, in one sentence; which one. */
export class DictionaryVerdict extends Panel {
  static indifferentTo = SLIDERS;
  constructor() {
    super();
    this.pair = this.query(askDictionaryPair);
  }

  connectedCallback() {
    super.connectedCallback();
    this.onKey = (event) => {
      if (event.key === 'x' && isShortcut(event) && this.pair.value) swapDictionaries(this.store);
    };
    window.addEventListener('keydown', this.onKey);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.onKey);
  }

  renderMenu() {
    const { store } = this;
    const { dictionary } = store.selection;
    const matched = matchedWith(store, dictionary);
    const others = (store.session.listing?.dictionaries ?? []).filter(({ id }) => id !== dictionary);
    const items = [...others]
      .sort((a, b) => matched.includes(b.id) - matched.includes(a.id))
      .map((entry) => ({
        value: entry.id,
        title: entry.name,
        note: [matched.includes(entry.id) ? 'matched' : 'not matched', counted(entry.n_latents, 'latent')].join(' · '),
        detail: [`${entry.sae_name} at ${entry.hook} of ${entry.vlm_name}`, `id ${entry.id.slice(0, 12)}`],
        words: [entry.name, entry.vlm_name, entry.sae_name, entry.hook, entry.id].join(' '),
      }));
    const other = againstOf(store);
    const current = html`<span class="side b" aria-hidden="true">B</span><span class="v mono" title=${other?.name ?? ''}>${other?.sae_name ?? 'choose a dictionary'}</span>`;
    return html`<vs-menu .name=${'Second dictionary'} .searches=${'Search dictionaries'} .current=${current} .items=${items} .value=${other?.id ?? ''}
      @choose=${({ detail }) => store.set({ against: detail })}></vs-menu>`;
  }

  renderSentence({ first, second }) {
    const alive = first.n_alive === null ? nothing : html`; of the <b>${whole(first.n_alive)}</b> that fire in the image set <b>${whole(first.n_alive_close)}</b> do`;
    return html`<b>${whole(first.n_close)} of ${counted(first.n_latents, 'latent')}</b> of A have a counterpart in B with a cosine over <b>.9</b>, ${whole(first.n_near)} over .7${alive}.
      The other way <b>${whole(second.n_close)} of ${whole(second.n_latents)}</b>, ${whole(second.n_near)} over .7. <b>${whole(first.n_mutual)}</b> pairs are the best of each other.`;
  }

  renderNotes({ first, second, same_features: same, same_images: images, problems }) {
    const notes = [
      same ? '' : `A reads ${first.hook} of ${first.vlm_name}, B ${second.hook} of ${second.vlm_name}: axes need not mean the same, so cosines may say little.`,
      images === false ? 'Their statistics are of different image sets.' : '',
      ...problems,
    ].filter(Boolean);
    return notes.length ? html`<p class="note">${notes.join(' ')}</p>` : nothing;
  }

  /** @param {any} pair */
  renderTable({ first, second }) {
    const share = (n, of) => (of ? percent(n / of) : '–');
    const number = (value, digits = 1) => (value === null ? '–' : fixed(value, digits));
    const rows = [
      ['latents', (d) => whole(d.n_latents)],
      ['alive', (d) => (d.n_alive === null ? '–' : whole(d.n_alive))],
      ['dense', (d) => (d.n_dense === null ? '–' : whole(d.n_dense))],
      ['L0', (d) => number(d.l0)],
      ['unexplained', (d) => (d.fvu === null ? '–' : percent(d.fvu))],
      ['in the other, > .9', (d) => share(d.n_close, d.n_latents)],
    ];
    return html`<table class="pair-figures"><thead><tr><th scope="col"><span class="spoken">side</span></th>${rows.map(([name]) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${[
        ['A', first],
        ['B', second],
      ].map(([letter, side]) => html`<tr><th scope="row"><span class="side ${letter.toLowerCase()}">${letter}</span></th>${rows.map(([name, of]) => html`<td data-value="${letter} ${name}">${of(side)}</td>`)}</tr>`)}</tbody></table>`;
  }

  renderEmpty() {
    const { dictionaries } = this.store.session.listing;
    const other = againstOf(this.store);
    const command = html`<code class="command">visualscratchpad match-sae --vlm MODEL --sae SAE --other-sae OTHER --logdir LOGDIR</code>`;
    return html`<div class="told"><h1>${dictionaries.length < 2 ? 'This log knows one dictionary' : other ? 'These two were not matched' : 'This dictionary was not matched with another one'}</h1>
      <p class="note">Which latents of two SAEs are the same is told by the cosine of their decoder rows, which the log does not hold. One command compares them and logs it:</p>${command}</div>`;
  }

  render() {
    const entry = this.store.dictionaryEntry;
    const value = this.pair.value;
    return html`<section class="card health verdict pair-verdict" aria-label="How much of the dictionary another one has" aria-busy=${String(this.pair.stale)}>
      <div class="which">${pageChoice(this.store)}<div class="pair-of">
        <span class="first-run" title="${entry?.name ?? ''}: choose another one in the bar above"><span class="side a" aria-hidden="true">A</span><span class="v mono">${entry?.sae_name ?? 'none'}</span></span>
        <span class="row">${this.renderMenu()}<button type="button" class="button small" ?disabled=${!value} aria-keyshortcuts="x" title="Let B be the first dictionary, and A the second (x)"
          @click=${() => swapDictionaries(this.store)}>Swap</button></span></div></div>
      ${this.pair.key === null ? this.renderEmpty() : answered(this.pair, (pair) => html`<div class="told"><p data-value="coverage">${this.renderSentence(pair)}</p>${this.renderNotes(pair)}</div>${this.renderTable(pair)}`)}<vs-export-button></vs-export-button></section>`;
  }
}

/** The best cosines of both dictionaries as bars. */
export class DictionaryCosines extends Panel {
  static indifferentTo = SLIDERS;
  constructor() {
    super();
    this.pair = this.query(askDictionaryPair);
  }

  renderSide(letter, side, other) {
    const none = side.n_with_direction - side.n_near;
    const parts = [
      ['none', none, `no counterpart`],
      ['near', side.n_near - side.n_close, '.7 to .9'],
      ['close', side.n_close, 'over .9'],
    ];
    const zero = side.n_latents - side.n_with_direction;
    return html`<div class="cosines"><h3><span class="side ${letter.toLowerCase()}">${letter}</span> in ${other}: cosine of the best counterpart</h3>
      <div role="img" aria-label="${letter}: ${parts.map(([, n, text]) => `${whole(n)} ${text}`).join(', ')}">${cosineBars(side.counts, [0.7, 0.9])}
        <p class="cosine-axis" aria-hidden="true"><span>0</span><span class="at-7">.7</span><span class="at-9">.9</span><span>1</span></p></div>
      <p class="cosine-parts">${parts.map(([kind, n, text]) => html`<span><i class="swatch ${kind}"></i><b>${whole(n)}</b> ${text}</span>`)}${zero ? html`<span><b>${whole(zero)}</b> without direction</span>` : nothing}</p></div>`;
  }

  render() {
    return card({
      label: 'Best cosines',
      title: 'Best cosines',
      sub: 'bars by square root of the count',
      busy: this.pair.stale,
      body: this.pair.key === null ? emptyState('Not matched.') : answered(this.pair, ({ first, second }) => html`<div class="scroll">${this.renderSide('A', first, 'B')}${this.renderSide('B', second, 'A')}</div>`),
    });
  }
}

/** The chosen latent and its counterpart, by their reference pictures. */
export class DictionaryBeside extends Panel {
  static indifferentTo = SLIDERS;
  constructor() {
    super();
    this.references = this.query((store, api) => askReferences(store, api, store.selection.latent === null ? [] : [store.selection.latent]));
    this.counterparts = this.query(askCounterparts);
  }

  /** Of all matches of the dictionary, that with the other one. */
  renderCounterparts(answer) {
    const other = againstOf(this.store);
    const at = answer.matches.findIndex(({ dictionary }) => dictionary.id === other?.id);
    if (at < 0) return nothing;
    return counterpartSections(this.store, this.api, { ...answer, matches: [answer.matches[at]], references: [answer.references[at]] }, { count: 8 });
  }

  render() {
    const { latent, dictionary, step } = this.selection;
    const has = this.store.dictionaryEntry?.has_references;
    const other = againstOf(this.store);
    return card({
      label: 'Latent and counterpart',
      title: latent === null ? 'Side by side' : html`Latent <span class="subject">${latent}</span>`,
      sub: latent === null ? '' : 'and its counterpart',
      busy: this.counterparts.stale,
      late: this.counterparts.late,
      body:
        latent === null || !other
          ? emptyState('Choose a latent of the list.')
          : html`<div class="scroll"><section class="section"><h3><b class="side a">A</b> Reference pictures</h3>${
              has
                ? answered(this.references, ([{ references }]) =>
                    referencePictures({ references, count: 8, theme: this.theme, url: (image) => this.api.referencePictureUrl(dictionary, image, step) }),
                  )
                : html`<p class="note">References were not logged for this dictionary.</p>`
            }</section>${this.counterparts.key === null ? nothing : answered(this.counterparts, (answer) => this.renderCounterparts(answer))}</div>`,
      controls:
        latent !== null && other && this.counterparts.value?.matches.some(({ dictionary: { id }, counterparts }) => id === other.id && counterparts.length)
          ? html`<button type="button" class="button small" title="To the counterpart, in its own dictionary; back returns" @click=${() => {
              const match = this.counterparts.value.matches.find(({ dictionary: { id } }) => id === other.id);
              openCounterpart(this.store, other.id, match.counterparts[0].latent);
            }}>Open in B</button>`
          : nothing,
    });
  }
}

customElements.define('vs-dictionary-verdict', DictionaryVerdict);
customElements.define('vs-dictionary-cosines', DictionaryCosines);
customElements.define('vs-dictionary-beside', DictionaryBeside);
