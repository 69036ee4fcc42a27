import { html, nothing } from '../vendor/lit.js';
import { scaleGradient } from '../plots/image_overlay.js';

/** @param {number} x a multiple @returns {string} such as `38×`, `2.4×`, `0.03×` */
export function times(x) {
  const digits = x >= 10 || x === 0 ? 0 : x >= 0.995 ? 1 : x >= 0.0995 ? 2 : 3;
  return `${x.toFixed(digits)}×`;
}

/**
 * What the colours of a map stand for: zero at the left, the end of the scale at the right, and where the outline is drawn.
 * @param {{mode: 'spotlight'|'heat'|'off', top: number, text: string, unit: string, peak: number, title: string, controls?: unknown}} given
 *   `text`: `top` as text; `peak`: of this map, at half of which its outline lies
 */
export function scaleBar({ mode, top, text, unit, peak, title, controls = nothing }) {
  if (mode === 'off' || !(top > 0)) return nothing;
  const half = Math.min(1, peak / 2 / top);
  return html`<div class="scale" title=${title}><span class="scale-of" role="img" aria-label="Colours from 0 to ${text} ${unit}"><span>0</span>
      <i class="scale-ramp" .style=${`background:${scaleGradient(mode)}`}><i class="scale-half" .style=${`left:${100 * half}%`}></i></i>
      <span><b data-value="scale-top">${text}</b> ${unit}</span></span>${controls}</div>`;
}
