"""Whether the SAE is read rightly, in the Dictionary: a line in the health card, and all that was measured over the tab."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tests.end_to_end.served_log import open_alone, tensorboard
from tests.random_evidence import random_dictionary, random_metrics
from tests.random_sae_check import random_sae_check
from tests.watched_browser import watched_page

DICTIONARY = "&p.visualscratchpad.workspace=dictionary"


@pytest.mark.full
def test_a_check_is_told_in_a_line_and_shown_as_tables(browser: Browser, tmp_path: Path) -> None:
    dictionary = random_dictionary(6)
    check = random_sae_check(6, dictionary=dictionary)
    with ScratchpadWriter(tmp_path / "checked") as writer:
        writer.add_sae_metrics(random_metrics(6, dictionary=dictionary))
        writer.add_sae_check(check)
    with tensorboard(tmp_path) as address, watched_page(browser, ours="visualscratchpad", viewport={"width": 1440, "height": 900}) as page:
        open_alone(page, address, DICTIONARY)
        line = page.locator("[data-value=sae-check]")
        expect(line).to_contain_text(f"SAE checked on 64 pictures: it looks wrong, try {check.remedies[0]}")
        details = page.get_by_role("button", name="Details of the check of the SAE")
        details.focus()
        page.keyboard.press("Enter")
        sheet = page.get_by_role("dialog", name="Is the SAE read rightly?")
        expect(sheet).to_contain_text(check.verdict)
        places = sheet.get_by_role("table", name="As loaded, at every place")
        expect(places.get_by_role("row")).to_have_count(1 + len(check.places))
        read = next(place for place in check.places if place.is_read)
        assert read.fvu is not None
        expect(places.get_by_role("row", name="read here")).to_contain_text(f"{100 * read.fvu:.1f} %")
        expect(sheet.get_by_role("row", name="inputs multiplied by 0.333 clearly better")).to_contain_text("100 %")
        expect(sheet.get_by_role("row", name="not as expected: factor on the inputs")).to_contain_text("0.33")
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Details of the check of the SAE"


@pytest.mark.full
def test_a_check_alone_is_shown_and_none_is_no_line(browser: Browser, tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path / "alone") as writer:
        writer.add_sae_check(random_sae_check(6, dictionary=random_dictionary(6, name="alone"), right=True))
    with ScratchpadWriter(tmp_path / "other") as writer:
        writer.add_sae_metrics(random_metrics(7, dictionary=random_dictionary(7, name="other")))
    with tensorboard(tmp_path) as address, watched_page(browser, ours="visualscratchpad") as page:
        open_alone(page, address, f"{DICTIONARY}&p.visualscratchpad.dictionary={random_dictionary(6).dictionary_id}")
        expect(page.locator("[data-value=sae-check]")).to_contain_text("read rightly")
        open_alone(page, address, f"{DICTIONARY}&p.visualscratchpad.dictionary={random_dictionary(7).dictionary_id}")
        page.locator("[data-value=fvu]").wait_for()
        expect(page.locator("[data-value=sae-check]")).to_have_count(0)
