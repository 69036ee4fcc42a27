"""Unit vectors onto a plane such that neighbours by cosine stay neighbours: by UMAP, a handful by PCA.

The same seed gives the same bits: UMAP with a fixed random state runs on one thread.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.exporter.nearest_neighbours import Neighbours

N_NEIGHBOURS = 15
MIN_DISTANCE = 0.1
N_EPOCHS = 200
N_EPOCHS_ONWARDS = 50
LEARNING_RATE_ONWARDS = 0.05
"""From an earlier map on: a quarter of the time, in moves so small that what did not change stays."""
FEWEST_FOR_UMAP = 20
"""Below this a neighbourhood graph is nearly complete, and says less than the two main directions."""


@dataclass(frozen=True)
class PlaneProjection:
    """``xy_K2`` float32, and how it was made."""

    xy_K2: np.ndarray
    method: str


def project_to_plane(
    unit_Kd: np.ndarray, neighbours: Neighbours, seed: int, start_K2: np.ndarray | None = None
) -> PlaneProjection:
    """Project unit rows.

    Args:
        unit_Kd: float32 rows of length one.
        neighbours: the nearest rows of each, at least ``min(N_NEIGHBOURS, K - 1)``.
        start_K2: where rows lay on an earlier map; they are then moved from there, less far and for a shorter time.
    """
    plane = _main_plane(unit_Kd)
    if unit_Kd.shape[0] < FEWEST_FOR_UMAP:
        return PlaneProjection(plane, f"PCA (fewer than {FEWEST_FOR_UMAP} latents)")
    # Imported here: compiling it takes seconds, and only a projection needs it.
    import umap

    # Two latents at one place would have no direction to move apart in.
    begin = plane if start_K2 is None else start_K2
    start = begin + np.random.default_rng(seed).normal(scale=1e-3, size=begin.shape).astype(np.float32)
    rows = np.arange(unit_Kd.shape[0], dtype=np.int32)[:, None]
    index = np.concatenate([rows, neighbours.index_KN[:, :N_NEIGHBOURS]], axis=1)
    cosine = neighbours.cosine_KN[:, :N_NEIGHBOURS]
    distance = np.concatenate([np.zeros_like(rows, dtype=np.float32), np.maximum(1 - cosine, 0)], axis=1)
    reducer = umap.UMAP(
        n_neighbors=index.shape[1],
        min_dist=MIN_DISTANCE,
        n_epochs=N_EPOCHS if start_K2 is None else N_EPOCHS_ONWARDS,
        learning_rate=1.0 if start_K2 is None else LEARNING_RATE_ONWARDS,
        metric="cosine",
        random_state=seed,
        n_jobs=1,
        init=start,
        precomputed_knn=(index, distance.astype(np.float32), None),
    )
    with warnings.catch_warnings():
        # It says that new points could not be transformed later, which nobody asks for.
        warnings.filterwarnings("ignore", module="umap")
        xy = reducer.fit_transform(unit_Kd)
    if start_K2 is not None:
        # It begins by stretching each axis to 10.
        lowest, extent = start.min(axis=0), np.ptp(start, axis=0)
        xy = xy * (extent / 10) + lowest
    origin = "PCA start" if start_K2 is None else "from the map before"
    method = f"UMAP (cosine, {index.shape[1] - 1} exact neighbours, min_dist {MIN_DISTANCE}, {origin})"
    return PlaneProjection(np.ascontiguousarray(xy, dtype=np.float32), method)


def _main_plane(unit_Kd: np.ndarray) -> np.ndarray:
    """float32 [K, 2], coordinates along the two main directions, the largest 10; zero where rows do not vary."""
    plane = np.zeros((unit_Kd.shape[0], 2), dtype=np.float32)
    if not unit_Kd.size:
        return plane
    from sklearn.utils.extmath import randomized_svd

    centred = unit_Kd - unit_Kd.mean(axis=0)
    rank = min(2, *unit_Kd.shape)
    left, scale, _ = randomized_svd(centred, rank, random_state=0)
    plane[:, :rank] = left * scale
    largest = np.abs(plane).max()
    return plane * np.float32(10 / largest) if largest > 1e-6 else np.zeros_like(plane)
