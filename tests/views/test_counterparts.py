"""How much of a dictionary another one has, against loops over its latents."""

from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.views.counterparts import N_BINS, between, coverage
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tests.random_evidence import random_dictionary, random_statistics
from tests.random_match import random_match


def known(seed: int) -> tuple[LatentStatistics, object]:
    statistics = random_statistics(seed, dictionary=random_dictionary(seed, n_latents=60))
    return statistics, random_match(seed, dictionary=statistics.dictionary)


@pytest.mark.parametrize("seed", range(6))
def test_counts(seed: int) -> None:
    statistics, match = known(seed)
    found = coverage(match, statistics)
    best = [(match.forward_latent_Kn[k, 0] >= 0, float(match.forward_cosine_Kn[k, 0]), bool(statistics.alive_K[k])) for k in range(60)]
    assert found.n_latents == 60 and found.n_with_direction == sum(has for has, _, _ in best)
    assert (found.n_near, found.n_close) == tuple(sum(has and c > np.float32(t) for has, c, _ in best) for t in (0.7, 0.9))
    assert (found.n_alive, found.n_alive_near, found.n_alive_close) == (
        sum(alive for _, _, alive in best), *(sum(has and c > np.float32(t) and alive for has, c, alive in best) for t in (0.7, 0.9))
    )
    counts = np.zeros(N_BINS, int)
    for has, cosine, _ in best:
        if has:
            counts[min(N_BINS - 1, max(0, int(cosine * N_BINS)))] += 1
    assert found.counts.tolist() == counts.tolist()
    assert found.counts.sum() == found.n_with_direction
    assert coverage(match).n_alive is None


@pytest.mark.parametrize("seed", range(6))
def test_ranges_part_the_latents(seed: int) -> None:
    statistics, match = known(seed)
    parts = [between(match, statistics, low, high, dead=True) for low, high in ((-1, 0.7), (0.7, 0.9), (0.9, 1))]
    assert sorted(np.concatenate(parts).tolist()) == list(range(60))
    for latents, (low, high) in zip(parts[1:], ((0.7, 0.9), (0.9, 1)), strict=True):
        cosine = match.forward_cosine_Kn[latents, 0]
        assert ((cosine > low) & (cosine <= high)).all()
    alive = between(match, statistics, -1, 0.7)
    assert set(alive.tolist()) == {k for k in parts[0].tolist() if statistics.alive_K[k]}
    order = [(-statistics.image_frequency_K[k], match.forward_cosine_Kn[k, 0], k) for k in parts[0]]
    assert order == sorted(order)
    assert set(between(match, None, -1, 0.7).tolist()) == set(parts[0].tolist()), "without statistics nothing is known to be dead"
