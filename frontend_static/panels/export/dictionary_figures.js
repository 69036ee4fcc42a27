import { entropyColor } from '../../color/entropy.js';
import { labelColors, unnamedColor } from '../../color/categories.js';
import { TOKENS } from '../../color/tokens.js';
import { hiddenDense } from '../../dense.js';
import { counted, fixed, percent, whole } from '../../elements/format.js';
import { copyOfPlot } from '../../elements/plot_copy.js';
import { inGrid, lineOfText, stacked } from '../../plots/figure_sheet.js';
import { mapPlaces } from '../../plots/map_places.js';
import { drawText } from '../../plots/surface.js';
import { latentName } from '../latents/names.js';
import { column, GIVEN, givenName } from './description.js';
import { referenceBody } from './picture_body.js';

/** Figures of the Dictionary at one step. */

/** Label entropy by colour. @param {'light'|'dark'} theme @param {number} top nats */
export function entropyScale(theme, top) {
  return {
    width: 420,
    height: 16,
    draw: (g) => {
      const { ink2 } = TOKENS[theme];
      drawText(g, 'label entropy 0', 0, 8, { color: ink2 });
      const left = g.measureText('label entropy 0').width + 8;
      for (let i = 0; i < 48; i++) {
        g.fillStyle = `rgb(${[...entropyColor(theme, i / 47)].slice(0, 3).join(',')})`;
        g.fillRect(left + 2.5 * i, 3, 2.8, 10);
      }
      drawText(g, `${fixed(top, 1)} nat; ring: undefined`, left + 128, 8, { color: ink2 });
    },
  };
}

/** All that statistics say of each latent. @param {any} panel @param {string[]} labels @returns {import('./data_file.js').DataTable} */
function statisticsTable(panel, labels) {
  const { arrays } = panel.statistics.value;
  const hidden = hiddenDense(panel.store, panel.statistics.value);
  const { flags, image_frequency: images, patch_frequency: patches, mean, label_entropy: entropy, top_label: label, top_label_share: share } = arrays;
  return {
    columns: [
      column('latent', 'number of the latent'),
      column('alive', 'it fired in the image set'),
      column('image_frequency', 'share of pictures it fires in'),
      column('patch_frequency', 'share of patches it fires in'),
      column('mean_activation', 'mean activation where it fires; none of a dead latent'),
      column('label_entropy_nat', 'label entropy, in nat; none where it is undefined'),
      column('label', 'label with most of its activation'),
      column('label_share', 'share of its activation on that label'),
      GIVEN,
      column('hidden', 'dense, and hidden in the figure'),
    ],
    rows: Array.from(flags, (flag, i) => {
      const alive = (flag & 1) !== 0;
      const named = alive && label[i] >= 0;
      return [i, alive, images[i], patches[i], alive ? mean[i] : null, flag & 2 ? entropy[i] : null, named ? (labels[label[i]] ?? null) : null, named ? share[i] : null, givenName(panel, i), Boolean(hidden?.mask[i])];
    }),
  };
}

const labelsOf = (panel) => panel.dictionary.value?.statistics?.labels ?? [];

/** @type {import('./description.js').Description} */
const scatter = {
  element: 'vs-statistics',
  name: 'statistics',
  scope: 'dictionary',
  dense: true,
  ready: (panel) => Boolean(panel.querySelector('vs-scatter')?.plot),
  title: () => 'Statistics of the latents',
  sub: (panel) => {
    const { flags } = panel.statistics.value.arrays;
    const alive = flags.reduce((sum, flag) => sum + (flag & 1), 0);
    return `${whole(alive)} of ${counted(flags.length, 'latent')} are alive${panel.dictionary.value?.statistics ? `, on ${counted(panel.dictionary.value.statistics.n_images, 'picture')}` : ''}`;
  },
  reading: (panel) => {
    const { regions } = panel.querySelector('vs-scatter');
    return `Each dot a latent. Dense: over ${percent(regions.dense)} (${whole(regions.nDense)}); sparse and strong: under ${percent(regions.sparse)} with a mean over ${fixed(regions.strong, 2)} (${whole(regions.nSparse)}). Above and right: how many lie there.`;
  },
  body: async (panel, theme) => {
    const view = panel.querySelector('vs-scatter');
    const plot = await copyOfPlot(view, { theme, width: 720, height: 520 });
    return stacked([plot, entropyScale(theme, view.plot.topEntropy)], 6);
  },
  table: (panel) => statisticsTable(panel, labelsOf(panel)),
};

