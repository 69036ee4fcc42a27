"""A dictionary held against another: how many of its latents the other one has, and which it lacks.

``K`` latents of the first dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch

NEAR, CLOSE = 0.7, 0.9
N_BINS = 50


@dataclass(frozen=True)
class Coverage:
    """How much of a dictionary another one has.

    Attributes:
        n_latents: all of the dictionary's; ``n_with_direction`` of them have a decoder row that is not zero.
        n_near, n_close: latents whose best counterpart has a cosine over .7, over .9.
        n_alive, n_alive_near, n_alive_close: of those that fire in the image set; None without statistics.
        n_mutual: pairs that are the best of each other.
        counts: of the best cosines, [50] from 0 to 1; what is under 0 falls into the first.
    """

    n_latents: int
    n_with_direction: int
    n_near: int
    n_close: int
    n_alive: int | None
    n_alive_near: int | None
    n_alive_close: int | None
    n_mutual: int
    counts: np.ndarray


def coverage(match: DictionaryMatch, statistics: LatentStatistics | None = None) -> Coverage:
    """The first dictionary's latents in the second one."""
    has, cosine = match.forward_latent_Kn[:, 0] >= 0, match.forward_cosine_Kn[:, 0]
    near, close = has & (cosine > NEAR), has & (cosine > CLOSE)
    alive = None if statistics is None else statistics.alive_K
    place = np.clip((cosine[has].astype(np.float64) * N_BINS).astype(np.int64), 0, N_BINS - 1)
    return Coverage(
        n_latents=match.dictionary.n_latents,
        n_with_direction=int(has.sum()),
        n_near=int(near.sum()),
        n_close=int(close.sum()),
        n_alive=None if alive is None else int(alive.sum()),
        n_alive_near=None if alive is None else int((near & alive).sum()),
        n_alive_close=None if alive is None else int((close & alive).sum()),
        n_mutual=int(match.mutual_K.sum()),
        counts=np.bincount(place, minlength=N_BINS),
    )


def between(
    match: DictionaryMatch, statistics: LatentStatistics | None, low: float, high: float, *, dead: bool = False
) -> np.ndarray:
    """int32 latents whose best cosine is over ``low`` and at most ``high``, the most frequent first; ties: the lower cosine, then the lower
    number. A ``low`` of -1 takes in latents without any counterpart, as if their cosine were 0.

    Args:
        dead: latents that fire nowhere in the image set are listed too, last; without statistics none is known to be dead.
    """
    has, cosine = match.forward_latent_Kn[:, 0] >= 0, match.forward_cosine_Kn[:, 0]
    inside = (cosine > low) & (cosine <= high) & has
    if low <= -1:
        inside |= (~has & (high >= 0)) | (has & (cosine <= low))
    frequency = np.zeros(cosine.size) if statistics is None else statistics.image_frequency_K
    if statistics is not None and not dead:
        inside = inside & statistics.alive_K
    found = np.flatnonzero(inside)
    return found[np.lexsort((found, cosine[found], -frequency[found]))].astype(np.int32)
