import { StepCurves } from '../plots/step_curves.js';
import { PlotView } from './plot_view.js';

/**
 * Curves over training steps. Emits `step` with the number of a chosen step, and `drag` with each that the pointer, held down, passes. `describe(point)` gives {content, spoken}; a point without a
 * chart was reached by key.
 */
export class StepCurvesView extends PlotView {
  static properties = { data: { attribute: false }, shown: { attribute: false }, describe: { attribute: false } };

  constructor() {
    super();
    this.shown = null;
  }

  makePlot(container) {
    return new StepCurves(container, {
      onHover: (point, at) => {
        this.tip = point && at ? { at, ...this.describe(point) } : null;
      },
      onStep: (step, dragged) => this.emit(dragged ? 'drag' : 'step', step),
    });
  }

  feed(changed, fresh) {
    if (fresh || changed.has('data') || changed.has('theme')) this.plot.setData(this.data, this.theme);
    this.plot.setShown(this.shown);
  }
}

customElements.define('vs-step-curves', StepCurvesView);
