import { sequentialTable } from '../color/sequential.js';
import { clusterColors } from '../color/categories.js';
import { MONO, TOKENS } from '../color/tokens.js';
import { treeNodes } from './dendrogram.js';
import { paintBands, paintFootNames, paintTree } from './matrix_clusters.js';
import { listenToMatrix } from './matrix_input.js';
import { columnX, matrixLayout } from './matrix_layout.js';
import { drawText, Surface } from './surface.js';

/**
 * The token x latent heatmap: cells as one ImageData, a dendrogram over them, words at the left, the words' attention on
 * the picture at the right, the columns' largest C below.
 *
 * @typedef {Object} MatrixData
 * @property {Float32Array} value [T, C] 0...1 @property {number} nRows @property {number} nColumns
 * @property {{ordinal: string, text: string}[]} rows
 * @property {(number|null)[]} mass [T] attention on the picture, null where undefined
 * @property {boolean[]} gapAfter [T] @property {Float32Array} columnMax [C]
 * @property {{start: number, count: number, name: string, kind: string}[]} clusters
 * @property {Float64Array} linkage [C-1, 4] or empty @property {number} cut
 *
 * @typedef {{row: number, column: number}} Cell
 */

const BAND_GAP = 1.5;

/** @param {Uint8ClampedArray} table [256, 3] @returns {Uint32Array} [256] opaque, as ImageData holds them in memory */
function packedColors(table) {
  const bytes = new Uint8Array(4 * 256).fill(255);
  for (let i = 0; i < 256; i++) bytes.set(table.subarray(3 * i, 3 * i + 3), 4 * i);
  return new Uint32Array(bytes.buffer);
}

export class MatrixPlot {
  /**
   * @param {HTMLElement} container positioned, sized by its parent
   * @param {{onHover: (cell: Cell|null, at: {x: number, y: number}|null) => void, onPick: (cell: Cell) => void,
   *   onCut: (height: number) => void, onClear: () => void, onCluster: (cluster: number) => void}} handlers
   */
  constructor(container, handlers) {
    this.container = container;
    this.handlers = handlers;
    this.columns = { first: 0, span: Infinity };
    this.scroll = 0;
    this.theme = 'light';
    this.selected = { row: -1, column: -1 };
    /** @type {readonly number[]} */
    this.among = [];
    /** @type {Cell|null} */
    this.cursor = null;
    /** @type {MatrixData|null} */
    this.data = null;
    /** @type {{cluster: number, x0: number, x1: number, y0: number, y1: number}[]} where clusters' names and bands are */
    this.names = [];
    this.surface = new Surface(container, (...args) => this.paint(...args));
    listenToMatrix(this);
  }

  /** @param {MatrixData} data @param {'light'|'dark'} theme */
  setData(data, theme) {
    if (!this.data || this.data.nColumns !== data.nColumns) this.columns = { first: 0, span: Infinity };
    this.data = data;
    this.theme = theme;
    this.nodes = data.linkage.length ? treeNodes(data.linkage) : [];
    this.topHeight = Math.max(data.cut * 1.15, ...this.nodes.map(({ height }) => height));
    this.colors = clusterColors(data.clusters, theme);
    this.cells = this.paintCells();
    this.cursor = null;
    this.surface.request();
  }

  /** @param {Cell} cell row or column -1 for none @param {readonly number[]} [among] rows of words that are taken together */
  setSelected(cell, among = []) {
    const moved = cell.row !== this.selected.row || cell.column !== this.selected.column;
    const others = among.join() !== this.among.join();
    if (!moved && !others) return;
    this.selected = cell;
    this.among = among;
    if (!moved) {
      this.surface.request();
      return;
    }
    if (this.data?.nRows && this.surface.height && (cell.row >= 0 || cell.column >= 0)) {
      const { first } = this.layout().columns;
      this.reveal({ row: Math.max(0, cell.row), column: cell.column < 0 ? Math.ceil(first) : cell.column });
    }
    this.surface.request();
  }

  layout() {
    const { nRows, nColumns, gapAfter } = this.data;
    const layout = matrixLayout({
      width: this.surface.width,
      height: this.surface.height,
      nRows,
      nColumns,
      gapAfter,
      tree: this.nodes.length > 0,
      columns: this.columns,
    });
    this.scroll = Math.min(Math.max(this.scroll, 0), Math.max(0, layout.contentHeight - layout.height));
    return layout;
  }

