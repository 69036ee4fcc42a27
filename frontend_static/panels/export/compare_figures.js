import { clusterColors, unnamedColor } from '../../color/categories.js';
import { changeColors } from '../../color/diverging.js';
import { MONO, SANS, TOKENS } from '../../color/tokens.js';
import { changeText } from '../../elements/answer_raster.js';
import { counted, fixed, percent, tokenText } from '../../elements/format.js';
import { copyOfPlot } from '../../elements/plot_copy.js';
import { stacked } from '../../plots/figure_sheet.js';
import { fitted, tableBody } from '../../plots/figure_table.js';
import { drawText } from '../../plots/surface.js';
import { sortedRows, wordColumns } from '../compare/sweep_order.js';
import { clusterOfLatent } from '../latents/clusters.js';
import { latentName } from '../latents/names.js';
import { hiddenDense, withoutHidden } from '../../dense.js';
import { column, GIVEN, givenName, namedText } from './description.js';

/** Figures of Compare: steered answers beside the original. */

const RASTER_WIDTH = 980;
const HEAD = 164;
const ROW = 40;
/** A figure shows the first of a long table; its data have all. */
const MOST_ROWS = 30;

/** @param {any} result @returns {Record<string, unknown>} */
function steeringFacts(result) {
  if (!result) return {};
  const done = (result.steering?.interventions ?? []).map(({ latent, op, value }) => [String(latent), `${{ SCALE: '×', SET: 'to', ADD: '+' }[op]} ${value}`]);
  const alike = new Set(done.map(([, what]) => what)).size === 1;
  const told = alike
    ? `${counted(done.length, 'latent')} ${done[0][1]} (${done.slice(0, 12).map(([latent]) => latent).join(', ')}${done.length > 12 ? ', …' : ''})`
    : `${done.slice(0, 8).map((one) => one.join(' ')).join(', ')}${done.length > 8 ? `, … (${counted(done.length, 'latent')})` : ''}`;
  const erased = result.erasure ? `box ${result.erasure.box.join(', ')} of the picture ${result.erasure.fill}` : '';
  return { result: result.name, steering: erased || told, steering_spec: result.steering };
}

/** The answers, word by word, drawn as the element lays them out. @param {any} view vs-answer-raster @param {'light'|'dark'} theme */
function rasterBody(view, theme) {
  const tokens = TOKENS[theme];
  const { original, rows } = view;
  const given = { original, rows, width: RASTER_WIDTH, wordIn: view.wordIn };
  const { columns, cells, lines, widths } = view.layout.call(given);
  const tall = ROW * (rows.length + 1);
  const mono = `12px ${MONO}`;
  const small = `11px ${SANS}`;
  const cell = (g, x, y, wide, { text, under, ground = null, ink = tokens.ink, struck = false, framed = false }) => {
    if (ground) {
      g.fillStyle = ground;
      g.fillRect(x, y + 1, wide, ROW - 4);
    }
    if (framed) {
      g.strokeStyle = ground ? ink : tokens.accent;
      g.lineWidth = 1.5;
      g.strokeRect(x + 0.75, y + 1.75, wide - 1.5, ROW - 5.5);
    }
    g.font = mono;
    const shown = fitted(g, text, wide - 4);
    drawText(g, shown, x + wide / 2, y + 12, { color: ink, font: mono, align: 'center' });
    if (struck) {
      const half = g.measureText(shown).width / 2;
      g.fillStyle = ink;
      g.fillRect(x + wide / 2 - half, y + 11.5, 2 * half, 1.2);
    }
    drawText(g, under, x + wide / 2, y + 28, { color: ground ? ink : tokens.ink3, font: small, align: 'center' });
  };
  const wide = Math.max(...lines.map(([first, last]) => widths.slice(first, last + 1).reduce((sum, w) => sum + w + 2, HEAD)));
  const line = ([first, last]) => ({
    width: wide,
    height: tall,
    draw: (g) => {
      const head = (y, name, note) => {
        drawText(g, name, 0, y + 12, { color: tokens.ink, font: `600 12px ${SANS}` });
        drawText(g, note, 0, y + 28, { color: tokens.ink3, font: small });
      };
      head(0, 'Original', 'log-probability, nat');
      rows.forEach((row, r) => head(ROW * (r + 1), row.name, row.note));
      let x = HEAD;
      for (let i = first; i <= last; i++) {
        const place = columns[i];
        const room = widths[i];
        const word = 'word' in place ? original[place.word] : null;
        if (word) cell(g, x, 0, room, { text: tokenText(word.text), under: fixed(word.logprob > -0.005 ? 0 : word.logprob, 2) });
        rows.forEach((row, r) => {
          const said = cells[r][i];
          const y = ROW * (r + 1);
          if (!word) {
            if (said && row.told !== false) cell(g, x, y, room, { text: view.wordIn(row, said), under: 'new', framed: true });
            return;
          }
          const change = row.changes[place.word];
          const colors = changeColors(theme, change);
          const gone = row.told !== false && said?.change === 'left_out';
          const other = row.told !== false && said?.change === 'replaced';
          cell(g, x, y, room, {
            text: other ? view.wordIn(row, said) : tokenText(word.text),
            under: changeText(change),
            ground: colors?.ground ?? null,
            ink: colors?.ink ?? tokens.ink,
            struck: gone,
            framed: other,
          });
        });
        x += room + 2;
      }
    },
  });
  return stacked(lines.map(line), 18);
}

