"""The example with SAELens' trainer: it runs as it stands, and its log opens in the tab with the step slider."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.sae import load_sae
from tests.data_providers import reading
from tests.end_to_end.served_log import tensorboard
from tests.examples.run_example import expect_step_slider, run_example


@pytest.mark.full
def test_its_log_opens_with_the_step_slider(browser: Browser, repository: Path, tmp_path: Path) -> None:
    said = run_example(repository, "saelens_trainer.py", "--logdir", str(tmp_path))
    (directory,) = tmp_path.iterdir()
    assert f"Logged to {directory}" in said
    assert load_sae(directory / "sae").n_latents == 768
    with reading("python", tmp_path) as log:
        store = EventStore(log.context)
        (dictionary,) = store.listing("").dictionaries
        fvu = {step: store.sae_metrics("", dictionary.info.dictionary_id, step).fvu for step in (40, 80, 120)}
    assert fvu[40] > fvu[80] > fvu[120] and fvu[120] < 0.5
    with tensorboard(tmp_path) as address:
        expect_step_slider(browser, address, fvu)
