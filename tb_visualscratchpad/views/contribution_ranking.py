"""Which latents carried a word: the gradient's estimate beside the real ablation. ``N`` latents that fire."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from tb_visualscratchpad.wire.steering_evidence import WordContributions


@dataclass(frozen=True)
class Contribution:
    """One latent.

    Attributes:
        rank: from 1, by falling |contribution|.
        contribution: activation times gradient, nats: an estimate of what the word loses without the latent.
        ablated: what it really lost, nats; None where it was not tried.
        ablated_rank: from 1 among those that were tried, by falling |ablated|; None where it was not.
    """

    rank: int
    latent: int
    contribution: float
    ablated: float | None
    ablated_rank: int | None


@dataclass(frozen=True)
class ContributionRanking:
    """The first latents, and how far the estimate agrees with what was measured.

    Attributes:
        n_firing: all latents that fire on the picture.
        total: sum of all contributions, nats.
        agreement: Spearman's rank correlation of contribution and real ablation over the latents that were tried; None under
            three of them, and where one of the two is the same for all.
    """

    rows: tuple[Contribution, ...]
    n_firing: int
    n_checked: int
    total: float
    agreement: float | None


def rank_contributions(found: WordContributions, limit: int | None = None) -> ContributionRanking:
    """The ranking of a word, at most ``limit`` rows."""
    n_checked = found.n_checked
    rank_of_place = np.empty(n_checked, np.int64)
    rank_of_place[np.argsort(-np.abs(found.ablated_N), kind="stable")] = np.arange(1, n_checked + 1)
    rows = tuple(
        Contribution(
            rank=place + 1,
            latent=int(latent),
            contribution=float(found.contribution_N[place]),
            ablated=float(found.ablated_N[place]) if place < n_checked else None,
            ablated_rank=int(rank_of_place[place]) if place < n_checked else None,
        )
        for place, latent in enumerate(found.latent_N[:limit])
    )
    return ContributionRanking(
        rows=rows,
        n_firing=int(found.latent_N.size),
        n_checked=n_checked,
        total=float(found.contribution_N.sum()),
        agreement=rank_agreement(found.contribution_N[:n_checked], found.ablated_N),
    )


def rank_agreement(estimated: np.ndarray, measured: np.ndarray) -> float | None:
    """Spearman's rank correlation; None under three pairs and where one side does not vary."""
    if estimated.size < 3 or np.ptp(estimated) == 0 or np.ptp(measured) == 0:
        return None
    return float(stats.spearmanr(estimated, measured).statistic)
