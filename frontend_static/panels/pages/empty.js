import { html } from '../../vendor/lit.js';

/** The page of a log directory without evidence: what to run. */
export function emptyPage() {
  const line = (text, command) => html`<dt>${text}</dt><dd><code>${command}</code></dd>`;
  return html`<main class="page"><section class="card empty-page" aria-label="No evidence yet">
    <h2>No evidence yet</h2>
    <p>This log directory holds no run and no dictionary of Visual Scratchpad. Write some into it; they appear here by themselves.</p>
    <dl>
      ${line('See it with the small model that comes along', 'visualscratchpad demo --logdir LOGDIR --no-serve')}
      ${line('Explain one answer of your own model', 'visualscratchpad run --vlm MODEL --sae SAE --image PICTURE --prompt "What is this?" --logdir LOGDIR')}
      ${line('Learn what a dictionary’s latents stand for', 'visualscratchpad statistics --vlm MODEL --sae SAE --images FOLDER --logdir LOGDIR')}
    </dl>
    <p class="note">LOGDIR is the folder TensorBoard was started with (<code>--logdir</code>).</p>
  </section></main>`;
}
