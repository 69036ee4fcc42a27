"""Compare, two runs and two dictionaries, in a real TensorBoard: what is shown is what the views say, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views.counterparts import between, coverage
from tb_visualscratchpad.views.means import latent_means
from tb_visualscratchpad.views.output_diff import Change
from tb_visualscratchpad.views.run_pairs import pair_runs
from tb_visualscratchpad.views.word_pairs import same_latents, word_latents
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch
from tests.end_to_end.served_log import tensorboard
from tests.random_evidence import random_dictionary, random_references, random_statistics, random_vlm_run
from tests.random_match import random_match

pytestmark = pytest.mark.full

ONE, OTHER, LONE = (random_dictionary(seed, n_latents=64) for seed in (1, 2, 3))


@dataclass(frozen=True)
class Served:
    address: str
    first: VlmRun
    same: VlmRun
    matched: VlmRun
    lone: VlmRun
    match: DictionaryMatch


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("pairs")
    drawn = {"ordered": False, "n_output": 7}
    first = replace(random_vlm_run(1, dictionary=ONE, created=1_700_000_000.0, **drawn), name="the first")
    same = random_vlm_run(2, dictionary=ONE, created=1_700_000_100.0, **drawn)
    # Half of the first one's words, on its picture.
    shared = tuple(
        replace(other, text=mine.text, token_id=mine.token_id) if number % 2 else other
        for number, (mine, other) in enumerate(zip(first.tokens, same.tokens, strict=True))
    )
    same = replace(same, name="the second", tokens=replace(same.tokens, tokens=shared), picture=first.picture, exact_picture=first.exact_picture)
    matched = replace(random_vlm_run(3, dictionary=OTHER, created=1_700_000_200.0, **drawn), name="another dictionary")
    lone = replace(random_vlm_run(4, dictionary=LONE, created=1_700_000_300.0, **drawn), name="not matched")
    match = random_match(5, dictionary=ONE, other=OTHER)
    with ScratchpadWriter(folder / "logged") as writer:
        for run in (first, same, matched, lone):
            writer.add_vlm_run(run)
        for dictionary in (ONE, OTHER):
            writer.add_latent_statistics(random_statistics(1, dictionary=dictionary))
            writer.add_references(random_references(1, dictionary=dictionary))
        writer.add_dictionary_match(match)
    with tensorboard(folder) as address:
        yield Served(address, first, same, matched, lone, match)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that may not meet an error."""
    opened = browser.new_page(viewport={"width": 1440, "height": 900})
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert errors == []


def open_tab(page: Page, served: Served, /, **selection: object) -> None:
    chosen = {"workspace": "compare", "run": "logged", "id": served.first.run_id, **selection}
    fragment = "&".join(f"p.visualscratchpad.{key}={quote(str(value), safe='')}" for key, value in chosen.items())
    page.goto("about:blank")
    page.goto(f"{served.address}data/plugin_entry.html?name=visualscratchpad#{fragment}")


def test_the_run_on_the_same_picture_stands_beside(page: Page, served: Served) -> None:
    open_tab(page, served, page="runs")
    expect(page.locator("vs-pair-verdict vs-menu .v")).to_have_text("the second")
    pair = pair_runs(served.first, served.same)
    kept, n = pair.count(Change.KEPT), len(pair.words_a)
    expect(page.locator('[data-value="words-alike"]')).to_have_text(f"{kept} of {n}")
    expect(page.locator('[data-value="pair"]')).to_contain_text(f"{kept} of {n} words")
    struck = page.locator("vs-pair-raster del")
    framed = page.locator("vs-pair-raster ins")
    expect(struck).to_have_count(pair.count(Change.LEFT_OUT))
    expect(framed).to_have_count(pair.count(Change.REPLACED) + pair.count(Change.NEW))
    page.locator("vs-pair-verdict vs-menu .pick").click()
    expect(page.locator("vs-pair-verdict .menu li").first).to_contain_text("same picture")
    page.keyboard.press("Escape")


