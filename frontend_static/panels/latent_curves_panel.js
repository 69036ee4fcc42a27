import { html, nothing } from '../vendor/lit.js';
import { labelColors } from '../color/categories.js';
import { TOKENS } from '../color/tokens.js';
import { answered, card, emptyState } from '../elements/card.js';
import { counted, fixed, percent, whole } from '../elements/format.js';
import '../elements/step_curves_view.js';
import { Panel } from './base/panel.js';
import { askLatentHistory, askMetricsHistory } from './base/requests.js';
import { curveColors, dictionaryCharts, drawnLatents, filmFrames, latentCharts, lifeOf, placeAt, topChanges } from './latents/history.js';
import { latentName, spokenName } from './latents/names.js';
import { distinctName } from './training/names.js';

const FRAME_WIDTH = 52;
const SNIPPET = html`<code>monitor = DictionaryMonitor(writer, sae, vlm=vlm, images="probe/")<br>monitor(step)  # in every step of the loop</code>`;

/** How the chosen latents grew over the logged steps, their best pictures on the way, and the dictionary as a whole. */
export class LatentCurvesPanel extends Panel {
  static properties = { nFrames: { state: true } };

  constructor() {
    super();
    this.nFrames = 7;
    this.history = this.query((store, api) => askLatentHistory(store, api, this.latents));
    this.metrics = this.query((store, api) => askMetricsHistory(store, api, store.selection.dictionary));
    this.beside = this.query((store, api) => askMetricsHistory(store, api, store.selection.beside));
    this.made = { of: [], latents: null, dictionary: null };
  }

  connectedCallback() {
    super.connectedCallback();
    this.sized = new ResizeObserver(([{ contentRect }]) => {
      this.nFrames = Math.min(10, Math.max(6, Math.floor((contentRect.width + 4) / (FRAME_WIDTH + 4))));
    });
    if (this.hasUpdated) this.sized.observe(this.querySelector('.card-body'));
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.sized.disconnect();
  }

  firstUpdated() {
    this.sized.observe(this.querySelector('.card-body'));
  }

  /** @returns {number[]} those drawn */
  get latents() {
    const { latent, latents } = this.selection;
    return drawnLatents(latent, latents);
  }

  get steps() {
    return this.store.dictionaryEntry?.steps ?? [];
  }

  get shown() {
    return this.selection.step ?? this.steps.at(-1) ?? null;
  }

  /** A chosen step is an entry of the browser's history, as in the scatters; those that a drag passes are not. @param {number} step */
  choose(step, asNew = true) {
    if (step !== this.shown) this.store.set({ step: step === this.steps.at(-1) ? null : step }, { asNew });
  }

  /** @returns {number} place of the one whose life and pictures are shown, in the answer (which may be to a former choice) */
  get strong() {
    return Math.max(0, this.history.value?.latents.indexOf(this.selection.latent) ?? 0);
  }

  /** @returns {string[]} of the latents of the answer */
  get colors() {
    return curveColors(this.history.value?.latents.length ?? 0, this.strong, TOKENS[this.theme].accent, labelColors(this.theme));
  }

  /** The data of both plots: the same objects until something they are made of changes. */
  plots() {
    const { frequency } = this.selection;
    const of = [this.history.value, this.metrics.value, this.beside.value, this.steps, frequency, this.strong, this.theme, !this.latents.length];
    if (this.made.of.length && of.every((one, i) => one === this.made.of[i])) return this.made;
    const { steps } = this;
    const history = this.history.value;
    const tokens = TOKENS[this.theme];
    const charts = history?.statistics.steps.length ? latentCharts(history, { by: frequency, colors: this.colors, strong: this.strong }) : [];
    const changes = history ? topChanges(history.references.steps, history.references.of[this.strong] ?? []) : [];
    const dictionaries = [
      ...(this.metrics.value ? [{ metrics: this.metrics.value, color: tokens.bar, dashed: false }] : []),
      ...(this.beside.value ? [{ metrics: this.beside.value, color: tokens.ink3, dashed: true }] : []),
    ];
    this.made = {
      of,
      latents: { charts, columns: 1, steps, changes },
      dictionary: { charts: dictionaryCharts(dictionaries), columns: this.latents.length ? 2 : 1, steps, changes: [] },
    };
    return this.made;
  }

