import { html } from '../vendor/lit.js';

export const caret = html`<svg class="caret" viewBox="0 0 8 8" aria-hidden="true"><path d="M1 2.5 4 5.5 7 2.5" fill="none" stroke="currentColor" stroke-width="1.4"/></svg>`;

export const mark = html`<svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
  <rect x="1" y="1" width="18" height="18" rx="4" fill="#0b2347"/><rect x="4" y="4" width="5" height="5" rx="1" fill="#3b496c"/>
  <rect x="11" y="4" width="5" height="5" rx="1" fill="#8a8678"/><rect x="4" y="11" width="5" height="5" rx="1" fill="#8a8678"/>
  <rect x="11" y="11" width="5" height="5" rx="1" fill="#fee838"/></svg>`;

export const reload = html`<svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"
  stroke-linecap="round" aria-hidden="true"><path d="M13.2 8a5.2 5.2 0 1 1-1.6-3.8"/><path d="M13.4 1.8v3h-3"/></svg>`;
