"""Several logged steps of one dictionary: the slider changes the figures to those of the step, and the address holds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import compute_latent_order, rank_latents
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.evidence import VlmRun
from tests.end_to_end.served_log import open_alone, output_tokens, parameter, tensorboard
from tests.random_evidence import (
    random_decoder_map,
    random_dictionary,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)
from tests.watched_browser import watched_page

WIDE = {"width": 1440, "height": 900}
P = "&p.visualscratchpad."
STEPS = (0, 100, 200, 300)
N_LATENTS = 96


@dataclass(frozen=True)
class TrainedLog:
    """Metrics of every step; statistics and references of every other one; the map of the first."""

    metrics: dict[int, SaeMetrics]
    statistics: dict[int, LatentStatistics]
    references: dict[int, ReferenceImages]
    run: VlmRun
    address: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainedLog]:
    logdir: Path = tmp_path_factory.mktemp("trained") / "log"
    dictionary = random_dictionary(4, n_latents=N_LATENTS)
    known = {"dictionary": dictionary, "n_latents": N_LATENTS}
    metrics = {step: replace(random_metrics(step, dictionary=dictionary), l0=10.0 + step / 10, fvu=0.9 - step / 1000) for step in STEPS}
    statistics = {step: random_statistics(step + 1, n_images=120 + step, **known) for step in STEPS[::2]}
    references = {step: random_references(step + 1, **known) for step in STEPS[::2]}
    drawn = random_vlm_run(2, dictionary=dictionary, n_output=6, n_firing=8)
    run = replace(drawn, order=compute_latent_order(drawn))
    with ScratchpadWriter(logdir / "training") as writer:
        writer.add_decoder_map(random_decoder_map(4, **known), 0)
        for step in STEPS:
            writer.add_sae_metrics(metrics[step], step)
            if step in statistics:
                writer.add_latent_statistics(statistics[step], step)
                writer.add_references(references[step], step)
    with ScratchpadWriter(logdir / "answer") as writer:
        writer.add_vlm_run(run)
    with tensorboard(logdir) as address:
        yield TrainedLog(metrics, statistics, references, run, address)


def _expect_step(page: Page, trained: TrainedLog, step: int) -> None:
    """The Dictionary shows this step, and says what is of another."""
    of = step - step % 200
    alive = int(trained.statistics[of].alive_K.sum())
    expect(page.locator("[data-value=step]")).to_have_text(str(step))
    expect(page.locator("[data-value=fvu]")).to_have_text(f"{100 * trained.metrics[step].fvu:.0f} %")
    expect(page.locator("[data-value=l0]")).to_have_text(f"{trained.metrics[step].l0:.1f}".removesuffix(".0"))
    expect(page.locator("[data-value=n-images]")).to_have_text(str(trained.statistics[of].n_images))
    expect(page.get_by_role("region", name="Health of the dictionary")).to_contain_text(f"{alive} of {N_LATENTS}")
    others = page.locator("[data-value=other-steps]")
    if step == 0:
        expect(others).to_have_count(0)
    elif of == step:
        expect(others).to_have_text(f"Not everything was logged at step {step}: the map is of step 0.")
    else:
        expect(others).to_contain_text(f"statistics are of step {of}, reference pictures are of step {of}, the map is of step 0")


def test_the_slider_changes_the_figures_and_the_address(browser: Browser, trained: TrainedLog) -> None:
    firing = [k for k in range(N_LATENTS) if all(len(one.of_latent(k)) >= 4 for one in trained.references.values())]
    latent = firing[0]
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, trained.address, f"{P}workspace=dictionary{P}latent={latent}")
        slider = frame.get_by_label("Training step")
        _expect_step(page, trained, 300)
        assert parameter(page, "step") is None, "the newest, whichever that is"
        slider.focus()
        for step in (200, 100, 0):
            page.keyboard.press("ArrowLeft")
            _expect_step(page, trained, step)
        assert slider.get_attribute("aria-valuetext") == "0"
        page.wait_for_function("() => location.hash.includes('step=0')")
        captions = frame.locator(f".gallery-row[data-latent='{latent}'] figcaption")
        expected = [one.plain_mean for one in trained.references[0].of_latent(latent)][:4]
        expect(captions).to_have_count(4)
        assert [float(text) for text in captions.all_inner_texts()] == pytest.approx(expected, abs=0.051)
        page.keyboard.press("End")
        _expect_step(page, trained, 300)
        page.wait_for_function("() => !location.hash.includes('step=')")

        # by pointer, a third along the track
        box = slider.bounding_box()
        page.mouse.click(box["x"] + 6 + (box["width"] - 12) / 3, box["y"] + box["height"] / 2)
        _expect_step(page, trained, 100)
        page.wait_for_function("() => location.hash.includes('step=100')")
        link = page.url
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        page.goto(link)
        _expect_step(page, trained, 100)
        expect(page.get_by_label("Training step")).to_have_value("1")


def test_the_scratchpad_speaks_of_the_same_step(browser: Browser, trained: TrainedLog) -> None:
    run = trained.run
    token = output_tokens(run)[2]
    old, new = trained.statistics[0], trained.statistics[200]
    firing = np.unique(run.latents.latent_N).tolist()
    latent = next(k for k in firing if old.alive_K[k] and new.alive_K[k] and abs(old.mean_activation_K[k] - new.mean_activation_K[k]) > 0.1)
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        frame = open_alone(page, trained.address, f"{P}token={token}{P}latent={latent}{P}step=0")
        for step, known in ((0, old), (300, new)):
            expect(frame.locator("[data-value=mean]")).to_have_text(f"{known.mean_activation_K[latent]:.2f}")
            ranking = rank_latents(run, token, statistics=known, max_frequency=0.5)
            expected = [str(row.latent) for row in ranking.rows[:24]]
            assert len(expected) == min(24, ranking.n_passing)
            # the ranking comes by an answer of its own, perhaps after the inspector's
            page.wait_for_function(
                "(expected) => [...document.querySelectorAll('.rank-row')].map((row) => row.dataset.latent).join() === expected",
                arg=",".join(expected),
            )
            frame.get_by_label("Training step").focus()
            page.keyboard.press("End")