  /** @param {import('../plots/step_curves.js').StepPoint} point over the latents */
  describeLatents({ step, chart }) {
    const history = this.history.value;
    const { charts } = this.plots().latents;
    const at = placeAt(history.statistics.steps, step);
    const of = at < 0 ? null : history.statistics.steps[at];
    const head = html`<div class="kv"><b>step ${whole(step)}</b>${of !== null && of !== step ? html`<span>statistics of ${whole(of)}</span>` : nothing}</div>`;
    if (at < 0) return { content: html`${head}<p>nothing logged yet</p>`, spoken: `Step ${whole(step)}: no statistics yet.` };
    const told = charts.map(({ short, say, curves }) => ({ title: short, of: curves.map(({ values }) => say(values[at], at)) }));
    const spoken = `Step ${whole(step)}, latent ${history.latents[this.strong]}: ${told.map((one) => `${one.title} ${one.of[this.strong]}`).join(', ')}.`;
    const one = (title, value) => html`<div class="kv"><span>${title}</span><b>${value}</b></div>`;
    if (chart === null || history.latents.length === 1) return { content: html`${head}${told.map((row) => one(row.title, row.of[this.strong]))}`, spoken };
    const rows = history.latents.map(
      (latent, i) => html`<div class="kv"><span><i class="line" .style=${`background:${this.colors[i]}`}></i> <span class="mono">${latent}</span></span><b>${told[chart].of[i]}</b></div>`,
    );
    return { content: html`${head}<p class="tip-title">${told[chart].title}</p>${rows}`, spoken };
  }

  /** @param {import('../plots/step_curves.js').StepPoint} point over the metrics */
  describeDictionary({ step }) {
    const { charts } = this.plots().dictionary;
    const value = ({ say, curves }, i) => {
      const at = curves[i] ? placeAt(curves[i].steps, step) : -1;
      return at < 0 ? '–' : say(curves[i].values[at]);
    };
    const both = charts[0]?.curves.length > 1;
    return {
      spoken: `Step ${whole(step)}: ${charts.map((chart) => `${chart.title} ${value(chart, 0)}${both ? `, beside ${value(chart, 1)}` : ''}`).join('; ')}.`,
      content: html`<div class="kv"><b>step ${whole(step)}</b>${both ? html`<span>here, beside</span>` : nothing}</div>
        ${charts.map((chart) => html`<div class="kv"><span>${chart.title}</span><b>${value(chart, 0)}${both ? html` · ${value(chart, 1)}` : nothing}</b></div>`)}`,
    };
  }

  /** The inspected latent's life in one sentence. @param {import('./latents/history.js').LatentHistory} history */
  renderLife(history) {
    const life = lifeOf(history, this.strong, this.shown);
    const { steps, of } = history.references;
    const nChanges = topChanges(steps, of[this.strong]).length;
    if (!life) return nothing;
    const subject = html`Latent <b class="mono">${history.latents[this.strong]}</b>`;
    if (life.never) return html`<p class="life">${subject} <b>fires at no logged step</b>.</p>`;
    const now = life.frequency
      ? html`fires in <b>${percent(life.frequency)}</b> of pictures at step ${whole(life.step)}${life.born === null ? nothing : html`, alive since <b>step ${whole(life.born)}</b>`}`
      : html`is <b>dead</b> at step ${whole(life.step)}`;
    const turned = life.degrees === null || life.since === life.step ? nothing : html`; its decoder row has turned <b>${fixed(life.degrees, 0)}°</b> since step ${whole(life.since)}`;
    const top = steps.length > 1 ? html`; its top picture changed <b>${counted(nChanges, 'time')}</b> in ${whole(steps.length)} steps` : nothing;
    return html`<p class="life" data-value="life">${subject} ${now}${turned}${top}.</p>`;
  }

  /** @param {import('./latents/history.js').LatentHistory} history */
  renderKey({ latents, statistics: { steps, of } }) {
    const at = Math.max(0, placeAt(steps, this.shown));
    const left = new Set([...this.selection.latents, ...latents]).size - latents.length;
    if (latents.length === 1 && !left) return nothing;
    return html`<div class="curve-key" role="group" aria-label="Drawn latents">${latents.map((latent, i) => {
      const name = spokenName(this.store, latent, of[i]?.label[at] ? latentName(of[i].label[at], of[i].label_share[at]) : '');
      return html`<button type="button" class="curve-name ${i === this.strong ? 'on' : ''}" aria-pressed=${String(i === this.strong)} title="Latent ${latent}${name ? `, ${name}` : ''}"
        @click=${() => this.store.set({ latent })}><i class="line" .style=${`background:${this.colors[i]}`}></i><span class="mono">${latent}</span>${name ? html`<span class="k">${name}</span>` : nothing}</button>`;
    })}${left ? html`<span class="k">${whole(left)} more not drawn</span>` : nothing}</div>`;
  }

