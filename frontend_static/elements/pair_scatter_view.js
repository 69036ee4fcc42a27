import { PairScatter } from '../plots/pair_scatter.js';
import { PlotView } from './plot_view.js';

/** C in A against C in B. Emits `pick` with a point's index. `describe(index)` gives {content, spoken}. */
export class PairScatterView extends PlotView {
  static properties = { data: { attribute: false }, selected: { attribute: false }, describe: { attribute: false } };

  constructor() {
    super();
    this.selected = -1;
  }

  makePlot(container) {
    return new PairScatter(container, {
      onHover: (index, at) => {
        this.tip = index >= 0 && at ? { at, ...this.describe(index) } : null;
      },
      onChoose: (index) => this.emit('pick', index),
    });
  }

  feed(changed, fresh) {
    if (fresh || changed.has('data') || changed.has('theme')) this.plot.setData(this.data, this.theme);
    this.plot.setSelected(this.selected);
  }
}

customElements.define('vs-pair-scatter', PairScatterView);
