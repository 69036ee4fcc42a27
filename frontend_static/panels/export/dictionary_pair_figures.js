import { TOKENS } from '../../color/tokens.js';
import { againstOf } from '../../dictionary_pairs.js';
import { counted, fixed, percent, whole } from '../../elements/format.js';
import { inGrid, lineOfText, stacked } from '../../plots/figure_sheet.js';
import { tableBody } from '../../plots/figure_table.js';
import { drawText } from '../../plots/surface.js';
import { latentName } from '../latents/names.js';
import { column, GIVEN, givenName, namedText } from './description.js';
import { referenceBody } from './picture_body.js';

/** Figures of Compare, two dictionaries. A is the chosen one, B the other. */

const MOST_ROWS = 40;
const BARS = { width: 560, height: 110 };

/** What the caption says of B. @param {any} panel */
function secondDictionary(panel) {
  const other = againstOf(panel.store);
  return other ? { second_dictionary: { name: other.name, model: other.vlm_name, sae: other.sae_name, hook: other.hook, dictionary_id: other.id, n_latents: other.n_latents } } : {};
}

/** @type {import('./description.js').Description} */
const verdict = {
  element: 'vs-dictionary-verdict',
  name: 'two-dictionaries',
  scope: 'dictionaries',
  ready: (panel) => Boolean(panel.pair.value),
  title: () => 'Two dictionaries side by side',
  facts: secondDictionary,
  reading: () => 'A latent has a counterpart where the cosine of decoder rows is large; pairs are mutual where each is the best of the other.',
  body: (panel, theme) => {
    const { first, second } = panel.pair.value;
    const number = (value, text = whole) => (value === null ? '–' : text(value));
    const figures = [
      ['latents', (d) => whole(d.n_latents)],
      ['alive', (d) => number(d.n_alive)],
      ['dense', (d) => number(d.n_dense)],
      ['active per patch', (d) => number(d.l0, (value) => fixed(value, 1))],
      ['unexplained', (d) => number(d.fvu, percent)],
      ['counterpart over .9', (d) => `${whole(d.n_close)} (${percent(d.n_close / d.n_latents)})`],
      ['counterpart over .7', (d) => `${whole(d.n_near)} (${percent(d.n_near / d.n_latents)})`],
      ['mutual pairs', (d) => number(d.n_mutual)],
    ];
    return tableBody({
      theme,
      columns: [{ name: '' }, { name: `A: ${first.sae_name}`, align: 'right', most: 240 }, { name: `B: ${second.sae_name}`, align: 'right', most: 240 }],
      rows: figures.map(([name, of]) => [{ text: name }, { text: of(first) }, { text: of(second) }]),
    });
  },
  table: (panel) => {
    const plain = ([, value]) => value === null || ['number', 'string', 'boolean'].includes(typeof value);
    return {
      columns: [column('side', 'A or B'), column('figure', 'name of the figure, as in dictionary_pair'), column('value', 'its value')],
      rows: ['first', 'second'].flatMap((side, i) => Object.entries(panel.pair.value[side]).filter(plain).map(([key, value]) => ['AB'[i], key, value])),
    };
  },
};

/** Counts of cosines as bars. @param {any} side @param {string} title @param {'light'|'dark'} theme */
function barsBody(side, title, theme) {
  const tokens = TOKENS[theme];
  const { counts } = side;
  const most = Math.max(1, ...counts);
  const step = BARS.width / counts.length;
  const none = side.n_with_direction - side.n_near;
  const parts = `${whole(none)} have none over .7; ${whole(side.n_near - side.n_close)} one of .7 to .9; ${whole(side.n_close)} one over .9${side.n_latents > side.n_with_direction ? `; ${whole(side.n_latents - side.n_with_direction)} without direction` : ''}`;
  const bars = {
    width: BARS.width,
    height: BARS.height + 22,
    draw: (g) => {
      g.fillStyle = tokens.sunken;
      g.fillRect(0, 0, BARS.width, BARS.height);
      counts.forEach((n, i) => {
        if (!n) return;
        const at = (i + 0.5) / counts.length;
        const tall = (BARS.height - 6) * Math.sqrt(n / most);
        g.fillStyle = at > 0.9 ? tokens.good : at > 0.7 ? tokens.bar : tokens.bar2;
        g.fillRect(step * (i + 0.1), BARS.height - tall, step * 0.8, tall);
      });
      g.fillStyle = tokens.lineStrong;
      g.fillRect(0, BARS.height, BARS.width, 1);
      for (const mark of [0.7, 0.9]) g.fillRect(BARS.width * mark - 0.5, 0, 1, BARS.height);
      for (const [mark, align] of /** @type {[number, 'left'|'center'|'right'][]} */ ([[0, 'left'], [0.5, 'center'], [0.7, 'center'], [0.9, 'center'], [1, 'right']]))
        drawText(g, mark === 0 || mark === 1 ? String(mark) : String(mark).slice(1), BARS.width * mark, BARS.height + 12, { color: tokens.ink3, align });
    },
  };
  return stacked([lineOfText(title, BARS.width, theme, { strong: true }), bars, lineOfText(parts, BARS.width, theme)], 6);
}

