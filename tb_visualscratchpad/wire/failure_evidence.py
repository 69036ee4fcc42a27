"""Many pictures with right and wrong answers: what each run used, and what the answers become without some latents.

Shape suffixes: ``N`` items, ``Z`` non-zeros of the items' latents, ``K`` latents, ``R`` control seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from tb_visualscratchpad.wire.evidence import DictionaryInfo, EncodedPicture
from tb_visualscratchpad.wire.steering_evidence import Outcome

MATCHES = ("exact", "contains")
"""How an answer is judged: it is the right answer, or holds it. Case, runs of blanks and a closing full stop do not count."""

CHOSEN_ON = ("half", "all")
"""Where ablated latents were chosen: on the items that are not held out, or with all of them in view."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class FailureItem:
    """One picture of a failure set, what was asked, and how it was judged.

    Attributes:
        name: as the user's file names the picture.
        is_flagged: the user judged the answer, not the rule.
        is_held_out: in the half that latents are not chosen on.
        run_id: the VLM run that was logged of it, in the same run directory; empty when none was.
    """

    name: str
    prompt: str
    right_answer: str
    output_text: str
    truncated: bool
    is_right: bool
    is_flagged: bool = False
    is_held_out: bool = False
    run_id: str = ""

    def __post_init__(self) -> None:
        _require(bool(self.prompt), "an item has a prompt")


@dataclass(frozen=True)
class FailureSet:
    """Pictures with right and wrong answers, and how strongly each run used each latent.

    Attributes:
        set_id: unique in all logs, [A-Za-z0-9_-]+.
        name: what the tab calls it.
        created: seconds since the epoch.
        match: one of ``MATCHES``.
        system: the system text that was given, None for none.
        max_new_tokens: how many were allowed.
        n_given: items that the user gave; more than ``items`` when it was interrupted.
        items: at least one.
        indptr: int64 [N + 1]; item n used ``latent_Z[indptr[n]:indptr[n + 1]]``.
        latent_Z: int32, ascending within an item: all that fire on a packed patch.
        plain_Z: float32, B > 0.
        weighted_Z: float32, the largest C over the answer's words; 0 where no word looked, and for an answer without words.
        thumbnails: small pictures, empty when pictures are not logged.
        pictures: the pictures as they were asked about, a PNG without loss (a JPEG where that would be large); empty likewise.
    """

    set_id: str
    name: str
    created: float
    dictionary: DictionaryInfo
    match: str
    system: str | None
    max_new_tokens: int
    n_given: int
    items: tuple[FailureItem, ...]
    indptr: np.ndarray
    latent_Z: np.ndarray
    plain_Z: np.ndarray
    weighted_Z: np.ndarray
    thumbnails: Sequence[EncodedPicture] = field(default=(), repr=False)
    pictures: Sequence[EncodedPicture] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        n, n_values = len(self.items), self.latent_Z.size
        _require(self.match in MATCHES, f"match is one of {MATCHES}")
        _require(1 <= n <= self.n_given, "a failure set has at least one item, and no more than were given")
        _require(self.max_new_tokens > 0, "a limit of new tokens is positive")
        _require(self.indptr.shape == (n + 1,) and int(self.indptr[0]) == 0 and int(self.indptr[-1]) == n_values, "indptr must run from 0 to Z")
        _require(bool(np.all(np.diff(self.indptr) >= 0)), "indptr must not descend")
        _require(self.latent_Z.dtype == np.int32 and self.plain_Z.dtype == self.weighted_Z.dtype == np.float32, "latents are int32, their values float32")
        _require(self.plain_Z.shape == self.weighted_Z.shape == (n_values,), "two values per latent index")
        _require(n_values == 0 or (int(self.latent_Z.min()) >= 0 and int(self.latent_Z.max()) < self.dictionary.n_latents), "latent index out of range")
        _require(len(self.thumbnails) in (0, n) and len(self.pictures) == len(self.thumbnails), "all pictures or none")

    @cached_property
    def wrong_N(self) -> np.ndarray:
        """bool: the answer was judged wrong."""
        return np.array([not item.is_right for item in self.items], dtype=bool)

    @cached_property
    def held_out_N(self) -> np.ndarray:
        """bool: in the half that latents are not chosen on."""
        return np.array([item.is_held_out for item in self.items], dtype=bool)

    @cached_property
    def prompts(self) -> tuple[str, ...]:
        """Each prompt once, by first appearance."""
        return tuple(dict.fromkeys(item.prompt for item in self.items))

    @cached_property
    def prompt_N(self) -> np.ndarray:
        """int32 into ``prompts``."""
        number = {prompt: place for place, prompt in enumerate(self.prompts)}
        return np.array([number[item.prompt] for item in self.items], dtype=np.int32)

    def without_pictures(self) -> FailureSet:
        """The same set with nothing of the pictures' pixels."""
        return replace(self, thumbnails=(), pictures=())

    def used_NK(self, by: str) -> sparse.csr_matrix:
        """``plain`` or ``weighted`` as a scipy matrix [N, K]; it shares the arrays."""
        values = {"plain": self.plain_Z, "weighted": self.weighted_Z}[by]
        return sparse.csr_matrix((values, self.latent_Z, self.indptr), shape=(len(self.items), self.dictionary.n_latents))


@dataclass(frozen=True)
class SetAnswers:
    """The answers to all items under one condition. ``seed`` of a control, None otherwise; ``is_right_N`` bool."""

    text_N: tuple[str, ...]
    is_right_N: np.ndarray
    seed: int | None = None

    def __post_init__(self) -> None:
        _require(self.is_right_N.dtype == bool and self.is_right_N.shape == (len(self.text_N),), "one judgement per answer")


@dataclass(frozen=True)
class SetAblation(Outcome):
    """A failure set asked again without some latents. ``prompt`` is the set's only one, or empty where it has several.

    Attributes:
        set_id: the failure set.
        chosen_on: one of ``CHOSEN_ON``.
        latents: int32 [n], ascending: what was scaled to zero.
        held_out_N: bool, as in the set.
        n_firing_N: int32, how many of the latents fire on each picture.
        original: nothing taken away.
        ablated: without the latents.
        controls: as many other latents of like norm, by seed; where the latents do not fire, or nothing else does, the original answer.
    """

    set_id: str
    chosen_on: str
    latents: np.ndarray
    held_out_N: np.ndarray
    n_firing_N: np.ndarray
    original: SetAnswers
    ablated: SetAnswers
    controls: tuple[SetAnswers, ...]

    def __post_init__(self) -> None:
        n = len(self.original.text_N)
        _require(self.chosen_on in CHOSEN_ON, f"chosen_on is one of {CHOSEN_ON}")
        _require(self.latents.dtype == np.int32 and self.latents.size > 0 and bool(np.all(np.diff(self.latents) > 0)), "latents must be int32, ascending, at least one")
        _require(self.held_out_N.dtype == bool and self.held_out_N.shape == (n,), "held_out must be bool, one per item")
        _require(self.n_firing_N.dtype == np.int32 and self.n_firing_N.shape == (n,), "n_firing must be int32, one per item")
        _require(self.original.seed is None and self.ablated.seed is None, "controls and only they have a seed")
        _require(all(control.seed is not None for control in self.controls), "controls and only they have a seed")
        _require(all(len(answers.text_N) == n for answers in (self.ablated, *self.controls)), "every condition answers every item")
