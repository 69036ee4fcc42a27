"""What a user says of a checkpoint because its file does not, and whether a loader had a use for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tb_visualscratchpad.exporter.sae.load_report import Decision, Source, Value
from tb_visualscratchpad.wire.errors import ScratchpadError

ACTIVATIONS = ("relu", "topk", "batchtopk", "groupmax")
DECODER_NORMS = ("l2", "max_l2", "l1", "max_l1", "identity")
NO_MEAN = "none"


@dataclass(frozen=True)
class Answers:
    """None: not said.

    Attributes:
        scaling_factor: what inputs were multiplied by before the SAE read them; 1 for nothing, or where it is already folded.
        input_mean: file that holds what was subtracted from inputs before they were scaled, one vector [d]; ``none`` for nothing.
        k: of a topk or groupmax SAE.
        threshold: of a batchtopk SAE, what a pre-activation must exceed.
        activation: one of ``ACTIVATIONS``.
        decoder_norm: how the decoder's rows are normalised, one of ``DECODER_NORMS``.
        delta: bound on the relaxation of an archetypal dictionary.
        subtract_b_dec: b_dec is subtracted from the input before encoding.
        clip_negative: read latents that the library lets become negative as 0 there.
    """

    scaling_factor: float | None = None
    input_mean: str | Path | None = None
    k: int | None = None
    threshold: float | None = None
    activation: str | None = None
    decoder_norm: str | None = None
    delta: float | None = None
    subtract_b_dec: bool | None = None
    clip_negative: bool | None = None


LABEL: Mapping[str, str] = {
    "scaling_factor": "scaling factor", "input_mean": "input mean", "k": "k", "threshold": "threshold", "activation": "choice of activation",
    "decoder_norm": "decoder normalisation", "delta": "delta", "subtract_b_dec": "choice about b_dec", "clip_negative": "clipping",
}


def option_of(name: str) -> str:
    """The command line's word for an answer."""
    return f"--sae-{name.replace('_', '-')}"


class AnswerSheet:
    """The answers of one loading: each is taken by the loader that has a use for it; what is left over at the end is refused."""

    def __init__(self, answers: Answers) -> None:
        said = {field.name: getattr(answers, field.name) for field in fields(answers)}
        self._said = {name: str(value) if isinstance(value, Path) else value for name, value in said.items() if value is not None}
        self._used: set[str] = set()
        _check(self._said)

    def take(self, name: str) -> Any:
        """The answer of that name, or None; it counts as used."""
        self._used.add(name)
        return self._said.get(name)

    def require(self, name: str, why: str, what: str = "...") -> Any:
        """The answer of that name.

        Args:
            why: what the file does not say, as the beginning of a sentence.

        Raises:
            ScratchpadError: it was not given.
        """
        value = self.take(name)
        if value is None:
            raise ScratchpadError(f"{why}: give load_sae(..., {name}={what}) or {option_of(name)}.")
        return value

    def settle(self, name: str, in_file: Value, where: str, why: str) -> Decision:
        """What the file says, else what the user says.

        Raises:
            ScratchpadError: neither says it, or they contradict each other.
        """
        said = self.take(name)
        if said is not None and in_file is not None and said != in_file:
            raise ScratchpadError(f"{where} says {name} is {in_file}, you said {said}: leave out {name} ({option_of(name)}).")
        if in_file is not None:
            return Decision(name, in_file, Source.FILE, where)
        return Decision(name, self.require(name, why), Source.ANSWER, option_of(name))

    def refuse_unused(self, what: str) -> None:
        """Refuse answers to questions that ``what`` does not raise.

        Raises:
            ScratchpadError: there are some.
        """
        for name in self._said:
            if name not in self._used:
                raise ScratchpadError(f"{what}, which takes no {LABEL[name]}: leave out {name} ({option_of(name)}).")


def _check(said: Mapping[str, Any]) -> None:
    factor, delta, threshold = said.get("scaling_factor"), said.get("delta"), said.get("threshold")
    if factor is not None and not (math.isfinite(factor) and factor > 0):
        raise ScratchpadError(f"The scaling factor is {factor}: expected a number above 0.")
    if delta is not None and not (math.isfinite(delta) and delta >= 0):
        raise ScratchpadError(f"delta is {delta}: expected a number of at least 0.")
    if threshold is not None and not math.isfinite(threshold):
        raise ScratchpadError(f"The threshold is {threshold}: expected a finite number.")
    for name, allowed in (("activation", ACTIVATIONS), ("decoder_norm", DECODER_NORMS)):
        if name in said and said[name] not in allowed:
            raise ScratchpadError(f"{name} is {said[name]!r}: choose one of {', '.join(allowed)}.")
