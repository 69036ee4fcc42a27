"""The tab in TensorBoard: choosing, keys, theme, what appears or is missing, and a policy stricter than TensorBoard's."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Frame, Page, Route, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.handlers.several import put_together
from tests.end_to_end.served_log import WrittenLog, number, open_tab, output_tokens, tensorboard
from tests.handlers.held_evidence import split_parts
from tests.random_evidence import random_vlm_run
from tests.watched_browser import STRICT_POLICY, watched_page

LIGHT_GROUND, DARK_GROUND = "rgb(244, 245, 247)", "rgb(28, 29, 32)"
NAMELESS = """() => [...document.querySelectorAll('button, select, input, [tabindex], a')].filter((element) => element.offsetParent && !(
    element.getAttribute('aria-label')?.trim() || element.textContent.trim() || element.labels?.length)).map((element) => element.outerHTML)"""


def _chosen_token(frame: Frame) -> int:
    return int(frame.locator(".chip.on").get_attribute("data-token"))


def test_runs_are_found_searched_and_chosen(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    with watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, fast_address)
        frame.wait_for_selector(".rank-row.on")  # a first choice is made: the strongest cell
        expect(frame.locator(".pick .v").first).to_have_text(log.newest.name)
        frame.locator(".pick").first.click()
        expect(frame.locator(".menu [role=option]")).to_have_count(len(log.runs))
        page.keyboard.type("answers/0")
        expect(frame.locator(".menu [role=option]")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(frame.locator(".pick .v").first).to_have_text(log.runs[0].name)
        frame.wait_for_selector(".chip.on")
        expect(frame.locator(".chip.output")).to_have_count(len(output_tokens(log.runs[0])))
        assert "run=answers%2F0" in page.url

        # a dictionary without statistics hides the thresholds and says so; its run logged no picture
        frame.locator(".pick").first.click()
        page.keyboard.type("answers/2")
        page.keyboard.press("Enter")
        frame.get_by_text("No statistics were logged for this dictionary, so").wait_for()
        expect(frame.locator(".threshold")).to_have_count(0)
        frame.get_by_text("The picture was not logged").wait_for()


def test_keys_and_names(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    with watched_page(browser, ours="visualscratchpad") as page:
        token = output_tokens(log.newest)[4]
        frame = open_tab(page, fast_address, f"&p.visualscratchpad.token={token}")
        frame.wait_for_selector(".rank-row")
        frame.locator(".workspaces button").last.focus()
        page.keyboard.press("ArrowRight")
        assert _chosen_token(frame) == token + 1
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert _chosen_token(frame) == token - 1
        frame.wait_for_selector("vs-ranking [aria-busy=false]")
        page.keyboard.press("j")
        page.keyboard.press("j")
        frame.wait_for_selector(".rank-row.on")
        assert frame.locator(".rank-row.on .n").inner_text() == "2"
        page.keyboard.press("k")
        assert frame.locator(".rank-row.on .n").inner_text() == "1"
        page.keyboard.press("w")
        assert frame.get_by_role("button", name="Plain mean").get_attribute("aria-pressed") == "true"
        assert frame.evaluate(NAMELESS) == []

        # the heatmap: the arrows move a cursor, Enter chooses its row and column
        plot = frame.get_by_role("application", name=re.compile("heatmap"))
        plot.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        spoken = frame.locator("vs-matrix .spoken").inner_text()
        page.keyboard.press("Enter")
        latent = re.search(r"latent (\d+)", spoken).group(1)
        expect(frame.locator("[data-value=latent]")).to_have_text(latent)
        assert _chosen_token(frame) == token
        frame.locator(".workspaces button").last.focus()
        page.keyboard.press("Escape")
        frame.get_by_text("Choose a latent").wait_for()
        page.keyboard.press("1")
        frame.wait_for_selector("vs-scatter")
        assert frame.evaluate(NAMELESS) == []


def test_a_choice_survives_a_reload_of_the_page(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    with watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, fast_address)
        frame.wait_for_selector(".chip.on")
        frame.locator(f"[data-token='{output_tokens(log.newest)[5]}']").click()
        address = page.url
        assert "p.visualscratchpad.token=" in address
        page.goto("about:blank")
        page.goto(address)
        frame = open_tab(page, fast_address, address.split("#visualscratchpad")[1])
        frame.wait_for_selector(".chip.on")
        assert _chosen_token(frame) == output_tokens(log.newest)[5]


def test_a_lasso_selects_latents_in_both_plots(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    with watched_page(browser, ours="visualscratchpad", viewport={"width": 1440, "height": 900}) as page:
        frame = open_tab(page, fast_address, "&p.visualscratchpad.workspace=dictionary")
        frame.wait_for_selector("vs-scatter canvas", state="attached")
        page.wait_for_timeout(300)
        box = frame.locator("vs-scatter .plot").bounding_box()
        # around everything but the strip of the dead, which have no place in the plane
        right, bottom = box["width"] - 46, box["height"] - 36
        corners = [(82, 40), (right, 40), (right, bottom), (82, bottom)]
        for step, (x, y) in enumerate(corners):
            page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
            if step == 0:
                page.mouse.down()
        page.mouse.up()
        alive = int(log.statistics.alive_K.sum())
        expect(frame.get_by_role("region", name="Selected latents")).to_contain_text(re.compile(rf"(?<!\d){alive} latents"))
        expect(frame.locator(".gallery-row")).to_have_count(10)
        frame.get_by_role("button", name="Clear").click()
        frame.get_by_text("Click a latent in either plot").wait_for()


def test_the_theme_is_tensorboards(browser: Browser, fast_address: str) -> None:
    with watched_page(browser, ours="visualscratchpad", color_scheme="light") as page:
        frame = open_tab(page, fast_address)
        frame.wait_for_selector(".chip.on")
        ground = frame.locator("body")
        expect(ground).to_have_css("background-color", LIGHT_GROUND)
        page.evaluate("document.body.classList.add('dark-mode')")
        expect(ground).to_have_css("background-color", DARK_GROUND)
        page.evaluate("document.body.classList.remove('dark-mode')")
        expect(ground).to_have_css("background-color", LIGHT_GROUND)


def _without_polls(page: Page, frame: Frame) -> list[str]:
    """Stops the tab's own polls, which would pass for the answer to a press; the addresses of the listings asked for from now on."""
    frame.evaluate("clearInterval(document.querySelector('vs-app').timer)")
    frame.wait_for_function("!document.querySelector('vs-app').listingNow")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/listing") else None)
    return asked