/** The colours of the map. */
function mapKey(data, theme) {
  if (!data.label) return [];
  const { groups, colorOf } = mapPlaces(data);
  const colors = labelColors(theme);
  const all = groups;
  if (all.length > colors.length) return [];
  return [
    {
      width: 640,
      height: 18,
      draw: (g) => {
        let x = 0;
        for (const [name, color] of [...all.map(({ name, label }) => [name, colors[colorOf[label]]]), ['mixed', unnamedColor(theme)]]) {
          g.fillStyle = color;
          g.fillRect(x, 4, 9, 9);
          drawText(g, name, x + 14, 9, { color: TOKENS[theme].ink2 });
          x += 26 + g.measureText(name).width;
        }
      },
    },
  ];
}

/** @type {import('./description.js').Description} */
const map = {
  element: 'vs-map',
  inner: 'vs-cluster-list',
  name: 'latent-map',
  scope: 'dictionary',
  dense: true,
  ready: (panel) => Boolean(panel.querySelector('vs-latent-map')?.plot),
  title: (panel) => (panel.which === 'firing' ? 'Map of the latents, by what they fire on' : 'Map of the latents, by decoder rows'),
  reading: (panel) => {
    const told = panel.dictionary.value?.decoder_map;
    const method = told ? `${panel.which === 'firing' ? told.firing_method : told.method}, seed ${told.seed}` : '';
    return `${counted(panel.counts().n, 'latent')}, near one another where they are alike; a label is written where most of its latents lie. Both axes open where latents crowd and have no scale. Method: ${method}.`;
  },
  body: async (panel, theme) => {
    const plot = await copyOfPlot(panel.querySelector('vs-latent-map'), { theme, width: 720, height: 560 });
    return stacked([plot, ...mapKey(panel.data(), theme)], 6);
  },
  table: (panel) => {
    const { xy, cluster, label, names } = panel.data();
    const rows = [];
    for (let i = 0; i < xy.length / 2; i++) {
      if (Number.isNaN(xy[2 * i])) continue;
      rows.push([i, xy[2 * i], xy[2 * i + 1], cluster[i] < 0 ? null : cluster[i], label && label[i] >= 0 ? names[label[i]] : null, givenName(panel, i), Boolean(panel.hidden?.mask[i])]);
    }
    return {
      columns: [column('latent', 'number of the latent'), column('x', 'place on the map, without unit'), column('y', 'place on the map, without unit'), column('cluster', 'cluster of the map'), column('label', 'label that prevails'), GIVEN, column('hidden', 'dense, and hidden in the figure')],
      rows,
    };
  },
};

/** @type {import('./description.js').Description} */
const gallery = {
  element: 'vs-gallery',
  inner: 'vs-pictures',
  name: 'references',
  scope: 'dictionary',
  dense: true,
  ready: (panel) => Boolean(panel.references.value?.length && panel.querySelector('.gallery-row')),
  title: (panel) => (panel.latents.length === 1 ? `References of latent ${panel.latents[0]}${givenName(panel, panel.latents[0]) ? `: ${givenName(panel, panel.latents[0])}` : ''}` : `References of ${counted(panel.latents.length, 'latent')}`),
  reading: () => 'The pictures of the image set with the largest plain mean B, lit where the latent fires; below each its B and its label.',
  body: (panel, theme) => {
    const rows = [...panel.querySelectorAll('.gallery-row')];
    const bodies = panel.references.value.slice(0, rows.length).flatMap(({ latent, references }, i) => {
      const { name, text } = panel.facts(latent);
      const views = [...rows[i].querySelectorAll('vs-picture')];
      const pictures = referenceBody(views, references, theme, 136);
      return [lineOfText([`Latent ${latent}`, givenName(panel, latent), name, text].filter(Boolean).join('  ·  '), 580, theme, { strong: true }), pictures.length ? inGrid(pictures, 4, 12) : lineOfText('It fires in none of the pictures.', 580, theme)];
    });
    return stacked(bodies, 8);
  },
  table: (panel) => ({
    columns: [
      column('latent', 'number of the latent'),
      GIVEN,
      column('rank', 'place of the picture among its references'),
      column('picture', 'name of the picture in the image set'),
      column('label', 'label of the picture'),
      column('plain_mean_b', 'plain mean B of the latent on it'),
    ],
    rows: panel.references.value.flatMap(({ latent, references }) => references.map((one, i) => [latent, givenName(panel, latent), i + 1, one.name, one.label, one.plain_mean])),
  }),
};

