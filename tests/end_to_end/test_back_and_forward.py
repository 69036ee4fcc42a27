"""The browser's history is the user's: each choice is one entry, back and forward find each view, and what is dragged leaves none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tests.end_to_end.served_log import WrittenLog, open_alone, output_tokens, tensorboard, write_log
from tests.random_evidence import random_dictionary, random_metrics, random_statistics
from tests.watched_browser import watched_page

WIDE = {"width": 1440, "height": 900}
P = "&p.visualscratchpad."
TRAINED = random_dictionary(1, n_latents=96, name="trained")
STEPS = tuple(range(0, 200, 20))

SETTLED = """() => !document.querySelector('[aria-busy=true]') && [...document.querySelectorAll('*')].filter((one) => one.localName.startsWith('vs-'))
    .every((one) => !one.isUpdatePending && !(one.queries ?? []).some(({ loading }) => loading))"""
VIEW = """() => { const text = (selector) => [...document.querySelectorAll(selector)].map((one) => one.textContent.trim().replace(/\\s+/g, ' '));
    return { selection: JSON.stringify(document.querySelector('vs-app').store.selection), workspace: text('.workspaces [aria-current=page]'), words: text('.chip.on'),
      doubted: text('.chip.doubted'), rows: text('.rank-row.on'), pressed: text('.seg [aria-pressed=true]'), inspected: text('[data-value=latent]'), basket: text('.basket-item'),
      selected: text('vs-gallery .sub'), heads: text('.card-head h2') }; }"""
"""What is chosen, and what of it is to be seen."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, WrittenLog]]:
    logdir: Path = tmp_path_factory.mktemp("history") / "log"
    log = write_log(logdir)
    with ScratchpadWriter(logdir / "trained") as writer:
        for step in STEPS:
            writer.add_sae_metrics(random_metrics(1, dictionary=TRAINED), step)
            writer.add_latent_statistics(random_statistics(step, dictionary=TRAINED, n_latents=96), step)
    with tensorboard(logdir) as address:
        yield address, log


def _view(page: Page) -> dict[str, object]:
    page.wait_for_function(SETTLED)
    return page.evaluate(VIEW)


def _length(page: Page) -> int:
    return page.evaluate("history.length")


@pytest.mark.full
def test_fifteen_choices_are_found_again_back_and_forward(browser: Browser, served: tuple[str, WrittenLog]) -> None:
    address, log = served
    tokens = output_tokens(log.newest)

    def button(name: str) -> Callable[[Page], None]:
        return lambda page: page.get_by_role("button", name=name, exact=True).click()

    def other_run(page: Page) -> None:
        page.locator(".pick").first.click()
        page.keyboard.type("answers/0")
        page.keyboard.press("Enter")

    choices: list[Callable[[Page], None]] = [
        lambda page: page.locator(f"[data-token='{tokens[2]}']").click(),
        lambda page: page.locator(".rank-row:not(.on)").nth(2).click(),
        lambda page: page.keyboard.press("y"),
        button("Heat"),
        button("Plain mean"),
        lambda page: page.keyboard.press("ArrowRight"),
        lambda page: page.keyboard.press("b"),
        lambda page: page.get_by_role("checkbox", name="prompt").click(),
        button("By strength"),
        button("Base"),
        lambda page: page.keyboard.press("1"),
        button("Decoder"),
        button("Patches"),
        lambda page: page.keyboard.press("3"),
        lambda page: page.keyboard.press("2"),
        other_run,
        lambda page: page.locator(".rank-row:not(.on)").nth(1).click(),
    ]
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        page = open_alone(page, address)
        page.wait_for_selector(".rank-row.on")
        views = [_view(page)]
        for number, choice in enumerate(choices):
            before = _length(page)
            choice(page)
            views.append(_view(page))
            assert views[-1] != views[-2], f"choice {number} is to be seen"
            assert _length(page) == before + 1, f"choice {number} is one entry"
        assert len({view["selection"] for view in views}) == len(views)
        for view in reversed(views[:-1]):
            page.go_back()
            page.wait_for_function("(wanted) => JSON.stringify(document.querySelector('vs-app').store.selection) === wanted", arg=view["selection"])
            assert _view(page) == view
        for view in views[1:]:
            page.go_forward()
            page.wait_for_function("(wanted) => JSON.stringify(document.querySelector('vs-app').store.selection) === wanted", arg=view["selection"])
            assert _view(page) == view


@pytest.mark.full
def test_what_is_dragged_leaves_no_entry(browser: Browser, served: tuple[str, WrittenLog]) -> None:
    address, _ = served
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        page = open_alone(page, address)
        page.wait_for_selector(".rank-row.on")
        _view(page)
        before = _length(page)
        for slider in (page.locator(".threshold input").first, page.get_by_label("Cut the tree at distance")):
            box = slider.bounding_box()
            page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + box["height"] - 8)
            page.mouse.down()
            for place in range(41, 80, 3):
                page.mouse.move(box["x"] + place / 100 * box["width"], box["y"] + box["height"] - 8)
            page.mouse.up()
            _view(page)
        selection = page.evaluate("(({ cut, maxFrequency }) => [cut, maxFrequency])(document.querySelector('vs-app').store.selection)")
        assert selection[0] != 0.3 and selection[1] != 0.5, "both were dragged"
        assert _length(page) == before


@pytest.mark.full
def test_a_step_chosen_in_the_curves_is_an_entry_as_in_the_scatters(browser: Browser, served: tuple[str, WrittenLog]) -> None:
    address, _ = served
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        page = open_alone(page, address, f"{P}workspace=dictionary{P}dictionary={TRAINED.dictionary_id}{P}over=training{P}latent=3{P}latents=3.5")
        plot = page.locator("vs-step-curves .plot").first
        plot.locator("canvas").wait_for(state="attached")
        _view(page)
        shown = page.locator("[data-value=step]")
        before = _length(page)
        box = plot.bounding_box()
        x = [box["x"] + share * box["width"] for share in (0.3, 0.35, 0.45, 0.55, 0.6)]
        y = box["y"] + 0.3 * box["height"]
        page.mouse.move(x[0], y)
        page.mouse.down()
        expect(shown).not_to_have_text("180")
        first = shown.inner_text()
        for at in x[1:]:
            page.mouse.move(at, y)
        page.mouse.up()
        expect(shown).not_to_have_text(first)
        assert _length(page) == before + 1, "the press is an entry, the drag is not"
        page.go_back()
        expect(shown).to_have_text("180")
        page.locator(".multiple").first.click()
        expect(shown).to_have_text("0")
        assert _length(page) == before + 1
