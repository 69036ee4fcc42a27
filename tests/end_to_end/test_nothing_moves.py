"""Nothing moves under the cursor: Chromium's own measure of layout shifts, over a walk through the workspaces, with a quick and a slow server.

A shift is counted whether or not the user has just pressed something, save where another run or page is chosen: its answer is of another
size, and what follows the press at once is what was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.end_to_end.served_log import output_tokens, tensorboard, write_log
from tests.watched_browser import watched_page

LIMIT = 0.02
SLOW_MS = 500
WATCH = """window.shifts = []; new PerformanceObserver((list) => { for (const one of list.getEntries()) shifts.push({ value: one.value, asked: one.hadRecentInput,
    moved: one.sources.map(({ node, previousRect: a, currentRect: b }) => `${(node?.nodeType === 1 ? node : node?.parentElement)?.outerHTML?.slice(0, 80)}: ${a.x},${a.y} to ${b.x},${b.y}`) });
    }).observe({ type: 'layout-shift', buffered: true });"""
DELAY = "const ask = window.fetch; window.fetch = async (...how) => { await new Promise((resolve) => setTimeout(resolve, %d)); return ask(...how); };"
SETTLED = """() => { const panels = [...document.querySelectorAll('*')].filter((one) => one.localName.startsWith('vs-'));
    return !document.querySelector('[aria-busy=true]') && panels.every((one) => !one.isUpdatePending && !(one.queries ?? []).some(({ loading }) => loading)); }"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[int]]]:
    logdir: Path = tmp_path_factory.mktemp("shifts") / "log"
    log = write_log(logdir)
    with tensorboard(logdir) as address:
        yield address, output_tokens(log.newest)


def _settle(page: Page) -> None:
    page.wait_for_function(SETTLED)
    page.wait_for_timeout(150)
    page.wait_for_function(SETTLED)


def _moved(page: Page, *, told: bool = True) -> tuple[float, list[object]]:
    """The sum of the shifts since the last time, and what they were. ``told``: those right after a press count too."""
    found = page.evaluate("shifts.splice(0)")
    counted = [one for one in found if told or not one["asked"]]
    return sum(one["value"] for one in counted), counted


@pytest.mark.full
@pytest.mark.parametrize("delay", [0, SLOW_MS])
def test_no_action_moves_what_is_looked_at(browser: Browser, served: tuple[str, list[int]], delay: int) -> None:
    address, tokens = served

    def other_run(page: Page) -> None:
        page.locator(".pick").first.click()
        page.keyboard.type("answers/0")
        page.keyboard.press("Enter")

    actions = {
        "a word": lambda page: page.locator(f"[data-token='{tokens[3]}']").click(),
        "a latent": lambda page: page.locator(".rank-row:not(.on)").nth(2).click(),
        "a word marked": lambda page: page.keyboard.press("y"),
        "the next word": lambda page: page.keyboard.press("ArrowRight"),
        "the other order": lambda page: page.keyboard.press("w"),
        "down the ranking": lambda page: page.keyboard.press("j"),
        "into the basket": lambda page: page.keyboard.press("b"),
        "no latent": lambda page: page.keyboard.press("Escape"),
        "another run": other_run,
        "Dictionary": lambda page: page.keyboard.press("1"),
        "by patches": lambda page: page.get_by_role("button", name="Patches", exact=True).click(),
        "the other map": lambda page: page.get_by_role("button", name="Decoder", exact=True).click(),
        "Compare": lambda page: page.keyboard.press("3"),
        "Scratchpad": lambda page: page.keyboard.press("2"),
    }
    with watched_page(browser, expected=("favicon",), viewport={"width": 1440, "height": 900}) as page:
        page.add_init_script(WATCH + (DELAY % delay if delay else ""))
        page.goto(f"{address}data/plugin_entry.html?name=visualscratchpad#")
        page.wait_for_selector(".rank-row.on")
        _settle(page)
        found = {"opening": _moved(page)}
        for name, act in actions.items():
            act(page)
            _settle(page)
            found[name] = _moved(page, told=name != "another run")
        too_much = {name: told for name, told in found.items() if told[0] > LIMIT}
        assert too_much == {}
        # the watch is one: a card that grows is seen by it
        page.wait_for_timeout(600)
        page.evaluate("document.querySelector('.token-card').style.minHeight = '400px'")
        page.wait_for_function("shifts.length > 0")
        assert _moved(page)[0] > LIMIT


@pytest.mark.full
def test_walking_runs_shows_no_outlines_where_answers_come_soon(browser: Browser, served: tuple[str, list[int]]) -> None:
    address, _ = served
    with watched_page(browser, expected=("favicon",), viewport={"width": 1440, "height": 900}) as page:
        page.goto(f"{address}data/plugin_entry.html?name=visualscratchpad#")
        page.wait_for_selector(".rank-row.on")
        _settle(page)
        page.evaluate("""window.outlines = 0; new MutationObserver((changes) => { for (const { addedNodes } of changes) for (const node of addedNodes)
            if (node.querySelector?.('.outline') || node.matches?.('.outline, .state.loading')) outlines++; }).observe(document.querySelector('main'), { subtree: true, childList: true })""")
        for _ in range(3):
            for run in ("answers/0", "answers/1"):
                page.evaluate(
                    """(run) => { const { store } = document.querySelector('vs-app'); store.chooseRun(store.session.listing.vlm_runs.find((one) => one.run === run)); }""", run
                )
                page.wait_for_selector(".rank-row.on")
                _settle(page)
        assert page.evaluate("outlines") == 0


@pytest.mark.full
def test_when_tensorboard_is_back_what_failed_is_asked_again(browser: Browser, served: tuple[str, list[int]]) -> None:
    address, tokens = served
    with watched_page(browser, expected=("favicon", "ERR_FAILED"), viewport={"width": 1440, "height": 900}) as page:
        page.goto(f"{address}data/plugin_entry.html?name=visualscratchpad#")
        page.wait_for_selector(".rank-row.on")
        _settle(page)
        before = page.locator("vs-ranking .card").bounding_box()
        answers = re.compile(r"/visualscratchpad/(?!static/)")
        page.route(answers, lambda route: route.abort())
        page.locator(f"[data-token='{tokens[4]}']").click()
        page.locator("vs-attention [role=alert]").wait_for()
        assert page.locator("vs-ranking .card").bounding_box() == before, "an error is as large as what it stands for"
        page.locator(".offline").wait_for()
        page.unroute(answers)
        page.locator("vs-attention [data-value=mass-on-picture]").wait_for()
        page.locator(".rank-row").first.wait_for()
        assert page.locator("[role=alert]").count() == 0
