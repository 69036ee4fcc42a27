"""Means and intervals, against loops and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tb_visualscratchpad.exporter.truth.intervals import interval, jackknife, ratio, weights_of_pictures
from tb_visualscratchpad.exporter.truth.tally import Tally


def test_a_bootstrap_of_a_mean_agrees_with_scipy() -> None:
    value_I = np.random.default_rng(1).normal(2.0, 1.0, 40)
    ours = interval(lambda weight_RI: ratio(weight_RI, value_I, np.ones(40)), 40, seed=3, n_replicates=20_000)
    theirs = stats.bootstrap((value_I,), np.mean, method="percentile", n_resamples=20_000, rng=4).confidence_interval
    assert ours.value == pytest.approx(value_I.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.02) and ours.high == pytest.approx(theirs.high, abs=0.02)


def test_a_jackknife_of_a_mean_is_its_standard_error() -> None:
    value_I = np.random.default_rng(2).normal(size=60)
    found = jackknife(lambda weight_RI: ratio(weight_RI, value_I, np.ones(60)), 60)
    assert found.low is not None
    assert found.value - found.low == pytest.approx(1.96 * value_I.std(ddof=1) / np.sqrt(60))


def test_weights_draw_as_many_pictures_as_there_are() -> None:
    weight_RI = weights_of_pictures(7, seed=0, n_replicates=50)
    assert np.all(weight_RI.sum(axis=1) == 7) and np.array_equal(weight_RI, weights_of_pictures(7, seed=0, n_replicates=50))
    assert not np.array_equal(weight_RI, weights_of_pictures(7, seed=1, n_replicates=50))


def test_whole_pictures_are_drawn_and_differences_are_paired() -> None:
    rng = np.random.default_rng(3)
    tally, rows = Tally(), []
    for picture in range(12):
        ease = rng.random()
        for _ in range(int(rng.integers(1, 4))):
            one, other = float(rng.random() < ease), float(rng.random() < ease) + 0.5
            rows.append((picture, one, other))
            tally.add("m", "first", picture, one)
            tally.add("m", "second", picture, other)
    first, second = tally.figures(seed=7)
    assert first.is_default and not second.is_default and first.difference is None
    assert first.n == second.n == len(rows) and first.n_pictures == 12
    assert first.value == pytest.approx(np.mean([one for _, one, _ in rows]))
    assert second.difference == pytest.approx(np.mean([other - one for _, one, other in rows]))
    weight_RI = weights_of_pictures(12, 7)
    means, differences = [], []
    for weights in weight_RI:
        drawn = [(one, other) for picture, one, other in rows for _ in range(int(weights[picture]))]
        means.append(np.mean([one for one, _ in drawn]))
        differences.append(np.mean([other for _, other in drawn]) - means[-1])
    assert (first.low, first.high) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])))
    assert (second.difference_low, second.difference_high) == pytest.approx(tuple(np.percentile(differences, [2.5, 97.5])))
    assert second.differs


def test_one_picture_has_no_interval_and_nothing_has_no_value() -> None:
    tally = Tally()
    tally.add("m", "", "only", 1.0)
    tally.add("n", "", "only", 0.0, count=0)
    one, none = tally.figures(0)
    assert (one.value, one.low, one.high, one.n) == (1.0, None, None, 1)
    assert (none.value, none.low, none.n, none.n_pictures) == (None, None, 0, 0)
    assert tally.mean("n", "") is None and tally.mean("absent", "") is None
