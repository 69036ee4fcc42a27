import { clusterColors, unnamedColor } from '../../color/categories.js';
import { sequentialColor } from '../../color/sequential.js';
import { MONO, TOKENS } from '../../color/tokens.js';
import { activation, counted, fixed, lift, percent, tokenText, whole } from '../../elements/format.js';
import { copyOfPlot } from '../../elements/plot_copy.js';
import { beside, inGrid, lineOfText, stacked } from '../../plots/figure_sheet.js';
import { tableBody } from '../../plots/figure_table.js';
import { paintOverlay } from '../../plots/image_overlay.js';
import { drawText } from '../../plots/surface.js';
import { clusterOfLatent } from '../latents/clusters.js';
import { latentName } from '../latents/names.js';
import { column } from './description.js';

/** Figures of the Scratchpad: one run. */

const PICTURE_SIDE = 480;
const ROW_HEIGHT = 15;

/**
 * What a picture element shows.
 * @param {any} view vs-picture @param {'light'|'dark'} theme @param {number} side the longer one @returns {import('../../plots/figure_sheet.js').Body}
 */
export function pictureBody(view, theme, side) {
  const { ratio, image, raster, mode, outlined } = view;
  const [width, height] = ratio >= 1 ? [side, side / ratio] : [side * ratio, side];
  return { width, height, draw: (g) => paintOverlay(g, width, height, { image, raster, mode, theme, outlined, ground: TOKENS[theme].sunken }) };
}

/** The sequential scale. @param {'light'|'dark'} theme @param {string} low @param {string} high */
export function scaleBody(theme, low, high) {
  const WIDE = 120;
  const PARTS = 60;
  return {
    width: 420,
    height: 16,
    draw: (g) => {
      const { ink2 } = TOKENS[theme];
      drawText(g, low, 0, 8, { color: ink2 });
      const left = g.measureText(low).width + 8;
      for (let i = 0; i < PARTS; i++) {
        g.fillStyle = `rgb(${sequentialColor(theme, i / (PARTS - 1)).join(',')})`;
        g.fillRect(left + (WIDE * i) / PARTS, 3, WIDE / PARTS + (i < PARTS - 1 ? 0.3 : 0), 10);
      }
      drawText(g, high, left + WIDE + 8, 8, { color: ink2 });
    },
  };
}

const wordOf = (panel) => {
  const token = panel.run.value?.tokens.find(({ index }) => index === panel.selection.token);
  return token ? tokenText(token.text) : null;
};

/** Columns of the patches, in pixels of the picture. */
const PATCH = [
  column('patch', 'number of the patch'),
  column('x0_px', 'left edge, in pixels of the picture'),
  column('y0_px', 'upper edge, in pixels of the picture'),
  column('x1_px', 'right edge, in pixels of the picture'),
  column('y1_px', 'lower edge, in pixels of the picture'),
];

/** @param {any} patches answer to `patches` @param {ArrayLike<number>} values */
function patchRows({ arrays: { box } }, values) {
  return Array.from(values, (value, p) => [p, box[4 * p], box[4 * p + 1], box[4 * p + 2], box[4 * p + 3], value]);
}

/** The bars of the layers. @param {any} header @param {number[]} layers @param {string} chosen @param {'light'|'dark'} theme */
function layersBody({ mass_by_layer: masses }, layers, chosen, theme) {
  const tokens = TOKENS[theme];
  const top = Math.max(1e-9, ...masses);
  const STEP = 46;
  return {
    width: Math.max(200, STEP * masses.length),
    height: 92,
    draw: (g) => {
      drawText(g, 'Attention on the picture by layer', 0, 8, { color: tokens.ink3 });
      masses.forEach((mass, i) => {
        const tall = Math.max(1, (44 * mass) / top);
        g.fillStyle = chosen === 'all' || chosen === String(layers[i]) ? tokens.bar : tokens.bar2;
        g.fillRect(STEP * i, 74 - tall, STEP - 8, tall);
        drawText(g, percent(mass), STEP * i + (STEP - 8) / 2, 68 - tall, { color: tokens.ink2, align: 'center', font: `10px ${MONO}` });
        drawText(g, String(layers[i]), STEP * i + (STEP - 8) / 2, 84, { color: tokens.ink3, align: 'center' });
      });
    },
  };
}

