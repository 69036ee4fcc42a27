"""The labelled pictures that the demo's dictionary is judged on: each object alone, and each ground bare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tb_visualscratchpad.exporter.demo.compose import Composition, compose, random_scene
from tb_visualscratchpad.exporter.demo.world import GROUNDS, OBJECTS

N_PER_OBJECT = 11
N_PER_GROUND = 12
FIRST_SEED = 40_000
"""Far from the seeds of cases and tests, so that no picture serves twice."""


def labelled_pictures(n_per_object: int = N_PER_OBJECT, n_per_ground: int = N_PER_GROUND) -> Iterator[tuple[str, Composition]]:
    """Label and picture: objects first, on grounds that take turns, then bare grounds."""
    seed = FIRST_SEED
    for name in OBJECTS:
        for number in range(n_per_object):
            ground = GROUNDS[(number + OBJECTS.index(name)) % len(GROUNDS)]
            yield name, compose(random_scene(seed, ground=ground, objects=(name,)), seed)
            seed += 1
    for ground in GROUNDS:
        for _ in range(n_per_ground):
            yield ground, compose(random_scene(seed, ground=ground, objects=()), seed)
            seed += 1


def save_labelled_pictures(folder: Path, n_per_object: int = N_PER_OBJECT, n_per_ground: int = N_PER_GROUND) -> int:
    """Saves them as ``<folder>/<label>/<label>-<number>.png``, numbers from 1, and returns how many."""
    n_of_label: dict[str, int] = {}
    for label, composition in labelled_pictures(n_per_object, n_per_ground):
        n_of_label[label] = n_of_label.get(label, 0) + 1
        (folder / label).mkdir(parents=True, exist_ok=True)
        composition.picture.save(folder / label / f"{label}-{n_of_label[label]:02d}.png")
    return sum(n_of_label.values())