/** @type {import('./description.js').Description} */
const cosines = {
  element: 'vs-dictionary-cosines',
  name: 'best-cosines',
  scope: 'dictionaries',
  ready: (panel) => Boolean(panel.pair.value),
  title: () => 'Cosine of each latent’s best counterpart',
  facts: secondDictionary,
  reading: () => 'How many latents have a best counterpart of which cosine, between decoder rows; bars by the square root of the count.',
  body: (panel, theme) => stacked([barsBody(panel.pair.value.first, 'Latents of A, in B', theme), barsBody(panel.pair.value.second, 'Latents of B, in A', theme)], 20),
  table: (panel) => ({
    columns: [column('side', 'A or B, whose latents are counted'), column('cosine_from', 'lower end of the bin'), column('cosine_to', 'upper end'), column('n_latents', 'how many')],
    rows: ['first', 'second'].flatMap((side, i) => {
      const { counts } = panel.pair.value[side];
      return counts.map((n, at) => ['AB'[i], at / counts.length, (at + 1) / counts.length, n]);
    }),
  }),
};

/** @type {import('./description.js').Description} */
const latents = {
  element: 'vs-dictionary-latents',
  name: 'latents-by-counterpart',
  scope: 'dictionaries',
  dense: true,
  ready: (panel) => Boolean(panel.pair.value && panel.visible().shown.length),
  title: (panel) => ({ none: 'Latents of A without a counterpart in B', near: 'Latents of A with a near counterpart in B', close: 'Latents of A that B has' })[panel.selection.matched],
  sub: (panel) => {
    const { shown, nHidden } = panel.visible();
    const { n_listed: n } = panel.pair.value;
    return shown.length < n - nHidden || shown.length > MOST_ROWS ? `The ${whole(Math.min(MOST_ROWS, shown.length))} most frequent of ${counted(n, 'latent')}` : counted(shown.length, 'latent');
  },
  facts: secondDictionary,
  reading: () => 'The most frequent first. Cosine of the decoder rows of the latent and of its best counterpart in B; ⇄ each is the other’s best.',
  body: (panel, theme) => {
    const tokens = TOKENS[theme];
    return tableBody({
      theme,
      columns: [{ name: 'latent', align: 'right', mono: true }, { name: 'label', most: 200 }, { name: 'of pictures', align: 'right' }, { name: 'best cosine', align: 'right' }, { name: 'in B', align: 'right', mono: true }, { name: 'its label', most: 180 }],
      rows: panel.visible().shown.slice(0, MOST_ROWS).map((row) => {
        const on = row.latent === panel.selection.latent;
        return [
          { text: String(row.latent), strong: on, ink: on ? tokens.accent : null },
          { text: namedText(panel, row.latent, row.alive === false ? 'dead' : row.label === null ? '' : latentName(row.label, row.label_share ?? 0)), faint: row.alive === false },
          { text: row.frequency === null ? '–' : percent(row.frequency) },
          { text: row.cosine === null ? 'none' : `${fixed(row.cosine, 2)}${row.mutual ? ' ⇄' : ''}` },
          { text: row.other_latent === null ? '' : String(row.other_latent) },
          { text: row.other_label === null ? '' : latentName(row.other_label, row.other_label_share ?? 0), faint: true },
        ];
      }),
    });
  },
  table: (panel) => ({
    columns: [
      column('latent', 'number in A'), GIVEN, column('label', 'label with most of its activation'), column('label_share', 'share of its activation on that label'), column('image_frequency', 'share of pictures it fires in'), column('alive', 'it fired in the image set'),
      column('other_latent', 'number of its best counterpart in B'), column('cosine', 'of their decoder rows'), column('mutual', 'each is the other’s best'), column('other_label', 'label of the counterpart'), column('other_label_share', 'share of its activation on that label'),
    ],
    rows: panel.visible().shown.map((row) => [row.latent, givenName(panel, row.latent), row.label, row.label_share, row.frequency, row.alive, row.other_latent, row.cosine, row.mutual, row.other_label, row.other_label_share]),
  }),
};

