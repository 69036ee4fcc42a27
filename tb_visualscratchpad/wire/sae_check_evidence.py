"""Whether an SAE is read rightly: what it does at every place, read as it was loaded and otherwise, and what follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from tb_visualscratchpad.wire.evidence import DictionaryInfo


class Outcome(Enum):
    """Of a measure."""

    AS_EXPECTED = "as expected"
    UNEXPECTED = "unexpected"
    UNDECIDED = "undecided"
    """The measure tells nothing about this SAE, or is there to be looked at."""


@dataclass(frozen=True)
class CheckedPlace:
    """The SAE, as it was loaded, at one place of the vision tower.

    Attributes:
        name: as ``--hook`` takes it; with ``is_hook`` False a place that no hook reaches.
        is_read: the SAE is read here.
        fvu: fraction of variance unexplained; None where the features do not vary.
        slope: regression of the features on what is rebuilt, both about their means; None where what is rebuilt does not vary.
        l0: latents per token, mean.
        n_dead: latents that fire on no token of the sample.
        n_dense: latents that fire in more than a fifth of the images.
        mean_strength: of firing latents; 0 where none fires.
    """

    name: str
    is_hook: bool
    is_read: bool
    fvu: float | None
    slope: float | None
    l0: float
    n_dead: int
    n_dense: int
    mean_strength: float

    def __post_init__(self) -> None:
        _finite(self.name, self.fvu, self.slope, self.l0, self.mean_strength)
        if min(self.n_dead, self.n_dense, self.l0) < 0:
            raise ValueError(f"{self.name} has negative counts")


@dataclass(frozen=True)
class CheckedReading:
    """The same tokens at the same place, read otherwise in one point.

    Attributes:
        decision: what is decided otherwise: ``subtracts_b_dec``, ``normalisation``, ``scale``, ``k``, ``activation``, ``layout``, ``tokens``.
        words: how, e.g. ``b_dec not subtracted``.
        better: share of bootstrap samples of images in which it leaves less unexplained than as loaded; None where undefined.
        is_clear: it is clearly the better reading.
    """

    decision: str
    words: str
    fvu: float | None
    slope: float | None
    better: float | None
    is_clear: bool

    def __post_init__(self) -> None:
        _finite(self.words, self.fvu, self.slope, self.better)


@dataclass(frozen=True)
class CheckedMeasure:
    """One figure and what was expected of it. ``value`` is None where it is undefined."""

    name: str
    value: float | None
    expected: str
    outcome: Outcome

    def __post_init__(self) -> None:
        _finite(self.name, self.value)


@dataclass(frozen=True)
class SaeCheck:
    """All of one check.

    Attributes:
        images: name of the image folder.
        created: seconds since the epoch.
        n_images, n_tokens: that were looked at, at every place.
        right: the SAE is read rightly as far as can be told.
        verdict: in one sentence or two.
        remedies: what to change, an option or a line of the SAE's config each; empty where nothing is known.
        prompt: that was asked, n_asked times; n_kept answers stayed the same with the reconstruction in place.
    """

    dictionary: DictionaryInfo
    images: str
    created: float
    n_images: int
    n_tokens: int
    right: bool
    verdict: str
    remedies: tuple[str, ...]
    places: tuple[CheckedPlace, ...]
    readings: tuple[CheckedReading, ...]
    measures: tuple[CheckedMeasure, ...]
    prompt: str = ""
    n_asked: int = 0
    n_kept: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.n_kept <= self.n_asked:
            raise ValueError(f"{self.n_kept} of {self.n_asked} answers were kept")
        if sum(place.is_read for place in self.places) != 1:
            raise ValueError("an SAE is read at one place")


def _finite(name: str, *numbers: float | None) -> None:
    if any(number is not None and not math.isfinite(number) for number in numbers):
        raise ValueError(f"{name} is not finite: {numbers}")
