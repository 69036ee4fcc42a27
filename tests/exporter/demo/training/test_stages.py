"""Both stages of gradient descent learn, and a training that was killed goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from tb_visualscratchpad.exporter.demo.training import stage_run
from tb_visualscratchpad.exporter.demo.training.answer_training import AnswerTraining
from tb_visualscratchpad.exporter.demo.training.pace import Pace
from tb_visualscratchpad.exporter.demo.training.stage_run import Checkpoint, run_stage
from tb_visualscratchpad.exporter.demo.training.tower_training import TowerTraining
from tb_visualscratchpad.exporter.demo.training.training_world import SMALL
from tb_visualscratchpad.exporter.vlm import load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError

CPU = torch.device("cpu")
PACE = Pace(n_steps=6, batch=4, lr=3e-3, vision_lr=3e-3)
Stages = type[TowerTraining] | type[AnswerTraining]


def begin(folder: Path, stage: Stages, pace: Pace = PACE) -> TowerTraining | AnswerTraining:
    vlm = load_vlm(folder, device="cpu", dtype="float32")
    vlm.model.train()
    return stage(vlm, SMALL, pace, seed=5)


class Kept:
    """Figures by stage and step; interrupts the training after the step ``until``."""

    def __init__(self, until: int | None = None) -> None:
        self.figures: dict[tuple[str, int], Mapping[str, float]] = {}
        self._until = until

    def add(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        self.figures[stage, step] = figures
        if self._until is not None and step == self._until + 1:
            raise KeyboardInterrupt


@pytest.mark.full
@pytest.mark.parametrize(("stage", "loss"), [(TowerTraining, "cover_loss"), (AnswerTraining, "loss")])
def test_loss_falls_on_one_batch(untrained_folder: Path, stage: Stages, loss: str) -> None:
    training = begin(untrained_folder, stage, Pace(n_steps=100, batch=4, lr=3e-3, vision_lr=3e-3, warm_up=0.01))
    losses = [training.step(0)[loss] for _ in range(20)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("stage", [TowerTraining, AnswerTraining])
def test_a_killed_training_goes_on_as_if_it_had_not_been(
    untrained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: Stages
) -> None:
    monkeypatch.setattr(stage_run, "LEAST_SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    whole, kept = begin(untrained_folder, stage), Kept()
    run_stage(whole, PACE.n_steps, CPU, kept, None)

    broken, first, second = begin(untrained_folder, stage), Kept(until=3), Kept()
    with pytest.raises(KeyboardInterrupt):
        run_stage(broken, PACE.n_steps, CPU, first, Checkpoint(tmp_path, stage.name, "settings"))
    going_on = begin(untrained_folder, stage)
    run_stage(going_on, PACE.n_steps, CPU, second, Checkpoint(tmp_path, stage.name, "settings"))
    assert [step for _, step in second.figures] == [4, 5, 6]
    assert {**first.figures, **second.figures} == kept.figures
    for part, expected in whole.state().items():
        if part != "optimizer":
            assert all(torch.equal(weight, going_on.state()[part][name]) for name, weight in expected.items())

    # All steps done: nothing is done again.
    third = Kept()
    run_stage(going_on, PACE.n_steps, CPU, third, Checkpoint(tmp_path, stage.name, "settings"))
    assert not third.figures


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    Checkpoint(tmp_path, "tower", "seed 1").save(3, {"weights": {}})
    assert Checkpoint(tmp_path, "tower", "seed 1").load(CPU) == (3, {"weights": {}})
    assert Checkpoint(tmp_path, "answers", "seed 1").load(CPU) is None
    with pytest.raises(ScratchpadError, match="other settings.*--work"):
        Checkpoint(tmp_path, "tower", "seed 2").load(CPU)
    (tmp_path / "tower.pt").write_bytes((tmp_path / "tower.pt").read_bytes()[:200])
    with pytest.raises(ScratchpadError, match="cannot be read.*remove it"):
        Checkpoint(tmp_path, "tower", "seed 1").load(CPU)
    assert [path.name for path in tmp_path.iterdir()] == ["tower.pt"]


def test_learning_rates_rise_and_fall() -> None:
    pace = Pace(n_steps=200, batch=1, lr=1.0, vision_lr=1.0, warm_up=0.05)
    factors = [pace.factor(number) for number in range(200)]
    assert factors[0] == pytest.approx(0.1) and max(factors) == 1.0 and factors.index(1.0) == 9
    assert factors[10:] == sorted(factors[10:], reverse=True) and 0.01 <= factors[-1] < 0.02


def test_a_loss_that_is_not_finite_ends_it_with_a_sentence() -> None:
    weight = torch.nn.Parameter(torch.ones(1))
    with pytest.raises(ScratchpadError, match="no longer finite at step 7"):
        PACE.apply(torch.optim.AdamW([{"params": [weight], "peak": 1.0}]), [weight], (weight / 0).sum(), 7)
