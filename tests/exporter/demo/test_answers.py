"""The bundled model answers on our own pictures as well as it was measured on those it was trained with."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.questions import Question, questions_about
from tb_visualscratchpad.exporter.demo.training.answer_marks import say_answers
from tb_visualscratchpad.exporter.vlm import Vlm

MEASURED = {
    "kind": 0.996, "exist": 0.992, "doing": 1.0, "place": 1.0, "count": 0.965, "list": 0.949, "what": 0.918, "describe": 0.848,
    "where": 0.617,
}
"""Share of exact answers, measured on the renderer that the model was trained with."""

def exact_rates(vlm: Vlm, n_scenes: int, first_seed: int) -> dict[str, tuple[float, int]]:
    """Share of exact answers and number of questions by kind of question."""
    asked: list[tuple[Question, object]] = []
    for seed in range(first_seed, first_seed + n_scenes):
        scene = random_scene(seed)
        picture = compose(scene, seed).picture
        asked += [(question, picture) for question in questions_about(scene)]
    asked.sort(key=lambda pair: len(pair[0].answer))  # answers of a batch end at about the same time
    answers = say_answers(vlm, [picture for _, picture in asked], [question.text for question, _ in asked])
    right = defaultdict(list)
    for (question, _), answer in zip(asked, answers, strict=True):
        right[question.kind].append(answer == question.answer)
    return {kind: (sum(marks) / len(marks), len(marks)) for kind, marks in right.items()}


@pytest.mark.full
def test_answers_are_as_exact_as_in_training(demo_vlm: Vlm) -> None:
    rates = exact_rates(demo_vlm, n_scenes=80, first_seed=5000)
    assert rates.keys() == MEASURED.keys()
    print(rates)
    for kind, (rate, n) in rates.items():
        # Two and a half standard errors of n questions, and one and a half points for the other renderer.
        margin = 0.015 + 2.5 * (MEASURED[kind] * (1 - MEASURED[kind]) / n) ** 0.5
        assert rate >= MEASURED[kind] - margin, f"{kind}: {rate:.3f} of {n}, measured {MEASURED[kind]:.3f}"


@pytest.mark.full
def test_most_answers_on_a_few_pictures_are_right(demo_vlm: Vlm) -> None:
    rates = exact_rates(demo_vlm, n_scenes=6, first_seed=6000)
    n = sum(count for _, count in rates.values())
    assert sum(rate * count for rate, count in rates.values()) / n > 0.8
