"""The walk without a manual: from the dictionary's health to what became of the wrong word, by mouse alone and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tests.end_to_end.served_log import (
    WrittenLog,
    chosen_token,
    open_alone,
    output_tokens,
    parameter,
    tensorboard,
    write_log,
)
from tests.end_to_end.test_accessibility import violations
from tests.random_steering_evidence import random_steering_result
from tests.watched_browser import watched_page

WIDE = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, WrittenLog]]:
    logdir: Path = tmp_path_factory.mktemp("walk") / "log"
    log = write_log(logdir)
    run = log.newest
    n = len(output_tokens(run))
    with ScratchpadWriter(logdir / "steered") as writer:
        writer.add_steering_result(
            random_steering_result(5, dictionary=log.dictionary, n_original=n, n_patches=run.latents.n_patches, original_run_id=run.run_id)
        )
    with tensorboard(logdir) as address:
        yield address, log


@pytest.mark.full
def test_each_step_leads_to_the_next(browser: Browser, walked: tuple[str, WrittenLog]) -> None:
    address, log = walked
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        page = open_alone(page, address, "&p.visualscratchpad.workspace=dictionary")
        step, onward = page.locator(".walk-step[aria-current=step]"), page.locator(".walk-next")
        assert page.locator(".walk").count() == 0, "only when asked for"
        page.get_by_role("button", name="Walk", exact=True).click()
        expect(step).to_have_attribute("data-step", "health")
        before = page.locator("main").bounding_box()
        expect(onward).to_have_text(re.compile("^Next: "))

        onward.click()
        expect(step).to_have_attribute("data-step", "cluster")
        # random labels: either a cluster with one prevailing label, or a sentence that there is none
        assert parameter(page, "latents") or "No cluster of this map" in page.locator(".refused").inner_text()
        onward.click()
        expect(step).to_have_attribute("data-step", "run")
        onward.click()
        expect(step).to_have_attribute("data-step", "word")
        run = log.newest
        uncertain = min((token.logprob, index) for index, token in enumerate(run.tokens) if index in output_tokens(run) and token.logprob is not None)[1]
        assert chosen_token(page) == uncertain, "the word that the model was least sure of"
        expect(onward).to_be_disabled()
        page.get_by_role("button", name="Mark as wrong", exact=True).click()
        assert parameter(page, "doubt") == str(uncertain)
        expect(page.locator(".chip.doubted")).to_have_attribute("data-token", str(uncertain))
        expect(step).to_have_attribute("data-step", "where")
        onward.click()
        expect(step).to_have_attribute("data-step", "latents")
        expect(page.locator(".rank-row.on .n")).to_have_text("1")
        expect(page.locator(".rank-row.on")).to_be_focused()
        latent = parameter(page, "latent")
        onward.click()
        expect(page.locator("dialog[open] h2")).to_have_text(f"References of latent {latent}")
        page.locator("dialog[open] [data-next=away]").click()
        expect(page.locator(".basket-item")).to_have_count(1)
        expect(page.locator("dialog[open]")).to_have_count(0)
        onward.click()
        expect(step).to_have_attribute("data-step", "compare")
        told = page.locator("[data-value=doubted]")
        expect(told).to_contain_text("The word you doubt")
        chances = [float(one) for one in re.findall(r"([\d.]+) %", told.inner_text())]
        # what the plugin answers for that word, under both models
        asked = f"{address}data/plugin/visualscratchpad/steering_result?run=steered&id={random_steering_result(5).result_id}"
        answers = page.evaluate("async (url) => (await (await fetch(url)).json()).answers", asked)
        number = output_tokens(run).index(uncertain)
        wanted = [100 * np.exp(answers[which]["along_original"][number]) for which in (0, -1)]
        np.testing.assert_allclose(chances[:2], wanted, rtol=0.06, atol=0.51)
        assert page.locator("main").bounding_box() == before, "nothing moved on the way"
        done = page.locator(".walk-step.done").evaluate_all("(all) => all.map((one) => one.dataset.step)")
        assert {"health", "run", "word", "where", "latents", "seem", "away", "compare"} <= set(done)
        assert violations(page) == []
        page.get_by_role("button", name="Back to the word").last.click()
        expect(page.locator(".chip.on")).to_have_attribute("data-token", str(uncertain))


def test_the_keyboard_walks_and_the_browser_remembers(browser: Browser, walked: tuple[str, WrittenLog]) -> None:
    address, log = walked
    token = output_tokens(log.newest)[2]
    with watched_page(browser, expected=("favicon",), viewport=WIDE) as page:
        page = open_alone(page, address, f"&p.visualscratchpad.token={token}")
        page.wait_for_selector(".chip.on")
        page.keyboard.press("g")
        page.wait_for_selector(".walk")
        page.keyboard.press("y")
        assert parameter(page, "doubt") == str(token)
        page.locator(".walk-step[aria-current=step]").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".walk-step[data-step=latents]")).to_be_focused()
        expect(page.locator(".walk-step:focus")).to_have_accessible_name(re.compile(r"^Which latents ?, step 6 of 9\. See which latents fire "))
        assert chosen_token(page) == token, "arrows in the walk move among its steps, not among the words"
        page.keyboard.press("Enter")
        expect(page.locator(".rank-row.on .n")).to_have_text("1")
        page.reload()
        page.wait_for_selector(".walk")
        expect(page.locator(".walk-step[data-step=latents]")).to_have_class(re.compile("done"))
        expect(page.locator(".chip.doubted")).to_have_attribute("data-token", str(token))
        page.keyboard.press("y")
        expect(page.locator(".chip.doubted")).to_have_count(0)
        page.keyboard.press("g")
        expect(page.locator(".walk")).to_have_count(0)
        page.reload()
        page.wait_for_selector(".chip.on")
        expect(page.locator(".walk")).to_have_count(0)


@pytest.mark.full
def test_a_doubt_that_the_run_does_not_have_is_told(browser: Browser, walked: tuple[str, WrittenLog]) -> None:
    address, _ = walked
    with watched_page(browser, expected=("favicon",)) as page:
        page = open_alone(page, address, "&p.visualscratchpad.doubt=9999")
        page.get_by_text("The address doubts token 9999").first.wait_for()
        expect(page.locator(".chip.doubted")).to_have_count(0)
