"""The demo's log: whole, or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tb_visualscratchpad.exporter.demo.cases import CASES
from tb_visualscratchpad.exporter.demo.write import write_demo, write_evidence
from tb_visualscratchpad.exporter.sweep import SweepResult
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.random_evidence import (
    random_decoder_map,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)

KINDS = {"vlm_run", "steering_result", "cluster_sweep", "dose_response", "word_contributions", "failure_set", "set_ablation"}


@pytest.mark.full
def test_the_demo_is_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = write_demo(tmp_path / "logs")
    assert summary.n_pictures >= 600
    assert summary.answers == tuple((case.name, case.expected) for case in CASES)
    assert summary.n_outcomes == 4 * 6 + 2 + 1, "of the case studies, and of the failure set"
    made = {summary.dictionary_directory.name, summary.runs_directory.name, summary.bad_directory.name}
    assert {path.name for path in (tmp_path / "logs").iterdir()} == made and len(made) == 3
    assert str(summary) in capsys.readouterr().err
    sidecars = {path.name.split(".")[0] for path in (summary.runs_directory / "plugins" / "visualscratchpad").iterdir()}
    assert sidecars == KINDS
    of_bad = [path.name.split(".")[0] for path in (summary.bad_directory / "plugins" / "visualscratchpad").iterdir()]
    assert sorted(of_bad) == ["decoder_map", "reference_images", "vlm_run", "vlm_run"]
    for event_file in summary.runs_directory.glob("events.out.tfevents.*"):
        assert event_file.stat().st_size < 2_000_000 * len(CASES)


def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    swept = SweepResult(random_statistics(0), random_references(0), random_metrics(0))
    run = random_vlm_run(0)
    with pytest.raises(ScratchpadError):
        write_evidence(tmp_path, {"dictionary": [swept, random_decoder_map(0)], "runs": [run, run]})  # twice: its step does not rise
    assert list(tmp_path.iterdir()) == []
    made = write_evidence(tmp_path, {"dictionary": [swept, random_decoder_map(0)], "runs": [run]})
    assert set(made) == set(tmp_path.iterdir())
