"""Shares with their 95 % intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


@dataclass(frozen=True)
class Rate:
    """A share of pictures.

    Attributes:
        hits: how many; a picture of which three of five controls did it counts as .6.
        n: pictures, at least one.
    """

    hits: float
    n: int

    def __post_init__(self) -> None:
        if not (self.n >= 1 and 0 <= self.hits <= self.n):
            raise ValueError(f"{self.hits} of {self.n} is no rate")

    @property
    def share(self) -> float:
        return self.hits / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval at 95 % (J. Am. Stat. Assoc. 22, 1927). The controls of one picture count as one observation."""
        p, n = self.share, self.n
        middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        return max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half))  # rounding may pass p

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.share:.0%} ({low:.0%} to {high:.0%})"


def rate_of(marks: list[list[bool]]) -> Rate:
    """Over pictures, each with the marks of its answers; pictures without any are left out.

    Raises:
        ValueError: none has any.
    """
    shares = [sum(of_picture) / len(of_picture) for of_picture in marks if of_picture]
    return Rate(sum(shares), len(shares))
