"""A failure set in Compare, without a worker: its figures are the evidence's, its controls work by mouse and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import compute_latent_order, count_fates, latents_that_tell_apart
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureSet, SetAblation
from tests.end_to_end.served_log import open_alone, parameter, tensorboard
from tests.end_to_end.test_accessibility import AXE, RUN_AXE
from tests.random_evidence import random_dictionary, random_vlm_run
from tests.random_failure_evidence import random_failure_set, random_set_ablation
from tests.watched_browser import AT_REST, watched_page

SIZE = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class FailureLog:
    logdir: Path
    run: VlmRun
    found: FailureSet
    alike: FailureSet
    ablation: SetAblation


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> FailureLog:
    logdir = tmp_path_factory.mktemp("failures")
    dictionary = random_dictionary(6, n_latents=96)
    run = random_vlm_run(1, dictionary=dictionary, n_output=6, n_firing=8)
    found = random_failure_set(2, n_items=60, n_prompts=2, dictionary=dictionary, set_id="ducks")
    first_wrong = int(found.wrong_N.argmax())
    found = replace(found, items=tuple(replace(item, run_id=run.run_id if number == first_wrong else "") for number, item in enumerate(found.items)))
    alike = random_failure_set(4, n_items=5, dictionary=dictionary, set_id="alike", wrong_share=0.0, created=1_600_000_000.0, with_pictures=False)
    ablation = random_set_ablation(2, of=found)
    with ScratchpadWriter(logdir / "failures") as writer:
        writer.add_vlm_run(replace(run, order=compute_latent_order(run)))
        writer.add_failure_set(alike)
        writer.add_failure_set(found)
    with ScratchpadWriter(logdir / "worker") as writer:
        writer.add_set_ablation(replace(random_set_ablation(0, of=found, created=1_600_000_000.0), result_id="older", name="the older one", chosen_on="all"))
        writer.add_set_ablation(ablation)
    return FailureLog(logdir, run, found, alike, ablation)


@pytest.fixture(scope="module")
def address(log: FailureLog) -> Iterator[str]:
    with tensorboard(log.logdir, "--load_fast", "false") as address:
        yield address


def _open(page: Page, address: str, **more: str) -> Page:
    known = {"workspace": "compare", "page": "failures", **more}
    return open_alone(page, address, "".join(f"&p.visualscratchpad.{key}={value}" for key, value in known.items()))


def _latents(tab: Page) -> list[int]:
    return [int(row.get_attribute("data-latent")) for row in tab.locator(".telling-table tbody tr").all()]


def _share(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def test_the_sentence_and_the_table_are_the_evidences(browser: Browser, address: str, log: FailureLog) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address)
        tab.locator(".telling-table").wait_for()
        telling = latents_that_tell_apart(log.found)
        told = re.sub(r"\s+", " ", tab.locator("[data-value=told]").inner_text())
        assert told.startswith(f"{telling.n_wrong} of 60 answers are wrong; {telling.n_telling} latents of {telling.n_tested} tell them apart at q < .05")
        assert told.endswith(f"first {telling.latent_F[0]}: AUC {_share(telling.auc_F[0])}.")
        assert _latents(tab) == telling.latent_F[:60].tolist()
        for place in (0, 7, telling.n_tested - 1):
            row = tab.locator(".telling-table tbody tr").nth(place)
            assert row.locator(".auc").inner_text() == _share(telling.auc_F[place])
            counts = [share.get_attribute("title") for share in row.locator(".bar-cell span").all()]
            firing = (round(telling.wrong_share_F[place] * telling.n_wrong), round(telling.right_share_F[place] * telling.n_right))
            assert counts == [f"{firing[0]} of {telling.n_wrong}", f"{firing[1]} of {telling.n_right}"]
        # Another half, another measure, one prompt: asked of the plugin, kept in the address.
        tab.get_by_label("Tested on").select_option("half")
        tab.get_by_role("button", name="B", exact=True).press("Enter")
        tab.get_by_label("Prompt", exact=True).select_option("0")
        narrow = latents_that_tell_apart(log.found, by="plain", part="half", prompt="what is 0 ?")
        expect(tab.locator("[data-value=told]")).to_contain_text(f"{narrow.n_wrong} of {narrow.item_N.size} answers")
        expect(tab.locator(".telling-table tbody tr")).to_have_count(min(60, narrow.n_tested))
        assert _latents(tab) == narrow.latent_F[:60].tolist()
        assert (parameter(page, "setPart"), parameter(page, "setPrompt"), parameter(page, "by")) == ("half", "0", "plain")
        tab = open_alone(page, address, page.url.split("#")[1])
        expect(tab.locator("[data-value=told]")).to_contain_text(f"{narrow.n_wrong} of {narrow.item_N.size} answers")


def test_rows_are_sorted_chosen_and_put_into_the_basket_by_keys(browser: Browser, address: str, log: FailureLog) -> None:
    telling = latents_that_tell_apart(log.found)
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address)
        rows = tab.locator(".telling-table tbody tr")
        rows.first.wait_for()
        tab.get_by_role("button", name="in 36 right").press("Enter")
        expect(tab.locator("th[aria-sort=descending]")).to_contain_text("in 36 right")
        shares = dict(zip(telling.latent_F.tolist(), telling.right_share_F.tolist(), strict=True))
        shown = [shares[latent] for latent in _latents(tab)]
        assert shown == sorted(shown, reverse=True)
        tab.get_by_role("button", name="rank").press("Enter")
        first, second = telling.latent_F[:2].tolist()
        rows.first.locator(".name").press("Enter")
        expect(rows.first).to_have_class(re.compile("on"))
        assert parameter(page, "latent") == str(first)
        page.keyboard.press("b")
        expect(tab.locator(".basket-item")).to_have_attribute("data-latents", str(first))
        box = tab.get_by_role("checkbox", name=f"Latent {second} in the basket")
        box.press("Space")
        expect(tab.locator(".basket-item")).to_have_count(2)
        assert rows.first.locator("input").is_checked() and box.is_checked() and parameter(page, "latent") == str(first)
        box.press("Space")
        expect(tab.locator(".basket-item")).to_have_count(1)
        best = [latent for latent in telling.of_the_wrong(20).tolist() if latent != first]
        tab.get_by_role("button", name=f"+ Best {len(best)}").click()
        expect(tab.locator(".basket-item").last).to_have_attribute("data-latents", ".".join(map(str, best)))
        button = tab.get_by_role("button", name="Take the basket away")
        expect(button).to_be_disabled()
        expect(button).to_have_attribute("title", re.compile("No worker is running"))


def test_pictures_are_filtered_by_the_chosen_latent(browser: Browser, address: str, log: FailureLog) -> None:
    values = log.found.used_NK("weighted").toarray()[:, 1]
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address, latent="1")
        items = tab.locator(".set-item")
        expect(items).to_have_count(60)
        assert items.first.get_attribute("class").split()[1] == "wrong" and items.last.get_attribute("class").split()[1] == "right"
        order = [int(item.get_attribute("data-item")) for item in items.all()]
        wrong = [number for number in order if log.found.wrong_N[number]]
        assert order[: len(wrong)] == wrong == sorted(wrong, key=lambda number: (-values[number], number))
        tab.get_by_role("button", name="1 fires").press("Enter")
        expect(items).to_have_count(int((values > 0).sum()))
        tab.get_by_role("button", name="does not").click()
        expect(items).to_have_count(int((values == 0).sum()))
        assert all(log.found.items[int(item.get_attribute("data-item"))].right_answer in item.inner_text() for item in tab.locator(".set-item.wrong").all())
        tab.get_by_role("button", name="All", exact=True).click()
        picture = tab.locator(".set-item img").first
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("(one) => one.decode().then(() => one.naturalWidth)") == 24
        tab.get_by_role("button", name=re.compile("Open its run")).or_(tab.locator(".set-item button")).first.click()
        tab.locator("main.scratchpad").wait_for()
        assert parameter(page, "id") in (None, log.run.run_id) and parameter(page, "latent") == "1"
        page.go_back()


def test_what_was_mended_and_broken_is_told_and_listed(browser: Browser, address: str, log: FailureLog) -> None:
    counts = count_fates(log.ablation)
    held = counts.held_out
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = _open(page, address)
        told = re.sub(r"\s+", " ", tab.locator("[data-value=ablation]").inner_text())
        assert f"{held.ablated.mended.n} of {held.ablated.mended.total} wrong answers" in told and "on held-out pictures" in told
        assert f"{held.ablated.broken.n} of {held.ablated.broken.total} right ones" in told
        rows = tab.locator(".set-parts tbody tr")
        for row, part in zip(rows.all(), (counts.held_out, counts.chosen), strict=True):
            figures = row.locator(".set-bar .n").all_inner_texts()
            assert figures == [
                f"{share.n} of {share.total}"
                for fate in ("mended", "broken")
                for share in (getattr(one, fate) for one in (part.ablated, *part.controls))
            ]
        listed = tab.locator(".set-changed li")
        fates = [one.get_attribute("data-fate") for one in listed.all()]
        expected = sorted((fate.value for fate in counts.fate_N if fate.value != "unchanged"), key=["mended", "broken", "changed"].index)
        assert fates == expected
        assert "a goose" in tab.locator(".set-changed li[data-fate=changed]").inner_text()
        tab.get_by_label("Which ablation").select_option("worker/older")
        expect(tab.locator("[data-value=ablation]")).to_contain_text("on all pictures, which they were chosen on")
        expect(rows).to_have_count(1)


def test_sets_are_chosen_by_menu_and_one_that_tells_nothing_says_so(browser: Browser, address: str, log: FailureLog) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE) as page:
        tab = open_alone(page, address, "&p.visualscratchpad.workspace=compare")
        tab.get_by_role("button", name="Failure set", exact=True).press("Enter")
        tab.locator(".telling-table").wait_for()
        tab.locator("vs-set-summary .pick").click()
        titles = tab.locator("vs-set-summary [role=option] b").all_inner_texts()
        assert titles == [log.found.name, log.alike.name]
        page.keyboard.type(log.alike.name)
        page.keyboard.press("Enter")
        expect(tab.locator("[data-value=told]")).to_contain_text("All 5 answers compared are right, so there is nothing to tell apart.")
        expect(tab.locator(".set-item .none")).to_have_count(5)
        expect(tab.get_by_role("button", name="Take the basket away")).to_have_attribute("title", re.compile("No worker"))
        # The bar's own menu of runs leads there, too.
        tab.get_by_role("button", name="One run").click()
        tab.locator(".top-bar .pick").first.click()
        page.keyboard.type("failure set")
        page.keyboard.press("Enter")
        expect(tab.locator("[data-value=told]")).to_contain_text("of 60 answers")


def test_without_a_set_the_page_says_how_to_make_one(browser: Browser, log: FailureLog, tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path / "answers") as writer:
        writer.add_vlm_run(log.run)
    with tensorboard(tmp_path, "--load_fast", "false") as address, watched_page(browser, expected=("favicon", "404"), viewport=SIZE) as page:
        tab = _open(page, address)
        tab.get_by_role("heading", name="No failure set of this dictionary yet").wait_for()
        assert "visualscratchpad failures --vlm MODEL" in tab.locator("main").inner_text()
        tab.get_by_role("button", name="One run").press("Enter")
        tab.get_by_role("heading", name="No steered run yet: fill the basket").wait_for()
        tab = _open(page, address, set="failures%2Fgone")
        expect(tab.locator("vs-set-summary [role=alert]")).to_contain_text("gone")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_passes_axe(browser: Browser, address: str, theme: str) -> None:
    with watched_page(browser, expected=("favicon",), viewport=SIZE, color_scheme=theme) as page:
        tab = _open(page, address, latent="1", basket="SET:0:5")
        tab.locator(".set-changed").wait_for()
        page.wait_for_function(AT_REST)
        tab.evaluate(AXE.read_text(encoding="utf-8"))
        assert [one for one in tab.evaluate(RUN_AXE) if one["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("width", [1440, 1100, 760, 400])
def test_nothing_leaves_the_window(browser: Browser, address: str, width: int) -> None:
    with watched_page(browser, expected=("favicon",), viewport={"width": width, "height": 900}) as page:
        tab = _open(page, address, latent="1")
        tab.locator(".telling-table").wait_for()
        beyond = tab.evaluate(
            """() => [...document.querySelectorAll('.card, .card-head .controls, .set-parts, .which')].filter((one) => {
            const { left, right, width } = one.getBoundingClientRect(); return width > 0 && (left < -1 || right > innerWidth + 1); })
            .map((one) => one.outerHTML.slice(0, 120))"""
        )
        assert beyond == []
