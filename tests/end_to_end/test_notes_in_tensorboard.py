"""Pinning, naming and annotating latents, finding them again, and hiding the dense ones, in a real TensorBoard over a real log."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.notes_store import NOTES_DIRECTORY
from tests.end_to_end.served_log import WrittenLog, open_alone, parameter
from tests.watched_browser import watched_page

pytestmark = pytest.mark.full

P = "&p.visualscratchpad."
WIDE = {"width": 1440, "height": 900}
FAVICON = ("favicon",)


@pytest.fixture
def folder(log: WrittenLog) -> Path:
    return log.logdir / NOTES_DIRECTORY


def kept(folder: Path, log: WrittenLog) -> dict[str, dict[str, object]]:
    path = folder / f"{log.dictionary.dictionary_id}.json"
    return json.loads(path.read_text())["latents"] if path.exists() else {}


def dense_of(log: WrittenLog) -> set[int]:
    statistics = log.statistics
    return set(np.flatnonzero(statistics.alive_K & (statistics.image_frequency_K > np.float32(log.metrics.dense_cutoff))).tolist())


def scratchpad(page: Page, address: str, latent: int) -> Page:
    open_alone(page, address, f"{P}latent={latent}")
    page.locator(f".inspector .latent-notes [aria-label='Pin latent {latent}']").wait_for()
    page.locator(".rank-row").first.wait_for()
    return page


def first_ranked(page: Page, address: str) -> int:
    open_alone(page, address)
    return int(page.locator(".rank-row").first.get_attribute("data-latent") or "")


def test_a_latent_is_pinned_named_and_annotated_by_keyboard(browser: Browser, fast_address: str, log: WrittenLog, folder: Path) -> None:
    with watched_page(browser, expected=FAVICON, viewport=WIDE) as page:
        latent = first_ranked(page, fast_address)
        scratchpad(page, fast_address, latent)
        row = page.locator(f".rank-row[data-latent='{latent}']")
        below = page.locator(".inspector .section").first
        at = below.bounding_box()
        label = page.locator(".inspector-head .tag").first.inner_text()

        page.keyboard.press("p")
        expect(page.get_by_role("button", name=f"Pin latent {latent}")).to_have_attribute("aria-pressed", "true")
        expect(row.locator(".pin-mark")).to_have_count(1)
        page.keyboard.press("n")
        expect(page.get_by_label(f"Your name for latent {latent}")).to_be_focused()
        page.keyboard.type("p and n typed here")
        page.keyboard.press("Tab")
        page.keyboard.type("first line")
        page.keyboard.press("Enter")
        page.keyboard.type("second line")
        page.keyboard.press("Control+Enter")
        expect(row.locator(".given")).to_have_text("p and n typed here")
        expect(page.locator(".inspector [role=status]").filter(has_text=re.compile("^The note .* is kept"))).to_have_count(1)
        assert below.bounding_box() == at, "nothing moved"
        assert page.locator(".inspector-head .tag").first.inner_text() == label, "the label stays in sight"
        entry = kept(folder, log)[str(latent)]
        assert (entry["name"], entry["note"], entry["pinned"]) == ("p and n typed here", "first line\nsecond line", True)

        # Escape undoes, and is not taken for the tab's own
        page.keyboard.press("n")
        page.keyboard.type("a slip")
        page.keyboard.press("Escape")
        expect(page.get_by_label(f"Your name for latent {latent}")).to_have_value("p and n typed here")
        assert parameter(page, "latent") == str(latent) and kept(folder, log)[str(latent)] == entry

        scratchpad(page, fast_address, latent)
        expect(page.get_by_label(f"Your note on latent {latent}")).to_have_value("first line\nsecond line")
        page.keyboard.press("b")
        expect(page.locator(".basket-item .given")).to_have_text("p and n typed here")
        page.keyboard.press("1")
        expect(page.locator(f".gallery-row[data-latent='{latent}'] .given")).to_have_text("p and n typed here")
        expect(page.locator(f".gallery-row[data-latent='{latent}'] .pin-mark")).to_have_count(1)
        expect(page.locator(".pinned-key")).to_have_text("◇ pinned")
        # no inspector here: a sheet
        page.keyboard.press("n")
        field = page.locator("dialog[open]").get_by_label(f"Your name for latent {latent}")
        expect(field).to_be_focused()
        field.fill("renamed")
        field.press("Enter")
        expect(page.locator("dialog[open]").get_by_label(f"Your note on latent {latent}")).to_be_focused()
        page.keyboard.press("Escape")  # undoes, were anything typed; the next one closes
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
        expect(page.locator(f".gallery-row[data-latent='{latent}'] .given")).to_have_text("renamed")
        page.keyboard.press("p")
        expect(page.locator(".gallery-row .pin-mark")).to_have_count(0)
        assert kept(folder, log)[str(latent)]["pinned"] is False


def test_two_browsers_see_one_another_and_neither_overwrites_the_other(browser: Browser, fast_address: str, log: WrittenLog, folder: Path) -> None:
    with watched_page(browser, expected=FAVICON, viewport=WIDE) as one, watched_page(browser, expected=(*FAVICON, "409"), viewport=WIDE) as other:
        for page in (one, other):
            scratchpad(page, fast_address, 3)
        one.get_by_label("Your note on latent 3").fill("theirs")
        one.get_by_label("Your note on latent 3").press("Control+Enter")
        expect(one.locator(".inspector [role=status]").filter(has_text=re.compile("^The note .* is kept"))).to_have_count(1)
        field = other.get_by_label("Your note on latent 3")
        field.fill("mine")
        field.press("Control+Enter")
        expect(other.locator(".inspector [role=alert]")).to_contain_text("'theirs'")
        expect(field).to_have_value("mine")
        assert kept(folder, log)["3"]["note"] == "theirs"
        field.focus()
        field.press("Control+Enter")
        expect(other.locator(".inspector [role=alert]")).to_have_count(0)
        assert kept(folder, log)["3"]["note"] == "mine"
        # what is written of another latent meanwhile stays
        one.get_by_label("Your name for latent 3").fill("named by one")
        one.get_by_label("Your name for latent 3").press("Enter")
        expect(one.locator(".inspector [role=status]").filter(has_text="The name of latent 3 is kept")).to_have_count(1)
        other.evaluate("window.dispatchEvent(new Event('focus'))")
        expect(other.get_by_label("Your name for latent 3")).to_have_value("named by one")
        assert (kept(folder, log)["3"]["name"], kept(folder, log)["3"]["note"]) == ("named by one", "mine")


def test_where_the_log_cannot_be_written_notes_stay_in_the_browser_and_move_later(browser: Browser, fast_address: str, log: WrittenLog, folder: Path) -> None:
    folder.write_text("a file in the place of the folder")
    with watched_page(browser, expected=FAVICON, viewport=WIDE) as page:
        scratchpad(page, fast_address, 5)
        page.keyboard.press("p")
        page.keyboard.press("n")
        page.keyboard.type("kept here")
        page.keyboard.press("Enter")
        expect(page.locator(".notices li").filter(has_text="is no folder, so notes cannot be kept with the log")).to_have_count(1)
        page.keyboard.press("Shift+N")
        sheet = page.locator("dialog[open]")
        expect(sheet).to_contain_text("Kept in this browser alone.")
        expect(sheet).to_contain_text("is no folder")
        expect(sheet.locator("tbody tr")).to_have_count(1)
        assert folder.read_text() == "a file in the place of the folder"
        scratchpad(page, fast_address, 5)
        expect(page.get_by_label("Your name for latent 5")).to_have_value("kept here")

        folder.unlink()
        scratchpad(page, fast_address, 5)
        expect(page.get_by_label("Your name for latent 5")).to_have_value("kept here")
        page.keyboard.press("Shift+N")
        expect(sheet).to_contain_text("This browser alone holds notes on 1 latent of this dictionary.")
        sheet.get_by_role("button", name="Move to the log").click()
        expect(sheet).to_contain_text("Moved to the log: 1 latent")
        expect(sheet).to_contain_text("Kept with the log, in visualscratchpad_notes/")
        assert kept(folder, log)["5"]["name"] == "kept here" and kept(folder, log)["5"]["pinned"] is True
        assert page.evaluate("localStorage.getItem('visualscratchpad.notes')") == "{}"


def test_notes_are_listed_sorted_filtered_exported_and_imported(browser: Browser, fast_address: str, log: WrittenLog, folder: Path, tmp_path: Path) -> None:
    identity = log.dictionary.dictionary_id
    with watched_page(browser, expected=FAVICON, viewport=WIDE) as page:
        open_alone(page, fast_address, f"{P}workspace=dictionary")
        page.locator(".card.health").wait_for()
        page.keyboard.press("Shift+N")
        sheet = page.locator("dialog[open]")
        expect(sheet).to_contain_text("Nothing is noted yet")
        entry = {"name": "", "note": "", "pinned": False, "changed": 1_700_000_000.0}
        latents = {"4": {**entry, "name": "zebra"}, "2": {**entry, "note": "stripes, too", "pinned": True}, "9": {**entry, "name": "ant"}, "4000": {**entry, "name": "gone"}}
        content = {"version": 1, "dictionary": identity, "latents": latents, "selections": [{"name": "few", "latents": "1.2", "changed": 1}]}
        page.locator("dialog[open] input[type=file]").set_input_files({"name": "n.json", "mimeType": "application/json", "buffer": json.dumps(content).encode()})
        expect(sheet.locator(".told-now")).to_contain_text("Taken: 3 latents and 1 selection. Refused: latent 4000 is not in this dictionary.")
        rows = sheet.locator("tbody tr")

        def order() -> list[str | None]:
            return [row.get_attribute("data-latent") for row in rows.all()]

        sheet.get_by_role("button", name="name", exact=True).click()
        assert order() == ["9", "4", "2"]
        sheet.get_by_role("button", name=re.compile("^latent")).click()
        assert order() == ["2", "4", "9"]
        search = sheet.get_by_label("Filter by number, name, label or note")
        search.fill("STRIPES")
        expect(rows).to_have_count(1)
        search.fill("pinned")
        expect(rows).to_have_count(1)
        search.fill("nothing like it")
        expect(sheet).to_contain_text("None of 3 fits")
        search.fill("")

        with page.expect_download() as found:
            sheet.get_by_role("button", name="Export JSON").click()
        exported = json.loads(Path(found.value.path()).read_text())
        assert exported["dictionary"] == identity and set(exported["latents"]) == {"2", "4", "9"} and exported["selections"][0]["latents"] == "1.2"
        with page.expect_download() as found:
            sheet.get_by_role("button", name="CSV").click()
        lines = Path(found.value.path()).read_text().splitlines()
        assert lines[0] == "latent,name,label,pinned,note,changed" and len(lines) == 4 and '"stripes, too"' in lines[1]

        page.locator("dialog[open] input[type=file]").set_input_files({"name": "n.json", "mimeType": "application/json", "buffer": b"{"})
        expect(sheet.get_by_role("alert")).to_contain_text("The file is no JSON")
        sheet.get_by_role("button", name="Remove what is kept of latent 9").click()
        expect(rows).to_have_count(2)
        sheet.get_by_role("button", name="Undo").click()
        expect(rows).to_have_count(3)
        sheet.get_by_role("button", name="Open latent 2").press("Enter")
        expect(page.locator("dialog[open]")).to_have_count(0)
        assert parameter(page, "latent") == "2"
        expect(page.locator(".gallery-row[data-latent='2'] .pin-mark")).to_have_count(1)
        assert set(kept(folder, log)) == {"2", "4", "9"}


def test_a_latent_is_found_by_its_name_and_note(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    with watched_page(browser, expected=FAVICON, viewport=WIDE) as page:
        scratchpad(page, fast_address, 7)
        page.keyboard.press("n")
        page.keyboard.type("Whisker")
        page.keyboard.press("Tab")
        page.keyboard.type("seen in the dark only")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".inspector [role=status]").filter(has_text=re.compile("^The note .* is kept"))).to_have_count(1)
        page.keyboard.press("Escape")
        page.keyboard.press("3")
        page.keyboard.press("/")
        options = page.locator("#found [role=option]")
        expect(options).to_have_count(1)
        page.keyboard.type("whisk")
        expect(options.first).to_have_attribute("data-by", "name")
        search = page.get_by_label("Number, label, name or note of a latent")
        search.fill("dark")
        expect(options.first).to_have_attribute("data-by", "note")
        expect(options.first).to_contain_text("seen in the dark only")
        search.fill("")
        page.keyboard.type("9")
        expect(options).to_have_count(1 + max(0, min(100, log.dictionary.n_latents) - 90))
        expect(options.first).to_have_attribute("data-latent", "9")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("dialog[open]")).to_have_count(0)
        assert parameter(page, "latent") == "90" and parameter(page, "workspace") == "compare"


def test_without_a_chosen_latent_the_keys_say_so(browser: Browser, fast_address: str, folder: Path) -> None:
    with watched_page(browser, expected=FAVICON, viewport=WIDE) as page:
        open_alone(page, fast_address, f"{P}workspace=dictionary")
        page.locator("vs-scatter .plot").wait_for()
        page.keyboard.press("Escape")
        notice = page.locator(".dock [role=alert]")
        for key, told in (("p", "then pin it"), ("n", "then name it")):
            page.keyboard.press(key)
            expect(notice).to_contain_text(told)
        page.keyboard.press("/")
        page.keyboard.type("4")
        page.keyboard.press("Enter")
        expect(notice).to_have_count(0)
        assert not folder.exists()


def test_dense_latents_are_hidden_everywhere_and_shown_again(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    dense = dense_of(log)
    assert 0 < len(dense) < 90
    with watched_page(browser, expected=FAVICON, viewport=WIDE) as page:
        open_alone(page, fast_address, f"{P}maxFrequency=1")
        page.locator(".rank-row").first.wait_for()

        def ranked() -> set[int]:
            return {int(row.get_attribute("data-latent") or "") for row in page.locator(".rank-row").all()}

        before = ranked()
        assert before & dense, "else this tells nothing"
        page.keyboard.press("d")
        chip = page.locator(".dense-chip")
        expect(chip).to_be_visible()
        expect(chip).to_have_attribute("aria-label", re.compile(rf"{len(dense)} latents"))
        expect(page.locator(f".rank-row[data-latent='{min(before & dense)}']")).to_have_count(0)
        assert not ranked() & dense and parameter(page, "hideDense") == "1"
        columns = page.evaluate("document.querySelector('vs-matrix').data.latent")
        assert not set(columns.values() if isinstance(columns, dict) else columns) & dense

        page.keyboard.press("1")
        page.locator("vs-scatter .plot").wait_for()
        several = sorted(dense)[:2] + sorted(set(range(90)) - dense)[:2]
        open_alone(page, fast_address, f"{P}workspace=dictionary{P}hideDense=1{P}latents={'.'.join(map(str, sorted(several)))}")
        expect(page.get_by_role("region", name="Selected latents")).to_contain_text("2 latents, 2 dense hidden")
        expect(page.locator(".gallery-row")).to_have_count(2)
        hidden = page.evaluate("[...document.querySelector('vs-scatter').plot.hidden].flatMap((one, i) => one ? [i] : [])")
        assert set(hidden) == dense
        alphas = page.evaluate("(() => { const { plot } = document.querySelector('vs-latent-map'); return [...plot.hidden].flatMap((one, i) => one ? [plot.cloud.color[4 * i + 3]] : []); })()")
        assert set(alphas) == {0}
        expect(page.locator(".health [data-value=dense]")).to_have_text(str(len(dense)))

        # the very number of a hidden one is told, and one press shows it
        page.keyboard.press("/")
        page.keyboard.type(str(min(dense)))
        status = page.locator("dialog[open] [role=status]")
        expect(status).to_contain_text(f"Latent {min(dense)} is dense and hidden.")
        status.get_by_role("button", name="Show dense latents").click()
        expect(page.locator("#found [role=option]").first).to_have_attribute("data-latent", str(min(dense)))
        page.keyboard.press("Escape")
        expect(page.locator(".gallery-row")).to_have_count(4)
        assert parameter(page, "hideDense") is None
        expect(page.get_by_role("button", name="Hide dense latents")).to_be_visible()
