import { Api } from './api.js';
import { sequentialGradient } from './color/sequential.js';
import { applyTokens } from './color/tokens.js';
import { Address, followReload, followTheme, hostWindow } from './host.js';
import { App } from './panels/app.js';
import './panels/attention_panel.js';
import './panels/gallery_panel.js';
import './panels/health_panel.js';
import './panels/inspector_panel.js';
import './panels/map_panel.js';
import './panels/matrix_panel.js';
import './panels/notices.js';
import './panels/ranking_panel.js';
import './panels/statistics_panel.js';
import './panels/token_panel.js';
import './panels/top_bar.js';
import { Store } from './store.js';

const SHEETS = ['base', 'elements', 'scratchpad', 'dictionary'];

/** @param {string} name @returns {Promise<void>} when it is loaded */
function linkSheet(name) {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = new URL(`./styles/${name}.css`, import.meta.url).href;
  const done = new Promise((resolve, reject) => {
    link.addEventListener('load', () => resolve());
    link.addEventListener('error', () => reject(new Error(`The style sheet ${link.href} did not load.`)));
  });
  document.head.append(link);
  return done;
}

/** Draws the tab into this document. TensorBoard calls it once, in a frame of its own. */
export async function render() {
  document.documentElement.lang = 'en';
  document.title = 'Visual Scratchpad';
  const host = hostWindow();
  const address = new Address(host);
  const store = new Store(address);
  followTheme(host, (theme) => {
    applyTokens(document.documentElement, theme, sequentialGradient(theme));
    store.setSession({ theme });
  });
  await Promise.all(SHEETS.map(linkSheet));
  const app = new App();
  app.store = store;
  app.api = new Api();
  document.body.append(app);
  address.onChange(() => {
    store.readAddress();
    store.settle();
  });
  followReload(() => app.list());
}