  /** @param {import('./latents/history.js').LatentHistory} history */
  renderFilm({ references: { steps, of } }) {
    if (!steps.length) return html`<p class="note">Reference pictures were not logged: set <code>references_every</code> of MonitorPace.</p>`;
    const { dictionary } = this.selection;
    const frames = filmFrames(steps, of[this.strong], this.nFrames, this.shown);
    return html`<h3>Top reference <span class="k">${topChanges(steps, of[this.strong]).length ? html`<i class="changed">◆</i> another picture than before` : 'the same picture at every step'}</span></h3>
      <div class="film">${frames.map(({ step, reference, on, changed }) => {
        const what = reference ? `${reference.name}, plain mean ${fixed(reference.plain_mean, 2)}` : 'fires on no picture';
        return html`<button type="button" class="frame-step ${on ? 'on' : ''}" data-step=${step} aria-pressed=${String(on)} title=${what}
          @click=${() => this.choose(step)}><span class="spoken">Step ${whole(step)}: ${what}${changed ? ', another picture than before' : ''}</span>
          <span class="still" aria-hidden="true">${
            reference?.has_picture
              ? html`<img src=${this.api.referencePictureUrl(dictionary, reference.image, step)} alt="" loading="lazy">`
              : html`<span class="none">${reference ? reference.name.split('/').at(-1) : '–'}</span>`
          }${changed ? html`<i class="changed">◆</i>` : nothing}${reference ? html`<span class="value">${fixed(reference.plain_mean, reference.plain_mean < 10 ? 2 : 1)}</span>` : nothing}</span>
          <span class="step" aria-hidden="true">${whole(step)}</span></button>`;
      })}</div>`;
  }

  /** @param {import('./latents/history.js').LatentHistory} history */
  renderLatents(history) {
    const { latents } = this.plots();
    const { charts } = latents;
    const n = charts.length;
    const label = `${counted(history.latents.length, 'latent')} over the logged steps: ${charts.map(({ title }) => title).join('; ')}. Left and right go to the step before and after.`;
    return html`${this.renderLife(history)}${this.renderKey(history)}
      ${
        history.statistics.steps.length > 1
          ? html`<vs-step-curves class="of-latents" .style=${`--charts:${n}`} .data=${latents} .shown=${this.shown} .theme=${this.theme} .label=${label}
              .describe=${(point) => this.describeLatents(point)} @step=${({ detail }) => this.choose(detail)} @drag=${({ detail }) => this.choose(detail, false)}></vs-step-curves>`
          : html`<p class="note">Statistics were logged at ${history.statistics.steps.length ? 'one step only' : 'no step'}: a curve needs two.</p>`
      }
      <div class="film-room">${this.renderFilm(history)}</div>
      ${history.problems.length ? html`<p class="note" role="status">${counted(history.problems.length, 'step')} cannot be read: ${history.problems[0]}</p>` : nothing}`;
  }

  renderDictionary() {
    const dictionaries = this.store.session.listing?.dictionaries ?? [];
    const besideEntry = dictionaries.find(({ id }) => id === this.selection.beside) ?? null;
    const called = (entry) => distinctName(entry, dictionaries).name;
    const { dictionary } = this.plots();
    const none = besideEntry && (this.beside.error || !besideEntry.has_metrics);
    return html`<section class="of-dictionary" aria-label="The dictionary"><h3>The dictionary <span class="k">${
      besideEntry
        ? html`<i class="rule"></i> ${called(this.store.dictionaryEntry)} <i class="rule dashed"></i> ${called(besideEntry)}${none ? ': no metrics logged' : ''}`
        : nothing
    }</span></h3>${
      !this.store.dictionaryEntry.has_metrics
        ? html`<p class="note">Metrics were not logged for this dictionary: <code>writer.add_sae_metrics(metrics, step)</code></p>`
        : answered(
            this.metrics,
            () => html`<vs-step-curves .data=${dictionary} .shown=${this.shown} .theme=${this.theme}
                .label=${`The dictionary over the logged steps: ${dictionary.charts.map(({ title }) => title).join(', ')}. Left and right go to the step before and after.`}
                .describe=${(point) => this.describeDictionary(point)} @step=${({ detail }) => this.choose(detail)} @drag=${({ detail }) => this.choose(detail, false)}></vs-step-curves>`,
          )
    }</section>`;
  }

  renderBody() {
    if (this.steps.length < 2)
      return emptyState('This dictionary was logged at one step: curves need two or more, as a monitor in the training loop logs them.', SNIPPET);
    const { latents } = this;
    return html`<div class="curves-room ${latents.length ? '' : 'alone'}">${
      !latents.length
        ? emptyState('Choose a latent to see how it grew: Shift-click one in a scatter, or press / and type its number.')
        : this.history.key === null
          ? emptyState('Neither statistics nor references were logged for this dictionary.', SNIPPET)
          : answered(this.history, (history) => this.renderLatents(history))
    }${this.renderDictionary()}</div>`;
  }

  render() {
    const { latents } = this;
    const n = new Set([...this.selection.latents, ...latents]).size;
    return card({
      label: 'Over the steps',
      title: latents.length === 1 ? html`Over the steps <span class="of">of</span> <span class="subject mono">${latents[0]}</span>` : 'Over the steps',
      sub: n > 1 ? `${counted(n, 'latent')}${n > latents.length ? `, ${latents.length} drawn` : ''}` : counted(this.steps.length, 'logged step'),
      busy: this.history.stale,
      late: this.history.late,
      body: this.renderBody(),
    });
  }
}

customElements.define('vs-latent-curves', LatentCurvesPanel);
