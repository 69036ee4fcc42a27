import { laidOut } from '../../plots/figure_sheet.js';
import { withTexts } from '../../plots/png_text.js';
import { SvgContext } from '../../plots/svg_context.js';
import { aboutFigure, captionOf, fileName } from './about.js';
import { csvText, jsonText } from './data_file.js';

/**
 * A figure or its data as a file.
 *
 * @typedef {import('./description.js').Description} Description
 * @typedef {'png'|'svg'|'csv'|'json'} Kind
 * @typedef {{name: string, blob: Blob}} SavedFile
 */

/** Pixels per CSS pixel of a PNG. */
const RATIO = 2;
/** Browsers draw no canvas longer than this. */
const LONGEST_SIDE = 16_000;

const MIME = { svg: 'image/svg+xml', csv: 'text/csv;charset=utf-8', json: 'application/json' };

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
function pngOf(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('This browser could not make a PNG of the figure: save it as SVG.'))), 'image/png');
  });
}

/**
 * @param {Description} description @param {any} panel that shows it @param {Kind} kind @param {'light'|'dark'} theme
 * @returns {Promise<SavedFile>} @throws an Error with a sentence where it cannot be made
 */
export async function fileOf(description, panel, kind, theme) {
  const title = description.title(panel);
  const about = await aboutFigure(panel.store, panel.api, {
    title,
    scope: description.scope,
    facts: description.facts?.(panel),
    settings: description.settings,
    alone: description.alone?.(panel),
    dense: description.dense,
  });
  const name = `${fileName(about, description.name)}.${kind}`;
  if (kind === 'csv' || kind === 'json') {
    const table = await description.table(panel);
    return { name, blob: new Blob([kind === 'csv' ? csvText(table, about) : jsonText(table, about)], { type: MIME[kind] }) };
  }
  const body = await description.body(panel, theme);
  const caption = captionOf(about, description.reading(panel));
  const sheet = laidOut({ title, sub: description.sub?.(panel) ?? '', body, caption, theme });
  const told = caption.filter(Boolean).join('\n');
  if (kind === 'svg') {
    const context = new SvgContext(sheet.width, sheet.height);
    sheet.paint(context);
    return { name, blob: new Blob([context.toSvg({ title, description: told })], { type: MIME.svg }) };
  }
  const ratio = Math.min(RATIO, LONGEST_SIDE / Math.max(sheet.width, sheet.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(sheet.width * ratio);
  canvas.height = Math.round(sheet.height * ratio);
  const g = canvas.getContext('2d');
  g.scale(ratio, ratio);
  sheet.paint(g);
  const plain = new Uint8Array(await (await pngOf(canvas)).arrayBuffer());
  const texts = { Title: title, Description: told, Software: String(about.tool), Source: JSON.stringify(about.view) };
  return { name, blob: new Blob([withTexts(plain, texts, ratio)], { type: 'image/png' }) };
}

/** Has the browser save it. @param {SavedFile} file */
export function download({ name, blob }) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // the browser reads it after the click
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @returns {string|null} why a picture cannot be copied here */
export function whyNoCopy() {
  if (!window.isSecureContext) return 'Pictures can only be copied on localhost or over https: save it as PNG.';
  if (!navigator.clipboard?.write || typeof ClipboardItem === 'undefined') return 'This browser copies no pictures: save it as PNG.';
  return null;
}

/** Browsers take a promise, so that the copy still counts as the user's. @param {Promise<Blob>} png */
export async function copyPicture(png) {
  await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
}
