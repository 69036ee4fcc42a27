import { MONO, TOKENS } from '../../color/tokens.js';
import { activation, counted, fixed, percent, tokenText } from '../../elements/format.js';
import { copyOfPlot } from '../../elements/plot_copy.js';
import { times } from '../../elements/scale_bar.js';
import { beside, inGrid, stacked } from '../../plots/figure_sheet.js';
import { tableBody } from '../../plots/figure_table.js';
import { drawText } from '../../plots/surface.js';
import { areSeveral } from '../../token_set.js';
import { column, subjectOf } from './description.js';
import { captioned, mapScale, pictureBody, scaleBody } from './picture_body.js';

/** Figures of attention: the words’ on the picture, one head’s, a latent’s attribution; all heads in small. */

const PICTURE_SIDE = 480;
const SMALL_SIDE = 112;

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

/** What is shown: the latent’s own map, a head’s, or the words’. @param {any} panel @returns {any} undefined until it is there */
function answerOf(panel) {
  const { bySource: by, headMap, attribution, attention } = panel;
  if (by === 'latent') return attribution.value;
  if (by === 'head') return headMap.key === null ? undefined : headMap.value;
  return attention.value?.header.defined ? attention.value : undefined;
}

const pictureIn = (panel) => panel.querySelector('.boxed vs-zoom-picture');
const isOfSeveral = (panel) => panel.bySource === 'attention' && areSeveral(panel.selection);

/** What sinks are, and what became of them. @param {any} panel @param {number|null} mass @returns {string} */
function sinksTold({ sinks, selection }, mass) {
  const { n_sinks: n, density } = sinks.value?.header ?? {};
  if (!n) return '';
  const on = mass === null ? '' : `: ${percent(mass)} of the attention falls there`;
  return ` Crossed: ${counted(n, 'sink')}, drawing attention whatever the word (at least ${density} times an even share)${on}${selection.sinks === 'out' ? '; left out of all that is shown' : ''}.`;
}

/** @type {import('./description.js').Description} */
const attention = {
  element: 'vs-attention',
  name: 'attention',
  scope: 'run',
  settings: ['source', 'overlay', 'head', 'scale'],
  alone: (panel) => panel.bySource === 'head',
  ready: (panel) => Boolean(panel.run.value && panel.patches.value && answerOf(panel) && pictureIn(panel)?.raster),
  title: (panel) => {
    if (panel.bySource === 'latent') {
      const name = panel.store.notes.of(panel.selection.latent).name;
      return `Latent ${panel.selection.latent}${name ? ` (${name})` : ''} on the picture`;
    }
    const of = panel.bySource === 'head' ? `Head ${panel.selection.head} of` : isOfSeveral(panel) ? 'Mean attention of' : 'Attention of';
    return `${of} ${subjectOf(panel, panel.bySource === 'head')} on the picture`;
  },
  reading: (panel) => {
    const { mode, seen } = pictureIn(panel);
    const how = { spotlight: 'The brighter, the more', heat: 'The nearer to the scale’s bright end, the more', off: 'Shown without overlay: lit would be where' }[mode];
    const line = mode === 'off' ? '' : ' The line, and the tick of the scale, are at half of the largest.';
    const part = seen.scale > 1 ? ` The picture is enlarged ${fixed(seen.scale, 1)} times, a part of it shown.` : '';
    const { header } = answerOf(panel);
    if (panel.bySource === 'latent') return `${how} the latent fires: in ${counted(header.n_firing, 'patch', 'patches')}, at most ${fixed(header.maximum, 2)}.${line}${part}`;
    const whose = panel.bySource === 'head' ? 'the head’s' : isOfSeveral(panel) ? 'the words’' : 'the word’s';
    const scale = mode === 'off' ? '' : ' The scale is attention per area, as a multiple of an even spread.';
    return `${how} attention falls there: ${percent(header.mass_on_picture)} of ${whose} attention are on the picture, ${percent(header.mass_on_newlines)} on its newlines.${scale}${line}${sinksTold(panel, header.mass_on_sinks ?? null)}${part}`;
  },
  body: (panel, theme) => {
    const view = pictureIn(panel);
    const { mode, raster } = view;
    const { header } = answerOf(panel);
    const bodies = [pictureBody(view, theme, PICTURE_SIDE)];
    const { width, height } = panel.run.value.picture;
    const of = panel.bySource;
    const even = of === 'latent' ? 1 : width * height;
    const top = (view.top ?? raster.peak) * even;
    if (mode !== 'off' && raster.peak > 0) bodies.push(mapScale(theme, view.image ? mode : 'heat', { top, peak: raster.peak * even, text: of === 'latent' ? `${activation(top)} activation` : `${times(top)} even` }));
    if (isOfSeveral(panel)) {
      const views = [...panel.querySelectorAll('.multiple vs-picture')];
      const small = views.map((one, i) => {
        const { token, mass_on_picture: mass, reason } = header.tokens[i];
        const text = tokenText(panel.run.value.tokens.find(({ index }) => index === token)?.text ?? '');
        return captioned(one, theme, SMALL_SIDE, [{ text, strong: true, mono: true }, { text: mass === null || reason ? 'cannot see it' : percent(mass) }], { square: false });
      });
      bodies.push(inGrid(small, 4, 10));
    }
    const masses = of === 'attention' ? header.mass_by_layer : null;
    if (masses && masses.length <= 40) bodies.push(layersBody(header, panel.run.value.layers, panel.selection.layers, theme));
    return stacked(bodies);
  },
  table: (panel) => {
    const { header, arrays } = answerOf(panel);
    const latent = panel.bySource === 'latent';
    const values = latent ? arrays.value : arrays.attention;
    const whose = panel.bySource === 'head' ? 'the head’s attention' : isOfSeveral(panel) ? 'attention, mean of the words’' : 'the word’s attention';
    const told = latent ? column('activation', 'activation of the latent in the patch') : column('attention', `share of ${whose} on the patch`);
    const several = isOfSeveral(panel) ? header.tokens : [];
    const n = values.length;
    const text = (token) => tokenText(panel.run.value.tokens.find(({ index }) => index === token)?.text ?? '');
    const sink = latent || !panel.sinks.value?.header.n_sinks ? null : panel.sinks.value.arrays.sink;
    return {
      columns: [...PATCH, told, ...several.map(({ token }) => column(`attention_of_${token}`, `the same of “${text(token)}”, token ${token}, alone`)), ...(sink ? [column('is_sink', 'it draws attention whatever the word')] : [])],
      rows: patchRows(panel.patches.value, values).map((row, p) => [...row, ...several.map((_, i) => arrays.each[i * n + p]), ...(sink ? [Boolean(sink[p])] : [])]),
    };
  },
};

