/**
 * Marks of a verdict: a sign and a word, for colour alone tells not everybody.
 *
 * @typedef {'wrong'|'look'|'well'|'unknown'} Verdict
 * @typedef {{key: string, title: string, verdict: Verdict, figure: string, sentence: string, remedy: string, source: string, n_latents: number}} Check
 */

/** @type {Readonly<Record<Verdict, string>>} */
export const MARK_OF = Object.freeze({ wrong: '✕', look: '△', well: '✓', unknown: '?' });

/** @type {Readonly<Record<Verdict, string>>} */
export const WORD_OF = Object.freeze({ wrong: 'wrong', look: 'worth a look', well: 'well', unknown: 'not known' });
