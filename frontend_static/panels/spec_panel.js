import { html, nothing } from '../vendor/lit.js';
import { steeringSpec } from '../basket.js';
import '../elements/copied_text.js';
import '../elements/sheet.js';
import { Panel, SLIDERS } from './base/panel.js';
import { askRun } from './base/requests.js';

/** The basket as a steering spec, to run it where the model is. */
export class SpecPanel extends Panel {
  static indifferentTo = SLIDERS;
  constructor() {
    super();
    this.run = this.query((store, api) => (store.session.sheet === 'spec' ? askRun(store, api) : null));
  }

  render() {
    const open = this.store.session.sheet === 'spec';
    return html`<vs-sheet .open=${open} label="Steering spec" .content=${open ? this.renderContent() : nothing}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }

  renderContent() {
    const { basket, scope, errorTerm } = this.selection;
    const spec = steeringSpec(basket, scope, errorTerm, this.run.value?.picture ?? null);
    return html`<p>Save it as <code>spec.json</code> and run, where the model is:</p>
      <p><code class="command">visualscratchpad run --vlm MODEL --sae SAE --image PICTURE --prompt "…" --steer spec.json --logdir LOGDIR</code></p>
      <vs-copied .text=${JSON.stringify(spec, null, 1)} .rows=${12} label="Steering spec" action="Copy spec"></vs-copied>`;
  }
}

customElements.define('vs-spec', SpecPanel);