/** @type {import('./description.js').Description} */
const attention = {
  element: 'vs-attention',
  name: 'attention',
  scope: 'run',
  ready: (panel) => Boolean(panel.patches.value && (panel.bySource === 'latent' ? panel.attribution.value : panel.attention.value?.header.defined)),
  title: (panel) => (panel.bySource === 'latent' ? `Latent ${panel.selection.latent} on the picture` : `Attention of “${wordOf(panel)}” on the picture`),
  reading: (panel) => {
    const { mode } = panel.querySelector('vs-picture');
    const how = { spotlight: 'The brighter, the more', heat: 'The nearer to the scale’s bright end, the more', off: 'Shown without overlay: lit would be' }[mode];
    const line = mode === 'off' ? '' : ' The line bounds half of the peak.';
    if (panel.bySource === 'latent') {
      const { header } = panel.attribution.value;
      return `${how} the latent fires: in ${counted(header.n_firing, 'patch', 'patches')}, at most ${fixed(header.maximum, 2)}.${line}`;
    }
    const { header } = panel.attention.value;
    return `${how} attention falls there: ${percent(header.mass_on_picture)} of the word’s attention are on the picture, ${percent(header.mass_on_newlines)} on its newlines.${line}`;
  },
  body: (panel, theme) => {
    const picture = pictureBody(panel.querySelector('vs-picture'), theme, PICTURE_SIDE);
    const header = panel.bySource === 'latent' ? null : panel.attention.value.header;
    const masses = header?.mass_by_layer;
    return masses && masses.length <= 40 ? stacked([picture, layersBody(header, panel.run.value.layers, panel.selection.layers, theme)]) : picture;
  },
  table: (panel) => {
    const latent = panel.bySource === 'latent';
    const values = latent ? panel.attribution.value.arrays.value : panel.attention.value.arrays.attention;
    const told = latent ? column('activation', 'activation of the latent in the patch') : column('attention', 'share of the word’s attention on the patch');
    return { columns: [...PATCH, told], rows: patchRows(panel.patches.value, values) };
  },
};

/** @type {import('./description.js').Description} */
const heatmap = {
  element: 'vs-matrix-panel',
  name: 'heatmap',
  scope: 'run',
  ready: (panel) => Boolean(panel.querySelector('vs-matrix')?.plot),
  title: () => 'Token × latent: weighted C',
  sub: (panel) => {
    const { nRows, nColumns, clusters } = panel.plotData();
    return `${counted(nRows, 'word')} × ${counted(nColumns, 'latent')}${clusters.length ? `, ${counted(clusters.length, 'cluster')}` : ''}; each column divided by its largest value`;
  },
  reading: (panel) =>
    `Rows are words, columns latents; 1 marks the word that uses the latent most. Right: the word’s attention on the picture. Below: the column’s largest C.${
      panel.plotData().linkage.length ? ` The tree joins latents used by the same words; cut at ${fixed(panel.plotData().cut, 2)}.` : ''
    }`,
  facts: (panel) => {
    const cluster = clusterOfLatent(panel.matrix.value, panel.selection.latent);
    return cluster ? { cluster: `${cluster.name || 'without a name'}, ${counted(cluster.latents.length, 'latent')}` } : {};
  },
  body: async (panel, theme) => {
    const view = panel.querySelector('vs-matrix');
    const { nRows, gapAfter } = panel.plotData();
    const width = Math.max(640, view.clientWidth);
    const height = Math.max(260, 88 + 74 + ROW_HEIGHT * nRows + 5 * gapAfter.filter(Boolean).length);
    const plot = await copyOfPlot(view, { theme, width, height });
    return stacked([plot, scaleBody(theme, '0', '1 = the word that uses the latent most')], 4);
  },
  table: (panel) => {
    const { value, nRows, nColumns, rows, mass, columnMax, latent, cluster, clusters, tokens } = panel.plotData();
    const found = [];
    for (let row = 0; row < nRows; row++)
      for (let c = 0; c < nColumns; c++)
        found.push([tokens[row].index, rows[row].text, mass[row] ?? null, latent[c], cluster[c] < 0 ? null : cluster[c], clusters[cluster[c]]?.name ?? null, value[row * nColumns + c], columnMax[c]]);
    return {
      columns: [
        column('token', 'index of the word in the whole sequence'),
        column('word', 'the word, as shown'),
        column('attention_on_picture', 'share of the word’s attention on the picture'),
        column('latent', 'number of the latent'),
        column('cluster', 'number of its cluster, from the left'),
        column('cluster_name', 'name of the cluster'),
        column('share_of_largest', 'weighted C divided by the column’s largest'),
        column('largest_c', 'the column’s largest weighted C'),
      ],
      rows: found,
    };
  },
};

