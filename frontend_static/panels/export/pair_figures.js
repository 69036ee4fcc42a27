import { changeColors } from '../../color/diverging.js';
import { MONO, SANS, TOKENS } from '../../color/tokens.js';
import { changeText } from '../../elements/answer_raster.js';
import { activation, counted, fixed, percent, tokenText } from '../../elements/format.js';
import { copyOfPlot } from '../../elements/plot_copy.js';
import { times } from '../../elements/scale_bar.js';
import { beside, lineOfText, stacked } from '../../plots/figure_sheet.js';
import { fitted, tableBody } from '../../plots/figure_table.js';
import { drawText } from '../../plots/surface.js';
import { placeOf } from '../../run_pairs.js';
import { layersOf, viewOf } from '../compare/pair_requests.js';
import { latentName } from '../latents/names.js';
import { column, GIVEN, givenName, namedText } from './description.js';
import { mapScale, pictureBody } from './picture_body.js';

/** Figures of Compare, two runs. A is the chosen run, B the other. */

const RASTER_WIDTH = 980;
const HEAD = 150;
const ROW = 40;
/** A figure shows the first of a long table; its data have all that the tab was sent. */
const MOST_ROWS = 20;

/** What the caption says of B. @param {any} panel @param {{word?: boolean}} [of] whether the figure is of one word */
function secondRun(panel, { word = true } = {}) {
  const pair = panel.pair.value;
  const { second } = pair;
  const [, i, j] = pair.steps[placeOf(pair, panel.selection)] ?? ['kept', null, null];
  const text = (words, number) => (number === null ? {} : { word: tokenText(words[number].text) });
  return {
    ...(word && i !== null ? { ...text(pair.first.words, i), word_number: i } : {}),
    second_run: {
      name: second.name || second.id, run_directory: second.run, run_id: second.id, prompt: second.prompt, answer: second.output_text,
      model: second.vlm_name, dictionary: second.dictionary.name, dictionary_id: second.dictionary.id, step: second.step, ...(word ? text(second.words, j) : {}),
    },
  };
}

/** Both answers, as the element lays them out. @param {any} view vs-pair-raster @param {'light'|'dark'} theme */
function rasterBody(view, theme) {
  const tokens = TOKENS[theme];
  const { first, second, steps, chosen, notes } = view;
  const { widths, lines } = view.layout.call({ first, second, steps, width: RASTER_WIDTH });
  const font = `12px ${MONO}`;
  const wide = Math.max(...lines.map(([from, to]) => widths.slice(from, to + 1).reduce((sum, w) => sum + w + 2, HEAD)));
  const logprob = (value) => (value === null ? '' : fixed(value > -0.005 ? 0 : value, 2));
  const cell = (g, x, y, room, { text, under, colors = null, struck = false, framed = false, on }) => {
    if (colors) {
      g.fillStyle = colors.ground;
      g.fillRect(x, y + 1, room, ROW - 4);
    }
    if (framed) {
      g.strokeStyle = tokens.accent;
      g.lineWidth = 1.5;
      g.strokeRect(x + 0.75, y + 1.75, room - 1.5, ROW - 5.5);
    }
    const ink = colors?.ink ?? (struck ? tokens.ink2 : tokens.ink);
    g.font = font;
    const shown = fitted(g, text, room - 4);
    const half = g.measureText(shown).width / 2;
    drawText(g, shown, x + room / 2, y + 12, { color: ink, font, align: 'center' });
    g.fillStyle = ink;
    if (struck) g.fillRect(x + room / 2 - half, y + 11.5, 2 * half, 1.2);
    drawText(g, under, x + room / 2, y + 28, { color: colors?.ink ?? tokens.ink3, font: `11px ${SANS}`, align: 'center' });
    if (!on) return;
    g.fillStyle = tokens.ink;
    g.fillRect(x, y + ROW - 2, room, 1.5);
  };
  const line = ([from, to]) => ({
    width: wide,
    height: 2 * ROW + 2,
    draw: (g) => {
      ['A', 'B'].forEach((letter, r) => {
        drawText(g, letter, 0, ROW * r + 12, { color: tokens.ink, font: `600 12px ${SANS}` });
        drawText(g, notes[r], 0, ROW * r + 28, { color: tokens.ink3, font: `11px ${SANS}` });
      });
      let x = HEAD;
      for (let place = from; place <= to; place++) {
        const [change, i, j] = steps[place];
        const kept = change === 'kept';
        const [mine, theirs] = [i === null ? null : first[i], j === null ? null : second[j]];
        const on = place === chosen;
        if (mine) cell(g, x, 0, widths[place], { text: tokenText(mine.text), under: logprob(mine.logprob), struck: change === 'left_out', on });
        if (theirs) {
          const delta = kept && mine && mine.logprob !== null && theirs.logprob !== null ? theirs.logprob - mine.logprob : null;
          const colors = delta === null ? null : changeColors(theme, delta);
          cell(g, x, ROW, widths[place], { text: tokenText(theirs.text), under: delta === null ? logprob(theirs.logprob) : changeText(delta), colors, framed: !kept, on });
        }
        x += widths[place] + 2;
      }
    },
  });
  return stacked(lines.map(line), 18);
}

