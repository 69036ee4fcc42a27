"""The frame: history, links, basket, search, keyboard list, theme, Compare; and the neighbours that the inspector shows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.views import rank_latents, token_latent_matrix
from tests.end_to_end.served_log import N_LATENTS, WrittenLog, number, open_alone, open_tab, output_tokens
from tests.random_evidence import random_decoder_map
from tests.watched_browser import watched_page

AXE = Path(__file__).parents[1] / "frontend" / "vendor" / "axe.min.js"
LIGHT_GROUND, DARK_GROUND = "rgb(244, 245, 247)", "rgb(28, 29, 32)"
WIDE = {"width": 1440, "height": 900}
NAMELESS = """() => [...document.querySelectorAll('button, select, input, textarea, [tabindex], a')].filter((element) => element.offsetParent && !(
    element.getAttribute('aria-label')?.trim() || element.textContent.trim() || element.labels?.length)).map((element) => element.outerHTML)"""


def _parameter(page: Page, key: str) -> str | None:
    found = re.search(rf"p\.visualscratchpad\.{key}=([^&]*)", page.url)
    return found.group(1) if found else None


def _drawn(frame: Frame) -> None:
    frame.wait_for_selector(".rank-row.on")
    frame.wait_for_selector("vs-matrix canvas", state="attached")


def _token(frame: Frame) -> int:
    return int(frame.locator(".chip.on").get_attribute("data-token"))


def test_back_and_forward_restore_choices_and_pass_over_sliders(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    first, second = output_tokens(log.newest)[1], output_tokens(log.newest)[6]
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.token={first}")
        frame.wait_for_selector(".rank-row")
        frame.locator(".rank-row").nth(2).click()
        latent = frame.locator(".rank-row.on").get_attribute("data-latent")
        frame.locator(f"[data-token='{second}']").click()
        assert _token(frame) == second
        length = page.evaluate("history.length")
        slider = frame.get_by_label("Cut the tree at distance")
        slider.focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(400)
        assert _parameter(page, "cut") == "0.35"
        assert page.evaluate("history.length") == length
        page.keyboard.press("Tab")
        frame.locator(".workspaces button").nth(2).click()
        frame.get_by_role("heading", name="No steered run yet: fill the basket").wait_for()

        page.go_back()
        expect(frame.locator(".chip.on")).to_have_attribute("data-token", str(second))
        expect(slider).to_have_value("0.35")
        page.go_back()
        expect(frame.locator(".chip.on")).to_have_attribute("data-token", str(first))
        expect(frame.locator("[data-value=latent]")).to_have_text(latent)
        page.go_forward()
        expect(frame.locator(".chip.on")).to_have_attribute("data-token", str(second))
        page.go_forward()
        frame.get_by_role("heading", name="No steered run yet: fill the basket").wait_for()


def test_a_pasted_link_restores_the_view_in_a_fresh_browser(browser: Browser, address: str, log: WrittenLog) -> None:
    run = log.runs[0]
    token = output_tokens(run)[3]
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, address)
        _drawn(frame)
        frame.locator(".pick").first.click()
        page.keyboard.type("answers/0")
        page.keyboard.press("Enter")
        frame.locator(f"[data-token='{token}']").click()
        frame.get_by_label("fires in at most").focus()
        page.keyboard.press("End")
        frame.get_by_label("Layers", exact=True).select_option("1")
        frame.get_by_role("button", name="Plain mean").click()
        frame.wait_for_selector("vs-ranking [aria-busy=false]")
        frame.locator(".rank-row").nth(4).click()
        latent = int(frame.locator(".rank-row.on").get_attribute("data-latent"))
        page.keyboard.press("b")
        expect(frame.locator(".basket-item")).to_have_count(1)
        frame.get_by_role("button", name="Share view").click()
        link = frame.get_by_label("Link to this view").input_value()
        assert frame.locator(".sheet[open] .note").filter(has_text="Too long").count() == 0
        frame.get_by_role("button", name="Copy link").click()
        frame.locator(".sheet[open] [role=status]").filter(has_text=re.compile("Copied|Ctrl")).wait_for()
        page.keyboard.press("Escape")
        expect(frame.locator(".sheet[open]")).to_have_count(0)
        expect(frame.get_by_role("button", name="Share view")).to_be_focused()
        assert int(number(frame, "latent")) == latent, "Escape closed the dialog and nothing else"
        weighted = number(frame, "weighted")

    ranking = rank_latents(run, token, by="plain", layers=[1], statistics=log.statistics)
    assert latent == ranking.rows[4].latent
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, address, link.split("#visualscratchpad")[1])
        frame.wait_for_selector(".rank-row.on")
        assert frame.locator(".pick .v").first.inner_text() == run.name
        assert _token(frame) == token
        assert int(number(frame, "latent")) == latent
        assert number(frame, "weighted") == weighted
        assert frame.get_by_label("Layers", exact=True).input_value() == "1"
        assert frame.get_by_role("button", name="Plain mean").get_attribute("aria-pressed") == "true"
        assert frame.get_by_label("fires in at most").get_attribute("aria-valuetext") == "off"
        assert frame.locator(".basket-item").get_attribute("data-latents") == str(latent)


def test_a_name_that_another_browser_keeps_is_told(browser: Browser, fast_address: str) -> None:
    with watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, fast_address, "&p.visualscratchpad.latents=*latents-12345678")
        frame.locator(".notices li").filter(has_text="latents-12345678").wait_for()


def test_a_long_selection_is_named_in_the_address_and_the_link_writes_it_out(browser: Browser, fast_address: str) -> None:
    # every number of a latent is short here, so many of them are needed: those that are no latent are not drawn
    latents = ".".join(str(k) for k in range(250))
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.latents={latents}")
        _drawn(frame)
        frame.locator("[data-token]").nth(4).click()
        name = _parameter(page, "latents")
        assert re.fullmatch(r"(\*|%2A)latents-[0-9a-f]{8}", name)
        frame.get_by_role("button", name="Share view").click()
        link = frame.get_by_label("Link to this view").input_value()
        assert f"p.visualscratchpad.latents={latents}&" in link + "&"
        assert name[-8:] in frame.locator("[data-value=named]").inner_text()
        page.reload()
        frame = open_tab(page, fast_address, page.url.split("#visualscratchpad")[1])
        _drawn(frame)
        assert frame.locator(".notices li").count() == 0
        frame.locator("[data-token]").nth(5).click()
        assert _parameter(page, "latents") == name


def test_the_basket_collects_by_mouse_and_keyboard(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run = log.newest
    token = output_tokens(run)[3]
    matrix = token_latent_matrix(run, statistics=log.statistics, max_frequency=0.5)
    columns = [int(latent) for latent in run.order.latent_C if latent in matrix.latent_C]
    latent = columns[0]
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.token={token}&p.visualscratchpad.latent={latent}")
        frame.wait_for_selector(".inspector-head")
        frame.wait_for_selector("vs-matrix canvas", state="attached")
        items = frame.locator(".basket-item")
        run_button = frame.get_by_role("button", name="Run steered answer")
        assert run_button.is_disabled()
        described = frame.locator(f"#{run_button.get_attribute('aria-describedby')}")
        assert described.inner_text() == "no worker"

        # the inspector's button, an operation and a value; then away with it
        frame.locator(".inspector-head").get_by_role("button", name="+ Basket").click()
        expect(items).to_have_count(1)
        frame.get_by_label(f"What to do with latent {latent}").select_option("ADD")
        value = frame.get_by_label(f"Value for latent {latent}")
        value.fill("-2.5")
        value.press("Enter")
        frame.get_by_label("Where to steer").select_option("firing")
        frame.get_by_label("Error term of the dictionary").select_option("dropped")
        frame.get_by_role("button", name="Spec").click()
        spec = SteeringSpec.from_json(frame.get_by_label("Steering spec", exact=True).and_(frame.locator("textarea")).input_value())
        assert [(one.latent, one.op, one.value, one.where) for one in spec.interventions] == [(latent, "ADD", -2.5, "firing")]
        assert spec.error == "dropped"
        page.keyboard.press("Escape")
        frame.get_by_role("button", name=f"Remove latent {latent}").click()
        expect(items).to_have_count(0)
        page.go_back()
        expect(items).to_have_count(1)
        page.go_forward()
        expect(items).to_have_count(0)

        # the cluster of the chosen latent, by key; a latent in it is refused with a sentence
        frame.locator(".workspaces button").nth(1).focus()
        page.keyboard.press("Shift+B")
        expect(items).to_have_count(1)
        held = [int(one) for one in items.first.get_attribute("data-latents").split(".")]
        place = columns.index(held[0])
        assert latent in held and columns[place : place + len(held)] == held
        page.keyboard.press("b")
        frame.locator(".dock [role=alert]").filter(has_text=f"Latent {latent} is in the basket already").wait_for()
        expect(items).to_have_count(1)
        frame.locator(".dock").get_by_role("button", name=re.compile("^Remove cluster")).click()
        expect(frame.locator(".dock [role=alert]")).to_have_count(0)

        # a click on the band of the last column's cluster
        box = frame.locator("vs-matrix .plot").bounding_box()
        place = frame.evaluate(
            """() => { const { plot } = document.querySelector('vs-matrix'); const last = plot.names.filter(({ y0, y1 }) => y1 - y0 > 20).at(-1);
            return [(last.x0 + last.x1) / 2, last.y1 - 3, last.cluster]; }"""
        )
        expect(items).to_have_count(0)
        page.mouse.click(box["x"] + place[0], box["y"] + place[1])
        expect(items).to_have_count(1)
        assert int(items.first.get_attribute("data-latents").split(".")[-1]) == columns[-1]


def test_many_items_fold_into_a_count(browser: Browser, fast_address: str) -> None:
    basket = ",".join(f"SET:0:{latent}" for latent in range(12))
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.basket={basket.replace(':', '%3A').replace(',', '%2C')}")
        expect(frame.locator(".basket-item")).to_have_count(12)
        more = frame.locator("vs-basket-strip > button")
        more.wait_for()
        shown = frame.evaluate(
            """() => { const list = document.querySelector('.basket-list'); const edge = list.getBoundingClientRect();
            return [...list.children].filter((one) => { const box = one.getBoundingClientRect(); return box.left >= edge.left - 1 && box.right <= edge.right + 1; }).length; }"""
        )
        assert more.inner_text() == f"+{12 - shown}"
        before = frame.evaluate("document.querySelector('.basket-list').scrollLeft")
        more.click()
        assert frame.evaluate("document.querySelector('.basket-list').scrollLeft") != before


def test_a_latent_is_found_by_number_and_by_label(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    alive, label_K = log.statistics.alive_K, log.statistics.top_label_K
    label = int(np.bincount(label_K[alive & (label_K >= 0)]).argmax())
    name = log.statistics.label_names[label]
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address)
        _drawn(frame)
        frame.locator(".workspaces button").nth(1).focus()
        page.keyboard.press("/")
        field = frame.get_by_label("Number or label of a latent")
        expect(field).to_be_focused()
        page.keyboard.type("7")
        expect(frame.locator(".found [role=option]")).to_have_count(11)  # 7, and 70 to 79
        page.keyboard.press("Enter")
        expect(frame.locator("[data-value=latent]")).to_have_text("7")
        expect(frame.locator(".sheet[open]")).to_have_count(0)

        frame.get_by_role("button", name="Find a latent").click()
        frame.wait_for_selector(".sheet[open] input[placeholder='Number or label']")
        page.keyboard.type(name)
        options = frame.locator(".found [role=option]")
        of_label = [k for k in np.flatnonzero(alive) if label_K[k] >= 0 and _begins(log.statistics.label_names[label_K[k]], name)]
        expect(options).to_have_count(min(20, len(of_label)))
        best = max(of_label, key=lambda k: (log.statistics.top_label_share_K[k], -k))
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
        listed.get_by_text("find a latent by number or label").wait_for()
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
        step = frame.get_by_label("Training step")
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
        page.wait_for_timeout(300)
        frame.evaluate(AXE.read_text(encoding="utf-8"))

        def serious() -> list[str]:
            found = frame.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
            return [f"{one['id']}: {one['nodes'][0]['target']}" for one in found if one["impact"] in ("serious", "critical")]

        assert serious() == []
        frame.locator(".workspaces button").nth(2).focus()
        page.keyboard.press("b")
        frame.locator(".dock [role=alert]").wait_for()
        for name in ("Share view", "Find a latent", "Keyboard", "Spec"):
            frame.get_by_role("button", name=name, exact=name != "Share view").click()
            frame.wait_for_selector(".sheet[open]")
            if name == "Find a latent":
                page.keyboard.type("1")
            assert serious() == [], name
            page.keyboard.press("Escape")
            expect(frame.locator(".sheet[open]")).to_have_count(0)
