"""The example with Hugging Face's Trainer: what the model learns shows in its runs, step by step, in the tab too."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.wire.evidence import Span
from tests.data_providers import reading
from tests.end_to_end.served_log import open_alone, tensorboard
from tests.examples.run_example import run_example
from tests.watched_browser import watched_page


@pytest.mark.full
def test_its_runs_tell_what_was_learnt(browser: Browser, repository: Path, tmp_path: Path) -> None:
    run_example(repository, "huggingface_trainer.py", "--logdir", str(tmp_path), "--steps", "40")
    with reading("python", tmp_path) as log:
        store = EventStore(log.context)
        listing = store.listing("")
        runs = [store.vlm_run("", entry.run, entry.run_id) for entry in listing.vlm_runs]
    # Newest first; two questions before the first step, and after steps 20 and 40.
    assert [run.name for run in reversed(runs)] == [f"step {step}: describe the picture ." for step in (0, 0, 20, 20, 40, 40)]
    assert all("at the" in run.output_text for run in runs[-2:]), "the model as it came tells places"
    assert all("at the" not in run.output_text for run in runs[:2]), "it has learnt to list"
    assert len({run.dictionary.dictionary_id for run in runs}) == 3, "a VLM of other weights at each step"
    newest = runs[0]
    with tensorboard(tmp_path) as address, watched_page(browser, expected=("favicon",)) as page:
        frame = open_alone(page, address, "")
        expect(frame.locator(".pick .v").first).to_have_text(newest.name)
        expect(frame.locator(".chip.output")).to_have_count(len(newest.tokens.indices(Span.OUTPUT)))