  /** @returns {OffscreenCanvas} one pixel per cell */
  paintCells() {
    const { value, nRows, nColumns } = this.data;
    const canvas = new OffscreenCanvas(Math.max(nColumns, 1), Math.max(nRows, 1));
    if (!nRows || !nColumns) return canvas;
    const image = new ImageData(nColumns, nRows);
    const table = packedColors(sequentialTable(this.theme));
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < value.length; i++) {
      const share = value[i];
      pixels[i] = table[share <= 0 ? 0 : share >= 1 ? 255 : (255 * share + 0.5) | 0];
    }
    canvas.getContext('2d').putImageData(image, 0, 0);
    return canvas;
  }

  /** @param {CanvasRenderingContext2D} g @param {number} width */
  paint(g, width) {
    if (!this.data || !this.data.nRows || !this.data.nColumns) return;
    const layout = this.layout();
    const tokens = TOKENS[this.theme];
    if (this.nodes.length) this.cutY = paintTree(this, g, layout, tokens);
    this.unplaced = paintBands(this, g, layout, tokens, width);
    this.paintRows(g, layout, tokens, width);
    this.paintFoot(g, layout, tokens);
    this.paintSelection(g, layout, tokens);
  }

  paintRows(g, layout, tokens, width) {
    const { nRows, rows, mass, clusters } = this.data;
    const { left, top, width: cells, rowHeight, rowTop, columns } = layout;
    const most = Math.max(1e-9, ...mass.map((m) => m ?? 0));
    g.save();
    g.beginPath();
    g.rect(0, top, width, layout.height);
    g.clip();
    g.imageSmoothingEnabled = false;
    for (let row = 0; row < nRows; row++) {
      const y = top + rowTop[row] - this.scroll;
      if (y + rowHeight < top || y > top + layout.height) continue;
      g.drawImage(this.cells, columns.first, row, columns.span, 1, left, y, cells, rowHeight + 0.35);
    }
    // the card's colour between clusters, over the cells
    g.fillStyle = tokens.panel;
    if (clusters.length * 4 < cells) {
      for (const { start } of clusters) {
        const x = Math.round(columnX(layout, start));
        if (start > 0 && x > left && x < left + cells) g.fillRect(x - 0.5 - BAND_GAP / 2, top, BAND_GAP, layout.height);
      }
    }
    for (let row = 0; row < nRows; row++) {
      const y = top + rowTop[row] - this.scroll;
      if (y + rowHeight < top || y > top + layout.height) continue;
      this.paintRowLabel(g, rows[row], row, y, rowHeight, left, tokens);
      if (mass.length) {
        const x = left + cells + 6;
        const full = width - x - 2;
        g.fillStyle = tokens.line;
        g.fillRect(x, y + rowHeight / 2 - 2, full, 4);
        g.fillStyle = row === this.selected.row || this.among.includes(row) ? tokens.accent : tokens.bar;
        if (mass[row] !== null) g.fillRect(x, y + rowHeight / 2 - 2, (full * mass[row]) / most, 4);
      }
    }
    g.restore();
    if (layout.contentHeight > layout.height + 1) {
      const share = layout.height / layout.contentHeight;
      g.fillStyle = tokens.lineStrong;
      g.fillRect(width - 2, top + (this.scroll / layout.contentHeight) * layout.height, 2, share * layout.height);
    }
  }

  paintRowLabel(g, { ordinal, text }, row, y, rowHeight, left, tokens) {
    const on = row === this.selected.row;
    const hovered = this.cursor?.row === row;
    if (on || this.among.includes(row)) {
      g.fillStyle = on ? tokens.accent : tokens.accentSoft;
      g.beginPath();
      g.roundRect(left - 80, y, 74, rowHeight, 3);
      g.fill();
    }
    const ink = on ? tokens.accentInk : hovered ? tokens.ink : tokens.ink2;
    const size = Math.min(12, Math.max(11, rowHeight - 1));
    const font = `${on || hovered ? '700' : '400'} ${size}px ${MONO}`;
    g.font = font;
    const room = 62 - 7 * ordinal.length;
    let letters = [...text];
    while (letters.length > 2 && g.measureText(letters.join('')).width > room) letters = [...letters.slice(0, -2), '…'];
    const shown = letters.join('');
    drawText(g, ordinal, left - 76, y + rowHeight / 2 + 0.5, { color: on ? tokens.accentInk : tokens.ink3 });
    drawText(g, shown, left - 10, y + rowHeight / 2 + 0.5, { color: ink, font, align: 'right' });
  }

  paintFoot(g, layout, tokens) {
    const { columnMax, nColumns } = this.data;
    const bottom = layout.top + layout.height + 6 + layout.barHeight;
    let most = 1e-9;
    for (const value of columnMax) most = Math.max(most, value);
    drawText(g, 'largest C', layout.left - 12, bottom - 7, { color: tokens.ink3, align: 'right' });
    drawText(g, most.toFixed(1), layout.left + layout.width + 6, bottom - 7, { color: tokens.ink3 });
    const { first, span } = layout.columns;
    const inset = Math.min(0.5, layout.columnWidth / 6);
    for (let column = Math.floor(first); column < Math.min(nColumns, first + span); column++) {
      const x = columnX(layout, column);
      const tall = Math.max(1, (layout.barHeight * columnMax[column]) / most);
      g.fillStyle = column === this.selected.column ? tokens.accent : tokens.bar2;
      g.fillRect(x + inset, bottom - tall, Math.max(0.6, layout.columnWidth - 2 * inset), tall);
    }
    paintFootNames(this, g, layout, tokens, bottom);
  }

  paintSelection(g, layout, tokens) {
    const { left, top, width, height, rowHeight, rowTop, columnWidth } = layout;
    const { row, column } = this.selected;
    const frame = (x, y, w, h, color) => {
      g.strokeStyle = tokens.halo;
      g.lineWidth = 3.5;
      g.strokeRect(x, y, w, h);
      g.strokeStyle = color;
      g.lineWidth = 1.5;
      g.strokeRect(x, y, w, h);
    };
    g.save();
    g.beginPath();
    g.rect(left - 3, top - 3, width + 6, height + 6);
    g.clip();
    if (column >= 0)
      frame(columnX(layout, column) - 0.75, top - 1, Math.max(columnWidth, 3) + 1.5, height + 2, tokens.accent);
    if (row >= 0)
      frame(left - 0.75, top + rowTop[row] - this.scroll - 0.75, width + 1.5, rowHeight + 1.5, tokens.accent);
    if (this.cursor) {
      const x = columnX(layout, this.cursor.column);
      const y = top + rowTop[this.cursor.row] - this.scroll;
      g.fillStyle = this.theme === 'dark' ? 'rgba(255,255,255,.12)' : 'rgba(27,31,38,.09)';
      g.fillRect(x, top, columnWidth, height);
      g.fillRect(left, y, width, rowHeight);
      frame(x, y, Math.max(columnWidth, 3), rowHeight, tokens.ink);
    }
    g.restore();
    if (column >= 0 && columnX(layout, column) >= left - 1 && columnX(layout, column) < left + width) {
      const x = columnX(layout, column) + columnWidth / 2;
      g.fillStyle = tokens.accent;
      g.beginPath();
      g.moveTo(x - 4, top + height + 6.5);
      g.lineTo(x + 4, top + height + 6.5);
      g.lineTo(x, top + height + 1.5);
      g.fill();
    }
  }

  /** @param {{x: number, y: number}} at @returns {number|null} the cluster whose name or band is there */
  clusterAt({ x, y }) {
    const hit = this.names.find(({ x0, x1, y0, y1 }) => x >= x0 && x <= x1 && y >= y0 && y <= y1);
    return hit ? hit.cluster : null;
  }

  /** @param {number} factor above 1 shows more columns @param {number} around column that stays in place */
  zoom(factor, around) {
    const { first, span } = this.layout().columns;
    const next = Math.min(this.data.nColumns, Math.max(8, span * factor));
    this.columns = {
      first: Math.max(0, Math.min(this.data.nColumns - next, around - ((around - first) / span) * next)),
      span: next,
    };
    this.surface.request();
  }

  /** Scrolls so that a cell is in view. @param {Cell} cell */
  reveal({ row, column }) {
    const layout = this.layout();
    const y = layout.rowTop[row];
    if (y < this.scroll) this.scroll = y;
    if (y + layout.rowHeight > this.scroll + layout.height) this.scroll = y + layout.rowHeight - layout.height;
    const { first, span } = layout.columns;
    if (column < first) this.columns = { first: column, span };
    if (column + 1 > first + span) this.columns = { first: column + 1 - span, span };
    this.surface.request();
  }

  /** @param {Cell|null} cell @param {{x: number, y: number}|null} at on the page */
  moveCursor(cell, at) {
    const same = cell?.row === this.cursor?.row && cell?.column === this.cursor?.column;
    this.cursor = cell;
    if (!same) this.surface.request();
    if (!same || cell) this.handlers.onHover(cell, at);
  }

  destroy() {
    this.surface.destroy();
  }
}
