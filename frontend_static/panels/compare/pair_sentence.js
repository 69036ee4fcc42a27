import { html, nothing } from '../../vendor/lit.js';
import { counted, fixed, percent, tokenText, whole } from '../../elements/format.js';

/** @param {{text: string}} word */
const quoted = ({ text }) => html`<b class="mono">${tokenText(text)}</b>`;

/** @param {number|null} logprob @returns {string} a probability; two digits of its power where it is small */
function likely(logprob) {
  if (logprob === null) return 'no logged probability';
  const p = Math.exp(logprob);
  return p >= 0.0001 ? percent(p) : 'under 0.01 %';
}

/** Settings that differ, as words in a row. @param {any} pair */
function differing({ settings }) {
  const names = settings.filter(({ differs, name }) => differs && name !== 'Answer ends').map(({ name }) => (name === 'SAE' ? name : name.toLowerCase()));
  if (!names.length) return 'Nothing that was logged of their settings differs.';
  const last = names.pop();
  return html`They differ in <b>${names.length ? `${names.join(', ')} and ${last}` : last}</b>.`;
}

function renderParting({ first, second, parting }) {
  const { number, first_in_second: firstInSecond, second_in_first: secondInFirst } = parting;
  const [mine, theirs] = [first.words[number], second.words[number]];
  if (!mine) return html`A ends after ${counted(number, 'word')}; B goes on with ${quoted(theirs)}.`;
  if (!theirs) return html`B ends after ${counted(number, 'word')}; A goes on with ${quoted(mine)}.`;
  const given = [
    secondInFirst === null ? nothing : html`; A gave ${quoted(theirs)} <b>${likely(secondInFirst)}</b> there`,
    firstInSecond === null ? nothing : html`; B gave ${quoted(mine)} <b>${likely(firstInSecond)}</b>${secondInFirst === null ? ' there' : ''}`,
  ];
  return html`They part at word ${whole(number + 1)}: A says ${quoted(mine)} (<b>${likely(mine.logprob)}</b>), B ${quoted(theirs)} (<b>${likely(theirs.logprob)}</b>)${given}.`;
}

/** The result of a pair, first. @param {any} pair as `run_pair` answers */
export function pairSentence(pair) {
  const { first, second, steps, parting, largest_change: largest } = pair;
  const [n, m] = [first.words.length, second.words.length];
  if (!n && !m) return html`Neither run said anything. ${differing(pair)}`;
  const kept = steps.filter(([change]) => change === 'kept').length;
  if (parting === null) {
    const word = largest && first.words[steps[largest.place][1]];
    return html`Both answers are the same, word by word: <b>${counted(n, 'word')}</b>. ${
      !largest
        ? nothing
        : Math.abs(largest.change) < 0.005
          ? html`No log-probability changes by as much as <b>0.01 nat</b>. `
          : html`The log-probability that changes most is that of ${quoted(word)}, by <b>${largest.change > 0 ? '+' : ''}${fixed(largest.change, 2)} nat</b>. `
    }${differing(pair)}`;
  }
  if (!kept) return html`The answers have <b>no word in common</b>: ${counted(n, 'word')} of A, ${whole(m)} of B. ${renderParting(pair)} ${differing(pair)}`;
  return html`<b>${whole(kept)} of ${counted(n, 'word')}</b> of A ${kept === 1 ? 'is' : 'are'} in B’s ${whole(m)}, in their order. ${renderParting(pair)} ${differing(pair)}`;
}
