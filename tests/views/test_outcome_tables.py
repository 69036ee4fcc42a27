"""Sweep table, dose curves, contributions and edits: small cases by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views.comparison import FALL
from tb_visualscratchpad.views.contribution_ranking import rank_agreement, rank_contributions
from tb_visualscratchpad.views.dose_curves import dose_curves
from tb_visualscratchpad.views.edited_latents import EditedLatent, summarise_edits
from tb_visualscratchpad.views.sweep_table import sweep_table
from tb_visualscratchpad.wire.steering_evidence import AnswerToken, DoseResponse, EditedLatents, WordContributions
from tests.random_steering_evidence import (
    random_cluster_sweep,
    random_dose_response,
    random_edited_latents,
    random_word_contributions,
)


def test_a_sweep_says_what_each_cluster_costs() -> None:
    sweep = random_cluster_sweep(3, n_original=3, n_clusters=2, n_controls=2)
    tokens = tuple(AnswerToken(i, word, -0.1) for i, word in enumerate(("cat", "and", "tree")))
    cat, nothing = sweep.clusters
    cat = replace(
        cat, tokens=tokens[2:], along_original_O=np.array([-8.1, -0.1, -0.9]),
        control_along_original_RO=np.array([[-0.1, -0.3, -0.1], [-0.2, -0.1, -0.1]]),
    )
    nothing = replace(
        nothing, tokens=tokens, along_original_O=np.array([-0.1, -0.5, -0.1]), control_along_original_RO=np.zeros((0, 3)),
    )
    table = sweep_table(replace(sweep, original_tokens=tokens, clusters=(cat, nothing)))
    first, second = table.rows
    np.testing.assert_allclose(first.change_O, [-8, 0, -0.8], atol=1e-12)
    assert first.hardest == (0, pytest.approx(-8)) and table.columns == (0, 2)
    np.testing.assert_allclose(first.control_mean_O, [-0.05, -0.1, 0], atol=1e-12)
    np.testing.assert_allclose(first.control_worst_O, [-0.1, -0.2, 0], atol=1e-12)
    assert first.control_hardest == (1, pytest.approx(-0.1))
    assert [(one.left_out, one.new) for one in first.diff.passages] == [((0, 1), ())]
    # A fall of 0.4 nat is none.
    assert second.hardest is None and second.control_mean_O is None and second.control_hardest is None
    assert second.diff.passages == ()


def test_a_sweep_over_an_empty_answer() -> None:
    table = sweep_table(random_cluster_sweep(0, n_original=0))
    assert table.columns == () and all(row.hardest is None and row.control_hardest is None for row in table.rows)


def dose(op: str, values: list[float], changes: list[float]) -> DoseResponse:
    """One word at rest at -1 nat."""
    return replace(
        random_dose_response(0),
        op=op,
        value_D=np.array(values),
        original_tokens=(AnswerToken(1, "a", -0.1), AnswerToken(2, "cat", -1.0)),
        word_V=np.array([1], np.int32),
        logprob_DV=np.array([[-1.0 + change] for change in changes]),
        control_logprob_RDV=np.array([[[-1.0]] * len(values), [[-2.0]] * len(values)]),
        output_text_D=("cat",) * len(values),
    )


@pytest.mark.parametrize(("op", "values", "changes", "below", "above"), [
    ("SCALE", [0, 0.5, 1, 1.5], [-4 * FALL, -2 * FALL, 0, 0], 0.75, None),
    ("SCALE", [0, 0.5, 1, 1.5, 2], [0, 0, 0, 0, -2 * FALL], None, 1.75),
    # Rest is known though it is not among the doses; the nearest crossing counts.
    ("SCALE", [0, 0.5], [0, -2 * FALL], 0.75, None),
    ("ADD", [-2, -1, 1], [-FALL, 0, 0.5], -2.0, None),
    ("ADD", [0.5, 1], [-0.1, -0.2], None, None),
    ("SET", [0, 1, 2], [-2 * FALL, 0, 0], 0.5, None),
    ("SET", [0, 1, 2], [0, 0, -2 * FALL], None, 1.5),
    ("SET", [0, 1], [-9, -9], None, None),
])
def test_the_dose_that_halves_a_word(op: str, values: list[float], changes: list[float], below: float | None, above: float | None) -> None:
    (curve,) = dose_curves(dose(op, values, changes))
    assert (curve.falls_below, curve.falls_above) == (
        None if below is None else pytest.approx(below), None if above is None else pytest.approx(above)
    )
    assert (curve.word, curve.at_rest) == (1, -1.0)
    np.testing.assert_array_equal(curve.control_mean_D, [-1.5] * len(values))
    assert curve.control_DR.shape == (len(values), 2)


def test_curves_of_several_words_without_controls() -> None:
    response = random_dose_response(4, n_words=3, n_controls=0)
    curves = dose_curves(response)
    assert [curve.word for curve in curves] == response.word_V.tolist()
    np.testing.assert_array_equal(curves[2].logprob_D, response.logprob_DV[:, 2])
    assert curves[0].control_mean_D is None and curves[0].falls_below is not None and curves[0].falls_above is None


def contributions(contribution: list[float], ablated: list[float]) -> WordContributions:
    return replace(
        random_word_contributions(0),
        latent_N=np.arange(len(contribution), dtype=np.int32) + 10,
        contribution_N=np.array(contribution),
        n_checked=len(ablated),
        ablated_N=np.array(ablated),
    )


def test_contributions_are_ranked_beside_real_ablation() -> None:
    ranking = rank_contributions(contributions([4.0, -3.0, 2.0, 1.0], [2.0, -2.5, 0.5]), limit=3)
    assert [(row.rank, row.latent, row.ablated, row.ablated_rank) for row in ranking.rows] == [
        (1, 10, 2.0, 2), (2, 11, -2.5, 1), (3, 12, 0.5, 3),
    ]
    assert (ranking.n_firing, ranking.n_checked, ranking.total, ranking.agreement) == (4, 3, 4.0, pytest.approx(1.0))
    unchecked = rank_contributions(contributions([4.0, 1.0], []))
    assert unchecked.agreement is None and unchecked.rows[0].ablated is None and unchecked.rows[0].ablated_rank is None
    assert rank_contributions(contributions([], [])).rows == ()


def test_agreement_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=30), rng.normal(size=30)
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (one, other)]
    assert rank_agreement(one, other) == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert rank_agreement(one[:2], other[:2]) is None and rank_agreement(one, np.zeros(30)) is None


def test_edits_are_summed_by_latent() -> None:
    edited = EditedLatents(
        patch_N=np.array([0, 0, 3], np.int32), latent_N=np.array([4, 9, 4], np.int32),
        before_N=np.array([1, 2, 3], np.float32), edited_N=np.array([0, 5, 0], np.float32), after_N=np.array([0.5, 4, 0], np.float32),
    )
    assert summarise_edits(edited, np.array([4, 6, 9], np.int32)) == (
        EditedLatent(4, 2, 4.0, 0.0, 0.5), EditedLatent(6, 0, 0.0, 0.0, 0.0), EditedLatent(9, 1, 2.0, 5.0, 4.0),
    )
    assert summarise_edits(random_edited_latents(0, np.zeros(0, np.int32), 5), np.zeros(0, np.int32)) == ()
