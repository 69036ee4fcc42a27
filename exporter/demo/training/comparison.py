"""The rule by which a bundle replaces another, and its arithmetic.

Both are judged on the same pictures. A figure is better or worse where the 95 % interval of its difference, by a bootstrap that
draws the same pictures for both, leaves out zero. The new bundle replaces the old one when no figure is worse and two are better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.exporter.demo.training.figures import Figure, interval, present_value, resamples

LEAST_BETTER = 2


@dataclass(frozen=True)
class Difference:
    """One figure of both bundles.

    Attributes:
        low, high: 95 % interval of new - old.
        verdict: ``better``, ``worse``, ``same``, or ``undefined`` where one of them has nothing to look at.
    """

    name: str
    old: float
    new: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """All figures of both bundles."""

    differences: tuple[Difference, ...]

    @property
    def better(self) -> tuple[str, ...]:
        return tuple(row.name for row in self.differences if row.verdict == "better")

    @property
    def worse(self) -> tuple[str, ...]:
        return tuple(row.name for row in self.differences if row.verdict == "worse")

    @property
    def may_replace(self) -> bool:
        """Whether the rule holds."""
        return not self.worse and len(self.better) >= LEAST_BETTER

    def __str__(self) -> str:
        width = max((len(row.name) for row in self.differences), default=6)
        lines = [f"{'figure':{width}}  {'old':>7}  {'new':>7}  {'new - old, 95 %':>19}  verdict"]
        for row in self.differences:
            lines.append(f"{row.name:{width}}  {row.old:7.4f}  {row.new:7.4f}  {row.low:+8.4f} ... {row.high:+.4f}  {row.verdict}")
        ruling = "holds" if self.may_replace else "does not hold"
        lines.append(f"{len(self.better)} better, {len(self.worse)} worse: the rule (none worse, at least {LEAST_BETTER} better) {ruling}.")
        return "\n".join(lines)


def compare(old: Mapping[str, Figure], new: Mapping[str, Figure], seed: int = 0) -> Comparison:
    """Compares figures that were taken on the same pictures.

    Raises:
        ValueError: other figures, or another number of pictures.
    """
    if old.keys() != new.keys():
        raise ValueError(f"figures differ: {sorted(old.keys() ^ new.keys())}")
    return Comparison(tuple(_difference(name, old[name], new[name], seed) for name in old))


def _difference(name: str, old: Figure, new: Figure, seed: int) -> Difference:
    if old.n_pictures != new.n_pictures or old.higher_is_better != new.higher_is_better:
        raise ValueError(f"{name} was not taken in the same way")
    weights_RN = resamples(old.n_pictures, seed)
    values = present_value(old), present_value(new)
    low, high = interval(new.values(weights_RN) - old.values(weights_RN))
    if np.isnan([*values, low, high]).any():
        return Difference(name, *values, low, high, "undefined")
    gain_low, gain_high = (low, high) if old.higher_is_better else (-high, -low)
    verdict = "better" if gain_low > 0 else "worse" if gain_high < 0 else "same"
    return Difference(name, *values, low, high, verdict)