/** The figures of the health card. @type {import('./description.js').Description} */
const health = {
  element: 'vs-health',
  name: 'dictionary-health',
  scope: 'dictionary',
  ready: (panel) => Boolean(panel.dictionary.value?.metrics || panel.dictionary.value?.statistics),
  title: () => 'Health of the dictionary',
  reading: () => 'Metrics and counts of the dictionary.',
  table: (panel) => {
    const { metrics, statistics } = panel.dictionary.value;
    const plain = (of, part) => Object.entries(of ?? {}).filter(([, value]) => value === null || ['number', 'boolean', 'string'].includes(typeof value)).map(([key, value]) => [part, key, value]);
    return { columns: [column('part', 'metrics of the SAE, or statistics of its latents'), column('figure', 'name of the figure'), column('value', 'its value')], rows: [...plain(metrics, 'metrics'), ...plain(statistics, 'statistics')] };
  },
};

/** @type {import('./description.js').Description} */
const truth = {
  element: 'vs-truth',
  name: 'truth',
  scope: 'dictionary',
  ready: (panel) => Boolean(panel.report.value),
  title: () => 'Where the truth is known',
  reading: () => 'Figures with 95 % intervals, by bootstrap over pictures.',
  table: (panel) => ({
    columns: [
      column('table', 'what is measured'), column('setting', 'how'), column('figure', 'name of the figure'), column('unit', 'share, times or number'), column('value', 'its value'),
      column('low', 'lower end of its 95 % interval'), column('high', 'upper end'), column('n', 'how many it is of'), column('n_pictures', 'on how many pictures'),
      column('difference', 'to the default setting, on the same pictures'), column('differs', 'clearly other than the default'),
    ],
    rows: panel.report.value.tables.flatMap(({ title, columns, rows }) =>
      rows.flatMap(({ name, figures }) =>
        figures.flatMap((one, i) => (one ? [[title, name, columns[i], one.unit, one.value, one.low, one.high, one.n, one.n_pictures, one.difference, one.differs]] : [])),
      ),
    ),
  }),
};

/** @type {import('./description.js').Description} */
const saeCheck = {
  element: 'vs-sae-check',
  name: 'sae-check',
  scope: 'dictionary',
  ready: (panel) => Boolean(panel.check.value),
  title: () => 'Whether the SAE is read rightly',
  reading: () => 'What was measured at every place, under other readings, and what can tell a wrong reading.',
  table: (panel) => {
    const { places, readings, measures } = panel.check.value;
    const rows = [];
    const add = (part, name, of, told) => {
      for (const [key, value] of Object.entries(of))
        if (value === null || typeof value === 'number' || typeof value === 'boolean') rows.push([part, name, key, value, told ?? null]);
    };
    for (const place of places) add('place', place.name, place);
    for (const reading of readings) add('reading', reading.words, reading);
    for (const { name, value, expected, outcome } of measures) rows.push(['measure', name, 'value', value, `${outcome}; expected ${expected}`]);
    return { columns: [column('part', 'place, reading or measure'), column('name', 'of it'), column('figure', 'name of the figure'), column('value', 'its value'), column('told', 'outcome and expectation of a measure')], rows };
  },
};

export const DICTIONARY_FIGURES = [health, scatter, map, gallery, saeCheck, truth];