/** The first heads by a measure. @param {any} panel @param {[number, number][]} heads @param {string} title @param {string} unit @param {(at: number) => string} figure @param {'light'|'dark'} theme */
function firstHeads(panel, heads, title, unit, figure, theme) {
  const data = panel.data();
  return tableBody({
    theme,
    columns: [{ name: title, align: 'right', mono: true }, { name: unit, align: 'right' }],
    rows: heads.map(([layer, head]) => {
      const name = `${layer}.${head}`;
      const on = name === panel.selection.head;
      return [{ text: name, strong: on, ink: on ? TOKENS[theme].accent : null }, { text: figure(data.layers.indexOf(layer) * data.nHeads + head) }];
    }),
  });
}

/** @type {import('./description.js').Description} */
const heads = {
  element: 'vs-heads',
  name: 'heads',
  scope: 'run',
  alone: () => true,
  facts: (panel) => (panel.selection.head === null ? {} : { chosen_head: panel.selection.head }),
  ready: (panel) => Boolean(panel.open && panel.run.value && panel.maps.key !== null && panel.maps.value && panel.querySelector('vs-head-grid')?.plot),
  title: (panel) => `Attention of ${subjectOf(panel, true)} on the picture, by head`,
  sub: (panel) => {
    const { layers, nHeads } = panel.data();
    return `${counted(layers.length, 'layer')} × ${counted(nHeads, 'head')}${{ layer: '; a row for each layer, a column for each head', mass: '; most on the picture first', localised: '; most localised first' }[panel.order]}`;
  },
  reading: (panel) =>
    `Each small map is a head’s attention over the picture, ${panel.common ? 'all on one scale' : 'each up to its own largest'}; the bar under it is its attention on the picture, up to the largest, ${percent(Math.max(...panel.data().mass))}. Filled corner: most on the picture; ring: most localised (least spread). Spread: over how many patches it would be as even.`,
  body: async (panel, theme) => {
    const view = panel.querySelector('vs-head-grid');
    const { plot } = view;
    const { header: room, columns, stepY } = plot.layout();
    const width = Math.max(480, Math.ceil(plot.surface.width));
    const height = room + Math.ceil(plot.shown.length / columns) * stepY + 2;
    const grid = await copyOfPlot(view, { theme, width: plot.surface.width, height });
    const data = panel.data();
    const { most, localised } = panel.maps.value.header;
    const chosen = panel.querySelector('.head-side vs-picture');
    const side = [
      firstHeads(panel, most, 'head', 'on the picture', (at) => percent(data.mass[at]), theme),
      firstHeads(panel, localised, 'head', 'spread, in patches', (at) => fixed(data.effective[at], data.effective[at] < 10 ? 1 : 0), theme),
    ];
    const shown = chosen?.raster ? [captioned(chosen, theme, 220, [{ text: `Layer ${panel.selection.head.split('.')[0]}, head ${panel.selection.head.split('.')[1]}`, strong: true }], { square: false })] : [];
    const scale = scaleBody(theme, '0', panel.common ? 'largest of all heads' : 'each head’s largest');
    return stacked([{ ...grid, width: Math.min(width, grid.width) }, scale, beside([...shown, ...side], 36)], 14);
  },
  table: (panel) => {
    const { layers, nHeads, mass, peak, effective } = panel.data();
    return {
      columns: [
        column('layer', 'number of the layer'),
        column('head', 'number of the head in it'),
        column('attention_on_picture', 'share of the head’s attention on the picture'),
        column('spread_patches', 'over how many patches it would be spread as evenly; none where it has none on the picture'),
        column('largest_times_even', 'largest attention per area, as a multiple of an even spread'),
      ],
      rows: Array.from(mass, (value, at) => [layers[Math.floor(at / nHeads)], at % nHeads, value, effective[at] || null, peak[at]]),
    };
  },
};

export const ATTENTION_FIGURES = [attention, heads];
