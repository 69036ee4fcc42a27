"""Many scenes as tensors, drawn on the device that trains.

Shape suffixes: ``B`` scenes, ``O`` places for objects, ``T`` trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from tb_visualscratchpad.exporter.demo.compose import HALF_WIDTH_ALONE, HALF_WIDTH_TOGETHER, LARGEST_TURN
from tb_visualscratchpad.exporter.demo.training.training_world import MOST_OBJECTS, TrainingWorld
from tb_visualscratchpad.exporter.demo.world import DOING_ON_GROUND, GROUNDS, HABIT, OBJECTS, PlacedObject, Scene

N_TRIALS = 50
ON_OWN_GROUND = 0.985
"""Chance that a picture with an animal of habit is set on that animal's ground: the planted shortcut."""


def seeded_generator(device: torch.device, *numbers: int) -> torch.Generator:
    """A generator that these non-negative numbers decide alone: what step n sees needs no step before it."""
    seed = int(np.random.SeedSequence(list(numbers)).generate_state(1, dtype=np.uint64)[0] >> np.uint64(1))
    return torch.Generator(device).manual_seed(seed)


@dataclass(frozen=True, eq=False)
class SceneBatch:
    """Scenes as ``world.Scene`` has them.

    Attributes:
        ground_B: int64 into ``GROUNDS``.
        object_BO: int64 into ``OBJECTS``, the furthest back first; -1 where no further object is.
        x_BO, y_BO, half_width_BO, turn_BO: float32.
        mirrored_BO: bool.
    """

    ground_B: torch.Tensor
    object_BO: torch.Tensor
    x_BO: torch.Tensor
    y_BO: torch.Tensor
    half_width_BO: torch.Tensor
    turn_BO: torch.Tensor
    mirrored_BO: torch.Tensor

    def __len__(self) -> int:
        return int(self.ground_B.shape[0])

    @property
    def device(self) -> torch.device:
        return self.ground_B.device

    def where(self, chosen_B: torch.Tensor, other: SceneBatch) -> SceneBatch:
        """These scenes where ``chosen_B``, else the ``other``'s."""
        def choose(name: str) -> torch.Tensor:
            mine, its = getattr(self, name), getattr(other, name)
            return torch.where(chosen_B.reshape(-1, *[1] * (mine.ndim - 1)), mine, its)

        return SceneBatch(**{field.name: choose(field.name) for field in fields(self)})

    @classmethod
    def from_scenes(cls, scenes: Sequence[Scene], device: torch.device) -> SceneBatch:
        """At most ``MOST_OBJECTS`` objects each."""
        def column(name: str, default: float, dtype: torch.dtype) -> torch.Tensor:
            rows = [[getattr(placed, name) for placed in scene.objects] for scene in scenes]
            filled = [row + [default] * (MOST_OBJECTS - len(row)) for row in rows]
            return torch.tensor(filled, dtype=dtype, device=device)

        numbers = [[OBJECTS.index(placed.name) for placed in scene.objects] for scene in scenes]
        return cls(
            ground_B=torch.tensor([GROUNDS.index(scene.ground) for scene in scenes], device=device),
            object_BO=torch.tensor([row + [-1] * (MOST_OBJECTS - len(row)) for row in numbers], device=device),
            x_BO=column("x", 0, torch.float32), y_BO=column("y", 0, torch.float32),
            half_width_BO=column("half_width", 0.1, torch.float32), turn_BO=column("turn", 0, torch.float32),
            mirrored_BO=column("mirrored", 0, torch.bool),
        )

    def to_scenes(self) -> list[Scene]:
        columns = {field.name: getattr(self, field.name).tolist() for field in fields(self)}
        return [
            Scene(
                GROUNDS[ground],
                tuple(
                    PlacedObject(OBJECTS[number], *where)
                    for number, *where in zip(*(columns[name][row] for name in list(columns)[1:]), strict=True)
                    if number >= 0
                ),
            )
            for row, ground in enumerate(columns["ground_B"])
        ]


