"""Labelled pictures from a folder: a JSON file for each picture or question, beside pictures and masks.

```
FOLDER/
  dog.jpg                    a picture, of any kind that is read elsewhere
  dog.dog.png                a mask of it: as large as the picture, not black where the label shows
  dog.grass.png
  dog.json                   {"picture": "dog.jpg",
                              "masks": {"dog": "dog.dog.png", "grass": "dog.grass.png"},
                              "backgrounds": ["grass"],
                              "prompt": "What is in the picture?",
                              "words": {"dog": "dog", "puppy": "dog"},
                              "answer": "A dog."}
```

Paths are relative to the JSON file. ``backgrounds``, ``prompt``, ``words`` and ``answer`` may be left out; several files may ask
about one picture. A file without a prompt is learned from only. Where every file has one, every second picture is learned from,
and the others are asked about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tb_visualscratchpad.exporter.pictures import read_picture
from tb_visualscratchpad.exporter.truth.labelled_pictures import LabelledPicture, TruthItem, TruthSet
from tb_visualscratchpad.wire.errors import ScratchpadError

_KNOWN = frozenset({"picture", "masks", "backgrounds", "prompt", "words", "answer"})


@dataclass(frozen=True)
class ItemFile:
    """What a JSON file says, checked as far as it goes without opening pictures.

    Attributes:
        picture: the file.
        masks: by label, the file.
        prompt: None where it is learned from only.
    """

    path: Path
    picture: Path
    masks: dict[str, Path]
    backgrounds: tuple[str, ...]
    prompt: str | None
    words: dict[str, str]
    answer: str | None

    def read(self) -> LabelledPicture:
        """The picture and its masks.

        Raises:
            ScratchpadError: one of them cannot be read, or they do not fit one another.
        """
        masks = {label: _read_mask(path, label) for label, path in self.masks.items()}
        return LabelledPicture(str(self.picture), read_picture(self.picture), masks, frozenset(self.backgrounds))

    def item(self, prompt: str) -> TruthItem:
        """The question, read."""
        return TruthItem(self.read(), prompt, self.words, self.answer)


def truth_folder(folder: Path, n_pictures: int | None = None, seed: int = 0) -> TruthSet:
    """The labelled pictures of a folder.

    Args:
        n_pictures: at most so many to ask about, drawn by ``seed``; all by default. Those to learn from are all taken.

    Raises:
        ScratchpadError: no such folder, a file that is not as described, or too little to learn from and to ask about.
    """
    files = read_item_files(folder)
    asking = [one for one in files if one.prompt is not None]
    learning = [one for one in files if one.prompt is None]
    if not learning:
        pictures = list(dict.fromkeys(one.picture for one in asking))
        to_learn = set(pictures[::2]) if len(pictures) > 1 else set()
        learning = list({one.picture: one for one in asking if one.picture in to_learn}.values())
        asking = [one for one in asking if one.picture not in to_learn]
    learned = {one.picture for one in learning}
    both = sorted({one.picture.name for one in asking if one.picture in learned})
    if both:
        raise ScratchpadError(
            f"{', '.join(both[:3])} would be learned from and asked about: whose latents are whose must be learned on other pictures."
        )
    if n_pictures is not None and n_pictures < len(asking):
        drawn = np.random.default_rng([seed, 3]).choice(len(asking), n_pictures, replace=False)
        asking = [asking[number] for number in sorted(drawn)]
    labels = tuple(sorted({label for one in files for label in one.masks}))
    asked = [one.item(one.prompt) for one in asking if one.prompt is not None]
    return TruthSet(folder.name or str(folder), labels, _Learning(learning), len(learning), asked)


class _Learning(Iterable[LabelledPicture]):
    """Pictures that are opened when their turn comes."""

    def __init__(self, files: list[ItemFile]) -> None:
        self._files = files

    def __iter__(self) -> Iterator[LabelledPicture]:
        return (file.read() for file in self._files)


def read_item_files(folder: Path) -> list[ItemFile]:
    """Every JSON file of a folder, by name.

    Raises:
        ScratchpadError: no such folder, none in it, or one that is not as described.
    """
    if not folder.is_dir():
        raise ScratchpadError(f"{folder} is no folder: give one with a JSON file for each labelled picture (docs/truth.md).")
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise ScratchpadError(f"{folder} holds no JSON file: write one for each labelled picture (docs/truth.md).")
    return [_read_item_file(path) for path in paths]


def _read_item_file(path: Path) -> ItemFile:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScratchpadError(f"{path} cannot be read as JSON ({error}): mend it.") from error
    if not isinstance(said, dict):
        raise ScratchpadError(f"{path} holds a {type(said).__name__}, expected an object with {', '.join(sorted(_KNOWN))}.")
    unknown = sorted(set(said) - _KNOWN)
    if unknown:
        raise ScratchpadError(f"{path} has unknown keys {', '.join(unknown)}, expected {', '.join(sorted(_KNOWN))}.")
    picture = _text(path, said, "picture")
    masks = _texts(path, said, "masks")
    if picture is None or not masks:
        raise ScratchpadError(f"{path} names no {'picture' if picture is None else 'mask'}: give both, or nothing is known of it.")
    backgrounds = said.get("backgrounds", [])
    if not isinstance(backgrounds, list) or not all(isinstance(label, str) for label in backgrounds):
        raise ScratchpadError(f"{path}: backgrounds is {backgrounds!r}, expected a list of labels.")
    prompt = _text(path, said, "prompt")
    words = _texts(path, said, "words")
    if prompt is not None and not words:
        raise ScratchpadError(f"{path} asks a question, but names no words of the answer: add \"words\": {{\"dog\": \"dog\"}} or the like.")
    return ItemFile(
        path=path,
        picture=path.parent / picture,
        masks={label: path.parent / name for label, name in masks.items()},
        backgrounds=tuple(backgrounds),
        prompt=prompt,
        words=words,
        answer=_text(path, said, "answer"),
    )


def _text(path: Path, said: dict[str, Any], key: str) -> str | None:
    value = said.get(key)
    if value is not None and not isinstance(value, str):
        raise ScratchpadError(f"{path}: {key} is {value!r}, expected text.")
    return value


def _texts(path: Path, said: dict[str, Any], key: str) -> dict[str, str]:
    value = said.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ScratchpadError(f"{path}: {key} is {value!r}, expected an object of texts.")
    return value


def _read_mask(path: Path, label: str) -> np.ndarray:
    """bool [H, W]: what is not black."""
    if not path.is_file():
        raise ScratchpadError(f"The mask {path} of {label!r} does not exist: check the path.")
    try:
        with Image.open(path) as mask:
            return np.asarray(mask.convert("L")) > 0
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ScratchpadError(f"The mask {path} of {label!r} cannot be read ({error}): give a PNG, white where the label shows.") from error
