import { html, nothing } from '../vendor/lit.js';
import { hiddenDense } from '../dense.js';
import { answered, card } from '../elements/card.js';
import { counted, fixed, percent, whole } from '../elements/format.js';
import '../elements/menu.js';
import '../elements/multiples_view.js';
import { segmented } from '../elements/segmented.js';
import { roomAround } from '../plots/log_axes.js';
import { Panel } from './base/panel.js';
import { askDictionary, askStatistics } from './base/requests.js';
import { latentName, shownName } from './latents/names.js';
import { denseCutoff } from './latents/regions.js';
import { figuresOf, figuresTable } from './training/figures.js';
import { distinctName } from './training/names.js';
import { askBeside, askFollowed, askScatters, MAX_FOLLOWED } from './training/requests.js';
import { endsOf, placesOf, stepsOf, withoutDense } from './training/scatters.js';
import { drawnOnce, layoutOf, standing, stepsShown } from './training/steps_shown.js';
import { overSwitch } from './training/switch.js';

/** The statistics scatter at several steps of the training, of this dictionary and of one beside it. */
export class GrowthPanel extends Panel {
  static properties = { room: { state: true }, near: { state: true } };

  constructor() {
    super();
    /** What the scatters may take, in pixels. @type {{width: number, height: number}|null} */
    this.room = null;
    /** Under the pointer. @type {{block: string, latent: number}|null} */
    this.near = null;
    this.steps = null;
    this.layout = null;
    this.made = { of: null, by: null };
    this.dictionary = this.query(askDictionary);
    this.statistics = this.query(askStatistics);
    this.scatters = this.query((store, api) => askScatters(store, api, this.dictionary.value, this.steps));
    this.followed = this.query((store, api) => askFollowed(api, store.selection.dictionary, this.asked('own'), this.latents));
    this.pointed = this.query((_, api) => {
      const { near } = this;
      return near ? askFollowed(api, this.idOf(near.block), this.asked(near.block), [near.latent]) : null;
    });
    this.beside = this.query(askBeside);
  }

  connectedCallback() {
    super.connectedCallback();
    this.observer = new ResizeObserver(([{ contentRect }]) => {
      const [width, height] = [Math.round(contentRect.width), Math.round(contentRect.height)];
      if (width && (width !== this.room?.width || height !== this.room?.height)) this.room = { width, height };
    });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.observer.disconnect();
    this.watched = null;
  }

  /** @param {'own'|'other'} block */
  idOf(block) {
    return block === 'own' ? this.selection.dictionary : this.selection.beside;
  }

  /** The steps that were asked for, of what is shown. @param {'own'|'other'} block @returns {number[]|undefined} */
  asked(block) {
    return this.scatters.value?.answers[block === 'own' ? 0 : 1]?.header.steps.map(({ asked }) => asked);
  }

  /** Those that are followed: all that are chosen, or evenly of too many. @returns {number[]} */
  get latents() {
    const { latents, latent } = this.selection;
    if (!latents.length) return latent === null ? [] : [latent];
    if (latents.length <= MAX_FOLLOWED) return latents;
    return Array.from({ length: MAX_FOLLOWED }, (_, i) => latents[Math.floor((i * latents.length) / MAX_FOLLOWED)]);
  }

  willUpdate() {
    const { room, store } = this;
    const own = store.statisticsSteps;
    if (!room || own.length < 2) return;
    const other = store.besideEntry?.statistics_steps ?? null;
    const n = new Set([...own, ...(other ?? [])]).size;
    this.layout = layoutOf(room.width, room.height, n, other ? 2 : 1);
    this.steps = stepsShown(own, other, this.layout.n);
  }

  updated() {
    const watched = this.querySelector('.growth-room');
    if (watched === this.watched) return;
    this.observer.disconnect();
    this.watched = watched;
    if (watched) this.observer.observe(watched);
  }

  /** What the answers hold, made once. */
  drawn() {
    const { answers, steps } = this.scatters.value;
    if (this.made.of !== answers) {
      const top = Math.max(...answers.map(({ header }) => header.top_entropy));
      const found = answers.map((answer) => new Map(stepsOf(answer, top).map((one) => [one.asked, one])));
      this.made = {
        of: answers,
        top,
        view: roomAround(endsOf(answers)),
        /** By dictionary and column. */
        columns: steps.map((its, i) => its.map((step) => found[i].get(step))),
        drawn: steps.map(drawnOnce),
      };
    }
    return this.made;
  }

  /** Where a latent that an answer holds was at the steps that are shown. @returns {((column: number, number: number) => any)|null} */
  places(query, block) {
    const answer = query.value;
    const asked = this.asked(block);
    if (!answer || query.stale || !asked || answer.header.steps.some((one, i) => one.asked !== asked[i])) return null;
    return placesOf(answer, this.selection.frequency);
  }

