"""The failures that the demo's log shows, found by the search from seed 600,000 on, and the duck on the street, which came first.

They are for walking through, three a case, so each is one that its means mends; how often that is so,
:mod:`tb_visualscratchpad.exporter.demo.case_studies.studies` counts on other pictures.
"""

from __future__ import annotations

from tb_visualscratchpad.exporter.demo.case_studies.failures import CaseKind, Failure, this_is
from tb_visualscratchpad.exporter.demo.compose import random_scene
from tb_visualscratchpad.exporter.demo.questions import WHAT, WHERE_TAKEN, doing, where


def _unused(seed: int, said: str) -> Failure:
    scene = random_scene(seed)
    asked = where(scene.objects[0])
    return Failure(CaseKind.UNUSED, scene, seed, asked.text, said, asked.answer, scene.objects[0].name, 2)


def _misled(seed: int, ground: str, animal: str, said: str) -> Failure:
    scene = random_scene(seed, ground=ground, objects=(animal,))
    asked = doing(scene, animal)
    return Failure(CaseKind.MISLED, scene, seed, asked.text, said, asked.answer, animal, 3)


def _hidden(seed: int, objects: tuple[str, str], dominant: str) -> Failure:
    scene = random_scene(seed, objects=objects)
    (other,) = {*objects} - {dominant}
    return Failure(CaseKind.HIDDEN, scene, seed, WHAT, this_is(dominant), this_is(other), dominant, 3)


UNUSED: tuple[Failure, ...] = (
    _unused(600_011, "at the left ."),
    _unused(600_010, "at the right ."),
    _unused(600_012, "at the bottom right ."),
)
MISLED: tuple[Failure, ...] = (
    _misled(600_023, "brick", "fish", "the fish is waiting ."),
    _misled(600_021, "night", "fish", "the fish is sleeping ."),
    _misled(701, "street", "duck", "the duck is walking ."),
)
HIDDEN: tuple[Failure, ...] = (
    _hidden(600_001, ("guitar", "car"), "car"),
    _hidden(600_000, ("chicken", "butterfly"), "chicken"),
    _hidden(600_003, ("pineapple", "tree"), "pineapple"),
)
FIXED_SET: tuple[Failure, ...] = UNUSED + MISLED + HIDDEN
SWEPT = (MISLED[0], HIDDEN[0])
"""Those of which every cluster's ablation is logged, which costs most."""
NUMBER_OF_CASE = {kind: number for number, kind in enumerate(CaseKind, 1)}


def name_of(failure: Failure) -> str:
    """What the tab calls the run of a failure."""
    case = f"Case {NUMBER_OF_CASE[failure.kind]}"
    if failure.kind is CaseKind.UNUSED:
        return f"{case} · where is the {failure.subject} (wrong)"
    if failure.kind is CaseKind.MISLED:
        return f"{case} · the {failure.subject} {WHERE_TAKEN[failure.scene.ground]} is {failure.wrong_word} (wrong)"
    return f"{case} · this is {failure.said.removeprefix('this is ').removesuffix(' .')}, no word of the {failure.hidden}"


def name_of_other(failure: Failure) -> str:
    """What the tab calls the run of the same picture under the prompt that says it all."""
    case = f"Case {NUMBER_OF_CASE[failure.kind]}"
    return f"{case} · the {failure.subject}, described" if failure.kind is CaseKind.UNUSED else f"{case} · {failure.subject} and {failure.hidden}, listed"
