import { html, svg } from '../vendor/lit.js';

export const caret = html`<svg class="caret" viewBox="0 0 8 8" aria-hidden="true"><path d="M1 2.5 4 5.5 7 2.5" fill="none" stroke="currentColor" stroke-width="1.4"/></svg>`;

export const mark = html`<svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
  <rect x="1" y="1" width="18" height="18" rx="4" fill="#0b2347"/><rect x="4" y="4" width="5" height="5" rx="1" fill="#3b496c"/>
  <rect x="11" y="4" width="5" height="5" rx="1" fill="#8a8678"/><rect x="4" y="11" width="5" height="5" rx="1" fill="#8a8678"/>
  <rect x="11" y="11" width="5" height="5" rx="1" fill="#fee838"/></svg>`;

export const reload = html`<svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"
  stroke-linecap="round" aria-hidden="true"><path d="M13.2 8a5.2 5.2 0 1 1-1.6-3.8"/><path d="M13.4 1.8v3h-3"/></svg>`;

const drawn = (paths) => html`<svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"
  stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${paths}</svg>`;

export const share = drawn(svg`<path d="M6.6 9.4a3 3 0 0 0 4.3 0l2.2-2.2a3 3 0 0 0-4.3-4.3l-.9.9"/><path
  d="M9.4 6.6a3 3 0 0 0-4.3 0L2.9 8.8a3 3 0 0 0 4.3 4.3l.9-.9"/>`);

export const search = drawn(svg`<circle cx="7" cy="7" r="4.3"/><path d="m10.3 10.3 3.2 3.2"/>`);

export const question = drawn(svg`<path d="M5.7 5.8a2.3 2.3 0 1 1 3.4 2c-.8.5-1.1.9-1.1 1.8"/><path d="M8 12.6v.01"/>`);

export const halfMoon = drawn(svg`<circle cx="8" cy="8" r="5.6"/><path d="M8 2.4a5.6 5.6 0 0 1 0 11.2z" fill="currentColor"/>`);

export const cross = drawn(svg`<path d="m4.5 4.5 7 7m0-7-7 7"/>`);

export const plus = drawn(svg`<path d="M8 3v10M3 8h10"/>`);

export const pictures = drawn(svg`<rect x="2" y="4.5" width="9.5" height="8.5" rx="1.2"/><path d="M4.8 2.5h8a1.2 1.2 0 0 1 1.2 1.2v6.8M2.4 11.6l2.8-3 2 2 1.5-1.4 2.4 2.6"/>`);

export const frame = drawn(svg`<path d="M3 6V3h3m4 0h3v3m0 4v3h-3m-4 0H3v-3"/>`);

export const walk = drawn(svg`<circle cx="3.5" cy="12.5" r="1.5"/><path d="M5 12.5h5a2.25 2.25 0 0 0 0-4.5H6a2.25 2.25 0 0 1 0-4.5h4.5"/><path d="m9 1.5 2.2 2L9 5.5"/>`);

export const bookmark = drawn(svg`<path d="M4.5 2.5h7v11L8 10.7l-3.5 2.8z"/>`);

export const pin = drawn(svg`<path d="M8 2.2 13.2 8 8 13.8 2.8 8z"/>`);

export const pinned = drawn(svg`<path d="M8 2.2 13.2 8 8 13.8 2.8 8z" fill="currentColor"/>`);

export const notebook = drawn(svg`<path d="M4 2.5h8.5v11H4zM6.5 2.5v11M8.8 6h1.6M8.8 8.4h1.6"/>`);

export const eye = drawn(svg`<path d="M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8z"/><circle cx="8" cy="8" r="1.9"/>`);

export const eyeOff = drawn(svg`<path d="M6.3 4c.5-.1 1.1-.2 1.7-.2 4 0 6.2 4.2 6.2 4.2s-.6 1.1-1.7 2.2M9.9 11.9c-.6.2-1.2.3-1.9.3-4 0-6.2-4.2-6.2-4.2s.8-1.5 2.3-2.8M2.5 2.5l11 11"/>`);
export const enlarge = drawn(svg`<path d="M9.5 3H13v3.5M13 3 9.2 6.8M6.5 13H3V9.5M3 13l3.8-3.8"/>`);

export const save = drawn(svg`<path d="M8 2.5v7.2M5 6.9l3 3 3-3M3 12.8h10"/>`);
