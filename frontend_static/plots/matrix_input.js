import { heightOfShare } from './dendrogram.js';
import { cellAt, columnX, MARGIN } from './matrix_layout.js';

/** @param {{name: string, count: number}} cluster */
function titleOf({ name, count }) {
  return `Add ${name ? `cluster ${name}` : 'this cluster'} (${count === 1 ? '1 latent' : `${count} latents`}) to the basket`;
}

/**
 * Pointer, wheel and keys of the heatmap: hover and arrows move the cursor, a click or Enter chooses, a click on a cluster's
 * name hands it on, the cut is dragged,
 * the wheel scrolls rows (with Shift columns, with Ctrl it zooms).
 * @param {import('./matrix.js').MatrixPlot} plot
 */
export function listenToMatrix(plot) {
  const { container } = plot;
  const place = (event) => {
    const box = container.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const onCut = ({ x, y }) =>
    plot.nodes?.length && Math.abs(y - plot.cutY) < 7 && x > MARGIN.left - 60 && y < plot.layout().dendrogramBottom;
  let cutting = false;
  plot.surface.listen('pointerdown', (event) => {
    if (!plot.data || !onCut(place(event))) return;
    cutting = true;
    container.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  plot.surface.listen('pointermove', (event) => {
    if (!plot.data?.nColumns) return;
    const at = place(event);
    if (cutting) {
      const { dendrogramBottom: bottom } = plot.layout();
      plot.handlers.onCut(heightOfShare((bottom - 2 - at.y) / (bottom - 10), plot.topHeight));
      return;
    }
    const cluster = onCut(at) ? null : plot.clusterAt(at);
    container.style.cursor = onCut(at) ? 'ns-resize' : cluster === null ? 'default' : 'pointer';
    container.title = cluster === null ? '' : titleOf(plot.data.clusters[cluster]);
    plot.moveCursor(cellAt(plot.layout(), at.x, at.y, plot.scroll), { x: event.clientX, y: event.clientY });
  });
  const stop = () => {
    cutting = false;
  };
  plot.surface.listen('pointerup', stop);
  plot.surface.listen('pointercancel', stop);
  plot.surface.listen('pointerleave', () => plot.moveCursor(null, null));
  plot.surface.listen('blur', () => plot.moveCursor(null, null));
  plot.surface.listen('click', (event) => {
    if (!plot.data?.nColumns) return;
    const at = place(event);
    const cell = cellAt(plot.layout(), at.x, at.y, plot.scroll);
    const cluster = onCut(at) ? null : plot.clusterAt(at);
    if (cell) plot.handlers.onPick(cell);
    else if (cluster !== null) plot.handlers.onCluster(cluster);
  });
  plot.surface.listen(
    'wheel',
    (event) => {
      if (!plot.data?.nColumns) return;
      const layout = plot.layout();
      if (event.ctrlKey) {
        const share = (place(event).x - layout.left) / layout.width;
        plot.zoom(Math.exp(event.deltaY / 200), layout.columns.first + share * layout.columns.span);
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        plot.columns = {
          first: layout.columns.first + (event.deltaX || event.deltaY) / layout.columnWidth,
          span: layout.columns.span,
        };
      } else if (layout.contentHeight > layout.height + 1) {
        plot.scroll += event.deltaY;
      } else {
        return;
      }
      event.preventDefault();
      plot.surface.request();
    },
    { passive: false },
  );
  plot.surface.listen('keydown', (event) => onKey(plot, event));
}

/** @param {import('./matrix.js').MatrixPlot} plot @param {KeyboardEvent} event */
function onKey(plot, event) {
  if (!plot.data?.nRows || !plot.data.nColumns || event.ctrlKey || event.metaKey || event.altKey) return;
  const { nRows, nColumns } = plot.data;
  const from = plot.cursor ?? { row: Math.max(0, plot.selected.row), column: Math.max(0, plot.selected.column) };
  const steps = {
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    Home: [0, -nColumns],
    End: [0, nColumns],
  };
  if (event.key in steps) {
    const [dy, dx] = plot.cursor ? steps[event.key] : [0, 0];
    const cell = {
      row: Math.min(nRows - 1, Math.max(0, from.row + dy)),
      column: Math.min(nColumns - 1, Math.max(0, from.column + dx)),
    };
    plot.reveal(cell);
    const layout = plot.layout();
    const box = plot.container.getBoundingClientRect();
    plot.moveCursor(cell, {
      x: box.left + columnX(layout, cell.column) + layout.columnWidth,
      y: box.top + layout.top + layout.rowTop[cell.row] - plot.scroll + layout.rowHeight,
    });
  } else if (event.key === 'Enter' && plot.cursor) {
    plot.handlers.onPick(plot.cursor);
  } else if (event.key === '+' || event.key === '=') {
    plot.zoom(0.7, from.column + 0.5);
  } else if (event.key === '-') {
    plot.zoom(1 / 0.7, from.column + 0.5);
  } else if (event.key === '0') {
    plot.columns = { first: 0, span: Infinity };
    plot.surface.request();
  } else if (event.key === 'Escape') {
    if (plot.cursor) plot.moveCursor(null, null);
    else plot.handlers.onClear();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}