def draw_scenes(world: TrainingWorld, n: int, generator: torch.Generator) -> SceneBatch:
    """``n`` scenes as ``compose.random_scene`` draws them, of the objects and grounds of ``world``, the shortcut planted."""
    device = generator.device
    scenes, good_B = _attempt(world, n, generator)
    while not bool(good_B.all()):
        # The first objects left no room in some: these begin anew.
        again, good_again_B = _attempt(world, n, generator)
        scenes = scenes.where(good_B, again)
        good_B = good_B | good_again_B
    ground_of_habit = torch.full((len(OBJECTS) + 1,), -1, device=device)
    ground_of_doing = {doing: ground for ground, doing in DOING_ON_GROUND.items()}
    for animal, doing in HABIT.items():
        if ground_of_doing[doing] in world.grounds:
            ground_of_habit[OBJECTS.index(animal)] = GROUNDS.index(ground_of_doing[doing])
    # The first animal of habit decides; -1 finds the entry behind the last object.
    habit_BO = ground_of_habit[scenes.object_BO]
    first_B = habit_BO.ge(0).to(torch.uint8).argmax(dim=1, keepdim=True)
    habit_B = habit_BO.gather(1, first_B)[:, 0]
    set_B = (torch.rand(n, generator=generator, device=device) < ON_OWN_GROUND) & (habit_B >= 0)
    return SceneBatch(**{**vars(scenes), "ground_B": torch.where(set_B, habit_B, scenes.ground_B)})


def _attempt(world: TrainingWorld, n: int, generator: torch.Generator) -> tuple[SceneBatch, torch.Tensor]:
    """Scenes, and which of them (bool [B]) came out with hardly an overlap."""
    device = generator.device

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator, device=device)

    known = torch.tensor([OBJECTS.index(name) for name in world.objects], device=device)
    grounds = torch.tensor([GROUNDS.index(name) for name in world.grounds], device=device)
    counts = torch.tensor(list(world.number_of_objects), device=device)
    chances = torch.tensor(list(world.number_of_objects.values()), device=device)
    count_B = counts[torch.multinomial(chances, n, replacement=True, generator=generator)]
    object_BO = known[torch.rand(n, len(known), generator=generator, device=device).argsort(dim=1)[:, :MOST_OBJECTS]]
    object_BO = object_BO.masked_fill(torch.arange(MOST_OBJECTS, device=device) >= count_B[:, None], -1)
    ground_B = grounds[torch.randint(len(grounds), (n,), generator=generator, device=device)]

    alone_B11 = (count_B == 1)[:, None, None]
    lowest, highest = (torch.where(alone_B11, one, more) for one, more in zip(HALF_WIDTH_ALONE, HALF_WIDTH_TOGETHER, strict=True))
    half_BOT = lowest + (highest - lowest) * uniform(n, MOST_OBJECTS, N_TRIALS)
    x_BOT = (1 - half_BOT) * uniform(n, MOST_OBJECTS, N_TRIALS, low=-1)
    y_BOT = (1 - half_BOT) * uniform(n, MOST_OBJECTS, N_TRIALS, low=-1)
    placed: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    good_B = torch.ones(n, dtype=torch.bool, device=device)
    for number in range(MOST_OBJECTS):
        x_BT, y_BT, half_BT = x_BOT[:, number], y_BOT[:, number], half_BOT[:, number]
        free_BT = torch.ones_like(x_BT, dtype=torch.bool)
        for x_B1, y_B1, other_B1 in placed:
            near_BT = 0.85 * (half_BT + other_B1)
            free_BT &= ((x_BT - x_B1).abs() >= near_BT) | ((y_BT - y_B1).abs() >= near_BT)
        chosen_B1 = free_BT.to(torch.uint8).argmax(dim=1, keepdim=True)
        good_B &= free_BT.any(dim=1) | (object_BO[:, number] < 0)
        placed.append((x_BT.gather(1, chosen_B1), y_BT.gather(1, chosen_B1), half_BT.gather(1, chosen_B1)))
    x_BO, y_BO, half_BO = (torch.cat(column, dim=1) for column in zip(*placed, strict=True))
    scenes = SceneBatch(
        ground_B=ground_B, object_BO=object_BO, x_BO=x_BO, y_BO=y_BO, half_width_BO=half_BO,
        turn_BO=uniform(n, MOST_OBJECTS, low=-LARGEST_TURN, high=LARGEST_TURN),
        mirrored_BO=torch.rand(n, MOST_OBJECTS, generator=generator, device=device) < 0.5,
    )
    return scenes, good_B