/** @type {import('./description.js').Description} */
const answers = {
  element: 'vs-pair-answers',
  name: 'two-answers',
  scope: 'runs',
  ready: (panel) => Boolean(panel.pair.value?.steps.length && panel.querySelector('vs-pair-raster')),
  title: () => 'Two answers, word by word',
  facts: (panel) => secondRun(panel),
  reading: () =>
    'Struck: B leaves the word out; framed: B says it instead, or in addition. Under a word its log-probability (nat); under one that both say, B’s change against A: orange loss, blue gain. Underlined: the chosen word.',
  body: (panel, theme) => rasterBody(panel.querySelector('vs-pair-raster'), theme),
  table: (panel) => {
    const { first, second, steps } = panel.pair.value;
    const side = (words, number) => (number === null ? [null, null, null] : [number + 1, words[number].text, words[number].logprob]);
    return {
      columns: [
        column('change', 'kept, replaced, left_out or new'),
        column('number', 'number of the word in A'), column('word', 'A’s word, as the tokenizer writes it'), column('logprob_nat', 'its log-probability in A, in nat'),
        column('other_number', 'number of the word in B'), column('other_word', 'B’s word, as the tokenizer writes it'), column('other_logprob_nat', 'its log-probability in B, in nat'),
      ],
      rows: steps.map(([change, i, j]) => [change, ...side(first.words, i), ...side(second.words, j)]),
    };
  },
};

/** @type {import('./description.js').Description} */
const looks = {
  element: 'vs-pair-attention',
  name: 'two-pictures',
  scope: 'runs',
  settings: ['source', 'overlay', 'pairScale'],
  ready: (panel) => Boolean(panel.pair.value && panel.places.value && (panel.byLatent ? panel.fires.value : panel.word.value) && panel.querySelectorAll('.pair-picture vs-picture').length === 2),
  title: (panel) => (panel.byLatent ? `Latent ${panel.selection.latent}${givenName(panel, panel.selection.latent) ? ` (${givenName(panel, panel.selection.latent)})` : ''} in both runs` : 'Where both runs looked'),
  facts: (panel) => ({ ...secondRun(panel, { word: !panel.byLatent }), asked_layers: layersOf(panel.store, panel.pair.value), asked_view: viewOf(panel.store, panel.pair.value) }),
  reading: (panel) => {
    const { mode } = panel.querySelector('.pair-picture vs-picture');
    const how = { spotlight: 'The brighter, the more', heat: 'The nearer to the scale’s bright end, the more', off: 'Shown without overlay: lit would be where' }[mode];
    const shared = panel.selection.pairScale === 'same' && (!panel.byLatent || panel.pair.value.same_dictionary);
    return `${how} ${panel.byLatent ? 'the latent fires' : 'attention falls there'}; ${shared ? 'both on one scale' : 'each on its own scale'}.${mode === 'off' ? '' : ` The line, and the tick of the scale, are at half of ${shared ? 'the larger of both peaks' : 'the largest'}.${panel.byLatent ? '' : ' The scale is attention per area, as a multiple of an even spread.'}`}`;
  },
  body: (panel, theme) => {
    const views = [...panel.querySelectorAll('.pair-picture vs-picture')];
    const told = panel.spokenSides();
    const { first, second } = panel.pair.value;
    const side = (view, i) => {
      const { picture } = [first, second][i];
      const { mode, raster, image } = view;
      const even = panel.byLatent ? 1 : picture.width * picture.height;
      const top = (raster?.peak ?? 0) * even;
      const scale = mode === 'off' || !top ? [] : [{ ...mapScale(theme, image ? mode : 'heat', { top, peak: top, text: panel.byLatent ? `${activation(top)} activation` : `${times(top)} even` }), width: 400 }];
      return stacked([pictureBody(view, theme, 400), ...scale, lineOfText(`${'AB'[i]} · ${told[i]}`, 400, theme)], 8);
    };
    return beside(views.map(side), 20);
  },
  table: (panel) => {
    const arrays = panel.byLatent ? panel.fires.value.map((one) => one?.arrays.value ?? null) : [panel.word.value.arrays.attention, panel.word.value.arrays.other_attention];
    const rows = arrays.flatMap((values, side) => {
      const { box } = panel.places.value[side].arrays;
      return values ? Array.from(values, (value, p) => ['AB'[side], p, box[4 * p], box[4 * p + 1], box[4 * p + 2], box[4 * p + 3], value]) : [];
    });
    return {
      columns: [
        column('side', 'A or B'), column('patch', 'number of the patch in its run'), column('x0_px', 'left edge, in pixels of its picture'), column('y0_px', 'upper edge'), column('x1_px', 'right edge'), column('y1_px', 'lower edge'),
        panel.byLatent ? column('activation', 'activation of the latent, in B of its counterpart') : column('attention', 'share of the word’s attention on the patch'),
      ],
      rows,
    };
  },
};

