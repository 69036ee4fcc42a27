"""A clustering tree whose leaves stand in a fixed order, kept as the heights between neighbours.

In such a tree two leaves meet at the largest of the heights between them, so n - 1 numbers say all: hiding leaves is a
running maximum, a cut is a comparison, and nothing is clustered anew. That holds for trees whose heights do not descend
towards the root, which average linkage grants.

Shape suffixes: ``C`` leaves.
"""

from __future__ import annotations

import numpy as np


def heights_of(linkage: np.ndarray) -> np.ndarray:
    """float64 [C - 1]: at which height each leaf meets its right neighbour.

    Args:
        linkage: [C - 1, 4] as scipy lays it out, leaves numbered from left to right.

    Raises:
        ValueError: a merge joins what does not lie side by side, so the leaves are not numbered in their order.
    """
    n_leaves = linkage.shape[0] + 1
    first, last = list(range(n_leaves)), list(range(n_leaves))
    heights = np.zeros(n_leaves - 1)
    for left, right, height, _ in linkage:
        left, right = sorted((int(left), int(right)), key=first.__getitem__)
        if last[left] + 1 != first[right]:
            raise ValueError("the leaves of the linkage are not numbered from left to right")
        heights[last[left]] = height
        first.append(first[left])
        last.append(last[right])
    return heights


def linkage_of(heights: np.ndarray) -> np.ndarray:
    """float64 [C - 1, 4], the scipy linkage of the tree, its merges by rising height, the left child first."""
    n_leaves = heights.size + 1
    node, size = list(range(n_leaves)), [1] * n_leaves
    parent = list(range(n_leaves))

    def root(leaf: int) -> int:
        while parent[leaf] != leaf:
            parent[leaf] = parent[parent[leaf]]
            leaf = parent[leaf]
        return leaf

    linkage = np.zeros((heights.size, 4))
    for step, boundary in enumerate(np.argsort(heights, kind="stable")):
        left, right = root(int(boundary)), root(int(boundary) + 1)
        total = size[left] + size[right]
        linkage[step] = node[left], node[right], heights[boundary], total
        parent[right] = left
        node[left], size[left] = n_leaves + step, total
    return linkage


def keep_leaves(heights: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The heights between the leaves that stay: every two of them meet where they met before.

    Args:
        kept: ascending leaf numbers.
    """
    if kept.size < 2:
        return np.zeros(0)
    # reduceat runs its last part to the end: cut off what lies beyond the last leaf.
    return np.maximum.reduceat(heights[: kept[-1]], kept[:-1])


def cut_at_height(heights: np.ndarray, height: float) -> np.ndarray:
    """int64 [C] group of each leaf, from 0 rising to the right; leaves that meet at or under ``height`` share one."""
    return np.concatenate([[0], np.cumsum(heights > height)]).astype(np.int64)


def cut_into(heights: np.ndarray, n_groups: int) -> np.ndarray:
    """int64 [C] group of each leaf, as many as asked for (at most C); of equal heights the rightmost is cut first."""
    n_cuts = min(n_groups - 1, heights.size)
    split = np.zeros(heights.size, dtype=bool)
    split[np.argsort(heights, kind="stable")[heights.size - n_cuts :]] = True
    return np.concatenate([[0], np.cumsum(split)]).astype(np.int64)