/** @type {import('./description.js').Description} */
const ranking = {
  element: 'vs-ranking',
  name: 'ranking',
  scope: 'run',
  ready: (panel) => Boolean(panel.ranking.value?.rows.length),
  title: (panel) => `Latents of “${wordOf(panel)}”, by ${panel.selection.by === 'plain' ? 'plain mean B' : 'weighted C'}`,
  reading: (panel) =>
    `Weighted C: the latent’s activation weighted by where the word looked; plain mean B: without weighting; lift is C / B. ${whole(panel.ranking.value.n_passing)} of ${counted(panel.ranking.value.n_firing, 'firing latent')} pass the thresholds.`,
  body: (panel, theme) => {
    const tokens = TOKENS[theme];
    const rows = panel.ranking.value.rows.slice(0, panel.shown);
    const answer = panel.matrix.value;
    const colors = answer ? clusterColors(answer.header.clusters, theme) : [];
    const dots = new Map(answer ? Array.from(answer.arrays.latent, (latent, i) => [latent, colors[answer.arrays.cluster[i]]]) : []);
    const top = rows.reduce((most, { weighted, plain }) => Math.max(most, weighted ?? 0, plain), 1e-9);
    return tableBody({
      theme,
      columns: [
        { name: 'rank', align: 'right' },
        { name: 'latent', align: 'right', mono: true },
        { name: 'label', most: 180 },
        { name: 'weighted C' },
        { name: 'plain mean B' },
        { name: 'lift', align: 'right' },
      ],
      rows: rows.map((row) => [
        { text: String(row.rank), faint: true },
        { text: String(row.latent), strong: row.latent === panel.selection.latent, ink: row.latent === panel.selection.latent ? tokens.accent : null },
        { text: row.label === undefined || row.mean === null ? '' : latentName(row.label, row.label_share ?? 0), dot: dots.get(row.latent) ?? unnamedColor(theme) },
        { text: row.weighted === null ? 'undefined' : activation(row.weighted), bar: { share: (row.weighted ?? 0) / top, color: tokens.bar } },
        { text: activation(row.plain), bar: { share: row.plain / top, color: tokens.bar2 } },
        { text: lift(row.lift) },
      ]),
    });
  },
  table: (panel) => ({
    columns: [
      column('rank', 'place among what the thresholds let through'),
      column('latent', 'number of the latent'),
      column('weighted_c', 'weighted C'),
      column('plain_mean_b', 'plain mean B'),
      column('lift', 'C / B'),
      column('label', 'label with most of its activation'),
      column('label_share', 'share of its activation on that label'),
      column('image_frequency', 'share of pictures it fires in'),
      column('mean_activation', 'mean activation where it fires'),
    ],
    rows: panel.ranking.value.rows.map((row) => [row.rank, row.latent, row.weighted, row.plain, row.lift, row.label, row.label_share, row.frequency, row.mean]),
  }),
};

/** @type {import('./description.js').Description} */
const words = {
  element: 'vs-tokens',
  name: 'tokens',
  scope: 'run',
  ready: (panel) => Boolean(panel.run.value?.tokens.some(({ span }) => span === 'OUTPUT')),
  title: () => 'The answer, word by word',
  reading: () => 'Under each word its log-probability; the bar is its probability. The chosen word is filled.',
  body: (panel, theme) => {
    const tokens = TOKENS[theme];
    const font = `12px ${MONO}`;
    const g = document.createElement('canvas').getContext('2d');
    g.font = font;
    const output = panel.run.value.tokens.filter(({ span }) => span === 'OUTPUT');
    const ROOM = 720;
    let [x, y] = [0, 0];
    const placed = output.map((token) => {
      const text = tokenText(token.text);
      const wide = Math.max(40, g.measureText(text).width + 14);
      if (x + wide > ROOM && x > 0) [x, y] = [0, y + 48];
      const at = { token, text, x, y, wide };
      x += wide + 4;
      return at;
    });
    const draw = (to) => {
      for (const one of placed) {
        const on = one.token.index === panel.selection.token;
        to.fillStyle = on ? tokens.accent : tokens.sunken;
        to.beginPath();
        to.roundRect(one.x, one.y, one.wide, 22, 4);
        to.fill();
        drawText(to, one.text, one.x + one.wide / 2, one.y + 11.5, { color: on ? tokens.accentInk : tokens.ink, font, align: 'center' });
        to.fillStyle = tokens.line;
        to.fillRect(one.x, one.y + 24, one.wide, 3);
        const { logprob } = one.token;
        if (logprob === null) continue;
        to.fillStyle = tokens.bar;
        to.fillRect(one.x, one.y + 24, one.wide * Math.exp(logprob), 3);
        drawText(to, fixed(logprob > -0.005 ? 0 : logprob, 2), one.x + one.wide / 2, one.y + 35, { color: tokens.ink3, align: 'center' });
      }
    };
    return { width: ROOM, height: y + 44, draw };
  },
  table: (panel) => ({
    columns: [
      column('token', 'index in the whole sequence'),
      column('span', 'part of the sequence'),
      column('text', 'as the tokenizer writes it'),
      column('logprob_nat', 'log-probability, in nat'),
      column('alternatives', 'other words and their log-probabilities (nat), as JSON'),
    ],
    rows: panel.run.value.tokens.map(({ index, span, text, logprob, alternatives }) => [index, span, text, logprob, JSON.stringify(alternatives)]),
  }),
};

