"""The example with SAELens' trainer: it runs as it stands, and its log opens in the tab with the step slider."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.sae import load_sae
from tests.data_providers import reading
from tests.end_to_end.served_log import open_alone, tensorboard
from tests.examples.run_example import run_example
from tests.watched_browser import watched_page


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
    with tensorboard(tmp_path) as address, watched_page(browser, expected=("favicon",)) as page:
        frame = open_alone(page, address, "&p.visualscratchpad.workspace=dictionary")
        shown = page.locator("[data-value=fvu]")
        expect(shown).to_have_text(f"{100 * fvu[120]:.0f} %")
        frame.get_by_label("Training step").focus()
        page.keyboard.press("Home")
        expect(shown).to_have_text(f"{100 * fvu[40]:.0f} %")
        expect(page.locator("[data-value=step]")).to_have_text("40")
