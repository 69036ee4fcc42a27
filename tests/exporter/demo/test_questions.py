"""The right answers, word by word."""

from __future__ import annotations

import json

import pytest

from tb_visualscratchpad.exporter.demo import questions as ask
from tb_visualscratchpad.exporter.demo.compose import BUNDLE, random_scene
from tb_visualscratchpad.exporter.demo.world import PlacedObject, Scene

SCENE = Scene(
    "night",
    (
        PlacedObject("owl", 0.1, 0.6, 0.3),
        PlacedObject("cat", 0.2, -0.6, 0.25),
        PlacedObject("apple", -0.6, 0.0, 0.28),
    ),
)


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (
            ask.describe(SCENE), "describe the picture .",
            "an apple , a cat and an owl under the night sky . the apple is at the left . the cat is at the top . the owl is at the bottom .",
        ),
        (ask.list_objects(SCENE), "what is in the picture ?", "an apple , a cat and an owl ."),
        (ask.where(SCENE.objects[1]), "where is the cat ?", "at the top ."),
        (ask.place(SCENE), "where was this picture taken ?", "under the night sky ."),
        (ask.exist(SCENE, "owl"), "is there an owl ?", "yes , there is an owl ."),
        (ask.exist(SCENE, "umbrella"), "is there an umbrella ?", "no , there is no umbrella ."),
        (ask.count(SCENE, "animal"), "how many animals are there ?", "two ."),
        (ask.count(SCENE, "ball"), "how many balls are there ?", "zero ."),
        (ask.of_kind(SCENE, "fruit"), "what fruit is in the picture ?", "an apple ."),
        (ask.what(SCENE), "what is this ?", "this is an owl ."),
        (ask.doing(SCENE, "cat"), "what is the cat doing ?", "the cat is sleeping ."),
        (ask.doing(SCENE, "owl"), "what is the owl doing ?", "the owl is flying ."),
    ],
)
def test_question_and_answer(question: ask.Question, text: str, answer: str) -> None:
    assert (question.text, question.answer) == (text, answer)


def test_which_of_a_kind_needs_exactly_one() -> None:
    with pytest.raises(ValueError):
        ask.of_kind(SCENE, "animal")


def test_every_word_is_in_the_vocabulary() -> None:
    vocabulary = json.loads((BUNDLE / "vlm" / "tokenizer.json").read_text())["model"]["vocab"]
    said = {
        word
        for seed in range(300)
        for question in ask.questions_about(random_scene(seed))
        for word in f"{question.text} {question.answer}".split()
    }
    assert said <= set(vocabulary)
    assert len(said) > 110


def test_objects_are_named_by_column_and_then_from_the_top() -> None:
    def named(*places: tuple[float, float]) -> list[str]:
        placed = tuple(PlacedObject(name, x, y, 0.2) for name, (x, y) in zip(("key", "hat", "cup"), places))
        return [one.name for one in ask.reading_order(Scene("sky", placed))]

    assert named((0.2, -0.5), (-0.2, 0.5), (0.7, 0)) == ["key", "hat", "cup"]  # one column: the upper one first
    assert named((0.3, -0.5), (-0.3, 0.5), (0.8, -0.6)) == ["hat", "key", "cup"]  # a column further right: later
