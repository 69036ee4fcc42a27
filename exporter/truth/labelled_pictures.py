"""What is known about a set of pictures: which label covers which pixels, what is asked, and which label a word names.

Shape suffixes: ``H`` and ``W`` pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True, eq=False)
class LabelledPicture:
    """A picture whose objects are known.

    Attributes:
        name: what messages call it; pictures of one name are one picture.
        picture: upright RGB.
        masks: by label, bool [H, W], where it is to be seen.
        backgrounds: labels of what lies behind the others: a patch is theirs only where nothing else shows.

    Raises:
        ScratchpadError: a mask of another size than the picture, or a background without a mask.
    """

    name: str
    picture: Image.Image
    masks: Mapping[str, np.ndarray]
    backgrounds: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        size = (self.picture.height, self.picture.width)
        for label, mask_HW in self.masks.items():
            if mask_HW.dtype != bool or mask_HW.shape != size:
                raise ScratchpadError(
                    f"The mask of {label!r} on {self.name} is {mask_HW.dtype} of {'x'.join(map(str, mask_HW.shape[::-1]))} pixels, "
                    f"the picture has {size[1]}x{size[0]}: give a mask of that size."
                )
        unknown = sorted(self.backgrounds - set(self.masks))
        if unknown:
            raise ScratchpadError(f"{self.name} names the backgrounds {', '.join(unknown)}, which have no mask: add one or leave them out.")


@dataclass(frozen=True, eq=False)
class TruthItem:
    """A question about a labelled picture.

    Attributes:
        prompt: what is asked.
        words: by word (or words) of the answer, the label it names; case does not matter.
        answer: the right answer, None where none is known.

    Raises:
        ScratchpadError: no prompt, an empty word, or a word whose label has no mask on the picture.
    """

    shown: LabelledPicture
    prompt: str
    words: Mapping[str, str]
    answer: str | None = None

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise ScratchpadError(f"{self.shown.name} is asked about with an empty prompt: write one, or leave it out to learn from the picture.")
        if any(not word.strip() for word in self.words):
            raise ScratchpadError(f"A word of {self.shown.name} is empty: name the word of the answer that stands for the label.")
        unknown = sorted({label for label in self.words.values() if label not in self.shown.masks})
        if unknown:
            raise ScratchpadError(f"Words of {self.shown.name} name {', '.join(unknown)}, which have no mask there: add one or leave the words out.")


@dataclass(frozen=True, eq=False)
class TruthSet:
    """Pictures to learn from whose latents are whose, and others to ask about.

    Attributes:
        name: what the report calls it.
        labels: every label, in a fixed order.
        learn: gone through once; may be made on the way.
        n_learn: how many those are.
        ask: no picture of ``learn`` among them.

    Raises:
        ScratchpadError: nothing to learn from or to ask about.
    """

    name: str
    labels: tuple[str, ...]
    learn: Iterable[LabelledPicture] = field(repr=False)
    n_learn: int
    ask: Sequence[TruthItem] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.labels:
            raise ScratchpadError(f"{self.name} has no label: give masks, so that something is known.")
        if self.n_learn < 1 or not self.ask:
            raise ScratchpadError(
                f"{self.name} has {self.n_learn} pictures to learn from and {len(self.ask)} to ask about: at least one of each is needed."
            )
