from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.views import latent_means, token_latent_matrix
from tb_visualscratchpad.views.matrix import matrix_with_columns
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tests.random_evidence import random_dictionary, random_statistics, random_vlm_run
from tests.views.dense_loops import dense_plain, dense_weighted
from tests.views.hand_made_run import hand_made_statistics, run_with_matrix


def dense_matrix(run: VlmRun, row: str, view: str, include_prompt: bool) -> tuple[list[int], np.ndarray]:
    spans = [Span.SYSTEM, Span.INPUT, Span.OUTPUT] if include_prompt else [Span.OUTPUT]
    tokens, rows = [], []
    for token in run.tokens.indices(*spans).tolist():
        weighted = dense_weighted(run, token, row, view)
        if weighted is not None:
            tokens.append(token)
            rows.append(weighted)
    return tokens, np.array(rows).reshape(len(rows), run.latents.n_latents)


@pytest.mark.parametrize("include_prompt", [False, True])
@pytest.mark.parametrize("row", ["producing", "own"])
@pytest.mark.parametrize("view", ["both", "base", "tiles"])
@pytest.mark.parametrize("thresholds", [{}, {"max_frequency": 0.05}, {"min_mean": 0.8}, {"max_frequency": 0.3, "min_mean": 0.5}])
def test_matrix_equals_dense_loops(thresholds: dict[str, float], view: str, row: str, include_prompt: bool) -> None:
    run = random_vlm_run(21)
    statistics = random_statistics(22, dictionary=run.dictionary)
    found = token_latent_matrix(
        run, row=row, view=view, include_prompt=include_prompt, statistics=statistics, max_columns=9, **thresholds
    )
    tokens, weighted = dense_matrix(run, row, view, include_prompt)
    plain = dense_plain(run, view)
    candidates = []
    for latent in range(run.latents.n_latents):
        firing_images, firing_patches = statistics.n_images_firing_K[latent], statistics.n_patches_firing_K[latent]
        if plain[latent] == 0 or firing_images / statistics.n_images > thresholds.get("max_frequency", 1):
            continue
        if "min_mean" in thresholds and (
            firing_patches == 0 or statistics.activation_sum_K[latent] / firing_patches < thresholds["min_mean"]
        ):
            continue
        candidates.append(latent)
    strongest = sorted(candidates, key=lambda latent: (-weighted[:, latent].max(), latent))[:9]
    assert found.token_T.tolist() == tokens
    assert found.latent_C.tolist() == strongest
    assert found.n_candidates == len(candidates)
    assert found.capped == (len(candidates) > 9)
    np.testing.assert_allclose(found.weighted_TC, weighted[:, strongest], rtol=2e-6)
    np.testing.assert_allclose(found.normalised_TC.max(axis=0), 1)
    np.testing.assert_allclose(
        found.normalised_TC, weighted[:, strongest] / weighted[:, strongest].max(axis=0), rtol=5e-6
    )


def test_rows_left_out_are_named() -> None:
    run = random_vlm_run(23)
    last = len(run.tokens) - 1
    found = token_latent_matrix(run, row="own")
    assert last not in found.token_T and [index for index, _ in found.left_out] == [last]
    with_prompt = token_latent_matrix(run, include_prompt=True)
    system = run.tokens.indices(Span.SYSTEM).tolist()
    assert [index for index, _ in with_prompt.left_out] == system
    assert all("cannot see" in reason for _, reason in with_prompt.left_out)


def test_a_zero_column_stays_zero() -> None:
    # The second latent fires only where no word looks.
    weighted = np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
    run = run_with_matrix(np.vstack([weighted, [[0.0, 3.0]]]))
    means = latent_means(run, tokens=run.tokens.indices(Span.OUTPUT)[:3].tolist())
    found = token_latent_matrix(run, means=means)
    assert found.latent_C.tolist() == [0, 1]
    np.testing.assert_array_equal(found.normalised_TC, [[0.25, 0], [0.5, 0], [1, 0]])


