import { MatrixPlot } from '../plots/matrix.js';
import { PlotView } from './plot_view.js';

/** The heatmap. Emits `pick` {row, column}, `cut` height, `cluster` index, `clear`. `describe(cell)` gives {content, spoken}. */
export class MatrixView extends PlotView {
  static properties = { data: { attribute: false }, selected: { attribute: false }, among: { attribute: false }, describe: { attribute: false } };

  makePlot(container) {
    return new MatrixPlot(container, {
      onHover: (cell, at) => {
        this.tip = cell && at ? { at, ...this.describe(cell) } : null;
      },
      onPick: (cell) => this.emit('pick', cell),
      onCut: (height) => this.emit('cut', height),
      onCluster: (cluster) => this.emit('cluster', cluster),
      onClear: () => this.emit('clear', null),
    });
  }

  feed(changed, fresh) {
    if (fresh || changed.has('data') || changed.has('theme')) this.plot.setData(this.data, this.theme);
    this.plot.setSelected(this.selected, this.among);
  }
}

customElements.define('vs-matrix', MatrixView);
