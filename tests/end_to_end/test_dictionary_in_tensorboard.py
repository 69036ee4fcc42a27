"""The Dictionary in TensorBoard: its regions, ranges, map and gallery, against the statistics that were logged."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tests.end_to_end.served_log import WrittenLog, number, open_tab, tensorboard
from tests.random_evidence import random_decoder_map, random_dictionary, random_references, random_statistics
from tests.watched_browser import watched_page

DICTIONARY = "&p.visualscratchpad.workspace=dictionary"
SIZE = {"width": 1440, "height": 900}


def _strong(known: LatentStatistics) -> float:
    """The default cut-off: the upper quartile of the living's means, three digits."""
    means = np.sort(known.mean_activation_K[known.alive_K].astype(np.float32))
    return float(f"{means[int(0.75 * (means.size - 1))]:.3g}")


def _regions(known: LatentStatistics, frequency: np.ndarray, dense: float, sparse: float, strong: float) -> tuple[str, str]:
    alive = known.alive_K
    n_sparse = alive & (frequency.astype(np.float32) < sparse) & (known.mean_activation_K.astype(np.float32) > strong)
    return str(int((alive & (frequency.astype(np.float32) > dense)).sum())), str(int(n_sparse.sum()))


def _expect(frame: Frame, regions: tuple[str, str]) -> None:
    """Waits for the sentence to be drawn with these figures."""
    for name, figure in zip(("dense", "sparse"), regions, strict=True):
        expect(frame.locator(f"[data-value={name}]")).to_have_text(figure)


def _in_address(page: Page, frame: Frame, key: str) -> float:
    """A number of the address, which follows sliders and drags a moment later."""
    before = None
    for _ in range(40):
        found = re.search(rf"{key}=([\d.e-]+)", frame.evaluate("parent.location.hash"))
        if found and found.group(1) == before:
            return float(before)
        before = found and found.group(1)
        page.wait_for_timeout(300)
    raise AssertionError(f"{key} never came to rest in the address")


