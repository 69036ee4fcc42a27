"""A latent over the logged steps of a training, by mouse and by keyboard; and the runs of one prompt that the step slider walks through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.views import compute_latent_order
from tb_visualscratchpad.wire.dictionary_evidence import DecoderDrift, LatentStatistics, ReferenceImages
from tb_visualscratchpad.wire.evidence import VlmRun
from tests.end_to_end.served_log import open_alone, output_tokens, parameter, tensorboard
from tests.end_to_end.test_accessibility import AXE, RUN_AXE
from tests.random_evidence import (
    random_decoder_map,
    random_dictionary,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)
from tests.watched_browser import AT_REST, watched_page

WIDE = {"width": 1440, "height": 900}
P = "&p.visualscratchpad."
STEPS = tuple(range(0, 260, 20))
N_LATENTS = 64
EXPLAINED = (0, 60, 200)


@dataclass(frozen=True)
class TrainedLog:
    """Metrics and statistics of every step, references of every second; two prompts explained at three steps; a second dictionary."""

    statistics: dict[int, LatentStatistics]
    references: dict[int, ReferenceImages]
    runs: dict[int, VlmRun]
    dictionary_id: str
    other_id: str
    address: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainedLog]:
    logdir: Path = tmp_path_factory.mktemp("curves") / "log"
    dictionary, other = random_dictionary(4, n_latents=N_LATENTS, name="first"), random_dictionary(5, n_latents=N_LATENTS, name="second")
    known = {"dictionary": dictionary, "n_latents": N_LATENTS}
    angle_K = np.linspace(0.1, 1.0, N_LATENTS)
    statistics, references, runs = {}, {}, {}
    with ScratchpadWriter(logdir / "training") as writer:
        writer.add_decoder_map(random_decoder_map(4, **known), 0)
        for number, step in enumerate(STEPS):
            drift = DecoderDrift(0, None if not number else STEPS[number - 1], (angle_K * number / 12).astype(np.float16), np.zeros(N_LATENTS, np.float16))
            statistics[step] = replace(random_statistics(step + 1, dead_share=0.25, **known), decoder_drift=drift)
            writer.add_latent_statistics(statistics[step], step)
            writer.add_sae_metrics(replace(random_metrics(step, dictionary=dictionary), l0=10.0 + number), step)
            if number % 2 == 0:
                references[step] = random_references(1 + number // 4, n_images=14, **known)
                writer.add_references(references[step], step)
            if step in EXPLAINED:
                for series in ("cat", "dog"):
                    drawn = random_vlm_run(step + 1, dictionary=dictionary, n_output=4 + number % 3, n_firing=8, padding_rows=0, run_id=f"{series}-{step}")
                    run = replace(
                        drawn, order=compute_latent_order(drawn), name=f"what {series} ? (step {step})", prompt=f"what {series} ?",
                        series_id=series, created=1_700_000_000.0 + step + (series == "cat"),
                    )
                    writer.add_vlm_run(run, step)
                    if series == "cat":
                        runs[step] = run
    with ScratchpadWriter(logdir / "other") as writer:
        for step in (0, 100, 300):
            writer.add_latent_statistics(random_statistics(step, dictionary=other), step)
            writer.add_sae_metrics(replace(random_metrics(step, dictionary=other), l0=30.0), step)
    with tensorboard(logdir) as address:
        yield TrainedLog(statistics, references, runs, dictionary.dictionary_id, other.dictionary_id, address)


def _expect_in_address(page: Page, pair: str) -> None:
    """The address holds it, once it is written: as often as a slider moves would be too often for the browser."""
    page.wait_for_function("(pair) => location.hash.split('&').includes(`p.visualscratchpad.${pair}`)", arg=pair)


def _percent(share: float) -> str:
    """As the tab writes a share."""
    if share > 0.9995:
        return "100 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %" if share >= 0.00995 else f"{100 * share:.2f} %"


def _expect_life(page: Page, trained: TrainedLog, latent: int, step: int) -> None:
    """The sentence says the share of pictures of this step, and how far the row has turned."""
    share = float(trained.statistics[step].image_frequency_K[latent])
    life = page.locator("[data-value=life]")
    expect(life).to_contain_text(f"Latent {latent} " + (f"fires in {_percent(share)} of pictures at step {step}" if share else f"is dead at step {step}"))
    degrees = np.degrees(float(trained.statistics[step].decoder_drift.since_K[latent]))
    if step:
        expect(life).to_contain_text(f"has turned {degrees:.0f}° since step 0")


def _top_names(trained: TrainedLog, latent: int) -> dict[int, str | None]:
    return {step: next((one.name for one in found.of_latent(latent)), None) for step, found in trained.references.items()}


def test_curves_and_pictures_of_a_latent_set_the_step_by_mouse_and_keyboard(browser: Browser, trained: TrainedLog) -> None:
    ever = [k for k in range(N_LATENTS) if all(one.of_latent(k) for one in trained.references.values())]
    latent = next(k for k in ever if not trained.statistics[100].alive_K[k] and trained.statistics[120].alive_K[k])
    names = _top_names(trained, latent)
    changes = [step for before, step in zip(list(names), list(names)[1:]) if names[before] != names[step]]
    assert changes
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        tab = open_alone(page, trained.address, f"{P}workspace=dictionary{P}over=training{P}dictionary={trained.dictionary_id}{P}latent={latent}")
        card = tab.get_by_role("region", name="Over the steps")
        expect(card).to_contain_text("13 logged steps")
        _expect_life(page, trained, latent, 240)
        times = f"{len(changes)} times" if len(changes) > 1 else "1 time"
        expect(card.locator("[data-value=life]")).to_contain_text(f"top picture changed {times} in 7 steps")

        # the frames are references of their steps; a click goes to the step
        frames = card.locator(".frame-step")
        shown = [int(one.get_attribute("data-step")) for one in frames.all()]
        assert len(shown) >= 6 and shown[0] == 0 and shown[-1] == 240
        for step, frame in zip(shown, frames.all(), strict=True):
            best = trained.references[step].of_latent(latent)[0]
            assert f"{best.name}, plain mean {best.plain_mean:.2f}" in frame.locator(".spoken").text_content()
            box = frame.locator("img")
            expect(box).to_have_js_property("complete", True)
            assert box.evaluate("(image) => image.naturalWidth") == 32
        frames.nth(0).click()
        _expect_life(page, trained, latent, 0)
        _expect_in_address(page, "step=0")
        expect(tab.get_by_label("Training step")).to_have_value("0")

        # arrows on the plot
        plot = card.get_by_role("application", name="1 latent over the logged steps")
        plot.focus()
        for key, step in (("ArrowRight", 20), ("ArrowRight", 40), ("ArrowLeft", 20), ("PageUp", 220), ("End", 240), ("Home", 0)):
            page.keyboard.press(key)
            _expect_life(page, trained, latent, step)
        spoken = card.locator("vs-step-curves.of-latents .spoken")
        expect(spoken).to_contain_text(f"Step 0, latent {latent}: fires in")

        # a click on the plot, at the place of a step; what is read there is that step's
        box = plot.bounding_box()
        left, width = box["x"] + 46, box["width"] - 56
        page.mouse.click(left + width * 100 / 240 + 2, box["y"] + 40)
        _expect_life(page, trained, latent, 100)
        expect(spoken).to_contain_text(f"Step 100, latent {latent}: fires in nothing: dead")
        page.mouse.move(left + width * 120 / 240, box["y"] + 40)
        mean = float(trained.statistics[120].mean_activation_K[latent])
        expect(spoken).to_contain_text(f"mean activation {mean:.2f}")
        page.mouse.down()
        page.mouse.move(left + width * 200 / 240, box["y"] + 60, steps=4)
        page.mouse.up()
        _expect_life(page, trained, latent, 200)
        # the top bar's slider moves what is shown here
        tab.get_by_label("Training step").focus()
        page.keyboard.press("ArrowLeft")
        _expect_life(page, trained, latent, 180)
        expect(card.locator(".frame-step.on")).to_have_attribute("data-step", "160")
        alive = int(trained.statistics[180].alive_K.sum())
        expect(page.get_by_role("region", name="Health of the dictionary")).to_contain_text(f"{alive} of {N_LATENTS}")


def test_several_latents_and_a_dictionary_beside(browser: Browser, trained: TrainedLog) -> None:
    many = list(range(10))
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        address = f"{P}workspace=dictionary{P}over=training{P}dictionary={trained.dictionary_id}{P}latents={'.'.join(map(str, many))}{P}latent=3{P}step=60"
        tab = open_alone(page, trained.address, f"{address}{P}beside={trained.other_id}")
        card = tab.get_by_role("region", name="Over the steps")
        expect(card).to_contain_text("10 latents, 8 drawn")
        keys = card.get_by_role("group", name="Drawn latents").get_by_role("button")
        expect(keys).to_have_count(8)
        expect(card).to_contain_text("2 more not drawn")
        _expect_life(page, trained, 3, 60)
        keys.nth(5).click()
        _expect_life(page, trained, 5, 60)
        expect(keys.nth(5)).to_have_attribute("aria-pressed", "true")
        _expect_in_address(page, "latent=5")
        assert parameter(page, "latents") == ".".join(map(str, many))

        section = card.get_by_role("region", name="The dictionary")
        expect(section).to_contain_text("first")
        expect(section).to_contain_text("second")
        section.get_by_role("application").focus()
        page.keyboard.press("ArrowRight")
        expect(section.locator(".spoken")).to_contain_text("Step 80: active per patch (L0) 14.0, beside 30.0;")
        _expect_in_address(page, "step=80")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for _ in ("light", "dark"):
            page.wait_for_function(AT_REST)
            found = page.evaluate(RUN_AXE)
            assert [(one["id"], one["target"], one["why"]) for one in found if one["impact"] in ("serious", "critical")] == []
            page.get_by_role("button", name="Theme").click()


def test_without_a_latent_a_sentence_says_what_to_do(browser: Browser, trained: TrainedLog) -> None:
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        tab = open_alone(page, trained.address, f"{P}workspace=dictionary{P}over=training{P}dictionary={trained.dictionary_id}")
        card = tab.get_by_role("region", name="Over the steps")
        expect(card).to_contain_text("Choose a latent to see how it grew")
        expect(card.get_by_role("region", name="The dictionary").get_by_role("application")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _expect_run(page: Page, trained: TrainedLog, step: int) -> None:
    """The Scratchpad shows the run of the first prompt that was explained at this step."""
    expect(page.locator("[data-value=run-step]")).to_have_text(f"step {step}")
    expect(page.locator(".chip.output")).to_have_count(len(output_tokens(trained.runs[step])))
    _expect_in_address(page, f"id=cat-{step}")


def test_the_slider_walks_through_the_runs_of_a_prompt(browser: Browser, trained: TrainedLog) -> None:
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        tab = open_alone(page, trained.address)
        _expect_run(page, trained, 200)
        slider = tab.get_by_label("Training step")
        latent = int(tab.locator(".rank-row").first.get_attribute("data-latent"))
        tab.locator(".rank-row").first.click()
        slider.focus()
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        expect(page.locator("[data-value=step]")).to_have_text("180")
        _expect_run(page, trained, 60)
        page.keyboard.press("Home")
        _expect_run(page, trained, 0)
        assert parameter(page, "latent") == str(latent), "the latent stays"
        page.keyboard.press("End")
        _expect_run(page, trained, 200)
        expect(tab.get_by_role("alert")).to_have_count(0)

        # one line for each prompt, whatever the number of steps
        tab.locator("vs-menu .pick").first.click()
        options = tab.locator(".menu [role=option]")
        expect(options).to_have_count(2)
        expect(options.nth(0)).to_contain_text("what cat ?")
        expect(options.nth(0)).to_contain_text("step 200, one of 3")
        options.nth(1).click()
        expect(page.locator("[data-value=run-step]")).to_have_text("step 200")
        _expect_in_address(page, "id=dog-200")
        slider.focus()
        page.keyboard.press("Home")
        expect(page.locator("[data-value=run-step]")).to_have_text("step 0")
        _expect_in_address(page, "id=dog-0")
