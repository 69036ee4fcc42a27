/**
 * Where rows and columns of the heatmap lie, in CSS pixels; no drawing, so that hits and tests share it.
 *
 * @typedef {Object} MatrixLayout
 * @property {number} left @property {number} top @property {number} width @property {number} height of the cells' window
 * @property {number} rowHeight @property {number} columnWidth @property {number} contentHeight of all rows with gaps
 * @property {Float32Array} rowTop [T] before scrolling, from `top`
 * @property {{first: number, span: number}} columns the columns in view
 * @property {number} dendrogramBottom @property {number} bandTop @property {number} barHeight of the bars below
 */

export const MARGIN = { left: 84, right: 58, band: 26, foot: 44 };
const GAP = 5;
const MIN_GAP = 2;
const MIN_ROW = 11;
/** Where rows would have to scroll, the tree and the gaps give way first, down to this height of the tree. */
const MIN_TREE = 28;
/** Rows of a short answer grow up to this, so that the card is not left empty. */
const MAX_ROW = 28;
const MAX_TREE = 208;
/** Bars of the columns' largest C: so tall in `MARGIN.foot`, and taller where few rows leave room. */
const BAR = 18;
const MAX_BAR = 144;

/**
 * @param {{width: number, height: number, nRows: number, nColumns: number, gapAfter: boolean[], tree: boolean,
 *   columns: {first: number, span: number}}} given `gapAfter`: a gap follows that row (the end of a sentence)
 * @returns {MatrixLayout}
 */
export function matrixLayout({ width, height, nRows, nColumns, gapAfter, tree, columns }) {
  const nGaps = gapAfter.slice(0, -1).filter(Boolean).length;
  const usual = tree ? Math.min(88, Math.max(36, height * 0.115)) : 0;
  const frame = MARGIN.band + 4 + MARGIN.foot;
  const missing = Math.max(0, usual + frame + nGaps * GAP + nRows * MIN_ROW - height);
  const gap = Math.max(MIN_GAP, GAP - missing / Math.max(1, nGaps));
  const gaps = nGaps * gap;
  const least = Math.min(usual, Math.max(MIN_TREE, height - frame - gaps - nRows * MIN_ROW));
  // the tree takes what the largest rows leave over
  const over = height - least - frame - gaps - nRows * MAX_ROW;
  const dendrogramBottom = tree ? Math.min(MAX_TREE, least + Math.max(0, over)) : 0;
  const top = dendrogramBottom + MARGIN.band + 4;
  const window = Math.max(MIN_ROW, height - top - MARGIN.foot);
  const rowHeight = Math.min(MAX_ROW, Math.max(MIN_ROW, (window - gaps) / Math.max(nRows, 1)));
  const rowTop = new Float32Array(nRows);
  let y = 0;
  for (let row = 0; row < nRows; row++) {
    rowTop[row] = y;
    y += rowHeight + (gapAfter[row] && row < nRows - 1 ? gap : 0);
  }
  const span = Math.min(Math.max(columns.span, 1), Math.max(nColumns, 1));
  const first = Math.min(Math.max(columns.first, 0), Math.max(nColumns - span, 0));
  const cells = Math.max(1, width - MARGIN.left - MARGIN.right);
  return {
    left: MARGIN.left,
    top,
    width: cells,
    height: Math.min(window, y),
    rowHeight,
    contentHeight: y,
    rowTop,
    columnWidth: cells / span,
    columns: { first, span },
    dendrogramBottom,
    bandTop: dendrogramBottom + 19,
    barHeight: Math.max(BAR, Math.min(MAX_BAR, BAR + height - top - Math.min(window, y) - MARGIN.foot)),
  };
}

/** @param {MatrixLayout} layout @param {number} column may be fractional @returns {number} its left edge */
export function columnX(layout, column) {
  return layout.left + (column - layout.columns.first) * layout.columnWidth;
}

/**
 * @param {MatrixLayout} layout @param {number} x @param {number} y @param {number} scroll pixels scrolled down
 * @returns {{row: number, column: number}|null} the cell there; null in gaps and outside
 */
export function cellAt(layout, x, y, scroll) {
  if (x < layout.left || x >= layout.left + layout.width || y < layout.top || y >= layout.top + layout.height)
    return null;
  const column = Math.floor(layout.columns.first + (x - layout.left) / layout.columnWidth);
  const inside = y - layout.top + scroll;
  let row = layout.rowTop.length - 1;
  while (row >= 0 && layout.rowTop[row] > inside) row--;
  if (row < 0 || inside >= layout.rowTop[row] + layout.rowHeight) return null;
  return { row, column };
}