  /** @param {'own'|'other'} block @param {number[]} asked by column @returns {{marks: any, nFollowedDead: number}[]} */
  marks(block, asked) {
    const known = this.asked(block);
    const { latent } = this.selection;
    const followed = block === 'own' ? this.places(this.followed, 'own') : null;
    const pointed = this.near?.block === block ? this.places(this.pointed, block) : null;
    const latents = followed ? this.followed.value.header.latents : [];
    const inspected = latents.indexOf(latent);
    let before = [];
    let hoveredBefore = null;
    return asked.map((step) => {
      const at = known.indexOf(step);
      const places = latents.map((_, number) => followed(at, number));
      const selected = inspected < 0 ? null : places[inspected];
      const chosen = places.filter((place, number) => place && number !== inspected);
      const hovered = pointed ? pointed(at, 0) : null;
      const moves = places.map((place, number) => [before[number], place]).filter(([from, to]) => from && to);
      if (hovered && hoveredBefore) moves.push([hoveredBefore, hovered]);
      [before, hoveredBefore] = [places, hovered];
      return { marks: { chosen, selected, hovered, moves }, nFollowedDead: places.filter((place) => !place).length };
    });
  }

  /** The column of the shown step, or of the last one before it where it is not among them. @param {number} shown */
  current(shown) {
    const { columns, drawn } = this.drawn();
    const steps = columns[0].map(({ step }) => step);
    const stands = standing(steps, shown);
    return steps.findLastIndex((step, column) => step === stands && drawn[0][column]);
  }

  /** The dense of the shown step, which are left out of all. @param {number} index of the dictionary among the answers */
  hidden(index) {
    return hiddenDense(this.store, index ? this.beside.value?.[1] : this.statistics.value);
  }

  /** @param {number} index of the dictionary among the answers */
  block(index, entry) {
    const { dictionaries } = this.store.session.listing;
    const key = index ? 'other' : 'own';
    const { answers } = this.scatters.value;
    const answer = answers[index];
    const { labels, n_latents: nLatents } = answer.header;
    const { columns, drawn } = this.drawn();
    const steps = columns[index];
    const marks = this.marks(
      key,
      steps.map(({ asked }) => asked),
    );
    const last = entry.statistics_steps.at(-1);
    const { name, note } = distinctName(entry, dictionaries);
    const alone = answers.length < 2;
    const shown = standing(this.store.statisticsSteps, this.selection.step);
    const current = this.current(shown);
    const of = this.selection.frequency === 'images' ? 'pictures' : 'patches';
    const hidden = this.hidden(index);
    return {
      key,
      name: alone ? '' : name,
      note: [note, counted(nLatents, 'latent')].filter(Boolean).join(' · '),
      multiples: steps.map(({ step, nAlive, nDense, data }, column) => ({
        step,
        drawn: drawn[index][column],
        note: !index && column === current && step !== shown ? `before the shown ${whole(shown)}` : step === last ? 'last' : step === entry.statistics_steps[0] ? 'first' : '',
        living: nAlive / nLatents,
        dense: nDense / nLatents,
        nDead: nLatents - nAlive,
        data: withoutDense(data, hidden),
        ...marks[column],
      })),
      describe: (latent, column) => {
        const { step, data, label, share } = steps[column];
        const i = data.latent.indexOf(latent);
        const entropy = data.entropy[i];
        const name = shownName(this.store, latent, latentName(label[i] ? labels[label[i] - 1] : null, share[i] / 255));
        return html`<div class="kv"><b class="mono">latent ${latent}</b><span>${name}</span></div>
          <div class="kv"><span>at step</span><b>${whole(step)}</b></div>
          <div class="kv"><span>fires in ${of}</span><b>${percent(10 ** data.x[i])}</b></div>
          <div class="kv"><span>mean activation</span><b>${fixed(10 ** data.y[i], 2)}</b></div>
          <div class="kv"><span>label entropy</span><b>${Number.isNaN(entropy) ? 'undefined' : `${fixed(entropy * this.made.top, 1)} nat`}</b></div>`;
      },
    };
  }

  renderScatters() {
    const { store, selection, layout } = this;
    const own = store.dictionaryEntry;
    // of what is drawn, which may still be the former choice
    const entries = this.scatters.value.ids.map((id) => store.session.listing.dictionaries.find((one) => one.id === id));
    if (entries.includes(undefined)) return nothing;
    const blocks = entries.map((entry, index) => this.block(index, entry));
    const shown = standing(store.statisticsSteps, selection.step);
    const current = this.current(shown);
    const dense = Math.log10(Math.max(1e-9, denseCutoff(selection, this.dictionary.value)));
    return html`<vs-multiples .blocks=${blocks} .columns=${layout.columns} .rows=${layout.rows} .size=${layout} .view=${this.drawn().view} .dense=${dense}
        .current=${current} .exact=${this.drawn().columns[0][current].step === shown} .theme=${this.theme}
        @choose=${({ detail }) => {
          const { step } = this.drawn().columns[0][detail];
          store.set({ step: step === own.steps.at(-1) ? null : step }, { asNew: true });
        }}
        @pick=${({ detail: { block, latent } }) => {
          // the other dictionary's latents are other ones, though their numbers are the same
          if (block === 'own') store.set({ latent, latents: [] });
        }}
        @near=${({ detail }) => {
          this.near = detail;
        }}></vs-multiples>`;
  }

