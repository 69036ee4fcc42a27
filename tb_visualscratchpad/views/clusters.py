"""Latents that act alike across tokens: correlation distance, average linkage, optimal leaf order.

    d(i, j) = 1 - corr_t(C[t, i], C[t, j]), 0...2

A column that does not vary has no correlation with anything: it is left out of the clustering and belongs to the group
"all words"; a column of zeros belongs to "no words". Both stand to the right of the tree.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from tb_visualscratchpad.views.matrix import (
    TokenLatentMatrix,
    matrix_with_columns,
    token_latent_matrix,
)
from tb_visualscratchpad.views.means import LatentMeans, latent_means
from tb_visualscratchpad.views.ordered_tree import cut_at_height, cut_into, heights_of, keep_leaves, linkage_of
from tb_visualscratchpad.views.patches import ViewChoice
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import LatentOrder, RowChoice, VlmRun

DEFAULT_CUT = 0.30
MIN_ROWS = 3
"""Two rows correlate perfectly or not at all: with fewer than three nothing is clustered."""
SPECIFIC_ABOVE = 0.6
"""A cluster is specific to a token when its mean normalised value there exceeds this."""
OUTSIDE_HEIGHT = 2.0
"""Where columns outside the tree are joined to it in a linkage: the largest correlation distance."""
_CONSTANT = 1e-5
"""A column varies when its range exceeds this share of its maximum: C is kept in single precision."""


class GroupKind(str, enum.Enum):
    """What holds a group of columns together."""

    CLUSTER = "cluster"
    ALL_WORDS = "all words"
    NO_WORDS = "no words"


@dataclass(frozen=True, eq=False)
class TokenCluster:
    """Columns ``start`` to ``start + count`` of a matrix, that act alike.

    What follows from the columns is computed when it is asked for: there may be hundreds of clusters, and a slider makes
    them anew with every move.
    """

    kind: GroupKind
    start: int
    count: int
    matrix: TokenLatentMatrix = field(repr=False)

    @property
    def latent_c(self) -> np.ndarray:
        """int32 [count], its latents."""
        return self.matrix.latent_C[self.start : self.start + self.count]

    @property
    def column_max_c(self) -> np.ndarray:
        """float32 [count], the largest C of each."""
        return self.matrix.column_max_C[self.start : self.start + self.count]

    @cached_property
    def weight_T(self) -> np.ndarray:
        """float64, the sum of its C on each token."""
        return self._weighted_Tc.sum(axis=1, dtype=np.float64)

    @cached_property
    def mean_T(self) -> np.ndarray:
        """float64, its mean normalised value on each token, 0...1."""
        # Anew in double precision: single rounds .6 up to more than .6.
        normalised = self._weighted_Tc / np.where(self.column_max_c > 0, self.column_max_c, 1).astype(np.float64)
        return normalised.sum(axis=1) / self.count

    @property
    def word_indices(self) -> tuple[int, ...]:
        """Tokens that it is specific to, ascending."""
        return tuple(self.matrix.token_T[self.mean_T > SPECIFIC_ABOVE].tolist())

    @property
    def _weighted_Tc(self) -> np.ndarray:
        return self.matrix.weighted_TC[:, self.start : self.start + self.count]


@dataclass(frozen=True)
class ClusteredMatrix:
    """A matrix whose columns stand in leaf order, and its groups from left to right.

    Attributes:
        linkage: float64 [C - 1, 4] as scipy lays it out, leaves numbered as the columns; empty when not clustered.
            Columns outside the tree join at ``OUTSIDE_HEIGHT``.
        clusters: empty when not clustered.
        reason: why it is not clustered, a sentence; None when it is.
    """

    matrix: TokenLatentMatrix
    linkage: np.ndarray
    clusters: tuple[TokenCluster, ...]
    reason: str | None

    @property
    def clustered(self) -> bool:
        return self.reason is None


def compute_latent_order(
    run: VlmRun,
    *,
    layers: Sequence[int] | None = None,
    row: RowChoice | str = RowChoice.PRODUCING,
    view: ViewChoice | str = ViewChoice.BOTH,
    include_prompt: bool = False,
    means: LatentMeans | None = None,
) -> LatentOrder:
    """The leaf order of a run's strongest latents, at most 800, without thresholds.

    With the defaults this is what an exporter stores in ``run.order``: sliders then mask it and never cluster again.
    A few tenths of a second at 800 columns.

    Args:
        means: as for ``token_latent_matrix``.

    Raises:
        ScratchpadError: no such layer or view.
    """
    if means is None:
        means = latent_means(run, layers=layers, row=row, view=view)
    matrix = token_latent_matrix(run, include_prompt=include_prompt, means=means)
    return order_columns(matrix)


def order_columns(matrix: TokenLatentMatrix) -> LatentOrder:
    """Clusters the columns of a matrix.

    Returns:
        Varying columns in optimal leaf order, then constant ones, then zero ones, each of these as in the matrix. The
        linkage is empty, and the columns stay as they are, with under three rows or under two columns that vary.
    """
    varying, constant, zero = _split(matrix)
    if matrix.token_T.size < MIN_ROWS or varying.size < 2:
        return LatentOrder(matrix.latent_C, np.zeros((0, 4)))
    distance = _correlation_distance(matrix.weighted_TC[:, varying])
    linkage = hierarchy.optimal_leaf_ordering(hierarchy.linkage(distance, "average"), distance)
    leaves = hierarchy.leaves_list(linkage)
    place = np.empty(leaves.size)
    place[leaves] = np.arange(leaves.size)
    children = linkage[:, :2].astype(np.int64)
    linkage[:, :2] = np.where(children < leaves.size, place[np.minimum(children, leaves.size - 1)], children)
    order = np.concatenate([varying[leaves], constant, zero])
    return LatentOrder(
        latent_C=matrix.latent_C[order],
        linkage=_with_outside(heights_of(linkage), constant.size + zero.size),
    )


def cluster_columns(
    means: LatentMeans,
    order: LatentOrder,
    *,
    keep: np.ndarray | None = None,
    cut: float = DEFAULT_CUT,
    n_clusters: int | None = None,
    include_prompt: bool = False,
    n_candidates: int | None = None,
    heights: np.ndarray | None = None,
) -> ClusteredMatrix:
    """Cuts a leaf order into clusters after hiding some columns; what stays keeps its order and its distances.

    Args:
        means: C of the run, for the settings of ``order``.
        keep: bool [C], which columns of ``order`` are shown; None for all.
        cut: height, 0...2; columns that meet at or under it share a cluster.
        n_clusters: cut into so many clusters instead (groups of columns that do not vary are not counted).
        n_candidates: as for ``matrix_with_columns``.
        heights: what ``heights_of`` gave for the order's linkage, to spare computing it again.

    Raises:
        ScratchpadError: a cut or count out of range.
    """
    if not 0 <= cut <= OUTSIDE_HEIGHT:
        raise ScratchpadError(f"cut {cut} was given; correlation distances lie between 0 and 2: choose one of them.")
    if n_clusters is not None and n_clusters < 1:
        raise ScratchpadError(f"n_clusters {n_clusters} was given: choose 1 or more.")
    kept = np.arange(order.latent_C.size) if keep is None else np.flatnonzero(keep)
    matrix = matrix_with_columns(
        means, order.latent_C[kept], include_prompt=include_prompt, n_candidates=n_candidates
    )
    unclustered = _why_not(matrix, order)
    if unclustered is not None:
        return ClusteredMatrix(matrix, np.zeros((0, 4)), (), unclustered)

    varying, constant, zero = _split(matrix)
    if constant.size + zero.size:
        sorted_latents = matrix.latent_C[np.concatenate([varying, constant, zero])]
        matrix = matrix_with_columns(
            means, sorted_latents, include_prompt=include_prompt, n_candidates=n_candidates
        )
    heights = keep_leaves(heights_of(order.linkage) if heights is None else heights, kept[varying])
    if varying.size == 0:
        group = np.zeros(0, dtype=np.int64)
    else:
        group = cut_at_height(heights, cut) if n_clusters is None else cut_into(heights, n_clusters)
    starts = np.flatnonzero(np.diff(group, prepend=-1)).tolist()
    kinds = [GroupKind.CLUSTER] * len(starts)
    for kind, start, count in (
        (GroupKind.ALL_WORDS, varying.size, constant.size),
        (GroupKind.NO_WORDS, varying.size + constant.size, zero.size),
    ):
        if count:
            starts.append(start)
            kinds.append(kind)
    return ClusteredMatrix(
        matrix=matrix,
        linkage=_with_outside(heights, constant.size + zero.size) if varying.size else np.zeros((0, 4)),
        clusters=tuple(
            TokenCluster(kind, start, end - start, matrix)
            for kind, start, end in zip(kinds, starts, [*starts[1:], matrix.latent_C.size], strict=True)
        ),
        reason=None,
    )


def _why_not(matrix: TokenLatentMatrix, order: LatentOrder) -> str | None:
    if matrix.latent_C.size == 0:
        return "There are no columns to cluster."
    if matrix.token_T.size < MIN_ROWS:
        return f"Clustering needs at least {MIN_ROWS} tokens, not {matrix.token_T.size}."
    if order.linkage.shape[0] != order.latent_C.size - 1 or order.linkage.shape[0] == 0:
        return "Clustering needs at least two columns that vary."
    return None


def _split(matrix: TokenLatentMatrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of the columns that vary, that are constant, and that are zero."""
    if matrix.token_T.size == 0:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, np.arange(matrix.latent_C.size)
    highest = matrix.column_max_C
    constant = highest - matrix.weighted_TC.min(axis=0) <= _CONSTANT * highest
    zero = highest <= 0
    return np.flatnonzero(~constant), np.flatnonzero(constant & ~zero), np.flatnonzero(zero)


def _correlation_distance(weighted_TC: np.ndarray) -> np.ndarray:
    """Condensed float64 distances 1 - r of columns that vary, clipped to 0...2."""
    column = weighted_TC.astype(np.float64)
    column = column / column.max(axis=0)
    column = column - column.mean(axis=0)
    column = column / np.linalg.norm(column, axis=0)
    distance = np.clip(1 - column.T @ column, 0, OUTSIDE_HEIGHT)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0)
    return squareform(distance, checks=False)


def _with_outside(heights: np.ndarray, n_outside: int) -> np.ndarray:
    return linkage_of(np.concatenate([heights, np.full(n_outside, OUTSIDE_HEIGHT)]))
