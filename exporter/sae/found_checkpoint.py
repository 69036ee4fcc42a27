"""What a loader is given, and how it hands over what it made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from tb_visualscratchpad.exporter.sae.activation_functions import ActivationFunction
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, WeightsFile
from tb_visualscratchpad.exporter.sae.folded_weights import FoldedWeights
from tb_visualscratchpad.exporter.sae.load_report import Decision, LoadReport, Source
from tb_visualscratchpad.exporter.sae.normalisations import NoNormalisation, Normalisation
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.tensor_file import hash_tensors
from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True, eq=False)
class FoundCheckpoint:
    """A file of weights that a format recognised, and what lies beside it."""

    name: str
    weights: WeightsFile
    files: CheckpointFiles

    @property
    def path(self) -> Path:
        return self.weights.path


class Format(Protocol):
    """One library's layout: a module of this package."""

    FORMAT: str

    def recognises(self, weights: WeightsFile, files: CheckpointFiles) -> bool:
        """Whether these weights, with what lies beside them, have this layout. Decided by content."""

    def load(self, found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
        """The SAE, in float32 (float64 where stored so), on the CPU."""


@dataclass(frozen=True, eq=False)
class LoadedParts:
    """What a loader decided.

    Attributes:
        tensors: as stored; the identity hashes them.
        decisive: everything besides the tensors that decides what is computed; the identity hashes it too.
    """

    format: str
    architecture: str
    tensors: Mapping[str, Tensor]
    weights: FoldedWeights
    activation: ActivationFunction
    decisions: tuple[Decision, ...]
    hook: str | None = None
    normalisation: Normalisation = NoNormalisation()
    decisive: Mapping[str, Any] = field(default_factory=dict)

    def sae(self, name: str) -> SparseAutoencoder:
        return SparseAutoencoder(
            name=name, hook=self.hook, identity=hash_tensors(self.tensors, json.dumps(self.decisive, sort_keys=True)), W_enc=self.weights.W_enc,
            b_enc=self.weights.b_enc, W_dec=self.weights.W_dec, b_dec=self.weights.b_dec, activation_function=self.activation,
            normalisation=self.normalisation, subtracts_b_dec=self.weights.subtracts_b_dec,
            report=LoadReport(self.format, self.architecture, self.decisions),
        )


def positive_integer(value: Any, key: str, where: str) -> int | None:
    """``value`` where it is a whole number above 0, None where it is None.

    Raises:
        ScratchpadError: it is something else.
    """
    if value is None:
        return None
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ScratchpadError(f"{where}: {key} is {str(value)[:60]!r}, expected a positive whole number.")
    return value


def settled_k(answers: AnswerSheet, in_file: int | None, n_latents: int, where: str, why: str) -> Decision:
    """k of a topk SAE, from the file or the user, between 1 and the number of latents.

    Raises:
        ScratchpadError: nobody says it, two say different things, or it is out of range.
    """
    decision = answers.settle("k", in_file, where, why)
    if not isinstance(decision.value, int) or not 1 <= decision.value <= n_latents:
        raise ScratchpadError(f"k is {str(decision.value)[:60]} for an SAE of {n_latents} latents in {where}: expected 1 to {n_latents}.")
    return decision


def fixed(name: str, value: bool | int | float | str, reason: str, *alternatives: bool | int | float | str) -> Decision:
    """A decision that follows from the library's convention."""
    return Decision(name, value, Source.CONVENTION, reason, alternatives)


def stored(name: str, value: bool | int | float | str, reason: str) -> Decision:
    """A decision that stands in the file."""
    return Decision(name, value, Source.FILE, reason)
