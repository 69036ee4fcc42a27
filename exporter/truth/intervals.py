"""Means over what was seen on pictures, and how sure they are: a percentile bootstrap over pictures (Efron and Tibshirani 1993).

Words of one picture are not independent, so whole pictures are drawn anew. A mean of which every part is the same (all hit, none
did) gets an interval of no width: with n pictures, three in n is what may then be missing (the rule of three).

Shape suffixes: ``I`` pictures, ``R`` replicates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N_REPLICATES = 2000
LOW, HIGH = 2.5, 97.5


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval; ``low`` and ``high`` are None where one picture alone tells it."""

    value: float
    low: float | None
    high: float | None


def weights_of_pictures(n_pictures: int, seed: int, n_replicates: int = N_REPLICATES) -> np.ndarray:
    """float64 [R, I]: how often each picture is drawn in each replicate; rows sum to I."""
    share = np.full(n_pictures, 1 / n_pictures)
    return np.random.default_rng([seed, 29]).multinomial(n_pictures, share, size=n_replicates).astype(np.float64)


def interval(statistic: Callable[[np.ndarray], np.ndarray], n_pictures: int, seed: int, n_replicates: int = N_REPLICATES) -> Interval:
    """Of a statistic that gives [R] values for weights [R, I] of pictures; NaN where a replicate does not tell it."""
    value = float(statistic(np.ones((1, n_pictures)))[0])
    found_R = statistic(weights_of_pictures(n_pictures, seed, n_replicates))
    found_R = found_R[np.isfinite(found_R)]
    if n_pictures < 2 or not found_R.size:
        return Interval(value, None, None)
    low, high = np.percentile(found_R, [LOW, HIGH])
    return Interval(value, float(low), float(high))


def jackknife(statistic: Callable[[np.ndarray], np.ndarray], n_pictures: int, n_groups: int = 100) -> Interval:
    """As ``interval``, of a statistic over pairs of pictures, which a bootstrap would bias: a picture drawn twice makes no pair.

    Pictures are left out in turn (in groups, where there are more than ``n_groups``): value +- 1.96 standard errors.
    """
    value = float(statistic(np.ones((1, n_pictures)))[0])
    n_groups = min(n_groups, n_pictures)
    group_I = np.arange(n_pictures) % n_groups
    found_G = statistic((group_I[None, :] != np.arange(n_groups)[:, None]).astype(np.float64))
    found_G = found_G[np.isfinite(found_G)]
    if found_G.size < 2:
        return Interval(value, None, None)
    error = 1.96 * float(np.sqrt((found_G.size - 1) * found_G.var()))
    return Interval(value, value - error, value + error)


def ratio(weight_RI: np.ndarray, sum_I: np.ndarray, count_I: np.ndarray) -> np.ndarray:
    """float64 [R], sum over count under each weighting; NaN where nothing was counted."""
    count_R = weight_RI @ count_I
    return np.divide(weight_RI @ sum_I, count_R, out=np.full(count_R.size, np.nan), where=count_R > 0)
