import { html, nothing } from '../vendor/lit.js';

/**
 * A row of buttons of which one is pressed.
 * @param {{label: string, options: ([string, string]|[string, string, string])[], value: string, onChange: (value: string) => void}} given
 *   `options`: value, text, and what the pointer is told of it
 */
export function segmented({ label, options, value, onChange }) {
  return html`<span class="seg" role="group" aria-label=${label}>${options.map(
    ([key, text, told]) => html`
    <button type="button" title=${told ?? nothing} aria-pressed=${String(key === value)} @click=${() => onChange(key)}>${text}</button>`,
  )}</span>`;
}
