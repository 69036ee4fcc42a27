from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views.comparison import FALL, compare_answers, falling_words, largest_change
from tb_visualscratchpad.wire.steering_evidence import AnswerToken, Condition, ConditionAnswer, SteeringResult
from tests.random_steering_evidence import random_steering_result

WORDS = {"a": 1, "cat": 2, "and": 3, "tree": 4, ".": 5}


def said(condition: Condition, text: str, along_original: list[float], along_steered: list[float], seed: int | None = None) -> ConditionAnswer:
    return ConditionAnswer(
        condition=condition,
        seed=seed,
        latents=np.zeros(0, np.int32),
        change_norm=0.0,
        tokens=tuple(AnswerToken(WORDS[word], word, -0.01) for word in text.split()),
        output_text=text,
        truncated=False,
        along_original_O=np.array(along_original, np.float64),
        along_steered_S=np.array(along_steered, np.float64),
    )


@pytest.fixture
def result() -> SteeringResult:
    """``a cat and a tree .`` becomes ``a tree .``: the cat goes, the tree stays."""
    whole = "a cat and a tree ."
    return replace(
        random_steering_result(0),
        answers=(
            said(Condition.ORIGINAL, whole, [-0.1, -0.2, -0.3, -0.1, -0.2, -0.1], [-0.1, -6.0, -0.5]),
            said(Condition.RECONSTRUCTION, whole, [-0.1, -0.25, -0.3, -0.1, -0.2, -0.1], [-0.1, -6.5, -0.5]),
            said(Condition.CONTROL, whole, [-0.1, -0.4, -0.3, -0.1, -0.2, -0.1], [-0.1, -6.0, -0.5], seed=0),
            said(Condition.CONTROL, whole, [-0.1, -0.2, -0.3, -0.5, -0.2, -0.1], [-0.1, -6.0, -0.5], seed=1),
            said(Condition.STEERED, "a tree .", [-0.1, -9.2, -0.1, -2.1, -0.1, -0.1], [-0.1, -0.4, -0.2]),
        ),
    )


def test_falls_are_told_with_their_controls(result: SteeringResult) -> None:
    found = compare_answers(result)
    cat, a = found.falls
    assert (cat.number, cat.before, cat.after) == (1, -0.2, -9.2) and cat.change == pytest.approx(-9.0)
    assert (cat.reconstruction, cat.control_mean, cat.control_worst) == pytest.approx((-0.05, -0.1, -0.2))
    assert not cat.kept and not cat.said
    # The second `a` falls, is left out at its place, and yet the answer has the word.
    assert (a.number, a.kept, a.said) == (3, False, True) and a.control_worst == pytest.approx(-0.4)
    assert found.largest_other == (2, pytest.approx(0.2))


def test_every_answer_is_held_against_the_original(result: SteeringResult) -> None:
    found = compare_answers(result)
    assert [one.answer.condition.value for one in found.answers] == ["original", "reconstruction", "control", "control", "steered"]
    assert not found.answers[0].change_O.any() and not found.answers[0].change_S.any()
    np.testing.assert_allclose(found.answers[-1].change_S, [0, 5.6, 0.3])
    assert [one.original_logprob for one in found.answers] == pytest.approx([-1.0, -1.05, -1.2, -1.4, -11.7])
    assert [one.steered_logprob for one in found.answers] == pytest.approx([-6.6, -7.1, -6.6, -6.6, -0.7])
    np.testing.assert_allclose(found.control_mean_O, [0, -0.1, 0, -0.2, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.control_worst_O, [0, -0.2, 0, -0.4, 0, 0], atol=1e-12)
    assert found.answers[1].diff.parts_at is None


def test_where_they_part(result: SteeringResult) -> None:
    parting = compare_answers(result).parting
    assert parting.number == 1
    assert (parting.original_before, parting.original_after) == (-0.2, -9.2)
    assert (parting.steered_before, parting.steered_after) == (-6.0, -0.4)


def test_an_answer_that_only_ends_earlier(result: SteeringResult) -> None:
    original = result.answers[0]
    short = said(Condition.STEERED, "a cat", original.along_original_O.tolist(), [-0.1, -0.2])
    answers = (replace(original, along_steered_S=np.array([-0.1, -0.2])), short)
    found = compare_answers(replace(result, answers=answers))
    assert found.control_mean_O is None and found.falls == ()
    assert (found.parting.number, found.parting.original_after, found.parting.steered_after) == (2, -0.3, None)
    assert found.largest_other == (0, 0.0)


def test_the_same_answer_parts_nowhere(result: SteeringResult) -> None:
    original = result.answers[0]
    same = replace(original, condition=Condition.STEERED, along_steered_S=original.along_original_O)
    answers = (replace(original, along_steered_S=original.along_original_O), same)
    assert compare_answers(replace(result, answers=answers)).parting is None


def test_no_words_at_all() -> None:
    found = compare_answers(random_steering_result(0, n_original=0, n_steered=0))
    assert found.falls == () and found.largest_other is None and found.parting is None
    assert found.answers[0].original_logprob == 0


def test_erasures_have_controls_but_no_reconstruction() -> None:
    result = random_steering_result(2, erased=True)
    found = compare_answers(result)
    assert found.control_mean_O is not None and all(fall.reconstruction is None for fall in found.falls)
    assert found.falls and found.answers[-1].answer.condition is Condition.ERASED


def test_a_word_falls_when_its_probability_halves() -> None:
    change = np.array([-FALL + 1e-9, -FALL, -3.0, 5.0, -3.0])
    assert falling_words(change) == (2, 4, 1)
    assert largest_change(change, leave_out=(3,)) == (2, -3.0) and largest_change(change) == (3, 5.0)
    assert largest_change(np.zeros(0)) is None
