import { html } from '../vendor/lit.js';

/**
 * A small native choice.
 * @param {{label: string, options: [string, string][], value: string, onChange: (value: string) => void, disabled?: boolean,
 *   title?: string}} given
 */
export function select({ label, options, value, onChange, disabled = false, title = '' }) {
  return html`<select class="select" aria-label=${label} title=${title} ?disabled=${disabled}
      @change=${(event) => onChange(event.target.value)}>
    ${options.map(([key, text]) => html`<option value=${key} ?selected=${key === value}>${text}</option>`)}
  </select>`;
}
