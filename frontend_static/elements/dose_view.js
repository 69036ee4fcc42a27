import { DosePlot } from '../plots/dose_plot.js';
import { PlotView } from './plot_view.js';

/** Words over doses. Emits `pick` with the number of a word in `data.words`. `describe(point)` gives {content, spoken}. */
export class DoseView extends PlotView {
  static properties = { data: { attribute: false }, chosen: { attribute: false }, describe: { attribute: false } };

  makePlot(container) {
    return new DosePlot(container, {
      onHover: (point, at) => {
        this.tip = point && at ? { at, ...this.describe(point) } : null;
      },
      onPick: (word) => this.emit('pick', word),
    });
  }

  feed(changed, fresh) {
    if (fresh || changed.has('data') || changed.has('theme')) this.plot.setData(this.data, this.theme);
    this.plot.setSelected(this.chosen);
  }
}

customElements.define('vs-dose-plot', DoseView);
