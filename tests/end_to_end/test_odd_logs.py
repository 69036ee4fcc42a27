"""Logs that are real but odd are shown for what they are: no complaint in the console, nothing wider than the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.wire.evidence import Span
from tests.end_to_end.odd_logs import LONG_WORD, OddLog, write_dictionary, write_odd_runs
from tests.end_to_end.served_log import number, open_alone, tensorboard
from tests.random_evidence import random_dictionary
from tests.watched_browser import watched_page

SIZE = {"width": 1440, "height": 900}
CASES = (
    "no-statistics", "all-dead", "one-word", "no-words", "500-words", "2000-token-prompt", "20-megapixels", "strange-words",
    "no-picture", "no-sidecar", "truncated-sidecar", "altered-sidecar",
)
WIDER = """() => [document.documentElement, document.body, ...document.querySelectorAll('main, .card')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => `${one.className || one.tagName} ${one.scrollWidth} > ${one.clientWidth}`)"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> OddLog:
    return write_odd_runs(tmp_path_factory.mktemp("odd") / "log")


@pytest.fixture(scope="module")
def odd_address(odd: OddLog) -> Iterator[str]:
    with tensorboard(odd.logdir) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        yield page


def _open(page: Page, address: str, odd: OddLog, name: str, more: str = "") -> Page:
    frame = open_alone(page, address, odd.parameters(name) + more)
    expect(frame.locator(".pick .v").first).to_have_text(name)
    frame.wait_for_selector(".chip.on")
    return frame


def _chips(frame: Page) -> list[str]:
    return [text.strip() for text in frame.locator(".chip.output").all_inner_texts()]


