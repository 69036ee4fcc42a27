"""Whether a dictionary trained well, the clusters of its map and all pictures of some latents, in the tab and by keyboard."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.views.dictionary_health import dictionary_health, metrics_health
from tb_visualscratchpad.views.health_check import Verdict
from tb_visualscratchpad.views.pictures_of_latents import reference_pictures_of, strength_in, strength_of_run
from tests.end_to_end.served_log import N_LATENTS, WrittenLog, open_alone, parameter
from tests.random_evidence import random_decoder_map
from tests.watched_browser import watched_page

DICTIONARY = "&p.visualscratchpad.workspace=dictionary"
SIZE = {"width": 1440, "height": 900}
MARKS = {"wrong": "✕", "look": "△", "well": "✓", "unknown": "?"}


def _chosen(page: Page) -> list[int]:
    """The selection as the page holds it."""
    return page.evaluate("[...document.querySelector('vs-app').store.selection.latents]")


def test_the_diagnosis_is_what_the_view_says(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    decoder_map = random_decoder_map(4, dictionary=log.dictionary, n_latents=N_LATENTS)
    health = dictionary_health(log.dictionary, log.metrics, log.statistics, decoder_map)
    with watched_page(browser, ours="visualscratchpad", viewport=SIZE) as page:
        open_alone(page, fast_address, DICTIONARY)
        line = page.locator("[data-value=diagnosis]")
        expect(line).to_have_attribute("data-verdict", health.verdict.value)
        told = [check for check in health.checks if check.verdict.value in ("wrong", "look")]
        assert [chip.get_attribute("data-check") for chip in line.locator(".tag").all()] == [check.key for check in told]

        page.get_by_role("button", name="All checks of the training").focus()
        page.keyboard.press("Enter")
        sheet = page.get_by_role("dialog", name="Did this dictionary train well?")
        rows = sheet.locator(".diagnosis")
        assert [row.get_attribute("data-check") for row in rows.all()] == [check.key for check in health.checks]
        for row, check in zip(rows.all(), health.checks, strict=True):
            expect(row.locator(".verdict-mark")).to_have_text(MARKS[check.verdict.value])
            expect(row).to_contain_text(check.sentence)
            expect(row).to_contain_text(check.figure)
        page.keyboard.press("Escape")
        expect(sheet).to_have_count(0)
        expect(page.get_by_role("button", name="All checks of the training")).to_be_focused()

        dead = np.flatnonzero(~log.statistics.alive_K).tolist()
        page.get_by_role("button", name="All checks of the training").press("Enter")
        page.get_by_role("button", name=re.compile(f"Select the {len(dead)} dead")).press("Enter")
        expect(page.get_by_text(f"{len(dead)} latents chosen.")).to_be_attached()
        assert _chosen(page) == dead

        # by its metrics alone nothing is wrong, so the menu does not mark it
        assert metrics_health(log.dictionary, log.metrics).count(Verdict.WRONG) == 0
        page.locator("vs-menu", has_text="Dictionary").locator(".pick").press("Enter")
        expect(page.get_by_role("option", name=re.compile(re.escape(log.dictionary.name)))).not_to_contain_text("trained badly")


def test_menus_mark_a_dictionary_whose_metrics_are_wrong(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    told = {"verdicts": [{"id": log.dictionary.dictionary_id, "verdict": "wrong", "wrong": ["45 % unexplained", "71 % dead"]}], "n_left_out": 0}
    with watched_page(browser, ours="visualscratchpad", viewport=SIZE) as page:
        page.route("**/dictionary_verdicts*", lambda route: route.fulfill(json=told))
        open_alone(page, fast_address)
        menu = page.locator("vs-menu", has_text="Dictionary")
        expect(menu.get_by_role("img", name="trained badly")).to_have_text("✕")
        menu.locator(".pick").press("Enter")
        option = page.get_by_role("option", name=re.compile(re.escape(log.dictionary.name)))
        expect(option).to_contain_text("✕ trained badly")
        expect(option).to_contain_text("45 % unexplained, 71 % dead")
        page.keyboard.press("Escape")
        page.locator("vs-menu").first.locator(".pick").press("Enter")
        of_it = sum(run.dictionary == log.dictionary for run in log.runs)
        expect(page.get_by_role("option").filter(has_text="✕ dictionary trained badly")).to_have_count(of_it)


def test_from_a_cluster_to_its_pictures_and_to_a_run(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    with watched_page(browser, ours="visualscratchpad", viewport=SIZE) as page:
        open_alone(page, fast_address, DICTIONARY)
        page.get_by_role("button", name="meaningful clusters").press("Enter")
        assert parameter(page, "mapAs") == "list"
        rows = page.locator(".cluster-row")
        rows.first.focus()
        page.keyboard.press("ArrowDown")
        expect(rows.nth(1)).to_be_focused()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(rows.first).to_have_attribute("aria-pressed", "true")
        assert parameter(page, "gallery") == "pictures"
        latents = np.array(_chosen(page))
        assert latents.size and log.statistics.alive_K[latents].all()

        found = reference_pictures_of(log.references, latents, 0, 12)
        told = page.locator("[data-value=known-pictures]")
        expect(told).to_contain_text(f"{found.n_pictures} of {log.statistics.n_images} pictures")
        expect(told).to_contain_text(f"one of these {latents.size} latents")
        pictures = page.locator(".found")
        expect(pictures).to_have_count(len(found.rows))
        assert [int(one.get_attribute("data-image") or -1) for one in pictures.all()] == [row.image for row in found.rows]
        expect(pictures.first.locator(".found-facts")).to_contain_text(f"{found.rows[0].n_latents}/{latents.size}")

        pictures.first.press("Enter")
        sheet = page.locator("vs-pictures dialog")
        expect(sheet).to_contain_text(log.references.image_names[found.rows[0].image])
        expect(sheet.locator(".strongest button")).to_have_text([str(latent) for latent in found.rows[0].strongest])
        page.keyboard.press("Escape")
        expect(pictures.first).to_be_focused()

        expected = [(strength_in(strength_of_run(run), latents), run) for run in log.runs if run.dictionary == log.dictionary]
        expected = sorted(((known, run) for known, run in expected if known[1]), key=lambda one: (-one[0][1], -one[0][0]))
        runs = page.locator(".found-run")
        assert [one.get_attribute("data-run") for one in runs.all()] == [run.run_id for _, run in expected]
        (_, n, strongest), run = expected[-1]
        inspected = next((one for one in strongest if log.statistics.image_frequency_K[one] <= 0.5), strongest[0])
        expect(runs.last).to_contain_text(f"{n}/{latents.size}")
        runs.last.press("Enter")
        page.wait_for_selector("vs-inspector [data-value=latent]")
        assert parameter(page, "id") == run.run_id and parameter(page, "workspace") is None
        assert _chosen(page) == latents.tolist() and parameter(page, "latent") == str(inspected)


def test_from_the_heatmap_s_cluster_to_its_pictures(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    with watched_page(browser, ours="visualscratchpad", viewport=SIZE) as page:
        open_alone(page, fast_address)
        page.get_by_role("button", name="Pictures of the cluster").press("Enter")
        page.wait_for_selector("vs-pictures .found")
        assert parameter(page, "workspace") == "dictionary" and parameter(page, "gallery") == "pictures"
        latents = np.array(sorted(_chosen(page)))
        found = reference_pictures_of(log.references, latents)
        expect(page.locator("[data-value=known-pictures]")).to_contain_text(f"{found.n_pictures} of {log.statistics.n_images} pictures")
        page.get_by_role("group", name="Show of the selected latents").get_by_role("button", name="Latents").click()
        expect(page.locator(".gallery-row")).to_have_count(min(10, latents.size))
        assert parameter(page, "gallery") is None