def test_tensorboards_reload_button_is_heard(browser: Browser, fast_address: str) -> None:
    with watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, fast_address)
        frame.wait_for_selector(".chip.on")
        asked = _without_polls(page, frame)
        button = page.locator("app-header-reload button, .reload-button").first
        expect(button).not_to_have_class(re.compile(r"\bloading\b"))
        assert asked == []
        with page.expect_request("**/listing"):
            button.click()


def test_a_reload_while_a_listing_is_on_its_way_has_another_asked_for(browser: Browser, fast_address: str) -> None:
    """The one on its way may have been answered before the log was read anew. Any number of words in between ask for one more."""
    with watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, fast_address)
        frame.wait_for_selector(".chip.on")
        asked = _without_polls(page, frame)
        held: list[Route] = []
        page.route("**/listing", lambda route: route.continue_() if held else held.append(route))
        frame.evaluate("document.querySelector('vs-app').list(); null")
        frame.wait_for_function("!!document.querySelector('vs-app').listingNow")
        frame.evaluate("for (let word = 0; word < 3; word += 1) document.querySelector('vs-app').list(); null")
        page.wait_for_timeout(200)
        assert len(asked) == len(held) == 1
        with page.expect_request("**/listing"):
            held[0].continue_()
        frame.wait_for_function("!document.querySelector('vs-app').listingNow && !document.querySelector('vs-app').listingNext")
        assert len(asked) == 2


