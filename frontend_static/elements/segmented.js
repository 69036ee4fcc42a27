import { html } from '../vendor/lit.js';

/**
 * A row of buttons of which one is pressed.
 * @param {{label: string, options: [string, string][], value: string, onChange: (value: string) => void}} given
 *   `options`: value and text
 */
export function segmented({ label, options, value, onChange }) {
  return html`<span class="seg" role="group" aria-label=${label}>${options.map(
    ([key, text]) => html`
    <button type="button" aria-pressed=${String(key === value)} @click=${() => onChange(key)}>${text}</button>`,
  )}</span>`;
}
