"""Words whose strongest latents by weighted C are far down by the plain mean B, which knows no word.

Shape suffixes: F latents that fire, T text tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.means import LatentMeans
from tb_visualscratchpad.views.ranking import ranks_of_latent, strongest_first

N_FIRST = 10


@dataclass(frozen=True)
class MissedLatents:
    """What a ranking by B misses of one answer word.

    Attributes:
        token: index in the whole sequence.
        first: the latent with the largest C; None where the word's C is undefined or no latent passes.
        first_by_plain: that latent's rank by B, from 1.
        n_missed: of the first ``n`` latents by C, those that are not among the first ``n`` by B.
        n: how many first latents were compared: ``N_FIRST``, or all that pass where they are fewer.
    """

    token: int
    first: int | None
    first_by_plain: int | None
    n_missed: int | None
    n: int


def missed_latents(means: LatentMeans, passing_F: np.ndarray, n_first: int = N_FIRST) -> tuple[MissedLatents, ...]:
    """For every answer word in order, how many of its first latents by C a ranking by B would not show.

    Args:
        passing_F: bool, which of ``means.latent_F`` pass the thresholds.
        n_first: at least one.
    """
    passing = np.flatnonzero(passing_F)
    n = min(n_first, passing.size)
    by_plain = passing[strongest_first(means.plain_F[passing], n)] if n else passing
    found = []
    for column in np.flatnonzero(means.output_T):
        token = int(means.token_T[column])
        if not n or means.reason_T[column] is not None:
            found.append(MissedLatents(token, None, None, None, n))
            continue
        by_weighted = passing[strongest_first(means.weighted_FT[passing, column], n)]
        first = int(means.latent_F[by_weighted[0]])
        rank = ranks_of_latent(means, token, first, passing_F).plain
        found.append(MissedLatents(token, first, rank, int(n - np.isin(by_weighted, by_plain).sum()), n))
    return tuple(found)
