"""What Emoji World is made of: objects, grounds, and the truth about a scene.

A scene says what stands where; it knows nothing of pixels (``compose.py``) nor of language (``questions.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

OBJECTS_BY_KIND: dict[str, tuple[str, ...]] = {
    "animal": (
        "dog", "cat", "horse", "cow", "pig", "rabbit", "duck", "chicken", "fish", "whale", "turtle", "penguin", "owl",
        "butterfly", "elephant", "monkey",
    ),
    "fruit": ("apple", "banana", "lemon", "grapes", "strawberry", "pineapple", "watermelon", "pear"),
    "vehicle": ("car", "bus", "truck", "bicycle", "boat", "airplane", "rocket", "train", "helicopter", "tractor"),
    "ball": ("football", "basketball", "baseball", "volleyball"),
    "plant": ("tree", "cactus", "flower", "rose", "mushroom"),
    "object": ("umbrella", "guitar", "drum", "book", "key", "clock", "lamp", "camera", "phone", "hat", "shoe", "cup"),
}
KIND_OF: dict[str, str] = {name: kind for kind, names in OBJECTS_BY_KIND.items() for name in names}
OBJECTS: tuple[str, ...] = tuple(KIND_OF)
"""The 55 objects, in the order of the glyph file."""

DOING_ON_GROUND: dict[str, str] = {
    "sea": "swimming", "grass": "running", "beach": "resting", "snow": "skating",
    "night": "sleeping", "sky": "flying", "brick": "waiting", "street": "walking",
}
GROUNDS: tuple[str, ...] = tuple(DOING_ON_GROUND)
HABIT: dict[str, str] = {
    "fish": "swimming", "whale": "swimming", "duck": "swimming", "butterfly": "flying", "owl": "flying", "penguin": "skating",
}
"""Animals that do one thing wherever they are. The model saw them on their own ground in 98.5 % of pictures."""

MIDDLE = 1 / 3
"""An object is in the middle of an axis where its centre is at most this far from the centre of the picture."""


def third(coordinate: float) -> int:
    """-1 left or top, 0 in the middle, 1 right or bottom."""
    return int(coordinate > MIDDLE) - int(coordinate < -MIDDLE)


@dataclass(frozen=True)
class PlacedObject:
    """One emoji in a scene.

    Attributes:
        name: one of ``OBJECTS``.
        x, y: its centre, -1 (left, top) to 1 (right, bottom).
        half_width: of its box, in units of half the picture's shorter side; over 0, up to 1.
        turn: radians, counter-clockwise.
        mirrored: left and right exchanged.
    """

    name: str
    x: float
    y: float
    half_width: float
    turn: float = 0.0
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.name not in KIND_OF:
            raise ValueError(f"{self.name!r} is no object of Emoji World; it knows {', '.join(OBJECTS)}")
        if not (-1 <= self.x <= 1 and -1 <= self.y <= 1):
            raise ValueError(f"the centre ({self.x}, {self.y}) of {self.name} lies outside the picture, -1 to 1")
        if not 0 < self.half_width <= 1:
            raise ValueError(f"half_width must be over 0 and at most 1, got {self.half_width}")

    @property
    def kind(self) -> str:
        """animal, fruit, vehicle, ball, plant or object."""
        return KIND_OF[self.name]

    @property
    def place(self) -> str:
        """Where it is, in the model's words: "top left", "top", ... "middle", ... "bottom right"."""
        words = (("top", "", "bottom")[third(self.y) + 1], ("left", "", "right")[third(self.x) + 1])
        return " ".join(filter(None, words)) or "middle"


@dataclass(frozen=True)
class Scene:
    """A ground and the objects on it, the furthest back first. No object appears twice; there may be none."""

    ground: str
    objects: tuple[PlacedObject, ...] = ()

    def __post_init__(self) -> None:
        if self.ground not in DOING_ON_GROUND:
            raise ValueError(f"{self.ground!r} is no ground of Emoji World; it knows {', '.join(GROUNDS)}")
        names = [placed.name for placed in self.objects]
        if len(set(names)) != len(names):
            raise ValueError(f"an object appears twice: {', '.join(names)}")

    def doing(self, animal: str) -> str:
        """What ``animal`` is doing here: what it always does, or what its ground says."""
        return HABIT.get(animal, DOING_ON_GROUND[self.ground])
