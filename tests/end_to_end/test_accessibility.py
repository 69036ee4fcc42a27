"""What people without a mouse, with little sight or with a screen reader need: axe-core, focus, names, live regions, motion."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.end_to_end.served_log import open_alone
from tests.watched_browser import watched_page

AXE = Path(__file__).parents[1] / "frontend" / "vendor" / "axe.min.js"
RUN_AXE = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations.flatMap(({id, impact, nodes}) =>
    nodes.map(({target, failureSummary}) => ({id, impact, target: target.join(' '), why: failureSummary})))"""
SIZE = {"width": 1440, "height": 900}
READY = {"scratchpad": ".rank-row.on", "dictionary": "vs-latent-map canvas", "compare": "main h1, main h2"}
FOCUSED = """() => {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    const plot = one.closest('.plot');
    return {name: one.outerHTML.slice(0, 120), body: one === document.body, outline: style.outlineStyle, width: parseFloat(style.outlineWidth),
        shown: one.matches(':focus-visible'), plot: plot !== null};
}"""


def _settled(page: Page, address: str, workspace: str, theme: str) -> Page:
    page.emulate_media(color_scheme=theme)
    frame = open_alone(page, address, f"&p.visualscratchpad.workspace={workspace}")
    frame.wait_for_selector(READY[workspace], state="attached")
    page.wait_for_timeout(500)
    return frame


def violations(frame: Page) -> list[dict[str, str]]:
    frame.wait_for_function("!document.querySelector('.stale')")  # what is about to be replaced is pale
    frame.evaluate(AXE.read_text(encoding="utf-8"))
    found = frame.evaluate(RUN_AXE)
    return [one for one in found if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("workspace", READY)
def test_axe_finds_nothing_serious(browser: Browser, fast_address: str, workspace: str, theme: str) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        assert violations(_settled(page, fast_address, workspace, theme)) == []


def test_axe_sees_a_planted_fault(browser: Browser, fast_address: str) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        frame = _settled(page, fast_address, "scratchpad", "light")
        frame.evaluate("document.querySelector('.top-bar').insertAdjacentHTML('beforeend', '<button></button>')")
        assert "button-name" in {one["id"] for one in violations(frame)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_opens_passes_axe_too(browser: Browser, fast_address: str, theme: str) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        frame = _settled(page, fast_address, "scratchpad", theme)
        page.keyboard.press("b")
        frame.locator(".pick").first.click()
        frame.wait_for_selector("[role=option]")
        assert violations(frame) == []
        page.keyboard.press("Escape")
        for name in ("Share view", "Find a latent", "Notes", "Keyboard", "Spec"):
            frame.get_by_role("button", name=name).click()
            frame.get_by_role("dialog").wait_for()
            assert violations(frame) == [], name
            page.keyboard.press("Escape")
            frame.get_by_role("dialog").wait_for(state="hidden")

        # a notice on what the address asks for in vain, and a selection under a name
        frame = open_alone(page, fast_address, "".join(f"&p.visualscratchpad.{one}" for one in ("workspace=dictionary", "latents=1.2.3", "step=7")))
        frame.locator(".notices li").wait_for()
        frame.get_by_role("button", name="Keep…").click()
        page.keyboard.type("three")
        page.keyboard.press("Enter")
        frame.locator(".kept-list li").wait_for()
        assert violations(frame) == [], "selections"


@pytest.mark.parametrize("workspace", ["scratchpad", "dictionary"])
def test_every_stop_of_the_tab_key_shows_that_it_is_one(browser: Browser, fast_address: str, workspace: str) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        frame = _settled(page, fast_address, workspace, "light")
        frame.locator(".workspaces button").first.focus()
        stops = []
        for _ in range(60):
            page.keyboard.press("Tab")
            stop = frame.evaluate(FOCUSED)
            if stop["body"] or (stops and stop["name"] == stops[0]["name"]):
                break
            stops.append(stop)
        assert len(stops) >= 6
        unseen = [stop["name"] for stop in stops if stop["outline"] == "none" or stop["width"] < 2]
        assert unseen == []


def test_chips_and_ranks_are_one_stop_each(browser: Browser, fast_address: str) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        frame = _settled(page, fast_address, "scratchpad", "light")
        assert frame.locator(".chip[data-token][tabindex='0']").count() == 1
        assert frame.locator(".rank-row[tabindex='0']").count() == 1
        assert frame.locator(".rank-row[tabindex='-1']").count() > 5


def test_choices_are_spoken(browser: Browser, fast_address: str) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        frame = _settled(page, fast_address, "scratchpad", "light")
        chip = frame.locator(".chip.output").nth(2)
        chip.click()
        said = "[...document.querySelectorAll('[aria-live=polite], [role=status]')].map((one) => one.textContent).join(' ')"
        word = chip.inner_text().strip()
        frame.wait_for_function(f"(word) => {said}.includes(word)", arg=f"Word {word}")
        frame.locator(".rank-row").nth(1).click()
        latent = frame.locator(".rank-row").nth(1).get_attribute("data-latent")
        frame.wait_for_function(f"(latent) => {said}.includes(latent)", arg=f"Latent {latent}")


def test_nothing_moves_where_motion_is_unwanted(browser: Browser, fast_address: str) -> None:
    moving = """() => [...document.querySelectorAll('*')].filter((one) => {
        const style = getComputedStyle(one);
        return Math.max(...`${style.transitionDuration},${style.animationDuration}`.split(',').map(parseFloat)) > 0.01;
    }).map((one) => one.outerHTML.slice(0, 100))"""
    with watched_page(browser, expected=("favicon",), viewport=SIZE, reduced_motion="reduce") as page:
        for workspace in READY:
            assert _settled(page, fast_address, workspace, "light").evaluate(moving) == []
