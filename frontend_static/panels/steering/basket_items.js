import { html, live } from '../../vendor/lit.js';
import { itemName, OPERATIONS } from '../../basket.js';
import { counted, fixed } from '../../elements/format.js';
import { select } from '../../elements/select.js';

const STEPS = 40;
const LARGEST_SCALE = 2;

/**
 * The slider's ends; a number typed may lie beyond them.
 * @param {import('../../basket.js').BasketItem} item @param {number} typical a strong activation of its latents
 * @returns {[number, number]}
 */
export function sliderEnds({ op }, typical) {
  if (op === 'SCALE') return [0, LARGEST_SCALE];
  return op === 'SET' ? [0, typical] : [-typical, typical];
}

/**
 * One intervention of the basket; `given` is the user's name for a single latent.
 * @param {{item: import('../../basket.js').BasketItem, given?: string, color: string, typical: number,
 *   onChange: (patch: object, how?: {asNew: boolean}) => void, onRemove: () => void}} given
 */
export function basketItem({ item, given = '', color, typical, onChange, onRemove }) {
  const name = itemName(item);
  const [low, high] = sliderEnds(item, typical);
  const at = Math.round((STEPS * (Math.min(high, Math.max(low, item.value)) - low)) / (high - low));
  const slide = (event) => {
    const value = low + ((high - low) * Number(event.target.value)) / STEPS;
    onChange({ value: Number(value.toPrecision(3)) }, { asNew: false });
  };
  const type = (event) => {
    const value = Number(event.target.value);
    if (event.target.value !== '' && Number.isFinite(value)) onChange({ value });
    else event.target.value = String(item.value);
  };
  return html`<li class="basket-item" data-latents=${item.latents.join('.')}>
    <i class="dot" .style=${`background:${color}`}></i>
    ${
      item.name === null
        ? html`<b>${item.latents[0]}</b>${given ? html`<span class="given" title=${given}>${given}</span>` : ''}`
        : html`<b>${item.name || 'cluster'}</b><span class="k">${counted(item.latents.length, 'latent')}</span>`
    }
    <span class="operation">${
      item.name === null
        ? select({
            label: `What to do with ${name}`,
            options: OPERATIONS.map((op) => [op, op]),
            value: item.op,
            onChange: (op) => onChange({ op }),
          })
        : html`<span title="The latents of a cluster have different scales, so it is scaled; 0 takes it away">SCALE</span>`
    }<input type="number" step="any" .value=${live(String(item.value))} aria-label="Value for ${name}" @change=${type}></span>
    <input class="value" type="range" min="0" max=${STEPS} step="1" .value=${live(String(at))} aria-label="Slider for ${name}"
      aria-valuetext=${fixed(item.value, 2)} @input=${slide}>
    <button type="button" class="remove" aria-label="Remove ${name}" @click=${onRemove}>✕</button></li>`;
}
