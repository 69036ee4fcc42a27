/**
 * Several answers to one question in one raster: a column for each word of the original, and between them for what others
 * say in addition; broken into lines after sentences.
 *
 * @typedef {['kept'|'replaced'|'left_out'|'new', number|null, number|null]} DiffStep one place of the original answer and another
 *   one: what became of the word, its number in the original, its number in the other; null where one says nothing there
 *
 * @typedef {{word: number}|{before: number, place: number}} Column a word of the original, or the `place`-th addition before it
 * @typedef {{change: 'kept'|'replaced'|'left_out'|'new', other: number|null}|null} Cell null: nothing is said there
 */

/**
 * @param {number} nWords of the original @param {DiffStep[][]} rows an alignment for each row
 * @returns {{columns: Column[], cells: Cell[][]}} `cells` [row][column]
 */
export function alignAnswers(nWords, rows) {
  const atWord = rows.map(() => new Array(nWords).fill(null));
  const added = rows.map(() => Array.from({ length: nWords + 1 }, () => []));
  rows.forEach((steps, row) => {
    let before = 0;
    for (const [change, original, other] of steps) {
      if (original === null) added[row][before].push({ change, other });
      else {
        atWord[row][original] = { change, other };
        before = original + 1;
      }
    }
  });
  const columns = [];
  for (let word = 0; word <= nWords; word++) {
    const most = Math.max(0, ...added.map((places) => places[word].length));
    for (let place = 0; place < most; place++) columns.push({ before: word, place });
    if (word < nWords) columns.push({ word });
  }
  const cells = rows.map((_, row) =>
    columns.map((column) =>
      'word' in column ? atWord[row][column.word] : (added[row][column.before][column.place] ?? null),
    ),
  );
  return { columns, cells };
}

/** @param {string} text of a token @returns {boolean} a sentence ends with it */
export const endsSentence = (text) => /[.!?。！？]\s*$|\n/.test(text);

/**
 * Breaks columns into as few lines as fit, after sentences where a sentence fits into a line; among those the lines
 * whose longest is shortest.
 * @param {number[]} widths of the columns @param {boolean[]} endAfter a sentence ends with this column @param {number} room
 * @returns {[number, number][]} first and last column of each line, inclusive
 */
export function breakLines(widths, endAfter, room) {
  const pieces = [];
  let start = 0;
  let width = 0;
  widths.forEach((w, i) => {
    if (width + w > room && i > start) {
      pieces.push({ first: start, last: i - 1, width });
      start = i;
      width = 0;
    }
    width += w;
    if (endAfter[i] || i === widths.length - 1) {
      pieces.push({ first: start, last: i, width });
      start = i + 1;
      width = 0;
    }
  });
  // best[n]: for the first n pieces, fewest lines, then shortest longest line, and where the last of them begins
  const best = [{ lines: 0, longest: 0, from: 0 }];
  for (let n = 1; n <= pieces.length; n++) {
    best[n] = { lines: Infinity, longest: Infinity, from: n - 1 };
    let sum = 0;
    for (let from = n - 1; from >= 0; from--) {
      sum += pieces[from].width;
      if (sum > room && from < n - 1) break;
      const lines = best[from].lines + 1;
      const longest = Math.max(best[from].longest, sum);
      if (lines < best[n].lines || (lines === best[n].lines && longest < best[n].longest)) {
        best[n] = { lines, longest, from };
      }
    }
  }
  const lines = [];
  for (let n = pieces.length; n > 0; n = best[n].from) lines.unshift([pieces[best[n].from].first, pieces[n - 1].last]);
  return lines;
}
