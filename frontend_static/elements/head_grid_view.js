import { HeadGrid } from '../plots/head_grid.js';
import { PlotView } from './plot_view.js';

/** All heads in small. Emits `pick` {layer, head}. `describe(cell)` gives {content, spoken}. */
export class HeadGridView extends PlotView {
  static properties = { data: { attribute: false }, how: { attribute: false }, describe: { attribute: false } };

  makePlot(container) {
    return new HeadGrid(container, {
      onHover: (cell, at) => {
        this.tip = cell && at ? { at, ...this.describe(cell) } : null;
      },
      onPick: (cell) => this.emit('pick', cell),
    });
  }

  feed() {
    this.plot.setData(this.data, { ...this.how, theme: this.theme });
  }
}

customElements.define('vs-head-grid', HeadGridView);
