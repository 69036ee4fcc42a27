"""The rule by which a bundle replaces another, against intervals worked out by hand or by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.exporter.demo.training.comparison import compare
from tb_visualscratchpad.exporter.demo.training.figures import (
    AliveFigure,
    ShareFigure,
    interval,
    present_value,
    resamples,
)


def share(right: list[float], of: list[float] | None = None, higher: bool = True) -> ShareFigure:
    return ShareFigure(np.array(right, dtype=float), np.ones(len(right)) if of is None else np.array(of, dtype=float), higher)


def test_a_share_is_a_ratio_of_sums() -> None:
    figure = share([1, 0, 3], [2, 0, 4])
    assert present_value(figure) == pytest.approx(4 / 6)
    assert figure.n == 6 and figure.n_pictures == 3
    assert figure.values(np.array([[0, 1, 2.0]]))[0] == pytest.approx(6 / 8)
    assert np.isnan(figure.values(np.array([[0, 3.0, 0]]))[0])


def test_alive_is_the_share_that_fires_anywhere() -> None:
    figure = AliveFigure(np.array([[True, False, False, False], [True, True, False, False]]))
    assert present_value(figure) == 0.5
    assert figure.values(np.array([[2.0, 0]]))[0] == 0.25


def test_interval_of_a_mean_is_that_of_the_normal_theory() -> None:
    rng = np.random.default_rng(0)
    marks = (rng.random(400) < 0.3).astype(float)
    low, high = interval(share(marks.tolist()).values(resamples(400, 1)))
    error = np.sqrt(marks.mean() * (1 - marks.mean()) / 400)
    assert low == pytest.approx(marks.mean() - 1.96 * error, abs=0.006) and high == pytest.approx(marks.mean() + 1.96 * error, abs=0.006)


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(1)
    old = (rng.random(200) < 0.5).astype(float)
    new = old.copy()
    new[np.flatnonzero(old == 0)[:12]] = 1
    (row,) = compare({"f": share(old.tolist())}, {"f": share(new.tolist())}).differences
    # Unpaired, twelve of two hundred would drown: each share is uncertain by 0.07.
    assert row.verdict == "better" and row.low > 0.02 and row.high < 0.11
    by_hand = [new[drawn].mean() - old[drawn].mean() for drawn in rng.integers(0, 200, (2000, 200))]
    assert (row.low, row.high) == pytest.approx(tuple(np.percentile(by_hand, [2.5, 97.5])), abs=0.006)


def verdicts(**pairs: tuple[float, float]) -> tuple[dict[str, str], bool]:
    """Old and new share of each figure, over 100 pictures; ``fvu`` is better when lower."""
    def figure(name: str, value: float) -> ShareFigure:
        return ShareFigure(np.r_[np.ones(round(100 * value)), np.zeros(100 - round(100 * value))], np.ones(100), name != "fvu")

    compared = compare({name: figure(name, old) for name, (old, _) in pairs.items()}, {name: figure(name, new) for name, (_, new) in pairs.items()})
    return {row.name: row.verdict for row in compared.differences}, compared.may_replace


@pytest.mark.parametrize(
    ("pairs", "expected", "may_replace"),
    [
        ({"a": (0.2, 0.6), "b": (0.3, 0.7), "c": (0.5, 0.5)}, ["better", "better", "same"], True),
        ({"a": (0.2, 0.6), "b": (0.5, 0.5), "c": (0.5, 0.5)}, ["better", "same", "same"], False),
        ({"a": (0.2, 0.6), "b": (0.3, 0.7), "c": (0.9, 0.5)}, ["better", "better", "worse"], False),
        ({"a": (0.2, 0.6), "fvu": (0.6, 0.2)}, ["better", "better"], True),
        ({"a": (0.2, 0.6), "b": (0.3, 0.7), "fvu": (0.2, 0.6)}, ["better", "better", "worse"], False),
        # One of a hundred is within the interval.
        ({"a": (0.2, 0.6), "b": (0.3, 0.7), "c": (0.51, 0.5)}, ["better", "better", "same"], True),
    ],
)
def test_none_worse_and_two_better(pairs: dict[str, tuple[float, float]], expected: list[str], may_replace: bool) -> None:
    found, allowed = verdicts(**pairs)
    assert list(found.values()) == expected and allowed == may_replace


def test_what_was_never_looked_at_decides_nothing() -> None:
    nothing = share([0, 0], [0, 0])
    compared = compare({"a": nothing}, {"a": nothing})
    assert compared.differences[0].verdict == "undefined" and not compared.may_replace
    assert "does not hold" in str(compared)


def test_figures_taken_otherwise_are_refused() -> None:
    with pytest.raises(ValueError, match="figures differ"):
        compare({"a": share([1])}, {"b": share([1])})
    with pytest.raises(ValueError, match="not taken in the same way"):
        compare({"a": share([1])}, {"a": share([1, 0])})
