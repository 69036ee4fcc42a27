"""The example for a plain PyTorch loop runs, and its log holds every step in the tab and in TensorBoard's Scalars."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tb_visualscratchpad.event_store import EventStore
from tests.data_providers import reading
from tests.end_to_end.served_log import tensorboard
from tests.examples.run_example import expect_step_slider, run_example
from tests.test_training_steps import scalars_of

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    run_example(repository, "plain_pytorch.py", "--logdir", str(folder / "run"), "--steps", "60", "--every", "20")
    return folder


def test_every_step_is_there_and_the_dictionary_grows(log: Path) -> None:
    with reading("data server", log) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        (entry,) = listing.dictionaries
        assert entry.steps == (0, 20, 40, 60) and listing.problems == ()
        assert [run.name for run in listing.vlm_runs] == [f"what is in the picture ? (step {step})" for step in (60, 0)]
        identity = entry.info.dictionary_id
        unexplained = [store.sae_metrics("", identity, step).fvu or 0.0 for step in entry.steps]
        assert unexplained[-1] < unexplained[0] / 2
        assert scalars_of(reader, "sae/explained_variance") == pytest.approx(
            dict(zip(entry.steps, (1 - one for one in unexplained), strict=True)), abs=1e-6
        )
        assert len(scalars_of(reader, "training/loss")) == 61


def test_the_tab_shows_the_step_slider(browser: Browser, log: Path) -> None:
    with reading("python", log) as reader:
        store = EventStore(reader.context)
        (entry,) = store.listing("").dictionaries
        unexplained = {step: store.sae_metrics("", entry.info.dictionary_id, step).fvu for step in entry.steps}
    with tensorboard(log) as address:
        expect_step_slider(browser, address, unexplained)