/** The chosen latent's best counterpart in B, and its references. @param {any} panel */
function counterpartOf(panel) {
  const answer = panel.counterparts.value;
  const at = answer?.matches.findIndex(({ dictionary }) => dictionary.id === againstOf(panel.store)?.id) ?? -1;
  if (at < 0) return null;
  const { counterparts, mutual } = answer.matches[at];
  return { counterparts, mutual, best: counterparts[0] ?? null, references: answer.references[at]?.references ?? null };
}

/** @type {import('./description.js').Description} */
const side = {
  element: 'vs-dictionary-beside',
  name: 'latent-and-counterpart',
  scope: 'dictionaries',
  ready: (panel) => Boolean(panel.selection.latent !== null && counterpartOf(panel) && (panel.references.key === null || panel.references.value)),
  title: (panel) => `Latent ${panel.selection.latent}${givenName(panel, panel.selection.latent) ? ` (${givenName(panel, panel.selection.latent)})` : ''} and its counterpart${counterpartOf(panel).best ? ` ${counterpartOf(panel).best.latent}` : ''}`,
  facts: secondDictionary,
  reading: (panel) => {
    const { best, mutual } = counterpartOf(panel);
    const told = best ? `Their decoder rows have a cosine of ${fixed(best.cosine, 2)}${best.cosine <= 0.7 ? ', hardly a counterpart' : mutual ? '; each is the other’s best' : '; the counterpart has a nearer one in A'}. ` : '';
    return `${told}The pictures of the image set with the largest plain mean B, lit where the latent fires; below each its B and its label.`;
  },
  body: (panel, theme) => {
    const { best, references } = counterpartOf(panel);
    const sections = [...panel.querySelectorAll('.references')].map((one) => [...one.querySelectorAll('vs-picture')]);
    const mine = panel.references.value?.[0]?.references ?? null;
    const of = panel.references.value ? sections[0] : [];
    const theirs = sections[panel.references.value ? 1 : 0] ?? [];
    const grid = (views, all) => (views.length ? inGrid(referenceBody(views, all, theme, 136), 4, 12) : lineOfText(all ? 'It fires in none of the pictures.' : 'References were not logged.', 580, theme));
    const label = best ? (best.label === null ? '' : latentName(best.label, best.label_share ?? 0)) : '';
    return stacked([
      lineOfText(['A', `latent ${panel.selection.latent}`, givenName(panel, panel.selection.latent)].filter(Boolean).join('  ·  '), 580, theme, { strong: true }),
      grid(of, mine),
      lineOfText(best ? ['B', `latent ${best.latent}`, label, `cosine ${fixed(best.cosine, 2)}`].filter(Boolean).join('  ·  ') : 'B has no counterpart', 580, theme, { strong: true }),
      ...(best ? [grid(theirs, references)] : []),
    ]);
  },
  table: (panel) => ({
    columns: [column('rank', 'the nearest first'), column('other_latent', 'number in B'), column('cosine', 'of the decoder rows'), column('label', 'label with most of its activation'), column('image_frequency', 'share of pictures it fires in')],
    rows: counterpartOf(panel).counterparts.map((one, i) => [i + 1, one.latent, one.cosine, one.label, one.frequency]),
  }),
};

export const DICTIONARY_PAIR_FIGURES = [verdict, cosines, latents, side];
