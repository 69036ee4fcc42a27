"""Shares with their 95 % intervals."""

from __future__ import annotations

from dataclasses import dataclass

from tb_visualscratchpad.views.wilson import wilson_interval


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
        """Wilson's, at 95 %. The controls of one picture count as one observation."""
        return wilson_interval(self.hits, self.n)

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
