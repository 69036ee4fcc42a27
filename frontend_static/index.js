import { Actions } from './actions.js';
import { Api } from './api.js';
import { showResult } from './arrivals.js';
import { divergingGradient } from './color/diverging.js';
import { sequentialGradient } from './color/sequential.js';
import { applyTokens } from './color/tokens.js';
import { followDense } from './dense.js';
import { Address, followReload, hostWindow, Theme } from './host.js';
import { Jobs } from './jobs.js';
import { KeptSelections } from './kept_selections.js';
import { browserStorage, NamedValues } from './named_values.js';
import { NotesHome, notesServer } from './notes_home.js';
import { App } from './panels/app.js';
import './panels/ask_panel.js';
import './panels/attention_panel.js';
import './panels/compare/answers_panel.js';
import './panels/compare/contributions_panel.js';
import './panels/compare/dictionary_latents_panel.js';
import './panels/compare/dictionary_panels.js';
import './panels/compare/dose_panel.js';
import './panels/compare/elsewhere_panel.js';
import './panels/compare/pair_answers_panel.js';
import './panels/compare/pair_attention_panel.js';
import './panels/compare/pair_latents_panel.js';
import './panels/compare/pair_settings_panel.js';
import './panels/compare/pair_verdict_panel.js';
import './panels/compare/sweep_panel.js';
import './panels/compare/verdict_panel.js';
import './panels/dense_panel.js';
import './panels/cluster_list_panel.js';
import './panels/diagnosis_panel.js';
import './panels/dock_panel.js';
import './panels/export/export_menu.js';
import './panels/export/print_view.js';
import './panels/failures/ablation_panel.js';
import './panels/failures/items_panel.js';
import './panels/failures/summary_panel.js';
import './panels/failures/telling_panel.js';
import './panels/find_panel.js';
import './panels/gallery_panel.js';
import './panels/growth_panel.js';
import './panels/heads_panel.js';
import './panels/health_panel.js';
import './panels/inspector_panel.js';
import './panels/keys_panel.js';
import './panels/latent_curves_panel.js';
import './panels/latent_notes_panel.js';
import './panels/map_panel.js';
import './panels/matrix_panel.js';
import './panels/notes_panel.js';
import './panels/notices.js';
import './panels/pictures_panel.js';
import './panels/ranking_panel.js';
import './panels/sae_check_panel.js';
import './panels/selections_panel.js';
import './panels/share_panel.js';
import './panels/spec_panel.js';
import './panels/statistics_panel.js';
import './panels/token_panel.js';
import './panels/top_bar.js';
import './panels/truth_panel.js';
import './panels/walk_panel.js';
import './panels/worker_panel.js';
import { Store } from './store.js';

const SHEETS = [
  'base', 'elements', 'frame', 'scratchpad', 'dictionary', 'growth', 'curves', 'compare', 'steering', 'failures', 'notes', 'attention',
  'pairs', 'health', 'walk', 'outlines', 'export', 'starts', 'print',
];

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

/** @returns {Storage|null} what lasts as long as this browser tab; null where the browser keeps nothing */
function tabStorage() {
  try {
    return window.sessionStorage;
  } catch {
    return null; // forbidden by the user: a job is then not found again after a reload, its result is
  }
}

/** Draws the tab into this document. TensorBoard calls it once, in a frame of its own. */
export async function render() {
  document.documentElement.lang = 'en';
  document.title = 'Visual Scratchpad';
  const host = hostWindow();
  const address = new Address(host);
  const storage = browserStorage();
  const api = new Api();
  const actions = new Actions();
  const home = new NotesHome(storage, notesServer(api, actions));
  const store = new Store(address, new NamedValues(storage), new KeptSelections(home));
  home.onChange = () => store.tell();
  home.onFallen = () => store.setSession({ told: Object.freeze({ ...store.session.told, notes: `Notes and selections: ${home.sentence}` }) });
  store.subscribe(() => {
    const { dictionary } = store.selection;
    const isThere = store.dictionaryEntry || store.runEntry?.dictionary_id === dictionary;
    home.follow(isThere ? dictionary : null);
  });
  window.addEventListener('focus', () => home.refresh());
  window.addEventListener('storage', () => home.changed()); // another tab of this browser kept something
  followDense(store, api);
  const showTheme = (shown, ownTheme) => {
    applyTokens(document.documentElement, shown, sequentialGradient(shown));
    document.documentElement.style.setProperty('--diverging', divergingGradient(shown));
    store.setSession({ theme: shown, ownTheme });
  };
  const theme = new Theme(host, storage, showTheme);
  await Promise.all(SHEETS.map(linkSheet));
  const app = new App();
  app.store = store;
  app.api = api;
  store.jobs = new Jobs(store, actions, tabStorage(), (job) => showResult(store, app.api, job));
  app.addEventListener('theme', () => theme.toggle());
  app.addEventListener('print-theme', ({ detail }) => showTheme(detail, store.session.ownTheme));
  document.body.append(app);
  address.onChange(() => {
    store.readAddress();
    store.settle();
  });
  followReload(() => app.list());
  store.jobs.begin();
}
