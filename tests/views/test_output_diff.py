from __future__ import annotations

import itertools

import numpy as np
import pytest

from tb_visualscratchpad.views.output_diff import Change, DiffStep, OutputDiff, Passage, output_diff
from tb_visualscratchpad.wire.steering_evidence import AnswerToken


def answer(text: str) -> tuple[AnswerToken, ...]:
    return tuple(AnswerToken(sum(map(ord, word)), word, -0.1) for word in text.split())


def shown(diff: OutputDiff, original: str, other: str) -> str:
    left, right = original.split(), other.split()
    parts = []
    for step in diff.steps:
        match step.change:
            case Change.KEPT:
                parts.append(left[step.original])
            case Change.REPLACED:
                parts.append(f"{left[step.original]}>{right[step.other]}")
            case Change.LEFT_OUT:
                parts.append(f"-{left[step.original]}")
            case Change.NEW:
                parts.append(f"+{right[step.other]}")
    return " ".join(parts)


@pytest.mark.parametrize(("original", "other", "expected", "parts_at"), [
    ("a cat .", "a cat .", "a cat .", None),
    ("", "", "", None),
    ("", "a .", "+a +.", 0),
    ("a .", "", "-a -.", 0),
    ("a cat .", "a cat", "a cat -.", 2),
    ("a cat", "a cat .", "a cat +.", 2),
    ("a cat .", "a tree .", "a cat>tree .", 1),
    ("a cat , a tree and", "a tree and", "a -cat -, -a tree and", 1),
    ("at the beach .", "at sea .", "at the>sea -beach .", 1),
    ("the cat sat", "the big red cat sat", "the +big +red cat sat", 1),
    ("one two", "three four five", "one>three two>four +five", 0),
])
def test_answers_are_aligned(original: str, other: str, expected: str, parts_at: int | None) -> None:
    diff = output_diff(answer(original), answer(other))
    assert shown(diff, original, other) == expected and diff.parts_at == parts_at


def test_tokens_are_the_same_by_id_not_by_text() -> None:
    other = (AnswerToken(1, "a", -0.5), AnswerToken(3, "b", -0.1))
    diff = output_diff((AnswerToken(1, "x", -0.1), AnswerToken(2, "b", -0.1)), other)
    assert [step.change for step in diff.steps] == [Change.KEPT, Change.REPLACED]


def test_passages_and_numbers() -> None:
    diff = output_diff(answer("a cat , a tree is at the left ."), answer("a tree is at sea today ."))
    assert diff.passages == (Passage((1, 2, 3), ()), Passage((7, 8), (4, 5)))
    assert diff.numbers(Change.KEPT) == (0, 4, 5, 6, 9)
    assert diff.numbers(Change.REPLACED) == (7, 8) and diff.numbers(Change.LEFT_OUT) == (1, 2, 3)
    assert output_diff(answer("a"), answer("a")).passages == ()


def longest_by_trying(left: list[int], right: list[int]) -> int:
    for size in range(min(len(left), len(right)), 0, -1):
        of_right = set(itertools.combinations(right, size))
        if any(part in of_right for part in itertools.combinations(left, size)):
            return size
    return 0


@pytest.mark.parametrize("seed", range(40))
def test_as_many_tokens_are_kept_as_can_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = (rng.integers(0, 4, rng.integers(0, 9)).tolist() for _ in range(2))
    diff = output_diff(*([AnswerToken(number, str(number), 0.0) for number in side] for side in (left, right)))
    kept = [step for step in diff.steps if step.change is Change.KEPT]
    assert all(left[step.original] == right[step.other] for step in kept)
    assert len(kept) == longest_by_trying(left, right)
    # Every token of both answers once, in order.
    assert [step.original for step in diff.steps if step.original is not None] == list(range(len(left)))
    assert [step.other for step in diff.steps if step.other is not None] == list(range(len(right)))


def test_long_answers() -> None:
    rng = np.random.default_rng(0)
    words = rng.integers(0, 300, 512)
    original = [AnswerToken(int(word), "", -1.0) for word in words]
    other = [token for i, token in enumerate(original) if i % 7]
    diff = output_diff(original, other)
    assert sum(step.change is Change.KEPT for step in diff.steps) == len(other)
    assert diff.steps[0] == DiffStep(Change.LEFT_OUT, 0, None) and diff.parts_at == 0
