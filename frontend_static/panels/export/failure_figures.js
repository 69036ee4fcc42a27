import { TOKENS } from '../../color/tokens.js';
import { counted, fixed, percent, whole } from '../../elements/format.js';
import { lineOfText, stacked } from '../../plots/figure_sheet.js';
import { tableBody } from '../../plots/figure_table.js';
import { latentName } from '../latents/names.js';
import { column, GIVEN, givenName, namedText } from './description.js';

/** Figures of a failure set. */

const facts = (panel) => (panel.set.value ? { failure_set: `${panel.set.value.name}, ${counted(panel.set.value.items.length, 'picture')}, ${whole(panel.set.value.items.filter((item) => !item.is_right).length)} answered wrongly` } : {});

/** @param {number} q @returns {string} two digits, as a power of ten where it is small */
function small(q) {
  if (q >= 0.001 || q === 0) return String(Number(q.toPrecision(2)));
  const [digits, power] = q.toExponential(0).split('e-');
  return `${digits}·10⁻${[...power].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')}`;
}

/** @type {import('./description.js').Description} */
const telling = {
  element: 'vs-telling',
  name: 'telling-latents',
  scope: 'failures',
  dense: true,
  ready: (panel) => Boolean(panel.telling.value?.rows.length && panel.visible().shown.length),
  title: () => 'Latents that tell wrong answers from right ones',
  facts,
  reading: (panel) => {
    const { n_wrong: wrong, n_right: right } = panel.telling.value;
    return `Of ${counted(wrong, 'wrong answer')} and ${counted(right, 'right one')}. AUC: how often the latent is stronger on the wrong one of a pair; q: Mann-Whitney, two-sided, corrected for all latents tested (Benjamini and Hochberg).`;
  },
  body: (panel, theme) => {
    const tokens = TOKENS[theme];
    const { level } = panel.telling.value;
    return tableBody({
      theme,
      columns: [{ name: 'rank', align: 'right' }, { name: 'latent', align: 'right', mono: true }, { name: 'label', most: 200 }, { name: 'AUC', align: 'right' }, { name: 'q', align: 'right' }, { name: 'fires in wrong' }, { name: 'in right' }],
      rows: panel.rows().slice(0, 40).map((row) => {
        const faint = row.q >= level;
        return [
          { text: String(row.rank), faint: true },
          { text: String(row.latent), faint },
          { text: namedText(panel, row.latent, row.label === null ? '' : latentName(row.label, row.label_share ?? 0)), faint },
          { text: fixed(row.auc, 2), faint },
          { text: small(row.q), faint },
          { text: percent(row.wrong_share), faint, bar: { share: row.wrong_share, color: tokens.accent } },
          { text: percent(row.right_share), faint, bar: { share: row.right_share, color: tokens.bar2 } },
        ];
      }),
    });
  },
  table: (panel) => ({
    columns: [
      column('rank', 'most telling first'), column('latent', 'number of the latent'), GIVEN, column('label', 'label with most of its activation'), column('auc', 'how often it is stronger on the wrong one of a pair'),
      column('p', 'Mann-Whitney, two-sided'), column('q', 'p corrected for all latents tested'), column('wrong_share', 'share of the wrong answers’ pictures it fires in'), column('right_share', 'share of the right answers’ pictures'),
    ],
    rows: panel.visible().shown.map((row) => [row.rank, row.latent, givenName(panel, row.latent), row.label, row.auc, row.p, row.q, row.wrong_share, row.right_share]),
  }),
};

/** @type {import('./description.js').Description} */
const items = {
  element: 'vs-set-items',
  name: 'failure-set',
  scope: 'failures',
  ready: (panel) => Boolean(panel.set.value),
  title: (panel) => `Failure set ${panel.set.value.name}`,
  facts,
  reading: () => 'Each row a picture of the set, with what was asked, said and right.',
  table: (panel) => {
    const { items: all, prompts } = panel.set.value;
    const values = panel.latent.value?.values ?? null;
    return {
      columns: [
        column('number', 'number of the item'), column('picture', 'name of the picture'), column('prompt', 'what was asked'), column('answer', 'what was said'), column('right_answer', 'what is right'),
        column('is_right', 'whether the answer is'), column('is_held_out', 'not in the choosing half'), column('chosen_latent', 'how strongly the chosen latent fires, as the set measures it'),
      ],
      rows: all.map((item) => [item.number, item.name, prompts[item.prompt].text, item.output_text, item.right_answer, item.is_right, item.is_held_out, values ? values[item.number] : null]),
    };
  },
};

/** @type {import('./description.js').Description} */
const ablation = {
  element: 'vs-set-ablation',
  name: 'set-ablation',
  scope: 'failures',
  ready: (panel) => Boolean(panel.ablation.value),
  title: (panel) => `Without ${panel.ablation.value.name}`,
  facts: (panel) => ({ ...facts(panel), ablated: panel.ablation.value.latents }),
  reading: () => 'Wrong answers that are mended and right ones that are broken without the latents, and without as many others (by seed); in brackets the 95 % interval (Wilson).',
  body: (panel, theme) => {
    const tokens = TOKENS[theme];
    const { parts, latents } = panel.ablation.value;
    const names = { held_out: 'held-out pictures', chosen: 'pictures they were chosen on', all: 'all pictures' };
    const share = ({ n, total, low, high }) => ({ text: total ? `${n} of ${total}${low === null || low === undefined ? '' : ` (${percent(low)} to ${percent(high)})`}` : 'none' });
    const bar = (one, color) => ({ ...share(one), bar: { share: one.total ? one.n / one.total : 0, color } });
    const rows = Object.entries(parts).filter(([, part]) => part).flatMap(([key, part]) => [
      [{ text: names[key] ?? key, strong: true }, { text: 'without them' }, bar(part.ablated.mended, tokens.good), bar(part.ablated.broken, tokens.accent)],
      ...part.controls.map((one, i) => [{ text: '' }, { text: `as many others, seed ${i}`, faint: true }, bar(one.mended, tokens.bar2), bar(one.broken, tokens.bar2)]),
    ]);
    return stacked([lineOfText(`Latents ${latents.join(', ')}`, 680, theme), tableBody({ theme, columns: [{ name: 'on' }, { name: 'what' }, { name: 'mended, of the wrong' }, { name: 'broken, of the right' }], rows })]);
  },
  table: (panel) => ({
    columns: [column('part', 'which pictures'), column('what', 'the latents, or as many others'), column('fate', 'mended or broken'), column('n', 'how many'), column('total', 'of how many'), column('low', 'lower end of the 95 % interval'), column('high', 'upper end')],
    rows: Object.entries(panel.ablation.value.parts).filter(([, part]) => part).flatMap(([key, part]) =>
      [['ablated', part.ablated], ...part.controls.map((one, i) => [`control ${i}`, one])].flatMap(([what, one]) => ['mended', 'broken'].map((fate) => [key, what, fate, one[fate].n, one[fate].total, one[fate].low, one[fate].high])),
    ),
  }),
};

export const FAILURE_FIGURES = [telling, items, ablation];