def test_cut_offs_move_by_keyboard_and_by_pointer(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    known = log.statistics
    strong = _strong(known)
    with watched_page(browser, ours="visualscratchpad", viewport=SIZE) as page:
        frame = open_tab(page, fast_address, DICTIONARY)
        frame.wait_for_selector("[data-value=dense]")
        _expect(frame, _regions(known, known.image_frequency_K, 0.2, 0.05, strong))
        frame.get_by_text("over 20 % of pictures").wait_for()

        frame.get_by_text("Cut-offs and ranges").click()
        frame.get_by_label("dense over").focus()
        page.keyboard.press("End")
        expect(frame.locator("[data-value=dense]")).to_have_text("0")
        frame.get_by_text("over 100 % of pictures").wait_for()
        frame.get_by_role("button", name="Reset").click()
        _expect(frame, _regions(known, known.image_frequency_K, 0.2, 0.05, strong))

        # the edge of Dense is dragged to where the figures, and the address, follow
        box = frame.locator("vs-scatter .plot").bounding_box()
        x = frame.evaluate("document.querySelector('vs-scatter').plot.edges().dense")
        y = box["y"] + 0.4 * box["height"]
        page.mouse.move(box["x"] + x, y)
        page.mouse.down()
        page.mouse.move(box["x"] + x - 60, y, steps=3)
        page.mouse.up()
        dense = _in_address(page, frame, "dense")
        assert dense < 0.2
        _expect(frame, _regions(known, known.image_frequency_K, dense, 0.05, strong))
        frame.get_by_text("Click a latent in either plot").wait_for()  # dragging an edge is no lasso

        frame.get_by_role("button", name="Patches").click()
        frame.get_by_text("% of patches").wait_for()
        _expect(frame, _regions(known, known.patch_frequency_K, dense, 0.05, strong))


def test_ranges_select_what_a_lasso_would(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    known = log.statistics
    with watched_page(browser, ours="visualscratchpad", viewport=SIZE) as page:
        frame = open_tab(page, fast_address, DICTIONARY)
        frame.get_by_text("Cut-offs and ranges").focus()
        page.keyboard.press("Enter")
        button = frame.locator("[data-value=within]")
        expect(button).to_have_text(f"Select {int(known.alive_K.sum())}")
        frame.get_by_label("label entropy from").focus()
        page.keyboard.press("PageUp")
        found = known.alive_K & known.label_entropy_defined_K
        low = float(re.match(r"[\d.]+", frame.get_by_label("label entropy from").get_attribute("aria-valuetext")).group())
        # what is written is rounded: latents so near the end may fall on either side
        surely, perhaps = (int((found & (known.label_entropy_K >= low + slack)).sum()) for slack in (0.006, -0.006))
        assert surely <= int(button.inner_text().split()[1]) <= perhaps < int(known.alive_K.sum())
        chosen = int(button.inner_text().split()[1])
        button.focus()
        page.keyboard.press("Enter")
        gallery = frame.get_by_role("region", name="Selected latents")
        expect(gallery).to_contain_text(f"{chosen} latents")
        expect(gallery.get_by_title("Strongest mean first")).to_have_count(1)
        rows = frame.locator(".gallery-row")
        expect(rows).to_have_count(10)
        latents = [int(row.get_attribute("data-latent")) for row in rows.all()]
        means = known.mean_activation_K[latents]
        assert (np.diff(means) <= 1e-6).all()
        assert all(known.label_entropy_defined_K[latents])
        gallery.get_by_role("button", name=re.compile("more of")).click()
        expect(rows).to_have_count(min(30, chosen))
        gallery.get_by_role("button", name="+ Basket").click()
        expect(frame.locator(".basket-item")).to_contain_text(f"{chosen} latents")
        assert set(frame.locator(".basket-item").get_attribute("data-latents").split(".")) >= {str(latent) for latent in latents}
        expect(gallery.get_by_role("button", name="In the basket")).to_be_disabled()
        gallery.get_by_role("button", name="Clear").click()
        frame.get_by_text("Click a latent in either plot").wait_for()


def test_the_map_counts_what_it_shows_and_says_what_colours_mean(browser: Browser, fast_address: str, log: WrittenLog) -> None:
    drawn = random_decoder_map(4, dictionary=log.dictionary)
    alive = log.statistics.alive_K
    with watched_page(browser, ours="visualscratchpad", viewport=SIZE) as page:
        frame = open_tab(page, fast_address, DICTIONARY)
        frame.wait_for_selector("[data-value=on-map]")
        placed = ~np.isnan(drawn.firing_xy_K2).any(axis=1)
        assert number(frame, "on-map") == f"{int((alive & placed).sum())} living latents"
        assert number(frame, "placeless") == f"{int((alive & ~placed).sum())} without a place"
        legend = frame.locator(".map-legend").inner_text()
        assert all(name in legend for name in log.statistics.label_names)
        assert "no label prevails" in legend
        frame.get_by_role("button", name="Decoder").click()
        expect(frame.locator("[data-value=on-map]")).to_have_text(f"{int(alive.sum())} living latents")


@pytest.mark.parametrize(("n_latents", "dead_share", "n_labels"), [(20, 0.0, 3), (30, 0.2, 0), (24, 2.0, 3)], ids=["twenty", "no labels", "all dead"])
def test_small_unlabelled_and_dead_dictionaries(browser: Browser, tmp_path: Path, n_latents: int, dead_share: float, n_labels: int) -> None:
    known = {"dictionary": random_dictionary(8, n_latents=n_latents)}
    statistics = random_statistics(8, dead_share=dead_share, n_labels=n_labels, **known)
    alive = int(statistics.alive_K.sum())
    with ScratchpadWriter(tmp_path / "sweep") as writer:
        writer.add_latent_statistics(statistics)
        writer.add_references(random_references(8, dead_share=dead_share, n_labels=n_labels, **known))
        writer.add_decoder_map(random_decoder_map(8, **known))
    with tensorboard(tmp_path) as address, watched_page(browser, ours="visualscratchpad", viewport=SIZE) as page:
        frame = open_tab(page, address, DICTIONARY)
        frame.wait_for_selector("vs-scatter canvas", state="attached")
        health = frame.get_by_role("region", name="Health of the dictionary")
        if not alive:
            expect(health).to_contain_text(f"None of {n_latents} latents")
            expect(frame.get_by_role("region", name="Latent map")).to_contain_text("No latent is alive")
            expect(frame.locator(".ranges")).to_have_count(0)
            return
        expect(health).to_contain_text(f"{alive} of {n_latents}")
        if not n_labels:
            expect(frame.locator(".entropy-key")).to_contain_text("label entropy is undefined for every latent")
            expect(frame.locator(".map-legend")).to_contain_text("bear no labels")
        frame.get_by_text("Cut-offs and ranges").click()
        frame.locator("[data-value=within]").click()
        expect(frame.get_by_role("region", name="Selected latents")).to_contain_text(f"{alive} latents")