/** @type {import('./description.js').Description} */
const answers = {
  element: 'vs-answers',
  name: 'answers',
  scope: 'compare',
  ready: (panel) => Boolean(panel.result.value && panel.querySelector('vs-answer-raster')?.original.length),
  title: (panel) => `Answers, word by word: ${panel.result.value.name}`,
  facts: (panel) => steeringFacts(panel.result.value),
  reading: () => 'Under each word: change of its log-probability against the original, along the original answer, in nat; orange: loss, blue: gain. Struck: left out; framed: said instead, or new.',
  body: (panel, theme) => rasterBody(panel.querySelector('vs-answer-raster'), theme),
  table: (panel) => {
    const { answers: all } = panel.result.value;
    const original = all[0].tokens;
    const rows = all.flatMap(({ condition, tokens, latents, change_along_original: changes }, at) => [
      ...original.map(({ text, logprob }, i) => [at, condition, latents?.length ?? 0, 'along the original answer', i + 1, text, changes ? logprob + changes[i] : logprob, changes ? changes[i] : 0]),
      ...(at === 0 ? [] : tokens.map(({ text, logprob }, i) => [at, condition, latents?.length ?? 0, 'what was said', i + 1, text, logprob, null])),
    ]);
    return {
      columns: [
        column('answer', 'number of the answer; 0 is the original'),
        column('condition', 'original, reconstruction, control, steered or erased'),
        column('n_latents', 'how many latents were changed'),
        column('words', 'whether the row is a word of the original answer under this condition, or of what was said under it'),
        column('number', 'number of the word'),
        column('word', 'as the tokenizer writes it'),
        column('logprob_nat', 'log-probability under this condition, in nat'),
        column('change_nat', 'change of the log-probability against the original, in nat'),
      ],
      rows,
    };
  },
};

/** @type {import('./description.js').Description} */
const dose = {
  element: 'vs-dose',
  name: 'dose-response',
  scope: 'compare',
  ready: (panel) => Boolean(panel.querySelector('vs-dose-plot')?.plot),
  title: (panel) => `Dose and response: ${panel.dose.value.name}`,
  facts: (panel) => ({ latents: panel.dose.value.latents, operation: panel.dose.value.op }),
  reading: () => 'Log-probability (nat) of words of the original answer over the dose. Dashed: the dose that changes nothing. Thin grey lines: as many random latents.',
  body: (panel, theme) => copyOfPlot(panel.querySelector('vs-dose-plot'), { theme, width: 720, height: 380 }),
  table: (panel) => {
    const { words, values, original_tokens: tokens } = panel.dose.value;
    const n = Math.max(0, ...words.map(({ controls }) => controls?.length ?? 0));
    return {
      columns: [
        column('number', 'number of the word in the original answer'),
        column('word', 'as the tokenizer writes it'),
        column('dose', 'scale, value or addition, as `operation` says'),
        column('logprob_nat', 'log-probability, in nat'),
        column('logprob_at_rest_nat', 'log-probability under the untouched model, in nat'),
        ...Array.from({ length: n }, (_, i) => column(`control_${i + 1}_logprob_nat`, `log-probability with as many random latents, set ${i + 1}, in nat`)),
      ],
      rows: words.flatMap(({ number, logprob, at_rest: rest, controls }) =>
        values.map((value, d) => [number + 1, tokens[number].text, value, logprob[d], rest, ...Array.from({ length: n }, (_, i) => controls?.[i]?.[d])]),
      ),
    };
  },
};

/** @param {number} change @param {'light'|'dark'} theme */
function changeCell(change, theme) {
  const colors = changeColors(theme, change);
  return { text: changeText(change), ground: colors?.ground ?? null, ink: colors?.ink ?? null };
}

