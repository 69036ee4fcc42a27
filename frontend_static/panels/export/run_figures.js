import { clusterColors, unnamedColor } from '../../color/categories.js';
import { MONO, TOKENS } from '../../color/tokens.js';
import { activation, counted, fixed, lift, percent, tokenText, whole } from '../../elements/format.js';
import { copyOfPlot } from '../../elements/plot_copy.js';
import { beside, inGrid, lineOfText, stacked } from '../../plots/figure_sheet.js';
import { tableBody } from '../../plots/figure_table.js';
import { drawText } from '../../plots/surface.js';
import { clusterOfLatent } from '../latents/clusters.js';
import { together } from '../../token_set.js';
import { latentName } from '../latents/names.js';
import { column, GIVEN, givenName, namedText, subjectOf } from './description.js';
import { pictureBody, referenceBody, scaleBody } from './picture_body.js';

/** Figures of the Scratchpad: one run. */

const ROW_HEIGHT = 15;

/**
 * How high the heatmap stands with all its rows, in CSS pixels.
 * @param {{nRows: number, gapAfter: readonly boolean[]}} data as the panel has it
 */
export function heightOfMatrix({ nRows, gapAfter }) {
  return Math.max(260, 88 + 74 + ROW_HEIGHT * nRows + 5 * gapAfter.filter(Boolean).length);
}

/** @type {import('./description.js').Description} */
const heatmap = {
  element: 'vs-matrix-panel',
  name: 'heatmap',
  scope: 'run',
  dense: true,
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
    const width = Math.max(640, view.clientWidth);
    const plot = await copyOfPlot(view, { theme, width, height: heightOfMatrix(panel.plotData()) });
    return stacked([plot, scaleBody(theme, '0', '1 = the word that uses the latent most')], 4);
  },
  table: (panel) => {
    const { value, nRows, nColumns, rows, mass, columnMax, latent, cluster, clusters, tokens } = panel.plotData();
    const found = [];
    for (let row = 0; row < nRows; row++)
      for (let c = 0; c < nColumns; c++)
        found.push([tokens[row].index, rows[row].text, mass[row] ?? null, latent[c], givenName(panel, latent[c]), cluster[c] < 0 ? null : cluster[c], clusters[cluster[c]]?.name ?? null, value[row * nColumns + c], columnMax[c]]);
    return {
      columns: [
        column('token', 'index of the word in the whole sequence'),
        column('word', 'the word, as shown'),
        column('attention_on_picture', 'share of the word’s attention on the picture'),
        column('latent', 'number of the latent'),
        GIVEN,
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
  dense: true,
  ready: (panel) => Boolean(panel.ranking.value?.rows.length),
  title: (panel) => `Latents of ${subjectOf(panel)}, by ${panel.selection.by === 'plain' ? 'plain mean B' : 'weighted C'}`,
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
        { name: 'label', most: 220 },
        { name: 'weighted C' },
        { name: 'plain mean B' },
        { name: 'lift', align: 'right' },
      ],
      rows: rows.map((row) => [
        { text: String(row.rank), faint: true },
        { text: String(row.latent), strong: row.latent === panel.selection.latent, ink: row.latent === panel.selection.latent ? tokens.accent : null },
        { text: namedText(panel, row.latent, row.label === undefined || row.mean === null ? '' : latentName(row.label, row.label_share ?? 0)), dot: dots.get(row.latent) ?? unnamedColor(theme) },
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
      GIVEN,
      column('label', 'label with most of its activation'),
      column('label_share', 'share of its activation on that label'),
      column('image_frequency', 'share of pictures it fires in'),
      column('mean_activation', 'mean activation where it fires'),
    ],
    rows: panel.ranking.value.rows.map((row) => [row.rank, row.latent, row.weighted, row.plain, row.lift, givenName(panel, row.latent), row.label, row.label_share, row.frequency, row.mean]),
  }),
};

/** @type {import('./description.js').Description} */
const words = {
  element: 'vs-tokens',
  name: 'tokens',
  scope: 'run',
  ready: (panel) => Boolean(panel.run.value?.tokens.some(({ span }) => span === 'OUTPUT')),
  title: () => 'The answer, word by word',
  reading: (panel) =>
    `Under each word its log-probability (nat); the bar is its probability. Filled: ${together(panel.selection).length > 1 ? 'the chosen words' : 'the chosen word'}.${panel.selection.doubt === null ? '' : ' Framed: marked as wrong.'}`,
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
        const on = together(panel.selection).includes(one.token.index);
        to.fillStyle = on ? tokens.accent : tokens.sunken;
        to.beginPath();
        to.roundRect(one.x, one.y, one.wide, 22, 4);
        to.fill();
        if (one.token.index === panel.selection.doubt) {
          to.strokeStyle = on ? tokens.ink : tokens.accent;
          to.lineWidth = 1.5;
          to.stroke();
        }
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
      column('marked_as_wrong', 'whether the user marked it as wrong'),
    ],
    rows: panel.run.value.tokens.map(({ index, span, text, logprob, alternatives }) => [index, span, text, logprob, JSON.stringify(alternatives), index === panel.selection.doubt]),
  }),
};

/** C by word as bars. @param {any[]} given words with C @param {readonly number[]} chosen tokens @param {'light'|'dark'} theme @param {number} width */
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
        g.fillStyle = chosen.includes(token.index) ? tokens.accent : tokens.bar;
        g.fillRect(step * i, 160 - Math.max(0.5, tall), Math.max(1, step - 2), Math.max(0.5, tall));
        if (step < 9) return;
        g.save();
        g.translate(step * (i + 0.5) - 1, 166);
        g.rotate(-Math.PI / 2);
        drawText(g, tokenText(token.text).slice(0, 9), 0, 0, { color: chosen.includes(token.index) ? tokens.accent : tokens.ink2, font: `10px ${MONO}`, align: 'right' });
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
    const name = namedText(panel, latent, statistics?.alive ? latentName(statistics.label, statistics.label_share ?? 0) : '');
    return `Latent ${latent}${name && `: ${name}`}`;
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
    const bars = wordBars(wordsOf(panel), together(panel.selection), theme, 440);
    const views = [...panel.querySelectorAll('.references vs-picture')];
    const references = panel.references.value?.[0]?.references ?? [];
    const shown = referenceBody(views.slice(0, references.length), references, theme, 163);
    return stacked([beside([here, bars]), ...(shown.length ? [lineOfText('Reference pictures', 680, theme, { strong: true }), inGrid(shown, 4, 12)] : [])]);
  },
  table: (panel) => ({
    columns: [column('token', 'index of the word'), column('word', 'the word, as shown'), column('latent', 'number of the latent'), GIVEN, column('weighted_c', 'weighted C'), column('plain_mean_b', 'plain mean B on this picture')],
    rows: wordsOf(panel).map(({ token, c }) => [token.index, tokenText(token.text), panel.latent.value.latent, givenName(panel, panel.latent.value.latent), c, panel.latent.value.plain]),
  }),
};

export const RUN_FIGURES = [words, heatmap, ranking, inspector];