/** Name and label of a row's latent. @param {any} panel @param {any} row */
const labelOf = (panel, row) => namedText(panel, row.latent, row.label === null ? (row.other_label ?? '') : latentName(row.label, row.label_share ?? 0));

/** The list of one run where the dictionaries were not matched. @param {any} panel @param {'first'|'second'} side @param {'light'|'dark'} theme */
function listBody(panel, side, theme) {
  const tokens = TOKENS[theme];
  const top = panel.topOf(side).slice(0, MOST_ROWS);
  const most = Math.max(1e-9, ...top.map(({ value }) => value));
  return tableBody({
    theme,
    columns: [{ name: `latent of ${side === 'first' ? 'A' : 'B'}`, align: 'right', mono: true }, { name: 'label', most: 180 }, { name: 'C' }],
    rows: top.map(({ latent, value, label, label_share: share }) => [
      { text: String(latent) },
      { text: side === 'first' ? namedText(panel, latent, label === null ? '' : latentName(label, share)) : label === null ? '' : latentName(label, share) },
      { text: activation(value), bar: { share: value / most, color: side === 'first' ? tokens.bar : tokens.bar2 } },
    ]),
  });
}

/** @type {import('./description.js').Description} */
const latents = {
  element: 'vs-pair-latents',
  name: 'latents-of-both',
  scope: 'runs',
  dense: true,
  ready: (panel) => Boolean(panel.pair.value?.steps.length && panel.word.value && (panel.word.value.header.rows === null ? panel.topOf('first').length + panel.topOf('second').length : panel.visible().rows.length)),
  title: () => 'Latents that the word used in both runs',
  sub: (panel) => {
    const { header } = panel.word.value;
    return header.rows === null ? 'Two dictionaries that were not matched: each with its own latents' : `${counted(panel.visible().at.length, 'latent')} that either uses, the largest difference first${panel.visible().rows.length > MOST_ROWS ? `; in the table the first ${MOST_ROWS}` : ''}`;
  },
  facts: (panel) => secondRun(panel),
  reading: (panel) => {
    const { rows, relative } = panel.word.value.header;
    if (rows === null) return 'Weighted C of the word, the largest first; numbers of latents of two dictionaries have nothing in common.';
    return `Weighted C of the word in A and in B${relative ? ', each as a share of the word’s largest in that run' : ''}. Left: a dot for each latent, axes by square root; on the dashed line both are equal.${panel.pair.value.same_dictionary ? '' : ' Pairs by the cosine of decoder rows, over .7; ⇄ each is the other’s best.'}`;
  },
  body: async (panel, theme) => {
    const { header } = panel.word.value;
    if (header.rows === null) return beside([listBody(panel, 'first', theme), listBody(panel, 'second', theme)], 40);
    const tokens = TOKENS[theme];
    const same = panel.pair.value.same_dictionary;
    const shown = header.relative ? percent : activation;
    const rows = panel.visible().rows.slice(0, MOST_ROWS);
    const top = Math.max(1e-9, ...rows.map(({ value, other_value: other }) => Math.max(value, other)));
    const plot = await copyOfPlot(panel.querySelector('vs-pair-scatter'), { theme, width: 340, height: 340 });
    const bar = (value, color) => ({ text: shown(value), bar: { share: Math.max(0, value) / top, color } });
    const numbers = same ? [{ name: 'latent', align: /** @type {const} */ ('right'), mono: true }] : [{ name: 'in A', align: /** @type {const} */ ('right'), mono: true }, { name: 'in B', align: /** @type {const} */ ('right'), mono: true }, { name: 'cosine', align: /** @type {const} */ ('right') }];
    const table = tableBody({
      theme,
      columns: [...numbers, { name: 'label', most: 170 }, { name: 'C in A' }, { name: 'C in B' }, { name: 'B − A', align: 'right' }],
      rows: rows.map((row) => {
        const on = row.latent !== null && row.latent === panel.selection.latent;
        const mine = { text: row.latent === null ? 'none' : String(row.latent), strong: on, ink: on ? tokens.accent : null, faint: row.latent === null };
        const theirs = { text: row.other_latent === null ? 'none' : String(row.other_latent), faint: row.other_latent === null };
        const cosine = { text: row.cosine === null ? '–' : `${fixed(row.cosine, 2)}${row.mutual ? ' ⇄' : ''}`, faint: true };
        const change = row.other_value - row.value;
        return [...(same ? [mine] : [mine, theirs, cosine]), { text: labelOf(panel, row) }, bar(row.value, tokens.bar), bar(row.other_value, tokens.bar2), { text: `${change > 0 ? '+' : change < 0 ? '−' : ''}${shown(Math.abs(change))}` }];
      }),
    });
    return beside([plot, table], 28);
  },
  table: (panel) => {
    const { header } = panel.word.value;
    if (header.rows === null)
      return {
        columns: [column('side', 'A or B'), column('latent', 'number in the dictionary of that side'), GIVEN, column('label', 'label with most of its activation'), column('weighted_c', 'weighted C of the word')],
        rows: ['first', 'second'].flatMap((side) => panel.topOf(side).map(({ latent, value, label }) => (side === 'first' ? ['A', latent, givenName(panel, latent), label, value] : ['B', latent, null, label, value]))),
      };
    const unit = header.relative ? 'as a share of the word’s largest in that run' : 'weighted C';
    return {
      columns: [
        column('latent', 'number in A’s dictionary'), column('other_latent', 'number in B’s dictionary'), column('cosine', 'of their decoder rows, where dictionaries differ'), column('mutual', 'each is the other’s best'),
        GIVEN, column('label', 'label of A’s latent with most of its activation'), column('other_label', 'the same of B’s'), column('c_in_a', `C in A, ${unit}`), column('c_in_b', `C in B, ${unit}`),
      ],
      rows: panel.visible().rows.map((row) => [row.latent, row.other_latent, row.cosine, row.mutual, row.latent === null ? null : givenName(panel, row.latent), row.label, row.other_label, row.value, row.other_value]),
    };
  },
};

/** @type {import('./description.js').Description} */
const settings = {
  element: 'vs-pair-settings',
  name: 'two-settings',
  scope: 'runs',
  ready: (panel) => Boolean(panel.pair.value),
  title: () => 'What differs in the settings of two runs',
  facts: (panel) => secondRun(panel, { word: false }),
  reading: () => 'What both runs were asked under; those that differ come first.',
  body: (panel, theme) =>
    tableBody({
      theme,
      columns: [{ name: 'setting' }, { name: 'A', most: 320 }, { name: 'B', most: 320 }],
      rows: [...panel.pair.value.settings].sort((a, b) => b.differs - a.differs).map(({ name, first, second, differs }) => [
        { text: name, strong: differs },
        { text: String(first), faint: !differs },
        { text: differs ? String(second) : 'the same', faint: !differs },
      ]),
    }),
  table: (panel) => ({
    columns: [column('setting', 'its name'), column('a', 'value in A'), column('b', 'value in B'), column('differs', 'whether they differ')],
    rows: panel.pair.value.settings.map(({ name, first, second, differs }) => [name, first, second, differs]),
  }),
};

export const PAIR_FIGURES = [answers, looks, latents, settings];
