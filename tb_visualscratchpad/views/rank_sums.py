"""Mann-Whitney's U for many sparse columns at once, its p-values, and Benjamini and Hochberg's correction.

Most latents are zero on most pictures, so most values tie at zero, and a normal approximation overstates what a rarely firing latent
tells (three of three wrong answers out of sixty: p = 0.00006 in truth, 10⁻¹³ by it). Where a column fires seldom its null distribution
is therefore counted out: of all ways to say which pictures were answered wrongly, how many give a sum of ranks as far out?

With z zeros and f firing items, whose values differ, a group of g items of which j fire has the sum of ranks
``T = s + j z + (g - j)(z + 1) / 2``, s the sum of j different numbers of 1...f. There are ``c_f(j, s)`` such choices
(``c_f(j, s) = c_{f-1}(j, s) + c_{f-1}(j - 1, s - f)``), each with C(z, g - j) choices among the zeros, of C(N, g) in all. It depends on
f alone, so that all columns share one table.

Shape suffixes: ``N`` items, ``F`` columns, ``Z`` non-zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, special, stats

MAX_COUNTED = 40_000_000
"""Additions that counting may take, about a fifth of a second. Columns that fire more often are approximated."""

_MAX_LOG_CHOICES = 650.0
"""Logarithm of the ways to choose a group up to which a double holds its inverse."""


@dataclass(frozen=True)
class RankSums:
    """Group against the rest, for each column.

    Attributes:
        auc_F: float64, share of the pairs (one of the group, one of the rest) in which the group's value is larger; ties count half.
        p_F: float64, two-sided: twice the smaller tail, at most 1.
        n_group_firing_F, n_rest_firing_F: int64, items with a value above zero.
        exact_F: bool, the p-value was counted out rather than approximated.
    """

    auc_F: np.ndarray
    p_F: np.ndarray
    n_group_firing_F: np.ndarray
    n_rest_firing_F: np.ndarray
    exact_F: np.ndarray


def rank_sums(values_NF: sparse.csc_matrix, group_N: np.ndarray) -> RankSums:
    """Compares the items of a group with all others.

    Values that tie above zero get the mean of their ranks; where p is counted out, it is that of the order of them that tells least.
    Where p is approximated, it is by the normal distribution with corrections
    for ties and continuity (Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 4.1), as scipy's ``mannwhitneyu`` has it.

    Args:
        values_NF: not negative; stored zeros are allowed.
        group_N: bool. With nobody or everybody in the group there is nothing to compare: AUC .5 and p 1.
    """
    values_NF = values_NF.copy()
    values_NF.eliminate_zeros()
    n_items, n_columns = values_NF.shape
    n_group = int(group_N.sum())
    n_rest = n_items - n_group
    n_firing_F = np.diff(values_NF.indptr).astype(np.int64)
    column_Z = np.repeat(np.arange(n_columns), n_firing_F)
    in_group_Z = group_N[values_NF.indices]
    n_group_firing_F = np.bincount(column_Z, weights=in_group_Z, minlength=n_columns).astype(np.int64)
    firing = (n_group_firing_F, n_firing_F - n_group_firing_F)
    if not n_group or not n_rest:
        return RankSums(np.full(n_columns, 0.5), np.ones(n_columns), *firing, np.zeros(n_columns, dtype=bool))
    rank_Z, ties_F, slack_F = _ranks_within(values_NF, column_Z, n_firing_F, in_group_Z)
    n_zeros_F = n_items - n_firing_F
    firing_sum_F = np.bincount(column_Z, weights=rank_Z * in_group_Z, minlength=n_columns)
    sum_F = firing_sum_F + n_group_firing_F * n_zeros_F + (n_group - n_group_firing_F) * (n_zeros_F + 1) / 2
    u_F = sum_F - n_group * (n_group + 1) / 2
    ties_F = ties_F + n_zeros_F**3.0 - n_zeros_F
    p_F = _normal_p(u_F, n_group, n_rest, ties_F)
    # By the smaller group, whose table is smaller: the larger one's sum is what it leaves.
    n_small = min(n_group, n_rest)
    small_sum_F = sum_F if n_group <= n_rest else n_items * (n_items + 1) / 2 - sum_F
    doubled_F = np.rint(2 * small_sum_F - n_small * (n_zeros_F + 1)).astype(np.int64)
    exact_F = n_firing_F <= _largest_counted(n_items, n_small, int(n_firing_F.max(initial=0)))
    p_F[exact_F] = _counted_p(doubled_F[exact_F], slack_F[exact_F], n_firing_F[exact_F], n_items, n_small)
    return RankSums(u_F / (n_group * n_rest), p_F, *firing, exact_F)


def benjamini_hochberg(p_F: np.ndarray) -> np.ndarray:
    """float64 [F], q: the smallest false discovery rate at which each test would be called.

    Y. Benjamini, Y. Hochberg (1995): q of the i-th smallest of n p-values is the least of ``n p_j / j`` over j >= i.
    """
    order = np.argsort(p_F, kind="stable")
    scaled = p_F[order] * p_F.size / np.arange(1, p_F.size + 1)
    q_F = np.empty(p_F.size)
    q_F[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q_F


def _ranks_within(
    values_NF: sparse.csc_matrix, column_Z: np.ndarray, n_firing_F: np.ndarray, in_group_Z: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float64 [Z], the rank of each value among its column's own, from 1, ties averaged; sum of t^3 - t over their ties; and by how much
    another order of those that tie could change twice the group's sum, either way (g (t - g) for g of t)."""
    if values_NF.data.size == 0:
        return np.zeros(0), np.zeros(n_firing_F.size), np.zeros(n_firing_F.size, dtype=np.int64)
    # Positive floats sort as their bits do; with the column before them one sort of whole numbers does it all.
    bits = np.ascontiguousarray(values_NF.data, dtype=np.float32).view(np.uint32).astype(np.uint64)
    key_Z = (column_Z.astype(np.uint64) << np.uint64(32)) | bits
    order = np.argsort(key_Z)
    begins = np.flatnonzero(np.diff(key_Z[order], prepend=key_Z[order[0]] + np.uint64(1)) != 0)
    length = np.diff(begins, append=key_Z.size)
    start_of_column = np.concatenate([[0], np.cumsum(n_firing_F)[:-1]])
    column = column_Z[order[begins]]
    mean_rank = begins - start_of_column[column] + (length + 1) / 2
    rank_Z = np.empty(key_Z.size)
    rank_Z[order] = np.repeat(mean_rank, length)
    ties_F = np.bincount(column, weights=length**3.0 - length, minlength=n_firing_F.size)
    n_group = np.add.reduceat(in_group_Z[order].astype(np.int64), begins)
    slack_F = np.bincount(column, weights=n_group * (length - n_group), minlength=n_firing_F.size)
    return rank_Z, ties_F, slack_F.astype(np.int64)


