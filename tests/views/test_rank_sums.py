"""Mann-Whitney's U of sparse columns: against every way to choose the group, against scipy, and at the edges."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import sparse, stats

from tb_visualscratchpad.views import rank_sums as module
from tb_visualscratchpad.views.rank_sums import benjamini_hochberg, rank_sums


def _sparse_values(rng: np.random.Generator, n_items: int, n_columns: int, *, step: float = 0.0) -> np.ndarray:
    """Values as float32 holds them, zero as often as not; with ``step`` rounded to its multiples, so that they tie."""
    values = rng.random((n_items, n_columns)) * (rng.random((n_items, n_columns)) < rng.random(n_columns))
    return (np.ceil(values / step) * step if step else values).astype(np.float32).astype(np.float64)


def _group(rng: np.random.Generator, n_items: int, n_group: int) -> np.ndarray:
    return rng.permutation(n_items) < n_group


def _ask(values: np.ndarray, group_N: np.ndarray) -> module.RankSums:
    return rank_sums(sparse.csc_matrix(values.astype(np.float32)), group_N)


def _p_by_every_choice(values_N: np.ndarray, group_N: np.ndarray) -> float:
    ranks = stats.rankdata(values_N)
    sums = np.array([ranks[list(chosen)].sum() for chosen in itertools.combinations(range(values_N.size), int(group_N.sum()))])
    own = ranks[group_N].sum()
    return min(1.0, 2 * min((sums >= own - 1e-9).mean(), (sums <= own + 1e-9).mean()))


@pytest.mark.parametrize("seed", range(8))
def test_p_is_that_of_every_way_to_choose_the_group(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_items = int(rng.integers(2, 11))
    group_N = _group(rng, n_items, int(rng.integers(1, n_items)))
    values = _sparse_values(rng, n_items, 12)
    found = _ask(values, group_N)
    assert found.exact_F.all()
    np.testing.assert_allclose(found.p_F, [_p_by_every_choice(column, group_N) for column in values.T], atol=1e-12)


@pytest.mark.parametrize(("n_items", "n_group", "step"), [(30, 4, 0.0), (60, 25, 0.25), (41, 40, 0.1), (500, 60, 0.0)])
def test_auc_and_the_approximation_are_scipys(n_items: int, n_group: int, step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COUNTED", 0)
    rng = np.random.default_rng([n_items, n_group])
    group_N = _group(rng, n_items, n_group)
    values = _sparse_values(rng, n_items, 25, step=step)
    values[:, 0], values[:, 1] = 0.0, 0.5  # dead, and the same everywhere
    found = _ask(values, group_N)
    assert not found.exact_F[(values > 0).any(axis=0)].any()
    for column, auc, p in zip(values.T[2:], found.auc_F[2:], found.p_F[2:], strict=True):
        expected = stats.mannwhitneyu(column[group_N], column[~group_N], method="asymptotic")
        assert auc == pytest.approx(expected.statistic / (n_group * (n_items - n_group)), abs=1e-12)
        if np.unique(column).size > 1:
            assert p == pytest.approx(expected.pvalue, rel=1e-9)
    np.testing.assert_array_equal(found.auc_F[:2], 0.5)
    np.testing.assert_array_equal(found.p_F[:2], 1.0)
    np.testing.assert_array_equal(found.n_group_firing_F, (values[group_N] > 0).sum(axis=0))
    np.testing.assert_array_equal(found.n_rest_firing_F, (values[~group_N] > 0).sum(axis=0))


def test_without_zeros_the_count_is_scipys_exact_test() -> None:
    rng = np.random.default_rng(5)
    values = rng.permuted(np.arange(1.0, 41.0)[:, None].repeat(20, axis=1), axis=0)
    group_N = _group(rng, 40, 13)
    expected = stats.mannwhitneyu(values[group_N], values[~group_N], method="exact")
    found = _ask(values, group_N)
    np.testing.assert_allclose(found.p_F, expected.pvalue, rtol=1e-9)
    assert found.exact_F.all()


def test_a_latent_on_all_of_few_wrong_answers_is_told_as_rare_as_it_is() -> None:
    """Three of three out of sixty: one way of 34,220 for either tail, where the approximation says 10⁻¹³."""
    values = np.zeros((60, 1))
    values[:3, 0] = (0.1, 0.2, 0.3)
    found = _ask(values, np.arange(60) < 3)
    assert found.p_F[0] == pytest.approx(2 / math.comb(60, 3), rel=1e-9) and found.auc_F[0] == 1
    approximated = stats.mannwhitneyu(values[:3, 0], values[3:, 0], method="asymptotic").pvalue
    assert approximated < 1e-10


@pytest.mark.parametrize("seed", range(3))
def test_values_that_tie_above_zero_are_taken_in_the_order_that_tells_least(seed: int) -> None:
    rng = np.random.default_rng(seed)
    group_N = _group(rng, 10, 4)
    values = _sparse_values(rng, 10, 30, step=0.34)
    found = _ask(values, group_N)
    for column, p in zip(values.T, found.p_F, strict=True):
        nudge = np.where(group_N, 1e-3, 0.0) + 1e-5 * np.arange(10)
        tails = []
        for towards in (1, -1):
            ranks = stats.rankdata(np.where(column > 0, column + towards * nudge, 0))
            sums = np.array([ranks[list(chosen)].sum() for chosen in itertools.combinations(range(10), 4)])
            own = ranks[group_N].sum()
            tails.append((sums <= own + 1e-9).mean() if towards > 0 else (sums >= own - 1e-9).mean())
        assert p == pytest.approx(min(1.0, 2 * min(tails)), abs=1e-12)


@pytest.mark.parametrize("n_group", [0, 7])
def test_without_a_group_or_a_rest_nothing_is_told(n_group: int) -> None:
    found = _ask(_sparse_values(np.random.default_rng(0), 7, 5), np.arange(7) < n_group)
    np.testing.assert_array_equal(found.auc_F, 0.5)
    np.testing.assert_array_equal(found.p_F, 1.0)


def test_no_columns_and_stored_zeros() -> None:
    assert rank_sums(sparse.csc_matrix((6, 0), dtype=np.float32), np.arange(6) < 2).p_F.size == 0
    stored = sparse.csc_matrix(np.ones((6, 1), dtype=np.float32))
    stored.data[3:] = 0
    found = rank_sums(stored, np.arange(6) < 3)
    assert found.auc_F[0] == 1 and found.n_rest_firing_F[0] == 0 and stored.nnz == 6


def test_a_table_that_costs_too_much_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    values = _sparse_values(rng, 60, 40)
    group_N = _group(rng, 60, 20)
    whole = _ask(values, group_N)
    monkeypatch.setattr(module, "MAX_COUNTED", 2000)
    part = _ask(values, group_N)
    assert whole.exact_F.all() and 0 < part.exact_F.sum() < 40
    assert np.diff(sparse.csc_matrix(values).indptr)[part.exact_F].max() < np.diff(sparse.csc_matrix(values).indptr)[~part.exact_F].min()
    np.testing.assert_array_equal(part.p_F[part.exact_F], whole.p_F[part.exact_F])
    large = sparse.csc_matrix((np.ones(3, np.float32) * [1, 2, 3], ([0, 1, 2], [0, 0, 0])), shape=(2400, 1), dtype=np.float32)
    assert not rank_sums(large, np.arange(2400) < 1200).exact_F.any(), "its choices are beyond a double"


@pytest.mark.parametrize("n", [0, 1, 30])
def test_benjamini_and_hochberg_are_scipys(n: int) -> None:
    p = np.random.default_rng(n).random(n) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p) if n else p, rtol=1e-12)
