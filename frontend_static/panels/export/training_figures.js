import { labelColors } from '../../color/categories.js';
import { SANS, TOKENS } from '../../color/tokens.js';
import { counted, percent, whole } from '../../elements/format.js';
import { copyOfPlot } from '../../elements/plot_copy.js';
import { inGrid, lineOfText, stacked } from '../../plots/figure_sheet.js';
import { drawText } from '../../plots/surface.js';
import { column } from './description.js';
import { entropyScale } from './dictionary_figures.js';

/** Figures over training. */

const WIDTH = 720;

/** Colours that were chosen for one theme, in another. @param {'light'|'dark'} from @param {'light'|'dark'} to @returns {(color: string) => string} */
function recolored(from, to) {
  const tokens = Object.keys(TOKENS[from]).map((key) => [TOKENS[from][key], TOKENS[to][key]]);
  // a colour of labels may be a token's too: curves take theirs from the labels, which come last and prevail
  const found = new Map([...tokens, ...labelColors(from).map((color, i) => [color, labelColors(to)[i]])]);
  return (color) => found.get(color) ?? color;
}

const inTheme = (data, from, to) => {
  const color = recolored(from, to);
  return { ...data, charts: data.charts.map((chart) => ({ ...chart, curves: chart.curves.map((curve) => ({ ...curve, color: color(curve.color) })) })) };
};

/** Which colour is which latent. */
function curveKey(panel, theme) {
  const { latents } = panel.history.value;
  const color = recolored(panel.theme, theme);
  return {
    width: WIDTH,
    height: 18,
    draw: (g) => {
      let x = 0;
      latents.forEach((latent, i) => {
        g.fillStyle = color(panel.colors[i]);
        g.fillRect(x, 8, 14, 3);
        drawText(g, String(latent), x + 19, 9.5, { color: TOKENS[theme].ink2 });
        x += 32 + g.measureText(String(latent)).width;
      });
    },
  };
}

/** @type {import('./description.js').Description} */
const curves = {
  element: 'vs-latent-curves',
  name: 'over-training',
  scope: 'dictionary',
  ready: (panel) => Boolean(panel.querySelector('vs-step-curves')?.plot),
  title: (panel) => (panel.history.value?.latents.length ? `Over training: ${counted(panel.history.value.latents.length, 'latent')}` : 'The dictionary over training'),
  reading: () => 'Curves over the logged steps of the training; the upright line is the shown step.',
  body: async (panel, theme) => {
    const bodies = [];
    for (const view of panel.querySelectorAll('vs-step-curves')) {
      const ofLatents = view.classList.contains('of-latents');
      const data = inTheme(view.data, panel.theme, theme);
      const rows = Math.ceil(data.charts.length / data.columns);
      bodies.push(lineOfText(ofLatents ? 'Latents' : 'The dictionary', WIDTH, theme, { strong: true }));
      if (ofLatents) bodies.push(curveKey(panel, theme));
      bodies.push(await copyOfPlot(view, { theme, width: WIDTH, height: 104 * rows + 24, patch: { data } }));
    }
    return stacked(bodies, 8);
  },
  table: (panel) => {
    const rows = [];
    const history = panel.history.value;
    if (history)
      history.latents.forEach((latent, i) => {
        const of = history.statistics.of[i];
        for (const [figure, values] of Object.entries(of ?? {}))
          if (Array.isArray(values)) values.forEach((value, at) => {
            if (typeof value !== 'string') rows.push([latent, figure === 'turned' || figure === 'drift' ? `${figure}_rad` : figure, history.statistics.steps[at], value]);
          });
      });
    const metrics = panel.metrics.value;
    for (const [figure, values] of Object.entries(metrics ?? {}))
      if (Array.isArray(values) && figure !== 'steps' && figure !== 'problems') values.forEach((value, at) => rows.push([null, figure, metrics.steps[at], value]));
    return { columns: [column('latent', 'number of the latent; none where the figure is of the whole dictionary'), column('figure', 'name of the figure, as in latent_history and metrics_history'), column('step', 'step of the training'), column('value', 'its value; none where it is undefined')], rows };
  },
};

/** @type {import('./description.js').Description} */
const multiples = {
  element: 'vs-growth',
  name: 'statistics-over-training',
  scope: 'dictionary',
  dense: true,
  ready: (panel) => Boolean(panel.querySelector('vs-multiples vs-small-scatter')),
  title: () => 'Statistics of the latents over training',
  reading: (panel) =>
    `Each small plot a step, all on the same axes: across, the share of ${panel.selection.frequency === 'images' ? 'pictures' : 'patches'} a latent fires in; upwards, its mean activation where it fires (both logarithmic). Shaded: dense. Rings and lines: the chosen latents and their way since the step before.`,
  body: async (panel, theme) => {
    const view = panel.querySelector('vs-multiples');
    const tokens = TOKENS[theme];
    const bodies = [];
    for (const block of view.blocks) {
      const section = view.querySelector(`[data-block="${block.key}"]`);
      const scatters = [...section.querySelectorAll('vs-small-scatter')];
      if (block.name) bodies.push(lineOfText(`${block.name}, ${block.note}`, WIDTH, theme, { strong: true }));
      const cells = [];
      const drawn = block.multiples.filter((one) => one.drawn);
      for (const [i, one] of drawn.entries()) {
        const plot = await copyOfPlot(scatters[i], { theme, width: 224, height: 168 });
        cells.push({
          width: 224,
          height: 206,
          draw: (g) => {
            drawText(g, `step ${whole(one.step)}`, 0, 9, { color: tokens.ink, font: `600 12px ${SANS}` });
            drawText(g, `${percent(one.living)} living · ${percent(one.dense)} dense`, 0, 25, { color: tokens.ink3 });
            g.translate(0, 36);
            g.save();
            g.beginPath();
            g.rect(0, 0, 224, 168);
            g.clip();
            plot.draw(g);
            g.restore();
            g.strokeStyle = tokens.line;
            g.lineWidth = 1;
            g.strokeRect(0.5, 0.5, 223, 167);
          },
        });
      }
      bodies.push(inGrid(cells, Math.min(4, Math.max(1, cells.length)), 14));
    }
    return stacked([...bodies, entropyScale(theme, panel.drawn().top)], 10);
  },
  table: (panel) => {
    const rows = panel.querySelector('vs-multiples').blocks.flatMap(({ name, multiples: all }) =>
      all.flatMap(({ step, data }) => Array.from(data.latent, (latent, i) => [name || null, step, latent, 10 ** data.x[i], 10 ** data.y[i], data.entropy[i] * panel.drawn().top])),
    );
    return {
      columns: [
        column('dictionary', 'its name, where two stand beside one another'),
        column('step', 'step of the training'),
        column('latent', 'number of the latent; only the living, of very many a sample'),
        column('frequency', 'share it fires in; read from a logarithm of single precision'),
        column('mean_activation', 'mean activation where it fires; read from a logarithm of single precision'),
        column('label_entropy_nat', 'label entropy, in nat; none where it is undefined'),
      ],
      rows,
    };
  },
};

export const TRAINING_FIGURES = [multiples, curves];
