"""The frame: search, keyboard list, theme; the neighbours and references that the inspector shows; axe-core over dialogs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Frame, expect

from tests.end_to_end.served_log import N_LATENTS, WrittenLog, number, open_alone, open_tab
from tests.random_evidence import random_decoder_map
from tests.watched_browser import AT_REST, watched_page

AXE = Path(__file__).parents[1] / "frontend" / "vendor" / "axe.min.js"
LIGHT_GROUND, DARK_GROUND = "rgb(244, 245, 247)", "rgb(28, 29, 32)"
WIDE = {"width": 1440, "height": 900}
NAMELESS = """() => [...document.querySelectorAll('button, select, input, textarea, [tabindex], a')].filter((element) => element.offsetParent && !(
    element.getAttribute('aria-label')?.trim() || element.textContent.trim() || element.labels?.length)).map((element) => element.outerHTML)"""


def _drawn(frame: Frame) -> None:
    frame.wait_for_selector(".rank-row.on")
    frame.wait_for_selector("vs-matrix canvas", state="attached")


def test_a_latent_is_found_by_number_and_by_label(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    alive, label_K = log.statistics.alive_K, log.statistics.top_label_K
    label = int(np.bincount(label_K[alive & (label_K >= 0)]).argmax())
    name = log.statistics.label_names[label]
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address)
        _drawn(frame)
        frame.locator(".workspaces button").nth(1).focus()
        page.keyboard.press("/")
        field = frame.get_by_label("Number, label, name or note of a latent")
        expect(field).to_be_focused()
        page.keyboard.type("7")
        expect(frame.locator(".found [role=option]")).to_have_count(11)  # 7, and 70 to 79
        page.keyboard.press("Enter")
        expect(frame.locator("[data-value=latent]")).to_have_text("7")
        expect(frame.locator(".sheet[open]")).to_have_count(0)

        frame.get_by_role("button", name="Find a latent").click()
        frame.wait_for_selector(".sheet[open] input[placeholder='Number, label, your name or note']")
        page.keyboard.type(name)
        options = frame.locator(".found [role=option]")
        of_label = [k for k in np.flatnonzero(alive) if label_K[k] >= 0 and _begins(log.statistics.label_names[label_K[k]], name)]
        expect(options).to_have_count(min(15, len(of_label)))  # those in sight, and a few more
        best = max(of_label, key=lambda k: (log.statistics.top_label_share_K[k], log.statistics.image_frequency_K[k], -k))
        assert options.first.get_attribute("data-latent") == str(best)
        page.keyboard.press("ArrowDown")
        second = options.nth(1).get_attribute("data-latent")
        page.keyboard.press("Enter")
        expect(frame.locator("[data-value=latent]")).to_have_text(second)
        assert frame.evaluate(NAMELESS) == []


def _begins(label: str, wanted: str) -> bool:
    return label.lower() == wanted.lower() or any(word.startswith(wanted.lower()) for word in re.split(r"[\s_-]+", label.lower()))


def test_keyboard_list_workspaces_and_theme(browser: Browser, fast_address: str) -> None:
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address)
        _drawn(frame)
        frame.locator(".workspaces button").nth(1).focus()
        page.keyboard.press("?")
        listed = frame.locator(".sheet[open]")
        listed.get_by_text("find a latent by number, label, name or note").wait_for()
        page.keyboard.press("3")
        assert frame.locator("[aria-current=page]").inner_text() == "Scratchpad", "keys do not reach what lies behind"
        page.keyboard.press("Escape")
        page.keyboard.press("3")
        frame.get_by_role("heading", name="No steered run yet: fill the basket").wait_for()
        assert frame.evaluate(NAMELESS) == []
        page.keyboard.press("2")

        ground = frame.locator("body")
        expect(ground).to_have_css("background-color", LIGHT_GROUND)
        page.keyboard.press("t")
        expect(ground).to_have_css("background-color", DARK_GROUND)
        page.reload()
        frame = open_tab(page, fast_address)
        ground, button = frame.locator("body"), frame.get_by_role("button", name="Theme")
        expect(ground).to_have_css("background-color", DARK_GROUND)
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
        expect(ground).to_have_css("background-color", LIGHT_GROUND)
        assert button.get_attribute("aria-pressed") == "false"
        page.evaluate("document.body.classList.add('dark-mode')")
        expect(ground).to_have_css("background-color", DARK_GROUND)

        # random statistics, map and references are of one step, so there is nothing to slide
        page.set_viewport_size({"width": 1600, "height": 900})
        step = frame.get_by_label("Training step")
        expect(step).to_be_visible()
        assert step.is_disabled() and number(frame, "step") == "only one logged"


def test_neighbours_and_the_sheet_of_references(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    decoder_map = random_decoder_map(4, dictionary=log.dictionary, n_latents=N_LATENTS)
    counts = [len(log.references.of_latent(latent)) for latent in range(N_LATENTS)]
    latent = int(np.argmax(counts))
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.latent={latent}")
        chips = frame.locator("[data-neighbour]")
        chips.first.wait_for()
        expected = [int(k) for k in decoder_map.neighbour_KN[latent] if k >= 0][:6]
        assert [int(chip.get_attribute("data-neighbour")) for chip in chips.all()] == expected
        cosine = float(decoder_map.neighbour_cosine_KN[latent][0])
        assert chips.first.inner_text().endswith(f"{cosine:.2f}".replace("-", "−"))
        if counts[latent] > 8:
            frame.get_by_role("button", name="more", exact=True).click()
            expect(frame.locator(".sheet[open] figure")).to_have_count(counts[latent])
            shown = [float(text) for text in frame.locator(".reference-names b").all_inner_texts()]
            assert shown == pytest.approx([one.plain_mean for one in log.references.of_latent(latent)], abs=0.0051)
            page.keyboard.press("Escape")
        chips.first.click()
        expect(frame.locator("[data-value=latent]")).to_have_text(str(expected[0]))


def test_a_dead_latent_has_no_references_and_says_so(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    dead = int(np.flatnonzero(~log.statistics.alive_K)[0])
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.latent={dead}")
        frame.get_by_text("It fires nowhere in the image set: no mean, no entropy, no references.").wait_for()
        assert frame.get_by_role("heading", name="Reference pictures").count() == 0
        frame.locator(".inspector-head").get_by_text("dead in the image set").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_dialogs_basket_and_compare_pass_axe(browser: Browser, fast_address: str, theme: str) -> None:
    basket = "SET%3A0%3A9%2CSCALE%3A0.5%3A1.2.3%3Acat"
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        page.emulate_media(color_scheme=theme)
        frame = open_alone(page, fast_address, f"&p.visualscratchpad.workspace=compare&p.visualscratchpad.latent=3&p.visualscratchpad.basket={basket}")
        expect(frame.locator(".basket-item")).to_have_count(2)
        page.wait_for_function(AT_REST)
        frame.evaluate(AXE.read_text(encoding="utf-8"))

        def serious() -> list[str]:
            found = frame.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
            return [f"{one['id']}: {one['nodes'][0]['target']}" for one in found if one["impact"] in ("serious", "critical")]

        assert serious() == []
        frame.locator(".workspaces button").nth(2).focus()
        page.keyboard.press("b")
        frame.locator(".dock [role=alert]").wait_for()
        for name in ("Share view", "Find a latent", "Notes", "Keyboard", "Spec"):
            frame.get_by_role("button", name=name, exact=name != "Share view").click()
            frame.wait_for_selector(".sheet[open]")
            if name == "Find a latent":
                page.keyboard.type("1")
            assert serious() == [], name
            page.keyboard.press("Escape")
            expect(frame.locator(".sheet[open]")).to_have_count(0)