@pytest.mark.parametrize("name", CASES)
def test_each_is_drawn_without_complaint_and_within_the_page(page: Page, odd_address: str, odd: OddLog, name: str) -> None:
    frame = _open(page, odd_address, odd, name)
    expect(frame.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_timeout(200)
    assert frame.evaluate(WIDER) == []
    assert frame.locator("[role=alert]").all_inner_texts() == []
    expect(frame.locator(".chip.output")).to_have_count(len(odd.runs[name].tokens.indices(Span.OUTPUT)))


def test_a_run_without_statistics(page: Page, odd_address: str, odd: OddLog) -> None:
    frame = _open(page, odd_address, odd, "no-statistics")
    frame.get_by_text("No statistics were logged for this dictionary, so").wait_for()
    frame.wait_for_selector(".rank-row.on")
    inspector = frame.get_by_role("region", name="Inspector")
    expect(inspector).to_contain_text("Statistics were not logged")
    expect(inspector).to_contain_text("References were not logged")
    frame.locator(".workspaces button").first.click()
    frame.get_by_text("Nothing was logged about this dictionary").wait_for()
    expect(frame.locator("main code")).to_contain_text("visualscratchpad statistics")


def test_statistics_without_runs(page: Page, tmp_path: Path) -> None:
    dictionary = random_dictionary(4, n_latents=96)
    write_dictionary(tmp_path / "sweep", dictionary)
    with tensorboard(tmp_path) as address:
        frame = open_alone(page, address)
        frame.get_by_text("No run of this dictionary was logged").wait_for()
        expect(frame.locator("main code")).to_contain_text("visualscratchpad run")
        frame.locator(".workspaces button").first.click()
        frame.wait_for_selector("vs-latent-map canvas", state="attached")
        assert number(frame, "n-images") == "120"
        assert frame.evaluate(WIDER) == []


def test_every_latent_dead(page: Page, odd_address: str, odd: OddLog) -> None:
    frame = _open(page, odd_address, odd, "all-dead")
    for card in ("Token by latent", "Ranking"):
        expect(frame.get_by_role("region", name=card)).to_contain_text("No latent fires on this picture.")
    assert frame.get_by_role("button", name="Widen").count() == 0, "the thresholds are not to blame"
    frame.locator(".workspaces button").first.click()
    expect(frame.get_by_role("region", name="Health of the dictionary")).to_contain_text("None of 96 latents fired on 120 pictures")
    assert number(frame, "alive") == "0 %" and number(frame, "l0") == "0.00"
    expect(frame.get_by_role("region", name="Latent map")).to_contain_text("No latent is alive")
    assert frame.evaluate(WIDER) == []


def test_one_word(page: Page, odd_address: str, odd: OddLog) -> None:
    frame = _open(page, odd_address, odd, "one-word")
    expect(frame.locator("[data-value=matrix-size]")).to_have_text(re.compile(r"^1 answer word × \d+ latents$"))
    frame.get_by_text("Clustering needs at least 3 tokens, not 1.").wait_for()
    # its strongest latent is chosen, which leads the ranking too
    frame.wait_for_selector(".rank-row.on")
    assert frame.locator(".rank-row.on .n").inner_text() == "1"


def test_no_words(page: Page, odd_address: str, odd: OddLog) -> None:
    run = odd.runs["no-words"]
    frame = _open(page, odd_address, odd, "no-words")
    expect(frame.get_by_role("region", name="Tokens")).to_contain_text("This run has no answer.")
    assert int(frame.locator(".chip.on").get_attribute("data-token")) == len(run.tokens) - 1, "the word that has seen it all"
    frame.get_by_role("button", name="Show the words of the prompt").click()
    frame.wait_for_selector("vs-matrix canvas", state="attached")
    frame.wait_for_selector(".rank-row")


def test_five_hundred_words(page: Page, odd_address: str, odd: OddLog) -> None:
    frame = _open(page, odd_address, odd, "500-words")
    expect(frame.locator("[data-value=matrix-size]")).to_contain_text("500 answer words")
    expect(frame.locator(".chip.truncated")).to_have_text("truncated")
    box = frame.get_by_role("region", name="Tokens").bounding_box()
    assert box["height"] < SIZE["height"] / 3, "the words scroll within their card"
    assert frame.get_by_role("application", name=re.compile("heatmap")).bounding_box()["height"] > 200
    frame.locator(".chip.output").last.click()
    frame.locator(".chip.output.on").wait_for()
    assert frame.locator(".chip.output").last.evaluate("(one) => one.classList.contains('on')")


def test_a_prompt_of_two_thousand_tokens(page: Page, odd_address: str, odd: OddLog) -> None:
    frame = _open(page, odd_address, odd, "2000-token-prompt")
    expect(frame.locator(".chip.input")).to_have_count(2000)
    on, card = frame.locator(".chip.on").bounding_box(), frame.get_by_role("region", name="Tokens").bounding_box()
    assert card["y"] <= on["y"] and on["y"] + on["height"] <= card["y"] + card["height"], "the chosen word is in view"
    frame.get_by_role("checkbox", name="prompt").check()
    expect(frame.locator("[data-value=matrix-size]")).to_contain_text(re.compile(r"^2,01\d words"))


def test_twenty_megapixels(page: Page, odd_address: str, odd: OddLog) -> None:
    frame = _open(page, odd_address, odd, "20-megapixels")
    shape = frame.get_by_role("region", name="Attention").locator("canvas").first
    shape.wait_for()
    box = shape.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(5472 / 3648, rel=0.02)


def test_strange_words(page: Page, odd_address: str, odd: OddLog) -> None:
    frame = _open(page, odd_address, odd, "strange-words")
    chips = _chips(frame)
    assert chips[:3] == ["كلب", "صغير", "שלום"]
    assert chips[3:8] == ["桜", "の木", "猫", "🐈", "👩\u200d👩\u200d👧"]
    assert chips[8:16] == ["⏎", "⇥", "⏎⏎", "e\u0301", "<U+200B>", "∅", "␣", "<script>alert(1)</script>"]
    assert chips[16] == "&amp;" and chips[17] == LONG_WORD.strip()
    assert chips[19] == "<U+202E>evil", "a character that turns the direction of reading is shown, not obeyed"
    row = frame.locator(".tokens").bounding_box()
    for chip in frame.locator(".chip.output").all():
        box = chip.bounding_box()
        assert box["width"] >= 6 and box["x"] + box["width"] <= row["x"] + row["width"]
    for place in (0, 6, 12, 17, 19):
        frame.locator(".chip.output").nth(place).click()
        expect(frame.locator(".token-details > b")).to_have_text(chips[place])


def test_a_run_logged_without_picture(page: Page, odd_address: str, odd: OddLog) -> None:
    frame = _open(page, odd_address, odd, "no-picture")
    frame.get_by_text("The picture was not logged; the map is drawn alone.").wait_for()
    frame.wait_for_selector(".rank-row.on")


@pytest.mark.parametrize(
    ("name", "told"), [("no-sidecar", "sidecars are missing"), ("truncated-sidecar", "is truncated"), ("altered-sidecar", "not the one that was logged")]
)
def test_a_damaged_sidecar_is_told_and_the_event_shown(page: Page, odd_address: str, odd: OddLog, name: str, told: str) -> None:
    frame = _open(page, odd_address, odd, name)
    frame.wait_for_selector(".rank-row.on")
    assert frame.get_by_label("Layers", exact=True).is_disabled()
    frame.get_by_role("button", name=re.compile(r"^\d+ more$")).click()
    expect(frame.locator(".notices li").filter(has_text=name).filter(has_text=told)).to_have_count(1, timeout=10_000)


def test_what_cannot_be_read_is_told_and_folded(page: Page, odd_address: str, odd: OddLog) -> None:
    frame = _open(page, odd_address, odd, "plain")
    notices = frame.locator(".notices li")
    more = frame.get_by_role("button", name=re.compile(r"^\d+ more$"))
    more.wait_for()
    assert notices.count() == 1, "the log's troubles leave room for the log"
    frame.locator(".pick").first.click()
    names = frame.locator(".menu [role=option]").all_inner_texts()
    assert not any("cut-event-file" in text or "newer-schema" in text for text in names)
    page.keyboard.press("Escape")
    more.click()
    expect(notices.filter(has_text="newer-schema")).to_contain_text("update it")
    expect(notices.filter(has_text="cut-event-file").filter(has_text="cut short within record")).to_have_count(1, timeout=10_000)
    frame.get_by_role("button", name="Dismiss all").click()
    expect(notices).to_have_count(0)
