"""How fast the tab opens on a log of many steps, and how fast its step slider is: TensorBoard and Chromium included.

``benchmarks/monitor.py`` writes such a log and calls this.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from playwright.sync_api import Browser, Frame, Page

from tests.end_to_end.served_log import open_tab, tensorboard
from tests.find_chromium import ADVICE, find_chromium
from tests.watched_browser import launched

DICTIONARY = "&p.visualscratchpad.workspace=dictionary"
SIZE = {"width": 1440, "height": 900}
N_VISITS = 5

DRAWN = """async ([place, asked]) => {
    const statistics = document.querySelector('vs-statistics');
    const map = document.querySelector('vs-map');
    const of = (query) => query.key?.endsWith(`,${asked}]`) && !query.loading && !query.error && query.value !== undefined;
    const until = async (settled) => { while (!settled()) await new Promise((resolve) => setTimeout(resolve)); };
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const start = performance.now();
    const slider = document.querySelector('.stepper input');
    slider.value = String(place);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await until(() => of(statistics.statistics) && of(statistics.dictionary));
    await Promise.all([statistics.updateComplete, statistics.querySelector('vs-scatter').updateComplete]);
    await frame();
    const scatter = performance.now() - start;
    await until(() => of(map.map));
    await map.updateComplete;
    await frame();
    return [scatter, performance.now() - start]; }"""
"""A move of the slider to a place: milliseconds until the frame is painted that shows that step's figures and scatter, and until the map
of that step is painted too."""


@dataclass(frozen=True)
class TabTimes:
    """Seconds.

    Attributes:
        first: from opening the address to the drawn scatter, of a TensorBoard that has just been started.
        later: the same of visits with an empty browser cache.
        moves: of the step slider, until the scatter of that step is drawn.
        moves_to_map: of the same moves, until the map of that step is drawn too.
    """

    first: float
    later: Sequence[float]
    moves: Sequence[float]
    moves_to_map: Sequence[float]


def time_the_tab(logdir: Path, steps: Sequence[int], n_moves: int) -> TabTimes:
    """Of a log of one training run with these steps.

    Raises:
        SystemExit: there is no Chromium.
    """
    chromium = find_chromium()
    if chromium is None:
        sys.exit(ADVICE)
    with tensorboard(logdir) as address, launched(chromium) as browser:
        visits = []
        for _ in range(1 + N_VISITS):
            page, _, seconds = _open(browser, address)
            visits.append(seconds)
            page.context.close()
        page, frame, _ = _open(browser, address)
        moves = _moves(frame, steps, n_moves)
        page.context.close()
    return TabTimes(visits[0], visits[1:], *zip(*moves, strict=True))


def _open(browser: Browser, address: str) -> tuple[Page, Frame, float]:
    page = browser.new_context(viewport=SIZE).new_page()
    page.set_default_timeout(120_000)
    start = time.perf_counter()
    frame = open_tab(page, address, DICTIONARY)
    frame.wait_for_selector("vs-scatter canvas", state="attached")
    frame.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")
    return page, frame, time.perf_counter() - start


def _moves(frame: Frame, steps: Sequence[int], n_moves: int) -> list[tuple[float, float]]:
    rng = np.random.default_rng(0)
    place, found = len(steps) - 1, []
    for _ in range(n_moves):
        # a slider is dragged: most moves are small, some jump
        to = place
        while to == place:
            to = int(np.clip(place + rng.integers(-3, 4), 0, len(steps) - 1) if rng.random() < 0.7 else rng.integers(len(steps)))
        place = to
        to_scatter, to_map = frame.evaluate(DRAWN, [place, "null" if place == len(steps) - 1 else str(steps[place])])
        found.append((to_scatter / 1000, to_map / 1000))
    return found
