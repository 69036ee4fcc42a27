import { html, nothing } from '../vendor/lit.js';
import { basketOfSpec, steeringSpec } from '../basket.js';
import '../elements/copied_text.js';
import '../elements/sheet.js';
import { Panel, SLIDERS } from './base/panel.js';
import { askRun } from './base/requests.js';
import { askSteered } from './compare/requests.js';

/** The basket, or what a result was steered by, as a steering spec, to run it where the model is. */
export class SpecPanel extends Panel {
  static indifferentTo = SLIDERS;
  constructor() {
    super();
    this.run = this.query((store, api) => (this.open ? askRun(store, api) : null));
    this.result = this.query((store, api) => (store.session.sheet === 'result-spec' ? askSteered(store, api) : null));
  }

  get open() {
    return ['spec', 'result-spec'].includes(this.store.session.sheet);
  }

  render() {
    return html`<vs-sheet .open=${this.open} label="Steering spec" .content=${this.open ? this.renderContent() : nothing}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }

  renderContent() {
    const ofResult = this.store.session.sheet === 'result-spec';
    if (ofResult && !this.result.value?.steering) return nothing;
    const spec = ofResult ? this.result.value.steering : steeringSpec(this.selection, this.run.value?.picture ?? null);
    const prompt = this.run.value?.prompt ?? '…';
    return html`<p>Save it as <code>spec.json</code> and run, where the model is:</p>
      <p><code class="command">visualscratchpad run --vlm MODEL --sae SAE --image PICTURE --prompt ${JSON.stringify(prompt)} --steer spec.json --json --logdir LOGDIR</code></p>
      <vs-copied .text=${JSON.stringify(spec, null, 1)} .rows=${12} label="Steering spec" action="Copy spec"></vs-copied>
      ${ofResult ? this.renderUse(this.result.value) : nothing}
      <p class="note">A link to this view, with its basket and result, is under “Share view”.</p>`;
  }

  /** The result's spec goes into the basket. */
  renderUse({ name, steering }) {
    const patch = basketOfSpec(steering, name);
    return html`<button type="button" class="button" @click=${() => {
      this.store.set(patch);
      this.store.setSession({ sheet: null, notice: null });
    }}>Use this spec</button>`;
  }
}

customElements.define('vs-spec', SpecPanel);
