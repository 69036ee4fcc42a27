import { fixed, percent, whole } from '../../elements/format.js';

/**
 * What `latent_history` and `metrics_history` answer, as curves, as pictures, and as a sentence's figures.
 *
 * @typedef {import('../../plots/step_curves.js').Chart} Chart
 *
 * @typedef {{image: number, name: string, label: string|null, plain_mean: number, has_picture: boolean}} TopReference
 * @typedef {Object} LatentCurves one latent, a value per step of the statistics
 * @property {number[]} image_frequency @property {number[]} patch_frequency @property {(number|null)[]} mean
 * @property {(number|null)[]} label_entropy @property {(string|null)[]} label @property {(number|null)[]} label_share
 * @property {(number|null)[]} drift @property {(number|null)[]} turned radians
 * @typedef {Object} LatentHistory
 * @property {number[]} latents @property {string[]} problems
 * @property {{steps: number[], n_images: number[], drift_since: (number|null)[], of: LatentCurves[]}} statistics
 * @property {{steps: number[], of: (TopReference|null)[][]}} references
 * @typedef {Object} MetricsHistory
 * @property {number[]} steps @property {number|null} n_latents @property {number[]} l0 @property {(number|null)[]} fvu
 * @property {number[]} n_dead @property {number[]} n_dense @property {string[]} problems
 */

/** As many as the plugin is asked about at once, and as there are colours. */
export const MAX_CURVES = 8;

const DEGREES = 180 / Math.PI;
const any = (values) => values.some((value) => value !== null);
const plain = (value) => fixed(value, 3).replace(/\.?0+$/, '');

/** @param {number} share @returns {string} short, for a tick */
function shareTick(share) {
  const value = 100 * share;
  return `${Number(value.toPrecision(2))} %`;
}

/**
 * Those whose curves are drawn, in an order that does not depend on which of them is inspected.
 * @param {number|null} latent the inspected one, always drawn @param {readonly number[]} latents @returns {number[]}
 */
export function drawnLatents(latent, latents) {
  const first = latents.slice(0, MAX_CURVES);
  if (latent === null || first.includes(latent)) return first;
  return latents.includes(latent) ? [...first.slice(0, MAX_CURVES - 1), latent] : [latent, ...first.slice(0, MAX_CURVES - 1)];
}

/** A colour for each of the drawn latents: the accent for the strong one, others keep theirs. @param {number} n @param {number} strong @param {string} accent @param {string[]} palette */
export function curveColors(n, strong, accent, palette) {
  return Array.from({ length: n }, (_, i) => (i === strong ? accent : palette[i < palette.length ? i : strong % palette.length]));
}

/**
 * What the charts show, each with the words of its read-out.
 * @param {LatentHistory} history @param {{by: 'images'|'patches', colors: string[], strong: number}} given `strong`: place of the one that counts
 * @returns {(Chart & {name: string, short: string, say: (value: number|null, at: number) => string})[]} without what no step has; `short` and
 *   `say` are words of a read-out, `at` the place of the step
 */
export function latentCharts({ statistics }, { by, colors, strong }) {
  const { steps, drift_since: since, of } = statistics;
  const frequency = by === 'images' ? 'image_frequency' : 'patch_frequency';
  const curves = (values, more = {}) =>
    of.map((one, i) => ({ steps, values: values(one), color: colors[i], strong: i === strong && of.length > 1, ...more }));
  const alive = (one) => one[frequency].map((value) => (value > 0 ? value : null));
  const charts = [
    {
      name: 'frequency',
      short: 'fires in',
      title: `fires in share of ${by === 'images' ? 'pictures' : 'patches'}`,
      scale: 'log',
      text: shareTick,
      say: (value) => (value === null ? 'nothing: dead' : `${percent(value)} of ${by === 'images' ? 'pictures' : 'patches'}`),
      curves: curves(alive, { rings: true }),
    },
    {
      name: 'mean',
      short: 'mean activation',
      title: 'mean activation',
      scale: 'linear',
      within: [0, null],
      text: plain,
      say: (value) => (value === null ? 'dead' : fixed(value, 2)),
      curves: curves((one) => one.mean),
    },
    {
      name: 'entropy',
      short: 'label entropy',
      title: 'label entropy, nat',
      scale: 'linear',
      within: [0, null],
      text: plain,
      say: (value) => (value === null ? 'undefined' : `${fixed(value, 2)} nat`),
      curves: curves((one) => one.label_entropy),
    },
    {
      name: 'drift',
      short: 'row turned',
      title: driftTitle(since),
      scale: 'linear',
      within: [0, null],
      text: (value) => `${plain(value)}°`,
      say: (value, at) => (value === null ? 'no direction' : `${fixed(value, 1)}° since ${whole(since[at])}`),
      curves: curves((one) => one.drift.map((angle) => (angle === null ? null : DEGREES * angle)), { anew: since }),
    },
  ];
  return charts.filter(({ name, curves: lines }) => name === 'frequency' || lines.some(({ values }) => any(values)));
}

