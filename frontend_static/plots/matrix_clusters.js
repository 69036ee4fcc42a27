import { SMALL_CLUSTER } from '../color/categories.js';
import { SANS } from '../color/tokens.js';
import { heightShare } from './dendrogram.js';
import { columnX } from './matrix_layout.js';
import { drawText } from './surface.js';

/**
 * How the heatmap shows its clusters: the tree with its cut, a band and a name for each.
 *
 * @typedef {import('./matrix.js').MatrixPlot} MatrixPlot
 * @typedef {import('./matrix_layout.js').MatrixLayout} MatrixLayout
 * @typedef {Record<string, string>} Tokens colours of the theme
 */

/**
 * @param {MatrixPlot} plot @param {CanvasRenderingContext2D} g @param {MatrixLayout} layout @param {Tokens} tokens
 * @returns {number} y of the cut
 */
export function paintTree(plot, g, layout, tokens) {
  const { dendrogramBottom: bottom, left, width: cells } = layout;
  const y = (value) => bottom - 2 - heightShare(value, plot.topHeight) * (bottom - 10);
  const clusterOf = clusterOfColumn(plot.data);
  g.save();
  g.beginPath();
  g.rect(left, 0, cells, bottom);
  g.clip();
  for (const node of plot.nodes) {
    const below = node.height <= plot.data.cut;
    g.strokeStyle = below ? (plot.colors[clusterOf[node.first]] ?? tokens.faint) : tokens.faint;
    g.lineWidth = below ? 1 : 1.25;
    g.beginPath();
    g.moveTo(columnX(layout, node.left), y(node.leftHeight));
    g.lineTo(columnX(layout, node.left), y(node.height));
    g.lineTo(columnX(layout, node.right), y(node.height));
    g.lineTo(columnX(layout, node.right), y(node.rightHeight));
    g.stroke();
  }
  g.restore();
  const cut = Math.round(y(plot.data.cut)) + 0.5;
  g.setLineDash([3, 3]);
  g.strokeStyle = tokens.accent;
  g.lineWidth = 1;
  g.beginPath();
  g.moveTo(left - 8, cut);
  g.lineTo(left + cells + 4, cut);
  g.stroke();
  g.setLineDash([]);
  g.fillStyle = tokens.accent;
  g.beginPath();
  g.arc(left + cells + 8, cut, 4, 0, 7);
  g.fill();
  drawText(g, `cut ${plot.data.cut.toFixed(2)}`, left - 12, cut, { color: tokens.accent, align: 'right' });
  return cut;
}

/** @returns {Int32Array} [C] number of each column's cluster, -1 for none */
function clusterOfColumn(data) {
  const of = new Int32Array(data.nColumns).fill(-1);
  data.clusters.forEach(({ start, count }, i) => of.fill(i, start, start + count));
  return of;
}

/**
 * @param {MatrixPlot} plot @param {CanvasRenderingContext2D} g @param {MatrixLayout} layout @param {Tokens} tokens
 * @param {number} width of the whole plot
 * @returns {{name: string, x: number, cluster: number}[]} names that did not fit over their band
 */
export function paintBands(plot, g, layout, tokens, width) {
  const right = layout.left + layout.width;
  const unplaced = [];
  plot.names = [];
  plot.data.clusters.forEach(({ start, count, name }, i) => {
    const a = Math.max(layout.left, columnX(layout, start));
    const b = Math.min(right, columnX(layout, start + count));
    if (b <= a) return;
    g.fillStyle = plot.colors[i];
    plot.names.push({ cluster: i, x0: a, x1: Math.max(b, a + 3), y0: layout.bandTop - 17, y1: layout.bandTop + 6 });
    g.fillRect(a + 0.5, layout.bandTop, Math.max(1.5, b - a - 1), 4);
    g.font = `600 12px ${SANS}`;
    // there may be hundreds of bands, each of a pixel
    const wide = b - a > 4 && count >= SMALL_CLUSTER ? g.measureText(name).width : Infinity;
    if (b - a > wide + 4) {
      drawText(g, name, a + 1, layout.bandTop - 9, { color: tokens.ink, font: `600 12px ${SANS}` });
      if (b - a > wide + 30) drawText(g, String(count), a + wide + 7, layout.bandTop - 8.5, { color: tokens.ink3 });
    } else if (name) {
      unplaced.push({ name, x: (a + b) / 2, cluster: i });
    }
  });
  if (plot.data.mass.length) {
    drawText(g, 'on picture', width - 2, layout.bandTop - 9, { color: tokens.ink3, align: 'right' });
  }
  return unplaced;
}

/**
 * Names that do not fit over their band, below the cells with a leader; those that would overlap are left out.
 * @param {MatrixPlot} plot @param {CanvasRenderingContext2D} g @param {MatrixLayout} layout @param {Tokens} tokens
 * @param {number} bottom y of the base line of the columns' bars
 */
export function paintFootNames(plot, g, layout, tokens, bottom) {
  let free = layout.left;
  g.font = `11px ${SANS}`;
  for (const { name, x, cluster } of plot.unplaced) {
    if (free - x > 56) continue;
    const wide = g.measureText(name).width;
    const at = Math.max(free, Math.min(x - wide / 2, layout.left + layout.width - wide));
    if (at - (x - wide / 2) > 56 || at + wide > layout.left + layout.width + 1) continue;
    g.strokeStyle = tokens.lineStrong;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(x, bottom + 2);
    g.lineTo(at + wide / 2, bottom + 7);
    g.stroke();
    drawText(g, name, at, bottom + 14, { color: tokens.ink2 });
    plot.names.push({ cluster, x0: at - 3, x1: at + wide + 3, y0: bottom + 7, y1: bottom + 21 });
    free = at + wide + 10;
  }
}
