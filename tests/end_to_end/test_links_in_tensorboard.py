"""Links and history: back, forward, a pasted link, long selections, what a link asks for in vain, selections under names."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Browser, Frame, Page, expect

from tb_visualscratchpad.views import rank_latents
from tests.end_to_end.served_log import (
    N_LATENTS,
    WrittenLog,
    chosen_token,
    number,
    open_alone,
    open_tab,
    output_tokens,
    parameter,
)
from tests.watched_browser import watched_page

WIDE = {"width": 1440, "height": 900}
P = "&p.visualscratchpad."


def _drawn(frame: Frame | Page) -> None:
    frame.wait_for_selector(".rank-row.on")
    frame.wait_for_selector("vs-matrix canvas", state="attached")


def test_back_and_forward_restore_choices_and_pass_over_sliders(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    first, second = output_tokens(log.newest)[1], output_tokens(log.newest)[6]
    with watched_page(browser, ours="visualscratchpad", viewport=WIDE) as page:
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.token={first}")
        frame.wait_for_selector(".rank-row")
        frame.locator(".rank-row").nth(2).click()
        latent = frame.locator(".rank-row.on").get_attribute("data-latent")
        frame.locator(f"[data-token='{second}']").click()
        assert chosen_token(frame) == second
        length = page.evaluate("history.length")
        slider = frame.get_by_label("Cut the tree at distance")
        slider.focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.wait_for_function("() => location.hash.includes('cut=0.35')")
        assert parameter(page, "cut") == "0.35"
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
        assert chosen_token(frame) == token
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


def test_a_long_selection_is_in_the_link_and_opens_in_a_fresh_browser(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    alive = log.statistics.alive_K
    chosen = np.flatnonzero(alive)[:70].tolist()
    link = ""
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, fast_address, f"{P}workspace=dictionary{P}latents={'.'.join(map(str, chosen))}")
        gallery = frame.get_by_role("region", name="Selected latents")
        expect(gallery).to_contain_text("70 latents")
        frame.get_by_role("button", name="Patches").click()
        assert parameter(page, "latents").startswith("~"), "packed, not named"
        frame.get_by_role("button", name="Share view").click()
        expect(frame.locator("[data-value=in-link]")).to_have_text("all 70 chosen latents are in it")
        link = frame.get_by_label("Link to this view").input_value()
        assert link == page.url
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        page.goto(link)
        gallery = page.get_by_role("region", name="Selected latents")
        expect(gallery).to_contain_text("70 latents")
        for _ in range(3):
            gallery.get_by_role("button", name=re.compile("more of")).click()
        rows = page.locator(".gallery-row")
        expect(rows).to_have_count(70)
        assert sorted(int(row.get_attribute("data-latent")) for row in rows.all()) == chosen
        expect(page.locator(".notices li")).to_have_count(0)


def test_what_a_link_asks_for_in_vain_is_told(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    run, newest = log.runs[0], log.newest
    known = f"{P}run=answers%2F0{P}id={run.run_id}{P}dictionary={log.dictionary.dictionary_id}"
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        notices = page.locator(".notices li")

        frame = open_alone(page, fast_address, f"{P}run=answers%2F9{P}id=gone{P}dictionary={log.dictionary.dictionary_id}")
        expect(notices.filter(has_text="asks for run “answers/9” (gone), which is not in this log")).to_contain_text(f"“{newest.name}”, is shown instead")
        _drawn(frame)
        assert frame.locator(".pick .v").first.inner_text() == newest.name
        assert parameter(page, "id") == "gone", "the address asks again when the page is reloaded"
        notices.get_by_role("button", name=re.compile("^Dismiss")).press("Enter")
        expect(notices).to_have_count(0)
        frame.locator(f"[data-token='{output_tokens(newest)[2]}']").click()
        assert parameter(page, "id") == newest.run_id

        # a step that was never logged, and a latent that the dictionary does not have: its cards show no error
        frame = open_alone(page, fast_address, f"{known}{P}step=7{P}latent={N_LATENTS}{P}latents=1.2.{N_LATENTS}{P}workspace=dictionary")
        expect(frame.get_by_role("region", name="Selected latents")).to_contain_text("2 latents")
        frame.get_by_role("button", name="2 more").click()
        expect(notices).to_have_count(3)
        for text in ("step 7", f"latent {N_LATENTS}", "1 is left out"):
            expect(notices.filter(has_text=text)).to_have_count(1)
        expect(frame.locator("[data-value=alive]")).not_to_be_empty()
        expect(frame.get_by_role("alert")).to_have_count(0)

        open_alone(page, fast_address, f"{P}dictionary=0123456789abcdef")
        expect(notices.filter(has_text="dictionary 0123456789ab…, which is not in this log")).to_have_count(1)
        page.locator(".pick").nth(1).press("Enter")
        page.keyboard.type(log.dictionary.name)
        page.keyboard.press("Enter")
        expect(page.locator(".pick .v").nth(1)).to_have_text(log.dictionary.name)


def test_a_word_that_the_run_does_not_have_is_told(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    # it is asked for while the run is still on its way, so the plugin refuses it in the console
    with watched_page(browser, expected=("favicon", "400"), viewport=WIDE) as page:
        frame = open_alone(page, fast_address, f"{P}run=answers%2F0{P}id={log.runs[0].run_id}{P}token=9999")
        expect(frame.locator(".notices li").filter(has_text="token 9999")).to_have_count(1)
        _drawn(frame)
        expect(frame.get_by_role("alert")).to_have_count(0)


def test_selections_are_kept_opened_renamed_and_removed(browser: Browser, fast_address: str) -> None:
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, fast_address, f"{P}workspace=dictionary{P}latents=1.2.3")
        gallery = frame.get_by_role("region", name="Selected latents")
        expect(gallery).to_contain_text("3 latents")

        def open_list() -> None:
            gallery.get_by_role("button", name=re.compile("^(Keep|Kept)…")).press("Enter")
            frame.locator(".sheet[open]").wait_for()

        # by keyboard: the field has the focus, Enter keeps, a name that is taken is refused with a sentence
        open_list()
        page.keyboard.type("first three")
        page.keyboard.press("Enter")
        expect(frame.locator(".kept-list li")).to_have_count(1)
        page.keyboard.type("first three")
        page.keyboard.press("Enter")
        expect(frame.locator(".sheet[open] [role=alert]")).to_contain_text("“first three” is kept already")
        page.keyboard.press("Escape")
        expect(frame.locator(".sheet[open]")).to_have_count(0)
        expect(gallery).to_contain_text("3 latents · “first three”")

        # another one, by mouse; the list outlives the page
        gallery.get_by_role("button", name="Clear").click()
        expect(gallery).to_contain_text("Click a latent in either plot")
        frame = open_alone(page, fast_address, f"{P}workspace=dictionary{P}latents=4.5")
        open_list()
        frame.get_by_label("Keep the 2 chosen latents as").fill("pair")
        frame.get_by_role("button", name="Keep", exact=True).click()
        rows = frame.locator(".kept-list li")
        expect(rows).to_have_count(2)
        assert [row.get_attribute("data-kept") for row in rows.all()] == ["pair", "first three"]
        field = frame.get_by_label("Name of “first three”")
        field.fill("three")
        field.press("Enter")
        expect(rows.nth(1)).to_have_attribute("data-kept", "three")
        frame.get_by_role("button", name="Open “three”").press("Enter")
        expect(gallery).to_contain_text("3 latents · “three”")
        assert parameter(page, "latents") == "1.2.3"
        page.go_back()
        expect(gallery).to_contain_text("2 latents · “pair”")
        open_list()
        frame.get_by_role("button", name="Remove “pair”").click()
        expect(rows).to_have_count(1)
        expect(frame.get_by_label("Name of “three”")).to_be_focused()
        page.keyboard.press("Escape")
        expect(gallery).not_to_contain_text("pair")
