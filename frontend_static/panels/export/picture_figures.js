import { TOKENS } from '../../color/tokens.js';
import { counted, fixed, percent, whole } from '../../elements/format.js';
import { inGrid, lineOfText, stacked } from '../../plots/figure_sheet.js';
import { tableBody } from '../../plots/figure_table.js';
import { foundPictures } from '../latents/found_pictures.js';
import { colorOnMap, mapData, shownMap } from '../latents/map_data.js';
import { WORD_OF } from '../latents/verdicts.js';
import { column } from './description.js';
import { captioned } from './picture_body.js';

/** Figures of the Dictionary besides its plots: all pictures of some latents, clusters of the map, what is wrong with it. */

const WIDTH = 640;
/** A figure shows the first of a long table; its data have all. */
const MOST_ROWS = 40;

const strength = (value) => fixed(value, value < 10 ? 2 : 1);
const found = (query) => (query.value ? foundPictures(query.value) : []);

/** @type {import('./description.js').Description} */
const pictures = {
  element: 'vs-pictures',
  name: 'pictures',
  scope: 'dictionary',
  ready: (panel) => found(panel.pictures).length + found(panel.runs).length > 0,
  title: (panel) => `Pictures of ${(panel.pictures.value ?? panel.runs.value).header.n_latents === 1 ? `latent ${panel.text}` : counted((panel.pictures.value ?? panel.runs.value).header.n_latents, 'latent')}`,
  reading: () => 'Lit where any of the latents fires. Below: how many of them have the picture among their references, or fire in the run, and the sum of their plain means B.',
  body: (panel, theme) => {
    const grid = (query, selector, told) => {
      const all = found(query);
      const n = query.value?.header.n_latents;
      return [...panel.querySelectorAll(selector)].slice(0, all.length).map((view, i) => captioned(view, theme, 148, [...told(all[i]), { text: `${whole(all[i].n_latents)} of ${whole(n)}, B ${strength(all[i].strength)}` }]));
    };
    const references = grid(panel.pictures, '.found vs-picture', (one) => [{ text: one.label ?? one.name.split('/').at(-1), strong: true }]);
    const runs = grid(panel.runs, '.found-run vs-picture', (one) => [{ text: one.name, strong: true }, { text: one.output_text }]);
    const part = (title, told, bodies) => (bodies.length ? [lineOfText(title, WIDTH, theme, { strong: true }), lineOfText(told, WIDTH, theme), inGrid(bodies, 4, 14)] : []);
    return stacked([
      ...part('Image set', `the strongest ${whole(references.length)} of ${whole(panel.pictures.value?.header.n_pictures ?? 0)}`, references),
      ...part('Runs', `${whole(runs.length)} of ${whole(panel.runs.value?.header.n_pictures ?? 0)}`, runs),
    ], 10);
  },
  table: (panel) => ({
    columns: [
      column('source', 'image set or run'), column('picture', 'name of the picture, or of the run'), column('label', 'label of the picture'), column('run_id', 'id of the run'), column('answer', 'what the run said'),
      column('n_latents', 'how many of the latents have it among their references, or fire in the run'), column('sum_of_b', 'sum of their plain means B'), column('strongest', 'numbers of the strongest, the strongest first'),
    ],
    rows: [
      ...found(panel.pictures).map((one) => ['image set', one.name, one.label, null, null, one.n_latents, one.strength, one.strongest.join(' ')]),
      ...found(panel.runs).map((one) => ['run', one.name, null, one.id, one.output_text, one.n_latents, one.strength, one.strongest.join(' ')]),
    ],
  }),
};

/** @param {any} panel */
function clustersOf(panel) {
  const data = mapData(panel.map.value, panel.statistics.value, panel.dictionary.value, shownMap(panel.selection.map, panel.dictionary.value));
  return { data, clusters: panel.clusters(data) };
}

/** @type {import('./description.js').Description} */
const clusters = {
  element: 'vs-cluster-list',
  name: 'map-clusters',
  scope: 'dictionary',
  ready: (panel) => Boolean(panel.map.value && panel.statistics.value && clustersOf(panel).clusters.length),
  title: () => 'Clusters of the latent map',
  sub: (panel) => {
    const { length } = clustersOf(panel).clusters;
    return length > MOST_ROWS ? `The first ${MOST_ROWS} of ${counted(length, 'cluster')}` : counted(length, 'cluster');
  },
  reading: (panel) =>
    clustersOf(panel).data.names.length
      ? 'First the clusters most of whose latents speak of one label: the lower end of the share’s 95 % interval (Wilson), so that many latents count for more than few. Entropy: mean label entropy.'
      : 'The pictures bear no labels, so the largest cluster comes first.',
  body: (panel, theme) => {
    const { data, clusters: all } = clustersOf(panel);
    const tokens = TOKENS[theme];
    return tableBody({
      theme,
      columns: [{ name: 'cluster, by label', most: 220 }, { name: 'of that label' }, { name: 'latents', align: 'right' }, { name: 'entropy (nat)', align: 'right' }],
      rows: all.slice(0, MOST_ROWS).map((one) => {
        const sample = one.latents.find((latent) => data.label && data.names[data.label[latent]] === one.name) ?? one.latents[0];
        return [
          { text: one.name || 'no label', faint: !one.name, strong: Boolean(one.name) && panel.isChosen(one), dot: colorOnMap(data, sample, theme) },
          { text: percent(one.purity), bar: { share: one.purity, color: tokens.bar } },
          { text: whole(one.latents.length) },
          { text: one.entropy === null ? '–' : fixed(one.entropy, 2), faint: one.entropy === null },
        ];
      }),
    });
  },
  table: (panel) => ({
    columns: [
      column('cluster', 'number of the cluster on the map'), column('label', 'label that most of its latents speak of'), column('label_share', 'share of its latents that do'),
      column('label_share_low', 'lower end of that share’s 95 % interval (Wilson)'), column('n_latents', 'how many living latents it has'), column('mean_label_entropy_nat', 'of those that have one, in nat'), column('latents', 'their numbers'),
    ],
    rows: clustersOf(panel).clusters.map((one) => [one.cluster, one.name || null, one.purity, one.meaning, one.latents.length, one.entropy, one.latents.join(' ')]),
  }),
};

/** @type {import('./description.js').Description} */
const diagnosis = {
  element: 'vs-diagnosis',
  name: 'diagnosis',
  scope: 'dictionary',
  ready: (panel) => Boolean(panel.health.value),
  title: () => 'Whether the dictionary trained well',
  reading: () => 'Each row a check, with its verdict and what it is held against.',
  table: (panel) => ({
    columns: [
      column('check', 'name of the check'), column('verdict', 'wrong, worth a look, well or not known'), column('figure', 'what was found'), column('sentence', 'what that means'),
      column('remedy', 'what to do'), column('n_latents', 'how many latents it speaks of'), column('source', 'where its thresholds come from'),
    ],
    rows: panel.health.value.checks.map((check) => [check.title, WORD_OF[check.verdict], check.figure, check.sentence, check.remedy || null, check.n_latents, check.source || null]),
  }),
};

export const PICTURE_FIGURES = [pictures, clusters, diagnosis];
