"""What a loader took from a checkpoint, what it took from elsewhere, and what it could have taken instead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Union

Value = Union[bool, int, float, str, None]

CLASS_TOKEN = "the class token"


class Source(Enum):
    """Where a decision comes from."""

    FILE = "file"
    """The checkpoint says it."""
    CONVENTION = "convention"
    """The library that wrote the checkpoint does it so, without a word in the file."""
    ANSWER = "answer"
    """The user said it."""


@dataclass(frozen=True)
class Decision:
    """One thing that decides what an SAE computes.

    Attributes:
        name: of ``LoadReport``'s list.
        reason: where it stands, or why it is so: part of a sentence.
        alternatives: other values that the file would also allow; empty where it allows none.
    """

    name: str
    value: Value
    source: Source
    reason: str
    alternatives: tuple[Value, ...] = ()


@dataclass(frozen=True)
class LoadReport:
    """How a checkpoint was read.

    Attributes:
        format: the library whose layout it has, e.g. ``SAELens``.
        architecture: as that library names it.
        decisions: at least ``subtracts_b_dec`` and ``normalisation``; where they have a meaning ``scale`` (inputs are multiplied
            by it; it is folded into the weights), ``input_mean``, ``k``, ``threshold``, ``decoder_norm``, ``negative_latents``,
            ``trained_on`` (which tokens, where the file says it).
    """

    format: str
    architecture: str
    decisions: tuple[Decision, ...] = ()

    def decision(self, name: str) -> Decision | None:
        """The decision of that name, None where it has no meaning here."""
        return next((decision for decision in self.decisions if decision.name == name), None)

    def remarks(self) -> tuple[str, ...]:
        """What a user should hear: of each decision that follows from a convention though the file would also allow something else,
        and of an SAE that knows no patches."""
        found = [
            f"{one.name.replace('_', ' ')} is {one.value} ({one.reason}); the file would also allow {', '.join(map(str, one.alternatives))}."
            for one in self.decisions
            if one.source is Source.CONVENTION and one.alternatives
        ]
        tokens = self.decision("trained_on")
        if tokens is not None and tokens.value == CLASS_TOKEN:
            found.append(f"it was trained on {CLASS_TOKEN} alone ({tokens.reason}), patches are new to it.")
        return tuple(found)
