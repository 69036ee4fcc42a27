/**
 * A plot as it is shown, drawn anew on something else: another size, another theme, a canvas of twice the pixels, a vector file.
 *
 * @typedef {import('../plots/figure_sheet.js').Body} Body
 */

/** What is only of the moment, and of no figure. */
const PASSING = new Set(['tip', 'label']);

/**
 * @param {any} view a PlotView that shows something, or a small scatter
 * @param {{theme: 'light'|'dark', width: number, height: number, patch?: Record<string, unknown>}} wanted `patch`: properties that differ
 * @returns {Promise<Body>} with the zoom of the one that is shown
 */
export async function copyOfPlot(view, { theme, width, height, patch = {} }) {
  const copy = /** @type {any} */ (document.createElement(view.localName));
  for (const key of view.constructor.elementProperties.keys()) if (!PASSING.has(key)) copy[key] = view[key];
  Object.assign(copy, { theme }, patch);
  const studio = document.createElement('div');
  studio.className = 'studio';
  studio.setAttribute('aria-hidden', 'true');
  studio.append(copy);
  document.body.append(studio);
  try {
    await copy.updateComplete;
    const { plot } = copy;
    if (view.plot.home && view.plot.view !== view.plot.home) plot.view = view.plot.view;
    if (view.plot.columns) plot.columns = { ...view.plot.columns };
    plot.surface.pin(width, height);
    return { width, height, draw: (g) => plot.paint(g, width, height, 2) };
  } finally {
    studio.remove();
  }
}