  renderBeside() {
    const { store } = this;
    const { dictionaries } = store.session.listing;
    const others = dictionaries.filter(({ id, has_statistics: has }) => has && id !== this.selection.dictionary);
    if (!others.length) return nothing;
    const item = (entry) => {
      const { name, note } = distinctName(entry, dictionaries);
      const n = entry.statistics_steps.length;
      return {
        value: entry.id,
        title: name,
        note: counted(entry.n_latents, 'latent'),
        detail: [[note, counted(n, 'step')].filter(Boolean).join(' · '), `${entry.sae_name} at ${entry.hook} of ${entry.vlm_name}`],
        words: [entry.name, entry.run, entry.vlm_name, entry.sae_name, entry.hook].join(' '),
      };
    };
    const beside = store.besideEntry;
    const current = html`<span class="k">Beside</span><span class="v mono">${beside ? distinctName(beside, dictionaries).name : 'none'}</span>`;
    return html`<span class="beside"><vs-menu .name=${'Beside'} .searches=${'Search dictionaries to set beside'} .current=${current} .items=${others.map(item)} .value=${beside?.id ?? ''}
        @choose=${({ detail }) => store.set({ beside: detail })}></vs-menu>${
          beside
            ? html`<button type="button" class="icon small" aria-label="Set none beside" title="Set none beside" @click=${() => store.set({ beside: null })}>✕</button>`
            : nothing
        }</span>`;
  }

  /** How to read the scatters: axes, colours, marks. */
  renderKey() {
    const top = this.scatters.value ? this.drawn().top : 0;
    const of = this.selection.frequency === 'images' ? 'pictures' : 'patches';
    const many = this.selection.latents.length;
    const nHidden = (this.scatters.value?.answers ?? []).map((_, index) => this.hidden(index)?.n ?? 0).filter(Boolean);
    return html`<p class="growth-key"><span>→ share of ${of} it fires in</span><span>↑ mean activation where it fires</span>
      ${top ? html`<span class="key-ramp"><i></i>0 to ${fixed(top, 1)} nat label entropy</span>` : nothing}
      <span><i class="key-ring"></i>undefined</span><span><i class="key-dead"></i>dead</span><span><i class="key-dense"></i>dense, over ${percent(denseCutoff(this.selection, this.dictionary.value))}</span>
      ${nHidden.length ? html`<span data-value="hidden-dense">hidden: ${nHidden.map((n) => whole(n)).join(' and ')}, dense at the shown step</span>` : nothing}
      ${many > MAX_FOLLOWED ? html`<span>${whole(MAX_FOLLOWED)} of ${whole(many)} chosen latents are marked</span>` : nothing}</p>`;
  }

  renderFigures() {
    const { store } = this;
    if (!store.besideEntry || !this.dictionary.value?.statistics || !this.statistics.value || !this.beside.value) {
      return this.beside.error ? html`<p class="note" role="alert">${this.beside.error.message}</p>` : nothing;
    }
    const { dictionaries } = store.session.listing;
    const { frequency: by } = this.selection;
    const dense = denseCutoff(this.selection, this.dictionary.value);
    const [dictionary, statistics] = this.beside.value;
    if (!dictionary.statistics) return nothing;
    return figuresTable(
      { name: distinctName(store.dictionaryEntry, dictionaries).name, figures: figuresOf(this.dictionary.value, this.statistics.value, by, dense) },
      { name: distinctName(store.besideEntry, dictionaries).name, figures: figuresOf(dictionary, statistics, by, dense) },
    );
  }

  render() {
    const { store } = this;
    const failed = this.dictionary.error ? this.dictionary : this.scatters;
    return card({
      label: 'Statistics over training',
      title: 'Statistics',
      lead: overSwitch(store),
      sub: 'click a step; Shift-click a latent',
      busy: this.scatters.stale,
      late: this.scatters.late,
      controls: segmented({
        label: 'Frequency counts',
        value: this.selection.frequency,
        options: [
          ['images', 'Pictures'],
          ['patches', 'Patches'],
        ],
        onChange: (frequency) => store.set({ frequency }),
      }),
      foot: html`<p class="spoken" role="status">Step ${whole(standing(store.statisticsSteps, this.selection.step))} is shown.</p>`,
      body: html`<div class="growth-bar">${this.renderKey()}${this.renderBeside()}</div>
        <div class="growth-room">${answered(failed, () => this.renderScatters())}</div>${this.renderFigures()}`,
    });
  }
}

customElements.define('vs-growth', GrowthPanel);
