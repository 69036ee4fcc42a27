"""A map laid onto an earlier one, so that from step to step latents move only as far as they changed."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment


def aligned(xy_K2: np.ndarray, onto_K2: np.ndarray) -> np.ndarray:
    """Turned, mirrored and moved such that latents lie as near as can be to where they lay: orthogonal Procrustes (Schoenemann 1966)
    on the latents that both maps show. Distances within the map stay.

    Args:
        xy_K2, onto_K2: NaN for a latent without a place.

    Returns:
        float32 [K, 2]; ``xy_K2`` itself where fewer than three latents are on both.
    """
    both = np.isfinite(xy_K2).all(axis=1) & np.isfinite(onto_K2).all(axis=1)
    if both.sum() < 3:
        return xy_K2
    here, there = xy_K2[both].astype(np.float64), onto_K2[both].astype(np.float64)
    left, _, right = np.linalg.svd((here - here.mean(axis=0)).T @ (there - there.mean(axis=0)))
    return ((xy_K2 - here.mean(axis=0)) @ (left @ right) + there.mean(axis=0)).astype(np.float32)


def start_from(earlier_K2: np.ndarray, neighbour_KN: np.ndarray) -> np.ndarray | None:
    """Where to begin: a latent where it lay, a new one amid its neighbours, or else in the middle.

    Args:
        earlier_K2: NaN for a latent that had no place.
        neighbour_KN: numbers of rows.

    Returns:
        float32 [K, 2]; None where fewer than half of the latents had a place, which is too little to go on with.
    """
    known = np.isfinite(earlier_K2).all(axis=1)
    if known.sum() * 2 < known.size or not known.size:
        return None
    start = np.where(known[:, None], earlier_K2, 0).astype(np.float64)
    middle = start[known].mean(axis=0)
    for latent in np.flatnonzero(~known):
        near = neighbour_KN[latent][known[neighbour_KN[latent]]]
        start[latent] = start[near].mean(axis=0) if near.size else middle
    return start.astype(np.float32)


def renumbered(cluster_K: np.ndarray, earlier_K: np.ndarray) -> np.ndarray:
    """The same clusters under the numbers of those earlier ones that share most latents with them; new ones get numbers that were
    not there. -1 stays.

    Returns:
        int32 [K].
    """
    numbers, earlier = np.unique(cluster_K[cluster_K >= 0]), np.unique(earlier_K[earlier_K >= 0])
    both = (cluster_K >= 0) & (earlier_K >= 0)
    shared = np.zeros((numbers.size, earlier.size), dtype=np.int64)
    np.add.at(shared, (np.searchsorted(numbers, cluster_K[both]), np.searchsorted(earlier, earlier_K[both])), 1)
    rows, columns = linear_sum_assignment(-shared)
    new = {int(numbers[row]): int(earlier[column]) for row, column in zip(rows, columns, strict=True) if shared[row, column]}
    taken = set(new.values())
    free = (number for number in range(numbers.size + earlier.size + 1) if number not in taken)
    found = np.full(cluster_K.shape, -1, dtype=np.int32)
    for number in numbers.tolist():
        found[cluster_K == number] = new[number] if number in new else next(free)
    return found
