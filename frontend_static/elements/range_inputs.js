import { html, live, nothing } from '../vendor/lit.js';

const STEPS = 400;

/**
 * A scale between two ends, logarithmic or not.
 * @param {number} low @param {number} high @param {boolean} log both ends are then above 0
 */
export function scaleOf(low, high, log) {
  const [a, b] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  const span = b - a || 1;
  return {
    low,
    high,
    /** @param {number} value */
    step: (value) => Math.round((STEPS * ((log ? Math.log10(Math.max(value, 1e-12)) : value) - a)) / span),
    /** The ends are themselves, so that nothing at an end falls out by rounding. @param {number} step */
    value: (step) => {
      if (step <= 0) return low;
      if (step >= STEPS) return high;
      const x = a + (span * step) / STEPS;
      return Number((log ? 10 ** x : x).toPrecision(3));
    },
  };
}

/**
 * One named value. @param {{label: string, text: string, scale: ReturnType<typeof scaleOf>, value: number,
 *   onChange: (value: number) => void}} given
 */
export function rangeInput({ label, text, scale, value, onChange }) {
  return html`<label class="range-row"><span>${label}</span><input type="range" min="0" max=${STEPS} step="1"
      .value=${live(String(scale.step(value)))} aria-valuetext=${text}
      @input=${(event) => onChange(scale.value(Number(event.target.value)))}><b>${text}</b></label>`;
}

/**
 * From one value to another; null is the whole scale.
 * @param {{label: string, write: (value: number) => string, scale: ReturnType<typeof scaleOf>|null,
 *   range: [number, number]|null, onChange: (range: [number, number]|null) => void}} given `scale` null: nothing to choose from
 */
export function rangePair({ label, write, scale, range, onChange }) {
  if (!scale) return nothing;
  const [from, to] = range ?? [scale.low, scale.high];
  const change = (low, high) => {
    const whole = low <= scale.low && high >= scale.high;
    onChange(whole ? null : [Math.min(low, high), Math.max(low, high)]);
  };
  const input = (name, value, set) => html`<input type="range" min="0" max=${STEPS} step="1"
    .value=${live(String(scale.step(value)))} aria-label="${label} ${name}" aria-valuetext=${write(value)}
    @input=${(event) => set(scale.value(Number(event.target.value)))}>`;
  return html`<div class="range-row" role="group" aria-label=${label}><span>${label}</span>
    <span class="pair">${input('from', from, (value) => change(value, Math.max(value, to)))}${input('to', to, (value) => change(Math.min(from, value), value))}</span>
    <b>${range ? `${write(from)} – ${write(to)}` : 'all'}</b></div>`;
}
