"""Emoji World as labelled pictures: 55 objects and 8 grounds, of which every pixel is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tb_visualscratchpad.exporter.demo.compose import Composition, compose, random_scene
from tb_visualscratchpad.exporter.demo.questions import Question, describe, list_objects
from tb_visualscratchpad.exporter.demo.world import GROUNDS, OBJECTS
from tb_visualscratchpad.exporter.truth.labelled_pictures import LabelledPicture, TruthItem, TruthSet

LABELS: tuple[str, ...] = OBJECTS + GROUNDS
N_PICTURES = 60
N_PER_OBJECT = 8
LEARNT_FROM, LISTED_FROM, DESCRIBED_FROM = 20_000, 940_000, 20_009_000
"""First seeds of pictures to learn from, and of those asked about. Far apart, so that no picture serves twice."""
APART = 1_000
"""Between the pictures of two seeds of the benchmark."""


def labelled(composition: Composition, name: str) -> LabelledPicture:
    """A composition's objects, and its ground wherever no object is."""
    masks = {placed.name: mask_HW for placed, mask_HW in zip(composition.scene.objects, composition.visible_OHW, strict=True)}
    bare_HW = ~np.asarray(composition.visible_OHW.any(axis=0))
    ground = composition.scene.ground
    return LabelledPicture(name, composition.picture, {**masks, ground: bare_HW}, frozenset({ground}))


def question_about(composition: Composition, question: Question, name: str) -> TruthItem:
    """A question whose answer names the objects; words for the ground are not looked at."""
    words = {placed.name: placed.name for placed in composition.scene.objects}
    return TruthItem(labelled(composition, name), question.text, words, question.answer)


def pictures_to_learn_from(n_per_object: int = N_PER_OBJECT, seed: int = LEARNT_FROM) -> Iterator[LabelledPicture]:
    """Each object alone ``n_per_object`` times, on grounds by chance, which shows every ground too."""
    for number in range(n_per_object * len(OBJECTS)):
        scene = random_scene(seed + number, objects=(OBJECTS[number % len(OBJECTS)],))
        yield labelled(compose(scene, seed + number), f"learned {seed + number}")


def pair_listed(seed: int) -> TruthItem:
    """Two different objects on any ground, to be listed."""
    names = np.random.default_rng([seed, 5]).choice(OBJECTS, size=2, replace=False)
    composition = compose(random_scene(seed, objects=(str(names[0]), str(names[1]))), seed)
    return question_about(composition, list_objects(composition.scene), f"pair {seed}")


def scene_described(seed: int) -> TruthItem:
    """One to three objects as the model was trained on, to be described."""
    composition = compose(random_scene(seed), seed)
    return question_about(composition, describe(composition.scene), f"scene {seed}")


def emoji_world(n_pictures: int = N_PICTURES, *, n_per_object: int = N_PER_OBJECT, seed: int = 0) -> TruthSet:
    """The benchmark's pictures: pairs to be listed and scenes to be described, in turn.

    Args:
        n_pictures: to ask about, at least 1.
        n_per_object: how often each object is shown alone, to learn from.
        seed: same seed, same pictures.
    """
    listed, described = LISTED_FROM + seed * APART, DESCRIBED_FROM + seed * APART
    asked = [scene_described(described + number) if number % 2 else pair_listed(listed + number) for number in range(n_pictures)]
    learn: Iterable[LabelledPicture] = pictures_to_learn_from(n_per_object)
    return TruthSet("Emoji World", LABELS, learn, n_per_object * len(OBJECTS), asked)
