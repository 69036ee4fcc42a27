"""Failures of the bundled model, found by searching pictures one seed after the other.

Each search is an endless stream: the caller takes as many as it needs, and no picture is composed in vain.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.demo.compose import Composition, compose, random_scene
from tb_visualscratchpad.exporter.demo.questions import LIST, WHAT, doing, where, with_article
from tb_visualscratchpad.exporter.demo.world import OBJECTS, Scene
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.variants import Variant, answer_variants
from tb_visualscratchpad.exporter.vlm import Vlm

MAX_NEW_TOKENS = 64
MISLED = ("fish", "penguin", "duck", "butterfly")
MISLEADING = ("brick", "night")
"""The animals of habit, and the foreign grounds, between which the ground wins most often."""


class CaseKind(str, enum.Enum):
    """What goes wrong."""

    UNUSED = "seen but not used"
    MISLED = "misleading cue"
    HIDDEN = "dominant concept"


@dataclass(frozen=True)
class Failure:
    """A picture and a question that the model answers wrongly, or not fully.

    Attributes:
        scene, seed: the picture (see ``compose``).
        question: what was asked.
        said: what the model answers.
        right: what it should answer, or what it keeps to itself: of ``HIDDEN``, the answer that names the other object.
        subject: the object asked about; of ``HIDDEN``, the one that is named.
        word: number of the word within the answer that is wrong, or that hides the rest.
    """

    kind: CaseKind
    scene: Scene
    seed: int
    question: str
    said: str
    right: str
    subject: str
    word: int

    @property
    def hidden(self) -> str:
        """Of ``HIDDEN``: the object that is not named."""
        return next(placed.name for placed in self.scene.objects if placed.name != self.subject)

    @property
    def wrong_word(self) -> str:
        return self.said.split()[self.word]

    @property
    def right_word(self) -> str:
        """The word that should stand there."""
        return self.right.split()[self.word]

    def composition(self) -> Composition:
        return compose(self.scene, self.seed)

    def asked(self, vlm: Vlm, sae: SparseAutoencoder, question: str | None = None) -> AskedPicture:
        """The picture under its own question, or another."""
        return AskedPicture(vlm, sae, self.composition().picture, question or self.question)


def answer_to(vlm: Vlm, sae: SparseAutoencoder, composition: Composition, question: str) -> str:
    """What the model answers."""
    asked = AskedPicture(vlm, sae, composition.picture, question)
    return answer_variants(asked, [Variant("original")], MAX_NEW_TOKENS)[0].answer.text


def failures(vlm: Vlm, sae: SparseAutoencoder, kind: CaseKind, first_seed: int) -> Iterator[tuple[int, Failure | None]]:
    """Every picture from ``first_seed`` on: its seed, and the failure where the model fails."""
    look = {CaseKind.UNUSED: unused, CaseKind.MISLED: misled, CaseKind.HIDDEN: hidden}[kind]
    seed = first_seed
    while True:
        yield seed, look(vlm, sae, seed)
        seed += 1


def unused(vlm: Vlm, sae: SparseAutoencoder, seed: int) -> Failure | None:
    """``where is the rose ?`` answered with a wrong place, about a scene as the model was trained on; and wrongly when asked again.

    An answer that changes for the better when the same question is put twice hung by a thread: any wording would have done.
    """
    scene = random_scene(seed)
    composition = compose(scene, seed)
    asked = where(scene.objects[0])
    said = answer_to(vlm, sae, composition, asked.text)
    word = first_difference(said, asked.answer)
    if said == asked.answer or word >= len(said.split()):
        return None
    if answer_to(vlm, sae, composition, f"{asked.text} {asked.text}") == asked.answer:
        return None
    return Failure(CaseKind.UNUSED, scene, seed, asked.text, said, asked.answer, scene.objects[0].name, word)


def misled(vlm: Vlm, sae: SparseAutoencoder, seed: int) -> Failure | None:
    """``what is the duck doing ?`` answered by the ground, about an animal of habit alone on a foreign ground."""
    rng = np.random.default_rng([seed, 7])
    animal, ground = str(rng.choice(MISLED)), str(rng.choice(MISLEADING))
    return misled_scene(vlm, sae, random_scene(seed, ground=ground, objects=(animal,)), seed)


def misled_scene(vlm: Vlm, sae: SparseAutoencoder, scene: Scene, seed: int) -> Failure | None:
    """The same about a given scene of one animal of habit."""
    (placed,) = scene.objects
    asked = doing(scene, placed.name)
    said = answer_to(vlm, sae, compose(scene, seed), asked.text)
    # "the duck is walking ." for "the duck is swimming .": anything else is another kind of failure.
    if said == asked.answer or said.split()[:3] != asked.answer.split()[:3] or len(said.split()) != 5:
        return None
    return Failure(CaseKind.MISLED, scene, seed, asked.text, said, asked.answer, placed.name, 3)


def hidden(vlm: Vlm, sae: SparseAutoencoder, seed: int) -> Failure | None:
    """``what is this ?`` names one of two objects, though ``what is in the picture ?`` names both."""
    names = np.random.default_rng([seed, 5]).choice(OBJECTS, size=2, replace=False)
    scene = random_scene(seed, objects=(str(names[0]), str(names[1])))
    composition = compose(scene, seed)
    there = {placed.name for placed in scene.objects}
    said = answer_to(vlm, sae, composition, WHAT)
    named = [word for word in said.split() if word in there]
    if len(named) != 1 or said != this_is(named[0]):
        return None
    if not there <= set(answer_to(vlm, sae, composition, LIST).split()):
        return None
    (other,) = there - set(named)
    return Failure(CaseKind.HIDDEN, scene, seed, WHAT, said, this_is(other), named[0], 3)


def this_is(name: str) -> str:
    """How ``what is this ?`` is answered."""
    return f"this is {with_article(name)} ."


def first_difference(said: str, right: str) -> int:
    """Number of the first word in which two answers differ; that of the end where one goes on as the other ends."""
    pairs = list(zip(said.split(), right.split()))
    return next((number for number, (one, other) in enumerate(pairs) if one != other), len(pairs))
