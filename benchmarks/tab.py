"""How fast the tab is at full size: TensorBoard and Chromium included.

    python benchmarks/tab.py [--log FOLDER] [--only statistics ...]

Random evidence: 65,536 latents; a run with 300 words of answer and 2,928 image tokens (2,880 patches, 48 newlines). The log is
written once; `--log` keeps it for the next time. Printed are

- the time from the frame's navigation to the first lasso done on the statistics scatter, for a TensorBoard that was never
  asked (first) and for later visits with an empty browser cache,
- the time from a move of a threshold until the ranking and the heatmap are drawn anew, HTTP included,
- frames a second while a plot is zoomed and panned,

with the machine's load before and after. Needs the test tree beside it, and a Chromium.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from playwright.sync_api import Browser, Frame, Page

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import compute_latent_order
from tests.end_to_end.served_log import open_tab, tensorboard
from tests.find_chromium import ADVICE, find_chromium
from tests.random_evidence import (
    random_decoder_map,
    random_dictionary,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)
from tests.watched_browser import launched

N_LATENTS = 65_536
DICTIONARY = "&p.visualscratchpad.workspace=dictionary"
SIZE = {"width": 1440, "height": 900}

MOVE = """async ([name, step]) => {
    const [ranking, matrix] = ['vs-ranking', 'vs-matrix-panel'].map((panel) => document.querySelector(panel));
    const slider = [...ranking.querySelectorAll('.threshold')].find((label) => label.textContent.includes(name)).querySelector('input');
    const settled = () => {
      const { maxFrequency, minMean } = ranking.store.selection;
      const asked = (query) => query.key.includes(`"max_frequency":${maxFrequency}`) && query.key.includes(`"min_mean":${minMean}`);
      return [ranking.ranking, ranking.matrix, matrix.matrix].every((query) => asked(query) && !query.loading && !query.error)
        && !document.querySelector('vs-ranking [aria-busy=true], vs-matrix-panel [aria-busy=true], vs-ranking .loading, vs-matrix-panel .loading');
    };
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const waiting = () => new Promise((resolve) => {
      const seen = new MutationObserver(() => { if (settled()) { seen.disconnect(); resolve(); } });
      seen.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-busy'] });
    });
    const start = performance.now();
    slider.value = String(step);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    if (!settled()) await waiting();
    await Promise.all([ranking.updateComplete, matrix.updateComplete, matrix.querySelector('vs-matrix')?.updateComplete]);
    await frame();
    await new Promise((resolve) => setTimeout(resolve));
    return performance.now() - start; }"""
"""A move of a threshold, until what both panels hold belongs to it, neither is busy, and the frame that draws them has been
painted."""

FRAMES = """async ([selector, seconds, wheelPans]) => {
    const plot = document.querySelector(selector);
    plot.focus();
    plot.setPointerCapture = () => {}; // there is no such pointer
    const box = plot.getBoundingClientRect();
    const at = { clientX: box.left + 0.5 * box.width, clientY: box.top + 0.5 * box.height, bubbles: true, cancelable: true };
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const wheel = (given) => plot.dispatchEvent(new WheelEvent('wheel', { ...at, ...given }));
    const pointer = (type, dx) => plot.dispatchEvent(
      new PointerEvent(type, { ...at, clientX: at.clientX + dx, shiftKey: true, pointerId: 1, button: 0, buttons: 1 }));
    const steps = {
      zoom: (n) => wheel({ ctrlKey: true, deltaY: n % 60 < 30 ? -25 : 25 }),
      pan: (n) => (wheelPans ? wheel({ shiftKey: true, deltaX: n % 60 < 30 ? 9 : -9 }) : pointer('pointermove', 60 * Math.sin(n / 9))),
    };
    const counts = {};
    for (const [kind, step] of Object.entries(steps)) {
      if (kind === 'pan') for (let i = 0; i < 4; i++) wheel({ ctrlKey: true, deltaY: -100 });
      if (kind === 'pan' && !wheelPans) pointer('pointerdown', 0);
      await frame();
      let n = 0;
      const start = performance.now();
      while (performance.now() - start < 1000 * seconds) {
        step(n);
        await frame();
        n++;
      }
      counts[kind] = (1000 * n) / (performance.now() - start);
    }
    if (!wheelPans) pointer('pointerup', 0);
    return counts; }"""
"""A wheel or pointer event before every frame; each changes the picture, so each frame is a full redraw."""


def write_log(logdir: Path) -> None:
    dictionary = random_dictionary(12, n_latents=N_LATENTS)
    known = {"dictionary": dictionary}
    with ScratchpadWriter(logdir / "sweep") as writer:
        writer.add_latent_statistics(random_statistics(12, n_images=20_000, patches_per_image=576, n_labels=200, **known))
        writer.add_references(random_references(12, n_images=2_000, n_labels=200, **known))
        writer.add_decoder_map(random_decoder_map(12, n_clusters=200, **known))
        writer.add_sae_metrics(random_metrics(12, **known))
    run = random_vlm_run(
        12, grid=24, tile_rows=2, tile_columns=2, padding_rows=0, n_output=300, n_firing=32, n_layers=4, picture_side=672,
        ordered=False, **known,
    )
    assert run.image_tokens.n_tokens == 2_928, run.image_tokens.n_tokens
    with ScratchpadWriter(logdir / "answer") as writer:
        writer.add_vlm_run(replace(run, order=compute_latent_order(run)))


def load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def new_page(browser: Browser) -> Page:
    page = browser.new_context(viewport=SIZE).new_page()
    page.set_default_timeout(60_000)
    return page


def first_lasso(browser: Browser, address: str) -> tuple[float, float]:
    """Milliseconds from the frame's navigation until the scatter is drawn, and until the lasso's latents are counted."""
    page = new_page(browser)
    frame = open_tab(page, address, DICTIONARY)
    frame.wait_for_selector("vs-scatter canvas", state="attached")
    drawn = frame.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(performance.now()))))")
    box = frame.locator("vs-scatter .plot").bounding_box()
    right, bottom = box["width"] - 60, box["height"] - 60
    for step, (x, y) in enumerate([(120, 60), (right, 60), (right, bottom), (120, bottom)]):
        page.mouse.move(box["x"] + x, box["y"] + y)
        if step == 0:
            page.mouse.down()
    page.mouse.up()
    frame.wait_for_function("/latents/.test(document.querySelector('vs-gallery .sub').textContent)")
    done = frame.evaluate("performance.now()")
    page.context.close()
    return drawn, done


def slider_moves(browser: Browser, address: str, n_moves: int) -> list[float]:
    page = new_page(browser)
    frame = open_tab(page, address)
    frame.wait_for_selector(".rank-row.on")
    rng = np.random.default_rng(0)
    times = []
    # a slider is dragged: most moves are small, some jump
    place = {"fires in at most": 150, "mean at least": 10}
    for _ in range(n_moves):
        name = list(place)[int(rng.integers(2))]
        to = place[name]
        while to == place[name]:
            to = int(np.clip(place[name] + rng.integers(-12, 13), 2, 190))
        place[name] = to
        times.append(frame.evaluate(MOVE, [name, place[name]]))
    page.context.close()
    return times


def frames(browser: Browser, address: str, seconds: float) -> dict[str, dict[str, float]]:
    page = new_page(browser)
    frame = open_tab(page, address, DICTIONARY)
    found: dict[str, dict[str, float]] = {}
    for name, selector in (("statistics", "vs-scatter"), ("latent map", "vs-latent-map")):
        found[name] = frames_of(frame, selector, seconds)
    page.context.close()
    page = new_page(browser)
    frame = open_tab(page, address)
    frame.wait_for_selector(".rank-row.on")
    found["token x latent"] = frames_of(frame, "vs-matrix", seconds)
    page.context.close()
    return found


def frames_of(frame: Frame, selector: str, seconds: float) -> dict[str, float]:
    frame.wait_for_selector(f"{selector} canvas", state="attached")
    frame.page.wait_for_timeout(500)
    return frame.evaluate(FRAMES, [f"{selector} .plot", seconds, selector == "vs-matrix"])


def main() -> None:
    """Prints a figure per line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, help="folder of the log: written if empty, else used as it is")
    parser.add_argument("--visits", type=int, default=4)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", nargs="*", choices=("lasso", "slider", "frames"), default=("lasso", "slider", "frames"))
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit(ADVICE)
    with tempfile.TemporaryDirectory() as scratch:
        log = options.log or Path(scratch)
        if not log.exists() or not any(log.iterdir()):
            write_log(log)
        print(f"load before: {load()}")
        with tensorboard(log) as address, launched(chromium) as browser:
            if "lasso" in options.only:
                visits = [first_lasso(browser, address) for _ in range(1 + options.visits)]
                print(f"first lasso, never asked before: drawn {visits[0][0]:.0f} ms, lasso {visits[0][1]:.0f} ms (target 2000)")
                drawn, done = (statistics.median(values) for values in zip(*visits[1:], strict=True))
                print(f"first lasso, later visits: drawn {drawn:.0f} ms, lasso {done:.0f} ms, worst {max(v[1] for v in visits[1:]):.0f}")
            if "slider" in options.only:
                times = np.array(slider_moves(browser, address, options.moves))
                p50, p95 = np.percentile(times, [50, 95])
                print(
                    f"threshold moves: median {p50:.0f} ms, 95 % within {p95:.0f} ms, worst {times.max():.0f} ms, "
                    f"{(times <= 100).mean():.0%} within 100 ms (target 95 %), n {times.size}"
                )
            if "frames" in options.only:
                for name, counts in frames(browser, address, options.seconds).items():
                    told = ", ".join(f"{kind} {value:.0f}" for kind, value in counts.items())
                    print(f"{name}: {told} frames a second (target 30)")
        print(f"load after: {load()}")


if __name__ == "__main__":
    main()
