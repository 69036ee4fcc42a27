"""The example with overcomplete's `train_sae`: its log opens in the tab with the step slider, its curves in TensorBoard's Scalars."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from tb_visualscratchpad.event_store import EventStore
from tests.data_providers import reading
from tests.end_to_end.served_log import tensorboard
from tests.examples.run_example import expect_step_slider, run_example


@pytest.mark.full
def test_its_log_opens_with_the_step_slider_and_its_curves(browser: Browser, repository: Path, tmp_path: Path) -> None:
    through = str(repository / "tests" / "examples" / "run_without_torchvision.py")
    given = ("--logdir", str(tmp_path), "--pictures", "24", "--every", "15")
    said = run_example(repository, "overcomplete_trainer.py", *given, through=[through])
    (directory,) = tmp_path.iterdir()
    n_steps = int(said.split("Logged ")[1].split()[0])
    assert f"Logged {n_steps} steps to {directory}" in said
    steps = tuple(range(0, n_steps + 1, 15))
    with reading("python", tmp_path) as log:
        store = EventStore(log.context)
        listing = store.listing("")
        (dictionary,) = listing.dictionaries
        assert dictionary.steps == steps and len(steps) >= 3 and listing.problems == ()
        unexplained = {step: store.sae_metrics("", dictionary.info.dictionary_id, step).fvu for step in steps}
        assert all(run.dictionary == dictionary.info for run in listing.vlm_runs)
    # In units of the hook, whatever the scale overcomplete trains in.
    assert unexplained[steps[-1]] < min(0.7, unexplained[0])
    with tensorboard(tmp_path) as address:
        for tag, n_points in (("sae/explained_variance", len(steps)), ("sae/l0", len(steps)), ("training/loss", n_steps)):
            asked = urlencode({"run": directory.name, "tag": tag})
            with urlopen(f"{address}data/plugin/scalars/scalars?{asked}") as answer:
                points = json.load(answer)
            assert len(points) == n_points, tag
            if tag == "sae/explained_variance":
                assert [value for _, _, value in points] == pytest.approx([1 - unexplained[step] for step in steps], abs=1e-6)
        expect_step_slider(browser, address, unexplained)
