"""What a check of a dictionary's health says: how it stands, by which figure, and what to do."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np


class Verdict(str, enum.Enum):
    """How a figure stands. ``UNKNOWN``: what it needs was not logged, or is undefined."""

    WRONG = "wrong"
    LOOK = "look"
    WELL = "well"
    UNKNOWN = "unknown"


WORST_FIRST = (Verdict.WRONG, Verdict.LOOK, Verdict.WELL, Verdict.UNKNOWN)


@dataclass(frozen=True)
class HealthCheck:
    """One check.

    Attributes:
        key: short name, the same in every dictionary.
        title: two or three words.
        figure: what was measured, as text; empty where nothing could be.
        sentence: what that means here.
        remedy: what it usually comes from and what to do; empty where there is nothing to do.
        source: what the thresholds are taken from.
        latents: int64, ascending: those that the sentence is about; empty where it is about all.
    """

    key: str
    title: str
    verdict: Verdict
    figure: str
    sentence: str
    remedy: str
    source: str
    latents: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)


@dataclass(frozen=True)
class DictionaryHealth:
    """All checks, the worst first, those of one verdict in their own order."""

    checks: tuple[HealthCheck, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst; UNKNOWN where nothing could be checked."""
        return self.checks[0].verdict if self.checks else Verdict.UNKNOWN

    def count(self, verdict: Verdict) -> int:
        return sum(check.verdict is verdict for check in self.checks)

    def check(self, key: str) -> HealthCheck | None:
        return next((check for check in self.checks if check.key == key), None)


def worst_first(checks: list[HealthCheck]) -> DictionaryHealth:
    return DictionaryHealth(tuple(sorted(checks, key=lambda check: WORST_FIRST.index(check.verdict))))


def judged(value: float, well_to: float, look_to: float) -> Verdict:
    """WELL up to and including ``well_to``, LOOK up to ``look_to``, WRONG beyond."""
    return Verdict.WELL if value <= well_to else Verdict.LOOK if value <= look_to else Verdict.WRONG


def percent(share: float) -> str:
    """A share in at most two digits before the sign: ``56 %``, ``1.4 %``, ``under 0.1 %``, ``none``."""
    if share == 0:
        return "0 %"
    if share < 0.001:
        return "under 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def counted(n: int, one: str) -> str:
    return f"{n:,} {one}" if n == 1 else f"{n:,} {one}s"
