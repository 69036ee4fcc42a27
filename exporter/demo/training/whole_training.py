"""All three stages, one after another, in a working folder from which a killed training goes on."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tb_visualscratchpad.exporter.demo.training.answer_training import AnswerTraining
from tb_visualscratchpad.exporter.demo.training.bundle_files import save_dictionary, save_model
from tb_visualscratchpad.exporter.demo.training.dictionary_training import train_dictionary
from tb_visualscratchpad.exporter.demo.training.recipe import Recipe
from tb_visualscratchpad.exporter.demo.training.stage_run import Checkpoint, run_stage, say
from tb_visualscratchpad.exporter.demo.training.tower_training import TowerTraining
from tb_visualscratchpad.exporter.demo.training.untrained_model import save_untrained_model
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.exporter.sae import load_sae
from tb_visualscratchpad.exporter.vlm import load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


@dataclass(frozen=True)
class TrainedParts:
    """Where the trained model and dictionary lie, and how long this process trained them."""

    vlm: Path
    sae: Path
    seconds: float


class TrainingFigures:
    """Losses and shares of every step as Scalars, ``<stage>/<name>``; nowhere without a directory. A context manager.

    Args:
        directory: a run directory, or None.
    """

    def __init__(self, directory: Path | None) -> None:
        self._scalars: SummaryWriter | None = None
        self.writer: ScratchpadWriter | None = None
        if directory is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._scalars = SummaryWriter(str(directory))  # type: ignore[no-untyped-call]
            self.writer = ScratchpadWriter(self._scalars)

    def add(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        if self._scalars is not None:
            for name, value in figures.items():
                self._scalars.add_scalar(f"{stage}/{name}", value, step)  # type: ignore[no-untyped-call]

    def __enter__(self) -> TrainingFigures:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.writer is not None:
            self.writer.close()
        if self._scalars is not None:
            self._scalars.close()  # type: ignore[no-untyped-call]


def train_bundle(recipe: Recipe, start: Path | None, *, device: str, seed: int, work: Path, figures: TrainingFigures) -> TrainedParts:
    """Trains what the recipe says. Whatever ``work`` already holds of this training is not done again.

    Args:
        start: a bundle to begin with; nothing where None.
        device: as ``load_vlm`` takes it.
        work: a folder for checkpoints and what is finished; made when needed.

    Raises:
        ScratchpadError: ``work`` is of another training, ``start`` does not fit the world, a loss ran away, or the disk is full.
        KeyboardInterrupt: ``work`` keeps what is needed to go on.
    """
    began = time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    settings = f"{recipe.world.name}, from {'nothing' if start is None else start.name}, seed {seed}, {device}, {recipe.tower}, {recipe.answers}"
    vlm_folder = _train_model(recipe, start, device, seed, work, settings, figures)
    sae_folder = _train_dictionary(recipe, start, device, seed, work, vlm_folder, f"{settings}, {recipe.dictionary}", figures)
    return TrainedParts(vlm_folder, sae_folder, time.monotonic() - began)


def _train_model(
    recipe: Recipe, start: Path | None, device: str, seed: int, work: Path, settings: str, figures: TrainingFigures
) -> Path:
    if start is not None and not recipe.tower.n_steps and not recipe.answers.n_steps:
        return start / "vlm"
    finished = work / "vlm"
    if _belongs_here(finished, settings):
        say("tower and answers: done already")
        return finished
    if start is None:
        begun = work / "untrained"
        save_untrained_model(begun, recipe.size, seed)
    else:
        begun = start / "vlm"
    vlm = load_vlm(begun, device=device, dtype="float32")
    vlm.model.train()
    for pace, stage_of in ((recipe.tower, TowerTraining), (recipe.answers, AnswerTraining)):
        if pace.n_steps:
            stage = stage_of(vlm, recipe.world, pace, seed)
            run_stage(stage, pace.n_steps, vlm.device, figures, Checkpoint(work, stage.name, settings))
    _finish(finished, settings, lambda folder: save_model(folder, vlm))
    return finished


def _train_dictionary(
    recipe: Recipe, start: Path | None, device: str, seed: int, work: Path, vlm_folder: Path, settings: str, figures: TrainingFigures
) -> Path:
    if recipe.dictionary is None:
        assert start is not None
        return start / "sae"
    finished = work / "sae"
    if _belongs_here(finished, settings):
        say("sae: done already")
        return finished
    # As it is saved, not as it was trained: rounding to float16 belongs to what the dictionary reads.
    vlm = load_vlm(vlm_folder, device=device, dtype="float32")
    as_trained, checkpoints = work / "sae-as-trained", work / "sae-checkpoint"
    _belongs_here(checkpoints, settings)
    checkpoints.with_suffix(".settings").write_text(settings, encoding="utf-8")
    shutil.rmtree(as_trained, ignore_errors=True)
    complete = train_dictionary(
        vlm, recipe.world, as_trained, recipe.dictionary, start=None if start is None else load_sae(start / "sae"),
        from_patches=recipe.from_patches, checkpoints=checkpoints, figures=figures, writer=figures.writer,
    )
    if not complete:
        raise KeyboardInterrupt
    _finish(finished, settings, lambda folder: save_dictionary(folder, load_sae(as_trained), vlm.default_hook))
    shutil.rmtree(checkpoints, ignore_errors=True)
    return finished


def _belongs_here(folder: Path, settings: str) -> bool:
    """Whether something of this training lies there, a stage's result or its checkpoint.

    Raises:
        ScratchpadError: it is of another training.
    """
    if not folder.is_dir():
        return False
    told = folder.with_suffix(".settings")
    if not told.is_file() or told.read_text(encoding="utf-8") != settings:
        raise ScratchpadError(f"{folder} is of a training with other settings: give --work another folder, or the same options.")
    return True


def _finish(folder: Path, settings: str, save: Callable[[Path], None]) -> None:
    """Saves a result whole, and what it is of before it."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        save(unfinished)
        folder.with_suffix(".settings").write_text(settings, encoding="utf-8")
        os.replace(unfinished, folder)
    except OSError as error:
        raise ScratchpadError(f"{folder} cannot be written ({error}): free space, or give --work another folder.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