/** @param {(number|null)[]} since @returns {string} */
function driftTitle(since) {
  const starts = [...new Set(since.filter((step) => step !== null))];
  return `decoder row turned since step ${starts.map(whole).join(', then ')}`;
}

/** @param {MetricsHistory} metrics @param {{color: string, dashed: boolean}} style @returns {Record<string, import('../../plots/step_curves.js').Curve>} */
function metricCurves({ steps, n_latents: n, l0, fvu, n_dead: dead, n_dense: dense }, style) {
  const curve = (values) => ({ ...style, steps, values });
  return {
    l0: curve(l0),
    explained: curve(fvu.map((value) => (value === null ? null : 1 - value))),
    dead: curve(dead.map((count) => count / n)),
    dense: curve(dense.map((count) => count / n)),
  };
}

/**
 * @param {{metrics: MetricsHistory, color: string, dashed: boolean}[]} dictionaries this one, and the one beside it
 * @returns {(Chart & {name: string, say: (value: number|null) => string})[]}
 */
export function dictionaryCharts(dictionaries) {
  const all = dictionaries.filter(({ metrics }) => metrics.steps.length).map(({ metrics, ...style }) => metricCurves(metrics, style));
  const share = (name, title, within) => ({ name, title, scale: 'linear', within, text: shareTick, say: (value) => (value === null ? 'undefined' : percent(value)) });
  const explained = share('explained', 'variance explained', [0, 1]);
  explained.say = (value) => (value === null ? 'undefined' : `${fixed(100 * value, 1)} %`);
  return [
    { name: 'l0', title: 'active per patch (L0)', scale: 'linear', within: [0, null], text: plain, say: (value) => fixed(value, 1) },
    explained,
    share('dead', 'dead', [0, null]),
    share('dense', 'dense', [0, null]),
  ].map((chart) => ({ ...chart, curves: all.map((curves) => curves[chart.name]) }));
}

/** @param {number[]} steps ascending @param {number} step @returns {number} place of the newest not after the step, -1 for none */
export function placeAt(steps, step) {
  return steps.findLastIndex((one) => one <= step);
}

/** @param {number[]} steps @param {(TopReference|null)[]} of @returns {number[]} steps at which the top reference is another image than before */
export function topChanges(steps, of) {
  return steps.filter((_, i) => i > 0 && (of[i]?.name ?? null) !== (of[i - 1]?.name ?? null));
}

/**
 * Pictures evenly over the steps, the one at the shown step among them.
 * @param {number[]} steps @param {(TopReference|null)[]} of @param {number} count @param {number|null} shown
 * @returns {{step: number, reference: TopReference|null, on: boolean, changed: boolean}[]} `changed`: another image than in the frame before
 */
export function filmFrames(steps, of, count, shown) {
  const n = Math.min(count, steps.length);
  const places = Array.from({ length: n }, (_, i) => (n === 1 ? 0 : Math.round((i * (steps.length - 1)) / (n - 1))));
  const on = Math.max(0, placeAt(steps, shown ?? Infinity));
  if (n && !places.includes(on)) {
    const inner = places.map((place, i) => ({ i, far: Math.abs(place - on) })).filter(({ i }) => n < 3 || (i > 0 && i < n - 1));
    places[inner.reduce((best, one) => (one.far < best.far ? one : best)).i] = on;
    places.sort((a, b) => a - b);
  }
  return places.map((place, i) => ({
    step: steps[place],
    reference: of[place],
    on: place === on,
    changed: i > 0 && (of[place]?.name ?? null) !== (of[places[i - 1]]?.name ?? null),
  }));
}

/**
 * The life of one latent in figures.
 * @param {LatentHistory} history @param {number} at place of the latent @param {number|null} shown step
 * @returns {{step: number, frequency: number, born: number|null, never: boolean, degrees: number|null, since: number|null}|null} null without
 *   statistics; `born`: the step from which on it was alive at every one up to the shown; null when it was so from the first
 */
export function lifeOf({ statistics: { steps, drift_since: since, of } }, at, shown) {
  const place = placeAt(steps, shown ?? Infinity);
  if (place < 0) return null;
  const { image_frequency: frequency, drift } = of[at];
  const lastDead = frequency.slice(0, place + 1).findLastIndex((share) => share === 0);
  return {
    step: steps[place],
    frequency: frequency[place],
    born: lastDead < 0 || lastDead === place ? null : steps[lastDead + 1],
    never: frequency.every((share) => share === 0),
    degrees: drift[place] === null ? null : DEGREES * drift[place],
    since: since[place],
  };
}
