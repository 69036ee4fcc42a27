"""Runs a stage of the training step by step: tells how it goes, and keeps checkpoints so that a killed training goes on."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from tb_visualscratchpad.wire.errors import ScratchpadError

LEAST_SECONDS_BETWEEN_CHECKPOINTS = 60.0
N_TOLD = 10


class Stage(Protocol):
    """A training whose step n depends on its state and on n alone."""

    name: str

    def step(self, number: int) -> Mapping[str, float]: ...

    def state(self) -> dict[str, Any]: ...

    def load_state(self, state: dict[str, Any]) -> None: ...


class Figures(Protocol):
    """Where figures of a step go."""

    def add(self, stage: str, step: int, figures: Mapping[str, float]) -> None: ...


class Checkpoint:
    """The file of one stage in the working folder: whole or not there.

    Args:
        settings: what decided the training; a file of other settings is refused.
    """

    def __init__(self, folder: Path, stage: str, settings: str) -> None:
        self._path, self._settings = folder / f"{stage}.pt", settings

    def load(self, device: torch.device) -> tuple[int, dict[str, Any]] | None:
        """Steps done and the state after them; None where there is no file.

        Raises:
            ScratchpadError: it is of another training, or damaged.
        """
        if not self._path.is_file():
            return None
        try:
            kept = torch.load(self._path, map_location=device, weights_only=True)
            settings, step, state = kept["settings"], int(kept["step"]), kept["state"]
        except (OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
            raise ScratchpadError(f"{self._path} cannot be read ({' '.join(str(error).split())[:120]}): remove it, and its stage begins anew.") from error
        if settings != self._settings:
            raise ScratchpadError(
                f"{self._path} is of a training with other settings ({settings}; now {self._settings}): give --work another folder, or the same options."
            )
        return step, state

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Raises ScratchpadError where the disk refuses."""
        unfinished = self._path.with_suffix(".unfinished")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            torch.save({"settings": self._settings, "step": step, "state": state}, unfinished)
            os.replace(unfinished, self._path)
        except (OSError, RuntimeError) as error:
            unfinished.unlink(missing_ok=True)
            raise ScratchpadError(f"{self._path} cannot be written ({error}): free space, or give --work another folder.") from error


def run_stage(stage: Stage, n_steps: int, device: torch.device, figures: Figures, checkpoint: Checkpoint | None) -> None:
    """Takes the steps that are still to be taken.

    Raises:
        ScratchpadError: a checkpoint of another training, a disk that refuses, or a loss that is no longer finite.
    """
    kept = None if checkpoint is None else checkpoint.load(device)
    first = 0
    if kept is not None:
        first, state = kept
        stage.load_state(state)
        say(f"{stage.name}: goes on after {first:,} of {n_steps:,} steps" if first < n_steps else f"{stage.name}: done already")
    started = saved = time.monotonic()
    for number in range(first, n_steps):
        told = stage.step(number)
        figures.add(stage.name, number + 1, told)
        last = number + 1 == n_steps
        if last or (number + 1) % max(1, n_steps // N_TOLD) == 0:
            words = ", ".join(f"{name} {value:.3f}" for name, value in told.items())
            say(f"{stage.name}: step {number + 1:,} of {n_steps:,}, {time.monotonic() - started:.0f} s: {words}")
        if checkpoint is not None and (last or time.monotonic() - saved > LEAST_SECONDS_BETWEEN_CHECKPOINTS):
            checkpoint.save(number + 1, stage.state())
            saved = time.monotonic()


def say(sentence: str) -> None:
    """On stderr."""
    print(sentence, file=sys.stderr, flush=True)
