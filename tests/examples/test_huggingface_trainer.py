"""The example with Hugging Face's Trainer: what the model learns shows in its runs, step by step, in the tab too."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.wire.evidence import Span
from tests.data_providers import reading
from tests.end_to_end.served_log import open_alone, tensorboard
from tests.examples.run_example import expect_step_slider, run_example
from tests.test_training_steps import scalars_of
from tests.watched_browser import watched_page

STEPS = (0, 20, 40)


@pytest.mark.full
def test_its_runs_tell_what_was_learnt(browser: Browser, repository: Path, tmp_path: Path) -> None:
    run_example(repository, "huggingface_trainer.py", "--logdir", str(tmp_path), "--steps", "40")
    with reading("python", tmp_path) as log:
        store = EventStore(log.context)
        listing = store.listing("")
        runs = [store.vlm_run("", entry.run, entry.run_id) for entry in listing.vlm_runs]
        (dictionary,) = listing.dictionaries
        assert dictionary.steps == STEPS and set(scalars_of(log, "sae/answers_kept")) == set(STEPS)
        metrics = {step: store.sae_metrics("", dictionary.info.dictionary_id, step) for step in STEPS}
    # Newest first; two questions before the first step, and after steps 20 and 40.
    assert [run.name for run in reversed(runs)] == [f"describe the picture . (step {step})" for step in STEPS for _ in range(2)]
    assert all("at the" in run.output_text for run in runs[-2:]), "the model as it came tells places"
    assert all("at the" not in run.output_text for run in runs[:2]), "it has learnt to list"
    assert all(run.dictionary == dictionary.info for run in runs), "the tower is frozen: one dictionary throughout"
    newest = runs[0]
    with tensorboard(tmp_path) as address:
        with watched_page(browser, expected=("favicon",)) as page:
            frame = open_alone(page, address, "")
            # runs of one question are one line of the menu; which of them is shown is said beside it
            expect(frame.locator(".pick .v").first).to_have_text(newest.prompt)
            expect(frame.locator("[data-value=run-step]")).to_have_text(f"step {STEPS[-1]}")
            expect(frame.locator(".chip.output")).to_have_count(len(newest.tokens.indices(Span.OUTPUT)))
        expect_step_slider(browser, address, {step: one.fvu for step, one in metrics.items()})
