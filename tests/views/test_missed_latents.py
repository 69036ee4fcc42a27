"""What a ranking by the plain mean misses, against the two full rankings."""

from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.views import Thresholds, latent_means, rank_latents
from tb_visualscratchpad.views.missed_latents import MissedLatents, missed_latents
from tb_visualscratchpad.wire.evidence import Span
from tests.random_evidence import random_statistics, random_vlm_run
from tests.views.hand_made_run import hand_made_run


@pytest.mark.parametrize("thresholds", [{}, {"max_frequency": 0.1, "min_mean": 0.4}, {"max_frequency": 0.0}])
@pytest.mark.parametrize("n_first", [1, 4, 10_000])
def test_it_equals_the_two_rankings(thresholds: dict[str, float], n_first: int) -> None:
    run = random_vlm_run(41)
    statistics = random_statistics(42, dictionary=run.dictionary)
    means = latent_means(run)
    found = missed_latents(means, Thresholds(**thresholds).passing(run, statistics, means.latent_F), n_first)
    assert [one.token for one in found] == run.tokens.indices(Span.OUTPUT).tolist()
    for one in found:
        by_c, by_b = (
            [row.latent for row in rank_latents(run, one.token, by=by, statistics=statistics, **thresholds).rows]
            for by in ("weighted", "plain")
        )
        n = min(n_first, len(by_c))
        if not n:
            assert one == MissedLatents(one.token, None, None, None, 0)
            continue
        missed = len(set(by_c[:n]) - set(by_b[:n]))
        assert one == MissedLatents(one.token, by_c[0], 1 + by_b.index(by_c[0]), missed, n)


def test_a_latent_that_only_the_word_looks_at_is_missed_by_b() -> None:
    run = hand_made_run(np.array([[9.0, 4.0], [9.0, 0.0], [9.0, 0], [9.0, 0]]), np.array([[1.0, 0, 0, 0]]))
    weak = hand_made_run(np.array([[0.0, 4.0], [9.0, 0.0], [9.0, 0], [9.0, 0]]), np.array([[1.0, 0, 0, 0]]))
    both = np.ones(2, dtype=bool)
    assert [(one.first, one.first_by_plain, one.n_missed) for one in missed_latents(latent_means(run), both, 1)][0] == (0, 1, 0)
    assert [(one.first, one.first_by_plain, one.n_missed) for one in missed_latents(latent_means(weak), both, 1)][0] == (1, 2, 1)


def test_a_word_without_a_row_misses_nothing_that_is_known() -> None:
    run = random_vlm_run(43)
    means = latent_means(run, row="own")
    last = missed_latents(means, np.ones(means.latent_F.size, dtype=bool))[-1]
    assert (last.token, last.first, last.first_by_plain, last.n_missed) == (len(run.tokens) - 1, None, None, None)
