"""The check against known truth in the Dictionary: a line in the health card, and the whole table over the tab."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views.truth_table import truth_tables
from tests.end_to_end.served_log import open_alone, tensorboard
from tests.random_evidence import random_dictionary, random_metrics, random_truth_report
from tests.watched_browser import watched_page

DICTIONARY = "&p.visualscratchpad.workspace=dictionary"


@pytest.mark.full
def test_the_report_is_told_in_a_line_and_shown_as_tables(browser: Browser, tmp_path: Path) -> None:
    dictionary = random_dictionary(6)
    report = random_truth_report(6, dictionary=dictionary)
    with ScratchpadWriter(tmp_path / "checked") as writer:
        writer.add_sae_metrics(random_metrics(6, dictionary=dictionary))
        writer.add_truth_report(report)
    with tensorboard(tmp_path) as address, watched_page(browser, ours="visualscratchpad", viewport={"width": 1440, "height": 900}) as page:
        open_alone(page, address, DICTIONARY)
        line = page.locator("[data-value=truth]")
        weighted, plain = report.figure("ranking.hit5"), report.figure("ranking.hit5", "B")
        assert weighted is not None and weighted.value is not None and plain is not None and plain.value is not None
        expect(line).to_contain_text(f"own latent in the best five {100 * weighted.value:.0f} % by C, {100 * plain.value:.0f} % by B")
        details = page.get_by_role("button", name="Details of the check against known truth")
        details.focus()
        page.keyboard.press("Enter")
        sheet = page.get_by_role("dialog", name="Checked against known truth")
        expect(sheet).to_be_visible()
        tables = truth_tables(report)
        expect(sheet.get_by_role("table")).to_have_count(len(tables))
        for table in tables:
            shown = sheet.get_by_role("table", name=table.title)
            expect(shown.get_by_role("rowheader")).to_have_text([row.name for row in table.rows])
        ranking = sheet.get_by_role("table", name="Latents a word ranks first")
        cell = ranking.get_by_role("row", name="B", exact=False).nth(1).get_by_role("cell").nth(1)
        expect(cell).to_contain_text(f"{100 * plain.value:.1f} %")
        assert plain.differs == ("clearly" in cell.inner_text())
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        assert page.evaluate("document.activeElement.textContent") == "details"


@pytest.mark.full
def test_a_report_alone_is_shown_and_none_is_no_line(browser: Browser, tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path / "alone") as writer:
        writer.add_truth_report(random_truth_report(6, dictionary=random_dictionary(6, name="alone")))
    with ScratchpadWriter(tmp_path / "other") as writer:
        writer.add_sae_metrics(random_metrics(7, dictionary=random_dictionary(7, name="other")))
    with tensorboard(tmp_path) as address, watched_page(browser, ours="visualscratchpad") as page:
        open_alone(page, address, f"{DICTIONARY}&p.visualscratchpad.dictionary={random_dictionary(6).dictionary_id}")
        page.locator("[data-value=truth]").wait_for()
        open_alone(page, address, f"{DICTIONARY}&p.visualscratchpad.dictionary={random_dictionary(7).dictionary_id}")
        page.locator("[data-value=fvu]").wait_for()
        expect(page.locator("[data-value=truth]")).to_have_count(0)
