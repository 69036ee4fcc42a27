import { html } from '../vendor/lit.js';
import { live } from '../vendor/lit.js';
import { histogram } from './histogram.js';

/**
 * A range input over a histogram on a logarithmic scale.
 * @param {{label: string, text: string, low: number, high: number, value: number, counts: number[], off: 'low'|'high', offValue: number,
 *   onChange: (value: number) => void}} given `low`, `high`: log10 of the ends; `value` and `offValue` as the user reads them;
 *   at the end named by `off` the threshold lets everything pass
 */
export function threshold({ label, text, low, high, value, counts, off, offValue, onChange }) {
  const STEPS = 200;
  const position =
    value === offValue
      ? off === 'low'
        ? 0
        : STEPS
      : Math.round((STEPS * (Math.log10(value) - low)) / Math.max(1e-9, high - low));
  const change = (event) => {
    const step = Number(event.target.value);
    if (step === (off === 'low' ? 0 : STEPS)) onChange(offValue);
    else onChange(Number((10 ** (low + ((high - low) * step) / STEPS)).toPrecision(3)));
  };
  return html`<label class="threshold"><span class="name">${label}</span><b>${text}</b>
    <span class="slider">${histogram(counts)}<input type="range" min="0" max=${STEPS} step="1" .value=${live(String(position))}
      aria-valuetext=${text} @input=${change}></span></label>`;
}