def test_words_are_chosen_together_and_latents_with_them(page: Page, served: Served) -> None:
    open_tab(page, served, page="runs")
    pair = pair_runs(served.first, served.same)
    place = next(n for n, step in enumerate(pair.diff.steps) if step.change is Change.KEPT)
    step = pair.diff.steps[place]
    page.locator(f'tr[data-row="A"] [data-place="{place}"]').click()
    expect(page.locator("vs-pair-raster td.chosen")).to_have_count(2)
    words = [pair.words_a[step.original], pair.words_b[step.other]]
    found = same_latents(*(word_latents(latent_means(run), word.tokens) for run, word in zip((served.first, served.same), words, strict=True)))
    rows = page.locator("vs-pair-latents tbody tr")
    for n, latent in enumerate(found.latent_a_N[:8]):
        expect(rows.nth(n)).to_have_attribute("data-latent", str(latent))
    assert [int(row.get_attribute("data-latent")) for row in rows.all()] == found.latent_a_N[:40].tolist()

    # Bars are as long as the figures are large.
    tops = max(found.value_a_N.max(), found.value_b_N.max())
    widths = page.evaluate("[...document.querySelectorAll('vs-pair-latents .pair-bar.a i')].map((bar) => bar.getBoundingClientRect().width)")
    room = page.evaluate("document.querySelector('vs-pair-latents .pair-bar.a').getBoundingClientRect().width - 46")
    np.testing.assert_allclose(widths, np.maximum(1, found.value_a_N[:40] / tops * room), atol=0.6)

    page.keyboard.press("j")
    expect(rows.first).to_have_class("on")
    expect(page.locator("vs-pair-attention h2")).to_contain_text(f"Latent {found.latent_a_N[0]}")
    assert f"latent={found.latent_a_N[0]}" in page.url
    page.get_by_role("button", name="Inspect in B").click()
    expect(page.locator("vs-inspector [data-value=latent]")).to_have_text(str(found.latent_a_N[0]))
    assert served.same.run_id in page.url
    page.go_back()
    expect(page.locator("vs-pair-latents tbody tr.on")).to_be_visible()


def test_arrows_walk_through_both_answers(page: Page, served: Served) -> None:
    open_tab(page, served, page="runs")
    n = len(pair_runs(served.first, served.same).diff.steps)
    expect(page.locator("vs-pair-raster td.chosen").first).to_be_visible()
    for _ in range(n + 1):
        page.keyboard.press("ArrowLeft")
    expect(page.locator('[data-place="0"]').first).to_have_attribute("aria-pressed", "true")
    for _ in range(n + 1):
        page.keyboard.press("ArrowRight")
    expect(page.locator(f'[data-place="{n - 1}"]').first).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator(f'[data-place="{n - 1}"]').first).to_have_attribute("aria-pressed", "true")


def test_swapping_turns_the_pair_around(page: Page, served: Served) -> None:
    open_tab(page, served, page="runs")
    expect(page.locator("vs-pair-verdict .first-run")).to_contain_text("the first")
    before = page.locator('[data-value="logprob-first"]').inner_text()
    page.keyboard.press("x")
    expect(page.locator("vs-pair-verdict .first-run")).to_contain_text("the second")
    expect(page.locator("vs-pair-verdict vs-menu .v")).to_have_text("the first")
    expect(page.locator('[data-value="logprob-second"]')).to_have_text(before)
    page.go_back()
    expect(page.locator("vs-pair-verdict .first-run")).to_contain_text("the first")


def test_a_link_restores_another_dictionary_and_its_pairs(page: Page, served: Served) -> None:
    open_tab(page, served, page="runs", other=f"logged/{served.matched.run_id}")
    expect(page.locator("vs-pair-latents thead")).to_contain_text("cosine")
    expect(page.locator("vs-pair-settings tr.differs").first).to_be_visible()
    expect(page.locator("vs-pair-settings tr.differs th", has_text=re.compile("^SAE$"))).to_have_count(1)
    page.get_by_role("button", name="Two dictionaries").last.click()
    expect(page.locator('[data-value="coverage"]')).to_be_visible()


