import { LatentMapPlot } from '../plots/latent_map.js';
import { StatisticsScatter } from '../plots/statistics_scatter.js';
import { PlotView } from './plot_view.js';

/** A point per latent. Emits `pick` latent, `lasso` latents, `clear`; the scatter `cutoff` {name, value}. `describe(latent)` gives {content, spoken}. */
class CloudView extends PlotView {
  static properties = {
    data: { attribute: false },
    selected: { attribute: false },
    chosen: { attribute: false },
    describe: { attribute: false },
    pinned: { attribute: false },
    hiddenLatents: { attribute: false },
  };

  handlers() {
    return {
      onHover: (latent, at) => {
        this.tip = latent >= 0 && at ? { at, ...this.describe(latent) } : null;
      },
      onPick: (latent) => this.emit('pick', latent),
      onLasso: (latents) => this.emit('lasso', latents),
      onClear: () => this.emit('clear', null),
    };
  }

  setData() {}

  feed(changed, fresh) {
    this.plot.setHidden(this.hiddenLatents ?? null);
    this.plot.setPinned(this.pinned ?? []);
    if (fresh || changed.has('data') || changed.has('theme')) this.setData();
    this.plot.setSelected(this.selected ?? -1, this.chosen ?? []);
  }
}

export class ScatterView extends CloudView {
  static properties = { regions: { attribute: false } };

  makePlot(container) {
    return new StatisticsScatter(container, {
      ...this.handlers(),
      onCutoff: (name, value) => this.emit('cutoff', { name, value }),
    });
  }

  setData() {
    this.plot.setData(this.data, this.theme);
  }

  feed(changed, fresh) {
    super.feed(changed, fresh);
    this.plot.setRegions(this.regions);
  }
}

export class LatentMapView extends CloudView {
  makePlot(container) {
    return new LatentMapPlot(container, this.handlers());
  }

  setData() {
    this.plot.setData(this.data, this.theme);
  }
}

customElements.define('vs-scatter', ScatterView);
customElements.define('vs-latent-map', LatentMapView);
