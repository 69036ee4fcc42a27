import { html, nothing } from '../vendor/lit.js';

/**
 * The frame of a panel. Its export control (panels/export/) shows itself where the panel has a figure or data to save.
 * @param {{title: unknown, lead?: unknown, sub?: unknown, controls?: unknown, body: unknown, foot?: unknown, label: string, busy?: boolean, late?: boolean}} given
 *   `lead`: controls that follow the title; `busy`: what is shown belongs to the former choice, and is being replaced; `late`: that takes long enough to be seen
 */
export function card({ title, lead = nothing, sub = nothing, controls = nothing, body, foot = nothing, label, busy = false, late = false }) {
  return html`<section class="card" aria-label=${label} aria-busy=${String(busy)}>
    <header class="card-head"><h2>${title}</h2>${lead}<span class="sub">${sub}</span><span class="controls">${controls}<vs-export-button></vs-export-button></span></header>
    <div class="card-body ${late ? 'stale' : ''}">${body}</div>${foot}
  </section>`;
}

/** @param {string} sentence @param {unknown} [more] a command or a button */
export function emptyState(sentence, more = nothing) {
  return html`<div class="state"><p>${sentence}</p>${more}</div>`;
}

/**
 * What a card shows for an answer that may be missing, late or wrong.
 * @param {{value: any, error: Error|null, slow: boolean, retry: () => void}} query
 * @param {(value: any) => unknown} show
 * @param {unknown} [outline] of what comes, as large as that will be, where its size is known
 */
export function answered(query, show, outline = nothing) {
  if (query.error) {
    const told = html`<div class="state error" role="alert"><p>${query.error.message}</p>
      <button type="button" class="button small" @click=${() => query.retry()}>Retry</button></div>`;
    return outline === nothing ? told : html`<div class="over-outline">${outline}${told}</div>`;
  }
  if (query.value === undefined) {
    return html`<div class="state loading" aria-hidden=${String(!query.slow)}>${outline === nothing ? html`<div class="outline"></div>` : outline}
      ${query.slow ? html`<p role="status">Loading…</p>` : nothing}</div>`;
  }
  return show(query.value);
}
