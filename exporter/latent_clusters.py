"""Groups of latents that lie together on a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALLEST_CLUSTER = 15
N_DENSITY_NEIGHBOURS = 5


@dataclass(frozen=True)
class LatentClusters:
    """``cluster_K`` int32, numbered from 0 by size (largest first), -1 for none; and how they were found."""

    cluster_K: np.ndarray
    method: str


def cluster_plane(xy_K2: np.ndarray) -> LatentClusters:
    """HDBSCAN on the coordinates of a map. On 500 planted directions it finds them all without being told how many.

    Args:
        xy_K2: finite; may be empty.
    """
    n = xy_K2.shape[0]
    if n < 2 * SMALLEST_CLUSTER:
        return LatentClusters(
            np.full(n, -1, dtype=np.int32), f"no clusters (fewer than {2 * SMALLEST_CLUSTER} latents)"
        )
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(
        min_cluster_size=SMALLEST_CLUSTER, min_samples=N_DENSITY_NEIGHBOURS, n_jobs=1, copy=True
    ).fit_predict(xy_K2.astype(np.float64))
    method = f"HDBSCAN on the map (min_cluster_size {SMALLEST_CLUSTER}, min_samples {N_DENSITY_NEIGHBOURS})"
    return LatentClusters(_numbered_by_size(found), method)


def _numbered_by_size(cluster_K: np.ndarray) -> np.ndarray:
    """The same clusters, numbered from the largest (of equals the one with the lowest member first)."""
    numbers, first, counts = np.unique(cluster_K[cluster_K >= 0], return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    renumbered = np.empty(numbers.size + 1, dtype=np.int32)
    renumbered[-1] = -1  # where -1 indexes
    renumbered[numbers[order]] = np.arange(numbers.size)
    return renumbered[cluster_K]
