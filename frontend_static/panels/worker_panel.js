import { html, nothing } from '../vendor/lit.js';
import '../elements/copied_text.js';
import { whole } from '../elements/format.js';
import '../elements/sheet.js';
import { Panel } from './base/panel.js';
import { workerCommand } from './steering/worker_command.js';

/** Who runs the model: the worker's state in a sentence, and how to start one. */
export class WorkerPanel extends Panel {
  renderFacts({ vlm_name: vlm, sae_name: sae, device, limits, run }) {
    const fact = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
    return html`<dl class="facts-list">${fact('Model', vlm)}${fact('Dictionary', sae)}${fact('Device', device)}${fact('Logs into', run)}
      ${limits?.new_tokens ? fact('New tokens, at most', whole(limits.new_tokens)) : nothing}</dl>`;
  }

  renderContent() {
    const { worker } = this.store.session;
    if (!worker) return html`<p role="status">Looking for a worker.</p>`;
    return html`<p data-value="worker-sentence">${worker.sentence}</p>
      ${worker.worker ? this.renderFacts(worker.worker) : nothing}
      ${
        worker.state === 'none' || worker.state === 'unreachable'
          ? html`<p>A worker holds the model and answers for this tab. Start one where the model is:</p>
            <vs-copied .text=${workerCommand(this.store)} label="Command that starts a worker" action="Copy command"></vs-copied>`
          : nothing
      }
      <button type="button" class="button small" @click=${() => this.store.jobs?.askWorker({ now: true })}>Look again</button>`;
  }

  render() {
    const open = this.store.session.sheet === 'worker';
    return html`<vs-sheet .open=${open} label="Worker" .content=${open ? this.renderContent() : nothing}
      @close=${() => this.store.setSession({ sheet: null })}></vs-sheet>`;
  }
}

customElements.define('vs-worker', WorkerPanel);
