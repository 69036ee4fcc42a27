"""How a dictionary and the method do where the truth is known: pictures on which masks say what stands where."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tb_visualscratchpad.wire.evidence import DictionaryInfo


@dataclass(frozen=True)
class TruthFigure:
    """One measure under one setting.

    Attributes:
        measure: its name, ``<group>.<what>``.
        setting: what was varied, in words; empty where nothing is.
        is_default: the others of this measure are compared with it.
        value: None where nothing could be observed.
        low, high: 95 % interval, bootstrap over pictures; None where there is none (one picture, or a plain count).
        n: observations (words, answers, latents: what the measure counts).
        n_pictures: on so many pictures.
        difference, difference_low, difference_high: to the default on the same pictures, with its interval; None for the default.
    """

    measure: str
    setting: str
    is_default: bool
    value: float | None
    low: float | None
    high: float | None
    n: int
    n_pictures: int
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None

    def __post_init__(self) -> None:
        given = (self.value, self.low, self.high, self.difference, self.difference_low, self.difference_high)
        if any(number is not None and not math.isfinite(number) for number in given):
            raise ValueError(f"{self.measure} ({self.setting}) is not finite: {given}")
        if self.n < 0 or not 0 <= self.n_pictures:
            raise ValueError(f"{self.measure} ({self.setting}) counts {self.n} of {self.n_pictures} pictures")

    @property
    def differs(self) -> bool:
        """The interval of the difference to the default leaves out zero."""
        low, high = self.difference_low, self.difference_high
        return low is not None and high is not None and (low > 0 or high < 0)


@dataclass(frozen=True)
class TruthReport:
    """All figures of one check.

    Attributes:
        items: what the pictures are called.
        created: seconds since the epoch.
        seed: same seed, same report.
        n_pictures, n_words: asked about, and words of the answers that name what is known to be there.
        n_learned, n_labels: pictures from which it was learned whose latents are whose, and labels.
    """

    dictionary: DictionaryInfo
    items: str
    created: float
    seed: int
    n_pictures: int
    n_words: int
    n_learned: int
    n_labels: int
    figures: tuple[TruthFigure, ...]

    def figure(self, measure: str, setting: str | None = None) -> TruthFigure | None:
        """A measure under a setting, by default its default one; None where it is not there."""
        return next(
            (one for one in self.figures if one.measure == measure and (one.is_default if setting is None else one.setting == setting)), None
        )