def test_ties_go_to_the_lower_latent() -> None:
    run = run_with_matrix(np.array([[1.0, 2.0, 2.0, 1.0], [2.0, 1.0, 0.5, 2.0]]))
    assert token_latent_matrix(run).latent_C.tolist() == [0, 1, 2, 3]
    assert token_latent_matrix(run, max_columns=2).latent_C.tolist() == [0, 1]


def test_thresholds_come_before_the_cap() -> None:
    strengths = np.arange(1000.0, 0, -1)
    run = run_with_matrix(np.vstack([strengths, strengths / 2, strengths]))
    capped = token_latent_matrix(run)
    assert capped.latent_C.tolist() == list(range(800)) and capped.capped and capped.n_candidates == 1000
    common = [90 if latent < 500 else 1 for latent in range(1000)]
    statistics = hand_made_statistics(run, n_images_firing=common, mean=[1.0] * 1000)
    found = token_latent_matrix(run, statistics=statistics, max_frequency=0.5)
    assert found.latent_C.tolist() == list(range(500, 1000)) and not found.capped


def test_thresholds_that_leave_none() -> None:
    run = random_vlm_run(24)
    found = token_latent_matrix(run, statistics=random_statistics(1, dictionary=run.dictionary), min_mean=1e9)
    assert found.latent_C.size == 0 and found.n_candidates == 0 and found.weighted_TC.shape == (6, 0)
    assert found.normalised_TC.shape == (6, 0)


def test_no_firing_latent_and_no_answer_are_empty_not_an_error() -> None:
    assert token_latent_matrix(random_vlm_run(25, n_firing=0)).weighted_TC.shape == (6, 0)
    found = token_latent_matrix(random_vlm_run(25, n_output=0))
    assert found.weighted_TC.shape[0] == 0 and not found.column_max_C.any()


def test_a_dead_latent_passes_a_frequency_but_no_mean() -> None:
    run = run_with_matrix(np.array([[1.0, 2.0], [2.0, 1.0]]))
    statistics = hand_made_statistics(run, n_images_firing=[0, 50], mean=[0.0, 1.0])
    assert token_latent_matrix(run, statistics=statistics, max_frequency=0.1).latent_C.tolist() == [0]
    assert token_latent_matrix(run, statistics=statistics, min_mean=0.0).latent_C.tolist() == [1]


def test_thresholds_are_inclusive() -> None:
    run = run_with_matrix(np.array([[1.0, 2.0], [2.0, 1.0]]))
    statistics = hand_made_statistics(run, n_images_firing=[25, 26], mean=[0.5, 0.25])
    assert token_latent_matrix(run, statistics=statistics, max_frequency=0.25).latent_C.tolist() == [0]
    assert token_latent_matrix(run, statistics=statistics, min_mean=0.5).latent_C.tolist() == [0]


def test_bad_thresholds_get_a_sentence() -> None:
    run = random_vlm_run(26)
    foreign = random_statistics(1, dictionary=random_dictionary(99))
    for arguments, words in (
        ({"max_frequency": 0.5}, "no latent statistics"),
        ({"min_mean": 0.5}, "no latent statistics"),
        ({"max_frequency": 1.5}, "from 0 to 1"),
        ({"max_frequency": float("nan")}, "from 0 to 1"),
        ({"min_mean": -1.0}, "0 or more"),
        ({"min_mean": float("inf")}, "0 or more"),
        ({"statistics": foreign}, "identities differ"),
        ({"max_columns": 0}, "1 or more"),
    ):
        with pytest.raises(ScratchpadError, match=words):
            token_latent_matrix(run, **arguments)


def test_given_columns_keep_their_order_and_absent_ones_are_zero() -> None:
    run = random_vlm_run(27)
    means = latent_means(run)
    silent = int(np.setdiff1d(np.arange(64), means.latent_F)[0])
    some = np.array([means.latent_F[-1], silent, means.latent_F[0]], dtype=np.int32)
    found = matrix_with_columns(means, some)
    assert found.latent_C.tolist() == some.tolist()
    assert not found.weighted_TC[:, 1].any()
    for column in (0, 2):
        expected = means.weighted_FT[means.place_of(int(some[column]))][means.output_T]
        np.testing.assert_array_equal(found.weighted_TC[:, column], expected)