/** @type {import('./description.js').Description} */
const sweep = {
  element: 'vs-sweep',
  name: 'ablation-table',
  scope: 'compare',
  ready: (panel) => Boolean(panel.sweep.value),
  title: () => 'Each cluster ablated in turn',
  reading: () => 'Change of each word’s log-probability (nat) without the cluster; orange: loss, blue: gain. Random: the word hit hardest by the mean of like-sized sets.',
  body: (panel, theme) => {
    const answer = panel.sweep.value;
    const { original_tokens: tokens } = answer;
    const numbers = wordColumns(answer);
    const matrix = panel.matrix.value;
    const colors = matrix ? clusterColors(matrix.header.clusters, theme) : [];
    return tableBody({
      theme,
      columns: [
        { name: 'cluster', most: 200 },
        { name: 'latents', align: 'right' },
        ...numbers.map((number) => ({ name: tokenText(tokens[number].text), align: /** @type {const} */ ('right'), mono: true })),
        { name: 'random', align: 'right' },
        { name: 'hardest hit', mono: true },
        { name: 'the answer then', mono: true, most: 330 },
      ],
      rows: sortedRows(answer.clusters, panel.order).map((row) => {
        const of = matrix ? clusterOfLatent(matrix, row.latents[0]) : null;
        return [
          { text: row.name, dot: of ? colors[of.index] : unnamedColor(theme), strong: true },
          { text: String(row.latents.length) },
          ...numbers.map((number) => changeCell(row.change[number], theme)),
          { text: row.control_hardest ? changeText(row.control_hardest.change) : '–', faint: true },
          { text: row.hardest ? `${tokenText(tokens[row.hardest.number].text)} ${fixed(row.hardest.change, 2)}` : 'none' },
          { text: row.output_text, faint: true },
        ];
      }),
    });
  },
  table: (panel) => {
    const { clusters, original_tokens: tokens } = panel.sweep.value;
    return {
      columns: [
        column('cluster', 'name of the cluster'),
        column('n_latents', 'how many latents it has'),
        column('latents', 'their numbers'),
        column('number', 'number of the word in the original answer'),
        column('word', 'as the tokenizer writes it'),
        column('logprob_nat', 'its log-probability under the untouched model, in nat'),
        column('change_nat', 'change of the log-probability without the cluster, in nat'),
        column('answer', 'the answer without the cluster'),
      ],
      rows: clusters.flatMap(({ name, latents, change, output_text: text }) => tokens.map((token, i) => [name, latents.length, latents.join(' '), i + 1, token.text, token.logprob, change[i], text])),
    };
  },
};

/** Those that the tab shows. @param {any} panel @returns {readonly any[]} */
const shownContributions = (panel) => withoutHidden(hiddenDense(panel.store, panel.statistics.value), panel.contributions.value.rows, ({ latent }) => latent).shown;

/** @type {import('./description.js').Description} */
const contributions = {
  element: 'vs-contributions',
  name: 'contributions',
  scope: 'compare',
  dense: true,
  ready: (panel) => Boolean(panel.contributions.value),
  title: (panel) => `Which latents carried “${tokenText(panel.contributions.value.original_tokens[panel.contributions.value.word].text)}”`,
  reading: (panel) => {
    const { total, agreement, n_checked: n, original_tokens: tokens, word } = panel.contributions.value;
    return `Estimate: activation times gradient of the word’s log-probability, summed over patches (all latents: ${fixed(total, 2)} nat; the word is ${percent(Math.exp(tokens[word].logprob))} likely). Taken away: what the word really lost.${agreement === null ? '' : ` Over ${n}, the two rankings agree with Spearman’s ${fixed(agreement, 2)}.`}`;
  },
  body: (panel, theme) => {
    const tokens = TOKENS[theme];
    const visible = shownContributions(panel);
    const rows = visible.slice(0, MOST_ROWS);
    const largest = (key) => Math.max(1e-30, ...visible.map((row) => Math.abs(row[key] ?? 0)));
    const figure = (value, key, color) => (value === null ? { text: '–', faint: true } : { text: Math.abs(value) >= 0.1 ? fixed(value, 2) : String(Number(value.toPrecision(2))).replaceAll('-', '−'), bar: { share: Math.abs(value) / largest(key), color } });
    return tableBody({
      theme,
      columns: [{ name: 'rank', align: 'right' }, { name: 'latent', align: 'right', mono: true }, { name: 'label', most: 200 }, { name: 'estimate (nat)' }, { name: 'taken away (nat)' }, { name: 'rank', align: 'right' }],
      rows: rows.map((row) => [
        { text: String(row.rank), faint: true },
        { text: String(row.latent) },
        { text: namedText(panel, row.latent, row.label === null ? '' : latentName(row.label, row.label_share ?? 0)) },
        figure(row.contribution, 'contribution', tokens.bar2),
        figure(row.ablated, 'ablated', tokens.bar),
        { text: row.ablated_rank === null ? '' : String(row.ablated_rank), faint: true },
      ]),
    });
  },
  table: (panel) => ({
    columns: [column('rank', 'by the estimate'), column('latent', 'number of the latent'), GIVEN, column('label', 'label with most of its activation'), column('estimate_nat', 'activation times gradient, summed over patches, in nat'), column('taken_away_nat', 'what the word really lost without it, in nat'), column('rank_taken_away', 'by what was really lost')],
    rows: shownContributions(panel).map((row) => [row.rank, row.latent, givenName(panel, row.latent), row.label, row.contribution, row.ablated, row.ablated_rank]),
  }),
};

export const COMPARE_FIGURES = [answers, dose, sweep, contributions];