def test_a_failed_answer_stays_in_its_card_and_can_be_retried(browser: Browser, fast_address: str) -> None:
    refusal = (422, b'{"error": "The sidecar is truncated: copy it again."}')

    def refuse_the_ranking(route: Route) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)["ask"]
        parts = split_parts(route.fetch().body())
        body = put_together([refusal if one.startswith("latent_ranking?") else part for one, part in zip(asked, parts, strict=True)])
        route.fulfill(body=body, content_type="application/octet-stream")

    with watched_page(browser, ours="visualscratchpad") as page:
        failing = "**/several?*"
        page.route(failing, refuse_the_ranking)
        frame = open_tab(page, fast_address)
        alert = frame.get_by_role("alert")
        alert.first.wait_for()
        assert alert.first.inner_text().startswith("The sidecar is truncated: copy it again.")
        frame.wait_for_selector("vs-matrix canvas", state="attached")
        page.unroute(failing)
        alert.first.get_by_role("button", name="Retry").click()
        frame.wait_for_selector(".rank-row")


def test_the_whole_tab_runs_under_a_strict_policy(browser: Browser, fast_address: str) -> None:
    """Every file of the tab under no-eval, no-inline, no-blob, no-data; drawn without TensorBoard's frame."""
    folder = f"{fast_address}data/plugin/visualscratchpad/"

    def strictly(route: Route) -> None:
        if route.request.url.split("#")[0].endswith("strict.html"):
            body = '<!doctype html><html><head><title>strict</title></head><body><script type="module" src="./static/strict.js"></script></body></html>'
            route.fulfill(body=body, content_type="text/html", headers={"Content-Security-Policy": STRICT_POLICY})
        elif route.request.url.endswith("strict.js"):
            route.fulfill(body="import { render } from './index.js'; render();", content_type="text/javascript")
        else:
            route.continue_()

    with watched_page(browser, expected=("favicon",)) as page:
        page.route("**/strict.*", strictly)
        page.goto(f"{folder}strict.html")
        page.wait_for_selector(".rank-row.on")
        page.wait_for_selector("vs-matrix canvas", state="attached")
        page.locator(".workspaces button").first.click()
        page.wait_for_selector("vs-latent-map canvas", state="attached")
        page.wait_for_selector("[data-value=fvu]")
        page.emulate_media(color_scheme="dark")
        expect(page.locator("body")).to_have_css("background-color", DARK_GROUND)
        page.keyboard.press("2")
        page.wait_for_selector(".rank-row.on")


def test_an_empty_log_says_what_to_run_and_a_new_run_appears(browser: Browser, tmp_path: Path) -> None:
    with tensorboard(tmp_path) as address, watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, address)
        frame.get_by_role("heading", name="No evidence yet").wait_for()
        assert "visualscratchpad demo --logdir" in frame.locator("main").inner_text()
        first, second = random_vlm_run(11, created=1_700_000_000.0), random_vlm_run(12, created=1_700_000_001.0)
        with ScratchpadWriter(tmp_path / "one") as writer:
            writer.add_vlm_run(first)
        frame.wait_for_selector(".chip.on", timeout=20_000)
        assert frame.locator(".pick .v").first.inner_text() == first.name
        chosen = _chosen_token(frame)
        with ScratchpadWriter(tmp_path / "two") as writer:
            writer.add_vlm_run(second)
        frame.locator(".pick").first.click()
        expect(frame.locator(".menu [role=option]")).to_have_count(2, timeout=20_000)
        page.keyboard.press("Escape")
        assert _chosen_token(frame) == chosen, "a new run does not take the place of the one looked at"


def test_without_its_sidecar_a_run_is_shown_from_the_event_and_the_loss_is_told(browser: Browser, log: WrittenLog, tmp_path: Path) -> None:
    copy = tmp_path / "copied"
    shutil.copytree(log.logdir, copy)
    sidecars = [path for path in copy.rglob("*.safetensors") if "answers" in str(path)]
    assert sidecars
    for path in sidecars:
        path.unlink()
    with tensorboard(copy) as address, watched_page(browser, ours="visualscratchpad") as page:
        frame = open_tab(page, address)
        frame.wait_for_selector(".rank-row.on")
        assert number(frame, "mass-on-picture").endswith("%")
        assert frame.get_by_label("Layers", exact=True).is_disabled()
        notices = frame.locator(".notices li")
        notices.first.wait_for()
        frame.get_by_role("button", name=re.compile(r"^\d+ more$")).click()
        told = notices.all_inner_texts()
        assert any("answers/1" in text or sidecars[0].name in text for text in told), told
