"""What is trained on: which objects and grounds, how many objects a picture shows, and what is asked."""

from __future__ import annotations

from dataclasses import dataclass

from tb_visualscratchpad.exporter.demo.compose import NUMBER_OF_OBJECTS, SIDE
from tb_visualscratchpad.exporter.demo.world import GROUNDS, KIND_OF, OBJECTS

MOST_OBJECTS = 3


@dataclass(frozen=True)
class TrainingWorld:
    """A part of Emoji World, or all of it.

    Attributes:
        name: ``full`` or ``small``.
        objects, grounds: those that are shown, in the world's order.
        number_of_objects: how many a picture shows -> chance; at most ``MOST_OBJECTS``.
        question_weights: kind of question -> how often it is drawn, among those that can be asked about a scene.
        side: of the pictures, in pixels.
    """

    name: str
    objects: tuple[str, ...]
    grounds: tuple[str, ...]
    number_of_objects: dict[int, float]
    question_weights: dict[str, float]
    side: int

    def __post_init__(self) -> None:
        if not set(self.objects) <= set(OBJECTS) or not set(self.grounds) <= set(GROUNDS):
            raise ValueError("a training world shows objects and grounds of Emoji World")
        if not self.number_of_objects or not set(self.number_of_objects) <= set(range(1, MOST_OBJECTS + 1)):
            raise ValueError(f"a picture shows 1 to {MOST_OBJECTS} objects")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of object that are shown: animal, fruit ..."""
        return tuple(dict.fromkeys(KIND_OF[name] for name in self.objects))


# Describe, where and exist are learnt last and are asked most.
FULL = TrainingWorld(
    "full", OBJECTS, GROUNDS, NUMBER_OF_OBJECTS,
    {"describe": 3, "where": 3, "exist": 3, "list": 1, "place": 0.5, "what": 1, "count": 1, "kind": 1, "doing": 1},
    SIDE,
)
# Exist needs some 900,000 samples and describe not many fewer: out of reach in two minutes of a CPU.
SMALL = TrainingWorld(
    "small", ("dog", "cow", "pig", "duck", "banana", "strawberry", "watermelon", "pear"), ("sea", "grass", "beach", "night"), {1: 0.7, 2: 0.3},
    {"kind": 1, "what": 1, "place": 0.4}, 64,
)
WORLDS = {world.name: world for world in (FULL, SMALL)}
