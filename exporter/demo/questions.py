"""The nine kinds of question Emoji World's model was trained on, and the right answer to each for a known scene."""

from __future__ import annotations

from dataclasses import dataclass

from tb_visualscratchpad.exporter.demo.world import DOING_ON_GROUND, OBJECTS, PlacedObject, Scene

WHERE_TAKEN: dict[str, str] = {
    "sea": "at sea", "grass": "on the grass", "beach": "at the beach", "snow": "in the snow",
    "night": "under the night sky", "sky": "in the sky", "brick": "by a brick wall", "street": "on the street",
}
NUMBERS = ("zero", "one", "two", "three")
DESCRIBE = "describe the picture ."
LIST = "what is in the picture ?"
PLACE = "where was this picture taken ?"
WHAT = "what is this ?"


@dataclass(frozen=True)
class Question:
    """A question about a scene. ``answer`` is the exact right answer, words and punctuation apart by spaces."""

    kind: str
    text: str
    answer: str


def with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def reading_order(scene: Scene) -> list[PlacedObject]:
    """The objects in the order in which the model names them: five columns from the left, within a column from the top."""
    return sorted(scene.objects, key=lambda placed: (round(2 * placed.x), placed.y))


def enumerate_objects(scene: Scene) -> str:
    names = [with_article(placed.name) for placed in reading_order(scene)]
    return f"{' , '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def describe(scene: Scene) -> Question:
    where = " ".join(f"the {placed.name} is at the {placed.place} ." for placed in reading_order(scene))
    return Question("describe", DESCRIBE, f"{enumerate_objects(scene)} {WHERE_TAKEN[scene.ground]} . {where}")


def list_objects(scene: Scene) -> Question:
    return Question("list", LIST, f"{enumerate_objects(scene)} .")


def where(placed: PlacedObject) -> Question:
    return Question("where", f"where is the {placed.name} ?", f"at the {placed.place} .")


def place(scene: Scene) -> Question:
    return Question("place", PLACE, f"{WHERE_TAKEN[scene.ground]} .")


def exist(scene: Scene, name: str) -> Question:
    """Whether an object, there or not, is there."""
    there = any(placed.name == name for placed in scene.objects)
    answer = f"yes , there is {with_article(name)} ." if there else f"no , there is no {name} ."
    return Question("exist", f"is there {with_article(name)} ?", answer)


def count(scene: Scene, kind: str) -> Question:
    n = sum(placed.kind == kind for placed in scene.objects)
    return Question("count", f"how many {kind}s are there ?", f"{NUMBERS[n]} .")


def of_kind(scene: Scene, kind: str) -> Question:
    """Which object of ``kind`` is there; there must be exactly one."""
    (only,) = (placed for placed in scene.objects if placed.kind == kind)
    return Question("kind", f"what {kind} is in the picture ?", f"{with_article(only.name)} .")


def what(scene: Scene) -> Question:
    """What the largest object is."""
    largest = max(scene.objects, key=lambda placed: placed.half_width)
    return Question("what", WHAT, f"this is {with_article(largest.name)} .")


def doing(scene: Scene, animal: str) -> Question:
    return Question("doing", f"what is the {animal} doing ?", f"the {animal} is {scene.doing(animal)} .")


def questions_about(scene: Scene) -> tuple[Question, ...]:
    """What the model was trained to answer about a scene of one to three objects, and one question about an object that is not there.

    *Where* is asked of one object, *of which kind* where only one is of it, and *what is it doing* of an animal that is alone
    and, if it has a habit, on its own ground.
    """
    first = scene.objects[0]
    names = [placed.name for placed in scene.objects]
    kinds = [placed.kind for placed in scene.objects]
    missing = next(name for name in OBJECTS[len(first.name) :] if name not in names)
    asked = [describe(scene), list_objects(scene), place(scene), what(scene), where(first)]
    asked += [exist(scene, first.name), exist(scene, missing)]
    asked += [count(scene, kind) for kind in dict.fromkeys(kinds)]
    asked += [of_kind(scene, kind) for kind in dict.fromkeys(kinds) if kinds.count(kind) == 1]
    animals = [placed.name for placed in scene.objects if placed.kind == "animal"]
    if len(animals) == 1 and scene.doing(animals[0]) == DOING_ON_GROUND[scene.ground]:
        asked.append(doing(scene, animals[0]))
    return tuple(asked)
