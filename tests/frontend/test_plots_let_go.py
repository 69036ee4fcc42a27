"""A plot that is taken out of its container leaves nothing there that hears of it, and one put in again hears once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

PLOTS = {
    "step_curves": "new (await import('/plots/step_curves.js')).StepCurves(box, { onHover() {}, onStep() {} })",
    "dose_plot": "new (await import('/plots/dose_plot.js')).DosePlot(box, { onHover() {}, onPick() {} })",
    "matrix": "new (await import('/plots/matrix.js')).MatrixPlot(box, { onHover() {}, onPick() {}, onCut() {}, onCluster() {} })",
    "latent_map": "new (await import('/plots/latent_map.js')).LatentMapPlot(box, { onHover() {}, onPick() {}, onLasso() {} })",
}


@pytest.mark.parametrize("plot", PLOTS)
def test_a_destroyed_plot_hears_nothing(page: Page, plot: str) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def listeners() -> int:
        session.send("HeapProfiler.collectGarbage")
        return next(int(one["value"]) for one in session.send("Performance.getMetrics")["metrics"] if one["name"] == "JSEventListeners")

    page.evaluate("window.box = document.createElement('div'); box.style.width = '300px'; document.body.append(box);")
    counts = []
    for _ in range(3):
        before = listeners()
        alive = page.evaluate(f"async () => {{ window.made = {PLOTS[plot]}; }}") or listeners()
        page.evaluate("made.destroy(); window.made = null;")
        counts.append((before, alive, listeners()))
    assert counts[0][1] > counts[0][0], "it listens while it lives"
    assert counts[1] == counts[2] and counts[1][0] == counts[1][2], counts