/** Reference pictures of a latent, with their plain means. @param {any[]} views vs-picture @param {any[]} references @param {'light'|'dark'} theme @param {number} side */
export function referenceBody(views, references, theme, side) {
  return views.map((view, i) => {
    const { plain_mean: plain, label, name } = references[i];
    const picture = pictureBody(view, theme, side);
    const text = `${fixed(plain, plain < 10 ? 2 : 1)}  ${label ?? name.split('/').at(-1)}`;
    return {
      width: side,
      height: side + 16,
      draw: (g) => {
        g.save();
        g.translate((side - picture.width) / 2, (side - picture.height) / 2);
        picture.draw(g);
        g.restore();
        g.save();
        g.beginPath();
        g.rect(0, side, side, 18);
        g.clip();
        drawText(g, text, 0, side + 10, { color: TOKENS[theme].ink2 });
        g.restore();
      },
    };
  });
}

/** C by word as bars. @param {any[]} given words with C @param {number} chosen @param {'light'|'dark'} theme @param {number} width */
function wordBars(given, chosen, theme, width) {
  const tokens = TOKENS[theme];
  const top = given.reduce((most, { c }) => Math.max(most, c ?? 0), 1e-12);
  const step = width / Math.max(1, given.length);
  return {
    width,
    height: 228,
    draw: (g) => {
      drawText(g, `weighted C by word, at most ${activation(top)}`, 0, 8, { color: tokens.ink3 });
      given.forEach(({ token, c }, i) => {
        const tall = (136 * Math.max(0, c ?? 0)) / top;
        g.fillStyle = token.index === chosen ? tokens.accent : tokens.bar;
        g.fillRect(step * i, 160 - Math.max(0.5, tall), Math.max(1, step - 2), Math.max(0.5, tall));
        if (step < 9) return;
        g.save();
        g.translate(step * (i + 0.5) - 1, 166);
        g.rotate(-Math.PI / 2);
        drawText(g, tokenText(token.text).slice(0, 9), 0, 0, { color: token.index === chosen ? tokens.accent : tokens.ink2, font: `10px ${MONO}`, align: 'right' });
        g.restore();
      });
    },
  };
}

const wordsOf = (panel) =>
  panel.latent.value.by_token.index
    .map((index, at) => ({ token: panel.run.value.tokens.find((one) => one.index === index), c: panel.latent.value.by_token.weighted[at] }))
    .filter(({ token }) => token?.span === 'OUTPUT');

/** @type {import('./description.js').Description} */
const inspector = {
  element: 'vs-inspector',
  name: 'latent',
  scope: 'run',
  ready: (panel) => Boolean(panel.latent.value && panel.run.value && panel.querySelector('.here vs-picture')),
  title: (panel) => {
    const { latent, statistics } = panel.latent.value;
    return `Latent ${latent}${statistics?.alive ? `: ${latentName(statistics.label, statistics.label_share ?? 0)}` : ''}`;
  },
  facts: heatmap.facts,
  reading: (panel) => {
    const { statistics, n_firing_patches: firing, n_patches: patches } = panel.latent.value;
    const known = statistics?.alive
      ? ` In the dictionary it fires in ${percent(statistics.image_frequency)} of pictures, mean ${fixed(statistics.mean, 2)}${statistics.label_entropy === null ? '' : `, label entropy ${fixed(statistics.label_entropy, 2)} nat`}.`
      : '';
    return `The picture is lit where the latent fires: in ${whole(firing)} of ${counted(patches, 'patch', 'patches')}. Under the references: the plain mean B and the label.${known}`;
  },
  body: (panel, theme) => {
    const SIDE = 232;
    const here = pictureBody(panel.querySelector('.here vs-picture'), theme, SIDE);
    const bars = wordBars(wordsOf(panel), panel.selection.token, theme, 440);
    const views = [...panel.querySelectorAll('.references vs-picture')];
    const references = panel.references.value?.[0]?.references ?? [];
    const shown = referenceBody(views.slice(0, references.length), references, theme, 163);
    return stacked([beside([here, bars]), ...(shown.length ? [lineOfText('Reference pictures', 680, theme, { strong: true }), inGrid(shown, 4, 12)] : [])]);
  },
  table: (panel) => ({
    columns: [column('token', 'index of the word'), column('word', 'the word, as shown'), column('latent', 'number of the latent'), column('weighted_c', 'weighted C'), column('plain_mean_b', 'plain mean B on this picture')],
    rows: wordsOf(panel).map(({ token, c }) => [token.index, tokenText(token.text), panel.latent.value.latent, c, panel.latent.value.plain]),
  }),
};

export const RUN_FIGURES = [words, attention, heatmap, ranking, inspector];
