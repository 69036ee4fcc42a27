"""The explained runs of the demo: scenes found by search, each with what it shows. The answers are what the model says."""

from __future__ import annotations

from dataclasses import dataclass

from tb_visualscratchpad.exporter.demo.case_studies.failures import CaseKind, Failure
from tb_visualscratchpad.exporter.demo.case_studies.fixed_set import FIXED_SET, name_of, name_of_other
from tb_visualscratchpad.exporter.demo.compose import SIDE, Composition, compose, random_scene
from tb_visualscratchpad.exporter.demo.questions import (
    Question,
    count,
    describe,
    doing,
    exist,
    list_objects,
    place,
    what,
    where,
)
from tb_visualscratchpad.exporter.demo.world import PlacedObject, Scene


@dataclass(frozen=True)
class Case:
    """One picture and question worth looking at.

    Attributes:
        name: what the tab calls the run.
        shows: why it is here, one sentence.
        scene, seed: the picture (see ``compose``).
        question: with its right answer.
        answer: what the model says, where that is not the right answer: it errs, or is cut off.
        width, height: of the picture, in pixels.
        max_new_tokens: where the answer is cut.
        failure: of a case study, whose mending is logged beside the run; None for other runs.
    """

    name: str
    shows: str
    scene: Scene
    seed: int
    question: Question
    answer: str | None = None
    width: int = SIDE
    height: int = SIDE
    max_new_tokens: int = 64
    failure: Failure | None = None

    @property
    def expected(self) -> str:
        """What the model says."""
        return self.question.answer if self.answer is None else self.answer

    def composition(self) -> Composition:
        return compose(self.scene, self.seed, self.width, self.height)


CAT_TREE_TURTLE = Scene(
    "beach",
    (
        PlacedObject("turtle", x=0.672, y=0.057, half_width=0.272),
        PlacedObject("cat", x=-0.474, y=-0.503, half_width=0.290, turn=0.1, mirrored=True),
        PlacedObject("tree", x=0.125, y=0.271, half_width=0.347, turn=0.1),
    ),
)
FRUITS = Scene(
    "brick",
    (
        PlacedObject("banana", x=-0.55, y=-0.45, half_width=0.32),
        PlacedObject("strawberry", x=0.5, y=-0.5, half_width=0.3, turn=0.2),
        PlacedObject("guitar", x=-0.05, y=0.5, half_width=0.4, turn=-0.2),
    ),
)
BUS_AND_BALL = Scene(
    "street", (PlacedObject("bus", x=0.3, y=0.35, half_width=0.45), PlacedObject("volleyball", x=-0.55, y=-0.5, half_width=0.24))
)
DUCK_AT_SEA = Scene("sea", (PlacedObject("duck", x=-0.1, y=0.1, half_width=0.45),))
FISH_ON_GRASS = Scene("grass", (PlacedObject("fish", x=0.1, y=0.0, half_width=0.45),))
COW_AT_THE_BEACH = random_scene(113)
DRUM_BY_THE_WALL = random_scene(122)


SHOWS = {
    CaseKind.UNUSED: "Seen, but not used: the place is wrong here and right when the same picture is described.",
    CaseKind.MISLED: "A misleading cue: the ground wins over an animal that does one thing wherever it is.",
    CaseKind.HIDDEN: "The dominant concept hides the rest: one of two objects is named.",
}


def runs_of(failure: Failure) -> tuple[Case, ...]:
    """The run that fails, and, but for the misleading cue, the same picture under the prompt that says it all."""
    scene, seed = failure.scene, failure.seed
    question = {
        CaseKind.UNUSED: lambda: where(scene.objects[0]), CaseKind.MISLED: lambda: doing(scene, failure.subject), CaseKind.HIDDEN: lambda: what(scene),
    }[failure.kind]()
    fails = Case(name_of(failure), SHOWS[failure.kind], scene, seed, question, answer=failure.said, failure=failure)
    if failure.kind is CaseKind.MISLED:
        return (fails,)
    other = describe(scene) if failure.kind is CaseKind.UNUSED else list_objects(scene)
    return fails, Case(name_of_other(failure), "The same picture under a prompt that says it all.", scene, seed, other)


CASES: tuple[Case, ...] = (
    Case(
        "Three on a beach", "Each object's word, and its place, use that object's own latents.",
        CAT_TREE_TURTLE, 1, describe(CAT_TREE_TURTLE),
    ),
    *(case for failure in FIXED_SET for case in runs_of(failure)),
    Case("Counting animals", "One number rests on two objects.", CAT_TREE_TURTLE, 1, count(CAT_TREE_TURTLE, "animal")),
    Case("What is there", "Three objects, named from left to right.", FRUITS, 2, list_objects(FRUITS)),
    Case("Counting fruits wrongly", "Both fruits are found, one is counted.", FRUITS, 2, count(FRUITS, "fruit"), answer="one ."),
    Case("Is there a dog", "A word for what is not in the picture.", FRUITS, 2, exist(FRUITS, "dog")),
    Case("Where was it taken", "The ground alone answers; the objects do not matter.", FRUITS, 2, place(FRUITS)),
    Case("What is this", "The larger of two objects is meant.", BUS_AND_BALL, 3, what(BUS_AND_BALL)),
    Case("Duck at sea", "A habit on its own ground: duck and sea agree.", DUCK_AT_SEA, 4, doing(DUCK_AT_SEA, "duck")),
    Case("Fish on the grass", "A habit out of place, told rightly: the fish wins.", FISH_ON_GRASS, 5, doing(FISH_ON_GRASS, "fish")),
    Case(
        "A wide picture", "Tiles keep the aspect and are padded; the base view is squashed.",
        COW_AT_THE_BEACH, 113, describe(COW_AT_THE_BEACH), width=640, height=360,
    ),
    Case(
        "A tall picture", "Tiles keep the aspect and are padded; the base view is squashed.",
        DRUM_BY_THE_WALL, 122, describe(DRUM_BY_THE_WALL), width=224, height=480,
    ),
    Case(
        "Cut short", "Twelve words were allowed: the run is marked as truncated.",
        CAT_TREE_TURTLE, 1, describe(CAT_TREE_TURTLE), answer="a cat , a tree and a turtle at the beach .", max_new_tokens=12,
    ),
)
