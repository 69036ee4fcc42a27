from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.views import Thresholds, latent_means, rank_latents
from tb_visualscratchpad.views.ranking import ranks_of_latent, strongest_first
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span
from tests.random_evidence import random_statistics, random_vlm_run
from tests.views.dense_loops import dense_plain, dense_weighted
from tests.views.hand_made_run import hand_made_run, hand_made_statistics


@pytest.mark.parametrize("by", ["weighted", "plain"])
@pytest.mark.parametrize("view", ["both", "base", "tiles"])
@pytest.mark.parametrize("thresholds", [{}, {"max_frequency": 0.1, "min_mean": 0.4}])
def test_ranking_equals_dense_loops(thresholds: dict[str, float], view: str, by: str) -> None:
    run = random_vlm_run(31)
    statistics = random_statistics(32, dictionary=run.dictionary)
    plain = dense_plain(run, view)
    passing = [
        latent
        for latent in np.flatnonzero(plain).tolist()
        if not thresholds
        or (
            statistics.n_images_firing_K[latent] <= 0.1 * statistics.n_images
            and statistics.n_patches_firing_K[latent] > 0
            and statistics.activation_sum_K[latent] >= 0.4 * statistics.n_patches_firing_K[latent]
        )
    ]
    for token in run.tokens.indices(Span.INPUT, Span.OUTPUT).tolist():
        weighted = dense_weighted(run, token, "producing", view)
        found = rank_latents(run, token, by=by, view=view, statistics=statistics, **thresholds)
        key = weighted if by == "weighted" else plain
        assert [one.latent for one in found.rows] == sorted(passing, key=lambda latent: (-key[latent], latent))
        assert (found.n_firing, found.n_passing, found.defined) == (np.count_nonzero(plain), len(passing), True)
        assert [one.rank for one in found.rows] == list(range(1, len(passing) + 1))
        for one in found.rows:
            assert one.weighted == pytest.approx(weighted[one.latent], rel=2e-6)
            assert one.plain == pytest.approx(plain[one.latent], rel=1e-6)
            assert one.lift == pytest.approx(weighted[one.latent] / plain[one.latent], rel=5e-6)
        assert rank_latents(run, token, by=by, view=view, statistics=statistics, limit=3, **thresholds).rows == found.rows[:3]
        kept = latent_means(run, view=view)
        assert rank_latents(run, token, by=by, view=view, statistics=statistics, means=kept, **thresholds) == found
        let_through = Thresholds(**thresholds).passing(run, statistics, kept.latent_F)
        for latent in range(run.latents.n_latents):
            ranks = ranks_of_latent(kept, token, latent, let_through)
            expected = next((one.rank for one in found.rows if one.latent == latent), None)
            assert (getattr(ranks, by), ranks.n_passing) == (expected, found.n_passing)


def test_ties_go_to_the_lower_latent() -> None:
    run = hand_made_run(np.array([[1.0, 3.0, 3.0], [3.0, 1.0, 1.0], [0, 0, 0], [0, 0, 0]]), np.array([[0.1, 0.1, 0, 0]]))
    for by in ("weighted", "plain"):
        assert [one.latent for one in rank_latents(run, 6, by=by).rows] == [0, 1, 2]
        ranks = [ranks_of_latent(latent_means(run), 6, latent, np.ones(3, dtype=bool)) for latent in range(3)]
        assert [getattr(one, by) for one in ranks] == [1, 2, 3]


def test_a_latent_where_nobody_looks_is_ranked_last_with_no_lift() -> None:
    run = hand_made_run(np.array([[1.0, 0], [0, 0], [0, 0], [0, 9.0]]), np.array([[0.2, 0, 0, 0]]))
    first, second = rank_latents(run, 6).rows
    assert (first.latent, first.weighted, first.plain, first.lift) == (0, 1.0, 0.25, 4.0)
    assert (second.latent, second.weighted, second.lift) == (1, 0.0, 0.0)


def test_an_undefined_row_ranks_nothing_by_c_but_everything_by_b() -> None:
    run = random_vlm_run(33)
    for token, row, words in ((len(run.tokens) - 1, "own", "never fed back"), (0, "producing", "cannot see the image")):
        by_c = rank_latents(run, token, row=row)
        assert not by_c.defined and words in by_c.reason and by_c.rows == () and by_c.n_passing == by_c.n_firing > 0
        by_b = rank_latents(run, token, row=row, by="plain")
        assert len(by_b.rows) == by_b.n_firing
        assert all(one.weighted is None and one.lift is None and one.plain > 0 for one in by_b.rows)


@pytest.mark.parametrize("n_values", [0, 1, 2, 7, 300])
@pytest.mark.parametrize("n_kinds", [1, 3, 1000])
def test_a_limit_cuts_the_full_order_ties_included(n_values: int, n_kinds: int) -> None:
    drawn = np.random.default_rng(n_values + n_kinds).integers(0, n_kinds, n_values)
    for values in (drawn.astype(np.float32), drawn.astype(np.float64)):
        in_full = sorted(range(n_values), key=lambda place: (-values[place], place))
        assert strongest_first(values, None).tolist() == in_full
        for limit in (1, 2, 5, 124, max(1, n_values - 1), n_values + 1):
            assert strongest_first(values, limit).tolist() == in_full[:limit]


def test_thresholds_that_leave_none() -> None:
    run = hand_made_run(np.ones((4, 2)), np.full((1, 4), 0.1))
    statistics = hand_made_statistics(run, n_images_firing=[60, 70], mean=[1.0, 1.0])
    found = rank_latents(run, 6, statistics=statistics, max_frequency=0.5)
    assert found.rows == () and (found.n_firing, found.n_passing) == (2, 0) and found.defined


def test_bad_arguments_get_a_sentence() -> None:
    run = random_vlm_run(34)
    token = int(run.tokens.indices(Span.OUTPUT)[0])
    image = int(run.tokens.indices(Span.IMAGE)[0])
    for call, words in (
        (lambda: rank_latents(run, token, by="lift"), "'weighted' or 'plain'"),
        (lambda: rank_latents(run, token, limit=0), "1 or more"),
        (lambda: rank_latents(run, image), "part of the image"),
        (lambda: rank_latents(run, token, min_mean=0.1), "no latent statistics"),
    ):
        with pytest.raises(ScratchpadError, match=words):
            call()
