"""Latents of a token, strongest first: weighted C beside plain B."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.means import LatentMeans, latent_means
from tb_visualscratchpad.views.patches import ViewChoice
from tb_visualscratchpad.views.thresholds import Thresholds
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import RowChoice, VlmRun


class RankBy(str, enum.Enum):
    """The mean that orders a ranking."""

    WEIGHTED = "weighted"
    PLAIN = "plain"


@dataclass(frozen=True)
class RankedLatent:
    """One row of a ranking.

    Attributes:
        rank: from 1, among those that pass the thresholds.
        weighted: C; None where it is undefined for the token.
        plain: B.
        lift: C / B; None where C is undefined or B is zero.
    """

    rank: int
    latent: int
    weighted: float | None
    plain: float
    lift: float | None


@dataclass(frozen=True)
class LatentRanking:
    """The latents that fire on the picture, strongest first; ties by the lower number.

    Attributes:
        defined: C is defined for the token. If not, a ranking by C is empty and ``reason`` says why.
        n_firing: latents that fire on a packed patch of the view.
        n_passing: those of them that pass the thresholds; ``rows`` may be fewer (``limit``).
    """

    token: int
    by: RankBy
    defined: bool
    reason: str | None
    n_firing: int
    n_passing: int
    rows: tuple[RankedLatent, ...]


def rank_latents(
    run: VlmRun,
    token_index: int,
    *,
    by: RankBy | str = RankBy.WEIGHTED,
    layers: Sequence[int] | None = None,
    row: RowChoice | str = RowChoice.PRODUCING,
    view: ViewChoice | str = ViewChoice.BOTH,
    statistics: LatentStatistics | None = None,
    max_frequency: float | None = None,
    min_mean: float | None = None,
    limit: int | None = None,
    means: LatentMeans | None = None,
) -> LatentRanking:
    """Ranks the firing latents for one text token by C or by B.

    Args:
        limit: at most so many rows, None for all.
        means: what ``latent_means`` gave for this run, ``layers``, ``row`` and ``view``, to spare computing it again.

    Raises:
        ScratchpadError: no such token, layer or view; a threshold without statistics; a limit under one.
    """
    try:
        by = RankBy(by)
    except ValueError:
        raise ScratchpadError(f"by '{by}' is unknown: choose 'weighted' or 'plain'.") from None
    if limit is not None and limit < 1:
        raise ScratchpadError(f"limit {limit} was given: choose 1 or more, or leave it out for all.")
    thresholds = Thresholds(max_frequency, min_mean)
    if means is None:
        means = latent_means(run, tokens=[token_index], layers=layers, row=row, view=view)
    column = means.column_of(token_index)
    reason = means.reason_T[column]
    defined = reason is None
    passing = np.flatnonzero(thresholds.passing(run, statistics, means.latent_F))

    weighted_F = means.weighted_FT[:, column]
    if by is RankBy.PLAIN:
        ordered = passing[strongest_first(means.plain_F[passing], limit)]
    elif defined:
        ordered = passing[strongest_first(weighted_F[passing], limit)]
    else:
        ordered = passing[:0]

    rows = []
    for rank, place in enumerate(ordered, start=1):
        weighted = float(weighted_F[place]) if defined else None
        plain = float(means.plain_F[place])
        lift = weighted / plain if weighted is not None and plain > 0 else None
        rows.append(RankedLatent(rank, int(means.latent_F[place]), weighted, plain, lift))
    return LatentRanking(
        token=token_index,
        by=by,
        defined=defined,
        reason=reason,
        n_firing=int(means.latent_F.size),
        n_passing=int(passing.size),
        rows=tuple(rows),
    )


def strongest_first(value_F: np.ndarray, limit: int | None) -> np.ndarray:
    """Places of the largest values, at most ``limit``, falling; ties by the lower place. Only what can be among them is sorted."""
    if limit is None or limit >= value_F.size:
        return np.argsort(-value_F, kind="stable")
    smallest = np.partition(value_F, value_F.size - limit)[value_F.size - limit]
    candidates = np.flatnonzero(value_F >= smallest)
    return candidates[np.argsort(-value_F[candidates], kind="stable")[:limit]]


@dataclass(frozen=True)
class LatentRanks:
    """Where one latent stands in both rankings of a token, from 1; None where it is in no such ranking.

    Attributes:
        n_passing: as in ``LatentRanking``.
    """

    weighted: int | None
    plain: int | None
    n_passing: int


def ranks_of_latent(
    means: LatentMeans, token_index: int, latent: int, passing_F: np.ndarray
) -> LatentRanks:
    """The ranks that ``rank_latents`` gives a latent by C and by B, without sorting.

    Args:
        passing_F: bool, which of ``means.latent_F`` pass the thresholds.
    """
    n_passing = int(passing_F.sum())
    place = means.place_of(latent)
    if place is None or not passing_F[place]:
        return LatentRanks(None, None, n_passing)
    column = means.column_of(token_index)

    def rank(value_F: np.ndarray) -> int:
        # Ties go to the lower number, and latents ascend.
        ahead = (value_F > value_F[place]) & passing_F
        tied = (value_F[:place] == value_F[place]) & passing_F[:place]
        return 1 + int(ahead.sum()) + int(tied.sum())

    defined = means.reason_T[column] is None
    return LatentRanks(rank(means.weighted_FT[:, column]) if defined else None, rank(means.plain_F), n_passing)