def _normal_p(u_F: np.ndarray, n_group: int, n_rest: int, ties_F: np.ndarray) -> np.ndarray:
    n, pairs = n_group + n_rest, n_group * n_rest
    variance_F = pairs / 12 * (n + 1 - ties_F / (n * (n - 1)))
    deviation_F = np.abs(u_F - pairs / 2) - 0.5
    varies_F = variance_F > 1e-9 * pairs
    score_F = np.divide(deviation_F, np.sqrt(np.maximum(variance_F, 0)), out=np.zeros(u_F.size), where=varies_F)
    return np.where(varies_F, np.minimum(2 * stats.norm.sf(score_F), 1.0), 1.0)


def _width(n_firing: int, n_small: int) -> tuple[int, int]:
    """How many of the smaller group can fire, and the largest sum of their ranks."""
    most = min(n_firing, n_small)
    return most, most * n_firing - most * (most - 1) // 2


def _largest_counted(n_items: int, n_small: int, largest: int) -> int:
    """Columns that fire so often at most are counted out; -1 for none."""
    if _log_choices(n_items, n_small) > _MAX_LOG_CHOICES:
        return -1
    spent = 0
    for n_firing in range(1, largest + 1):
        most, widest = _width(n_firing, n_small)
        spent += (most + 1) * (widest + 1)
        if spent > MAX_COUNTED:
            return n_firing - 1
    return largest


def _counted_p(doubled_F: np.ndarray, slack_F: np.ndarray, n_firing_F: np.ndarray, n_items: int, n_small: int) -> np.ndarray:
    """Two-sided p of ``doubled_F`` = 2 T - n_small (z + 1) = j (z - 1) + 2 s, give or take ``slack_F``."""
    p_F = np.ones(doubled_F.size)
    if doubled_F.size == 0:
        return p_F
    largest = int(n_firing_F.max())
    most, widest = _width(largest, n_small)
    counts_JS = np.zeros((most + 1, widest + 1))
    counts_JS[0, 0] = 1
    for n_firing in range(largest + 1):
        if n_firing:
            reach = min(n_firing, most), _width(n_firing, n_small)[1] + 1
            part = counts_JS[: reach[0] + 1, : reach[1]]
            part[1:, n_firing:] += part[:-1, : reach[1] - n_firing].copy()
        columns = np.flatnonzero(n_firing_F == n_firing)
        if columns.size:
            p_F[columns] = _p_of_table(counts_JS, doubled_F[columns], slack_F[columns], n_firing, n_items, n_small)
    return p_F


def _p_of_table(
    counts_JS: np.ndarray, doubled: np.ndarray, slack: np.ndarray, n_firing: int, n_items: int, n_small: int
) -> np.ndarray:
    n_zeros = n_items - n_firing
    lower, upper = np.zeros(doubled.size), np.zeros(doubled.size)
    for j in range(max(0, n_small - n_zeros), min(n_firing, n_small) + 1):
        widest = j * n_firing - j * (j - 1) // 2
        weight = np.exp(_log_choices(n_zeros, n_small - j) - _log_choices(n_items, n_small))
        up_to = np.concatenate([[0.0], np.cumsum(counts_JS[j, : widest + 1])])
        most, least = doubled + slack - j * (n_zeros - 1), doubled - slack - j * (n_zeros - 1)
        # Sums of j numbers of 1...f lie as far below their largest as others above their smallest: tails need no difference.
        lower += weight * up_to[np.clip(most // 2 + 1, 0, widest + 1)]
        upper += weight * up_to[np.clip(j * (n_firing + 1) + least // -2 + 1, 0, widest + 1)]
    return np.minimum(2 * np.minimum(lower, upper), 1.0)


def _log_choices(n: int, k: int) -> float:
    return float(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))
