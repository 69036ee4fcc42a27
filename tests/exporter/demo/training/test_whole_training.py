"""The three stages together: killed in any of them and started again, they make the very same files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tb_visualscratchpad.exporter.demo.training import stage_run
from tb_visualscratchpad.exporter.demo.training.pace import Pace
from tb_visualscratchpad.exporter.demo.training.recipe import Recipe
from tb_visualscratchpad.exporter.demo.training.training_world import SMALL
from tb_visualscratchpad.exporter.demo.training.whole_training import TrainedParts, TrainingFigures, train_bundle
from tb_visualscratchpad.exporter.training_plan import TrainingPlan
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.demo.training.conftest import TINY

pytestmark = pytest.mark.full

RECIPE = Recipe(
    SMALL, TINY, Pace(4, 4, 3e-3, 3e-3), Pace(4, 4, 3e-3, 1e-3),
    TrainingPlan(n_latents=64, k=4, n_samples=30 * 128, step_samples=128, seed=2), n_pictures=2, n_explained=1,
)


class Killed(Exception):
    """In place of a signal that no process survives."""


class Killing(TrainingFigures):
    """Breaks the training off at one step of one stage."""

    def __init__(self, stage: str, step: int) -> None:
        super().__init__(None)
        self._at = (stage, step)

    def add(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        if (stage, step) == self._at:
            raise Killed


def train(work: Path, figures: TrainingFigures, recipe: Recipe = RECIPE) -> TrainedParts:
    return train_bundle(recipe, None, device="cpu", seed=2, work=work, figures=figures)


def weights(parts: TrainedParts) -> dict[str, torch.Tensor]:
    return {**load_file(parts.vlm / "model.safetensors"), **load_file(parts.sae / "sae_weights.safetensors")}


def test_killed_three_times_it_makes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_run, "LEAST_SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    expected = weights(train(tmp_path / "whole", TrainingFigures(None)))
    work = tmp_path / "broken"
    for stage, step in (("tower", 3), ("answers", 3), ("sae", 17)):
        with pytest.raises(Killed):
            train(work, Killing(stage, step))
    found = weights(train(work, TrainingFigures(None)))
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)

    with pytest.raises(ScratchpadError, match="other settings.*--work"):
        train(work, TrainingFigures(None), replace(RECIPE, answers=Pace(5, 4, 3e-3, 1e-3)))
    assert RECIPE.dictionary is not None
    with pytest.raises(ScratchpadError, match="other settings.*--work"):
        train(work, TrainingFigures(None), replace(RECIPE, dictionary=replace(RECIPE.dictionary, k=5)))