def test_dictionaries_that_were_not_matched_get_both_lists_and_the_command(page: Page, served: Served) -> None:
    open_tab(page, served, page="runs", other=f"logged/{served.lone.run_id}")
    expect(page.locator("vs-pair-latents .pair-list")).to_have_count(2)
    expect(page.locator("vs-pair-latents code")).to_contain_text("match-sae")


def test_a_run_that_is_not_there_is_told(page: Page, served: Served) -> None:
    open_tab(page, served, page="runs", other="logged/nobody")
    expect(page.locator("vs-pair-verdict [role=alert]")).to_contain_text("nobody")


def test_a_dictionary_against_another(page: Page, served: Served) -> None:
    open_tab(page, served, page="dictionaries")
    statistics = random_statistics(1, dictionary=ONE)
    found = coverage(served.match, statistics)
    expect(page.locator('[data-value="coverage"]')).to_contain_text(f"{found.n_close} of {found.n_latents} latents")
    for name, ends in (("No counterpart", (-1, 0.7)), (".7–.9", (0.7, 0.9)), ("Over .9", (0.9, 1))):
        page.locator("vs-dictionary-latents").get_by_role("button", name=name, exact=True).click()
        expected = between(served.match, statistics, *ends)
        rows = page.locator("vs-dictionary-latents tbody tr")
        expect(rows).to_have_count(expected.size)
        assert [int(row.get_attribute("data-latent")) for row in rows.all()] == expected.tolist()
    page.keyboard.press("j")
    expect(page.locator("vs-dictionary-latents tr.on")).to_have_count(1)
    expect(page.locator("vs-dictionary-beside [data-counterpart]")).to_be_visible()
    page.keyboard.press("x")
    expect(page.locator("vs-dictionary-verdict .first-run")).to_contain_text(OTHER.sae_name)


def test_the_inspector_leads_to_the_counterpart_and_back(page: Page, served: Served) -> None:
    latent = int(next(k for k in range(64) if served.match.mutual_K[k]))
    best = int(served.match.forward_latent_Kn[latent, 0])
    open_tab(page, served, workspace="scratchpad", latent=latent)
    counterpart = page.locator(f'vs-inspector [data-counterpart="{best}"]')
    expect(counterpart).to_be_visible()
    expect(page.locator("vs-inspector .counterpart")).to_contain_text("Each is the other’s best.")
    counterpart.click()
    expect(page.locator("vs-inspector [data-value=latent]")).to_have_text(str(best))
    assert OTHER.dictionary_id in page.url
    expect(page.locator(f'vs-inspector [data-counterpart="{latent}"]')).to_be_visible()
    page.go_back()
    expect(page.locator("vs-inspector [data-value=latent]")).to_have_text(str(latent))


def test_a_dictionary_that_was_not_matched_is_told_how(page: Page, served: Served) -> None:
    open_tab(page, served, page="dictionaries", id=served.lone.run_id)
    expect(page.locator(".empty-page")).to_contain_text("match-sae")


def test_nothing_is_clipped_on_a_narrow_page(page: Page, served: Served) -> None:
    for width in (1440, 1280, 1098):
        page.set_viewport_size({"width": width, "height": 800})
        for name in ("runs", "dictionaries"):
            open_tab(page, served, page=name)
            expect(page.locator("vs-pair-latents tbody tr, vs-dictionary-latents tbody tr").first).to_be_visible()
            wide = page.evaluate("[...document.querySelectorAll('.card')].filter((card) => card.scrollWidth > card.clientWidth + 1).map((card) => card.ariaLabel)")
            assert wide == [] and page.evaluate("document.documentElement.scrollWidth") <= width
