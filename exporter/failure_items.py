"""The file a user writes: pictures, prompts and right answers, as JSON Lines or CSV."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tb_visualscratchpad.exporter.answer_judging import normalised
from tb_visualscratchpad.wire.errors import ScratchpadError

KEYS = ("picture", "prompt", "right", "wrong", "name")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True)
class AskedItem:
    """One picture with a prompt and the right answer.

    Attributes:
        picture: a path, or a PIL image.
        wrong: the user's own judgement of the model's answer; None where the rule decides.
        name: what the tab calls it; the picture's path by default.
    """

    picture: str | os.PathLike[str] | Image.Image
    prompt: str
    right_answer: str
    wrong: bool | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for what, text in (("prompt", self.prompt), ("right answer", self.right_answer)):
            if not isinstance(text, str) or not normalised(text):
                raise ScratchpadError(f"{self._called} has no {what}: give one.")
        if not isinstance(self.picture, Image.Image) and not Path(self.picture).expanduser().is_file():
            raise ScratchpadError(f"{self._called} names the picture {self.picture}, which does not exist: check the path.")

    @property
    def label(self) -> str:
        """What the tab calls it."""
        return self.name or ("a picture" if isinstance(self.picture, Image.Image) else str(self.picture))

    @property
    def _called(self) -> str:
        return f"The item {self.label!r}" if self.name or not isinstance(self.picture, Image.Image) else "An item"


def read_items(path: str | os.PathLike[str]) -> tuple[AskedItem, ...]:
    """The items of a ``.jsonl``, ``.csv`` or ``.tsv`` file, every one checked before any is asked.

    Keys, or columns of the first line: ``picture`` (relative to the file's folder), ``prompt``, ``right``; and, where wanted, ``wrong``
    (true or false) and ``name``.

    Raises:
        ScratchpadError: which line is wrong, and how.
    """
    path = Path(path).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ScratchpadError(f"The items {path} cannot be read ({error}): give a JSON Lines or CSV file in UTF-8.") from error
    lines = _csv_lines(text, path) if path.suffix.lower() in (".csv", ".tsv") else _json_lines(text, path)
    items = tuple(_item(value, where, path.parent) for where, value in lines)
    if not items:
        raise ScratchpadError(f"{path} holds no items: write a line for each picture, with {', '.join(KEYS[:3])}.")
    return items


def _json_lines(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    # Not splitlines(), which also breaks at characters that JSON allows within a text (U+2028, U+0085).
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"Line {number} of {path}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise ScratchpadError(f"{where} is no JSON ({error.msg}): write one object a line, or end the file's name in .csv.") from error
        if not isinstance(value, dict):
            raise ScratchpadError(f"{where} is {type(value).__name__}, expected an object with {', '.join(KEYS[:3])}.")
        yield where, value


def _csv_lines(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix.lower() == ".tsv" else ",", restkey="")
    try:
        for value in reader:
            where = f"Line {reader.line_num} of {path}"
            if value.pop("", None):
                raise ScratchpadError(f"{where} has more fields than the first line names: quote fields that hold the separator.")
            yield where, {key: field for key, field in value.items() if field not in ("", None)}
    except csv.Error as error:
        raise ScratchpadError(f"{path} is no CSV after line {reader.line_num} ({error}): mend it.") from error


def _item(value: dict[str, Any], where: str, folder: Path) -> AskedItem:
    unknown = sorted(set(value) - set(KEYS))
    if unknown:
        raise ScratchpadError(f"{where} has {', '.join(map(repr, unknown))}, expected {', '.join(KEYS[:3])}, and perhaps {', '.join(KEYS[3:])}.")
    for key in KEYS[:3]:
        if not isinstance(value.get(key), str) or not value[key].strip():
            raise ScratchpadError(f"{where} has no {_MEANING[key]}: give {key!r} as a text.")
    if not isinstance(value.get("name", ""), str):
        raise ScratchpadError(f"{where} has the name {value['name']!r}, expected a text.")
    picture = Path(value["picture"]).expanduser()
    if not (folder / picture).is_file():
        raise ScratchpadError(f"{where} names the picture {value['picture']}, which does not exist: paths are relative to {folder}.")
    return AskedItem(folder / picture, value["prompt"], value["right"], _flag(value.get("wrong"), where), value.get("name") or value["picture"])


_MEANING = {"picture": "picture", "prompt": "prompt", "right": "right answer"}


def _flag(value: object, where: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in (*_TRUE, *_FALSE):
        return value.strip().lower() in _TRUE
    raise ScratchpadError(f"{where} says wrong: {value!r}, expected true or false (or nothing, and the answer is compared).")


def split_in_half(groups: Sequence[object], seed: int = 0) -> tuple[bool, ...]:
    """Which items are held out: every other one of each group (a prompt with its judgement), in an order by chance.

    Of a group with an odd number, the one more is kept for choosing. Same groups and seed, same split.
    """
    import numpy as np

    held_out = [False] * len(groups)
    rng = np.random.default_rng(seed)
    for group in dict.fromkeys(groups):
        members = [place for place, one in enumerate(groups) if one == group]
        for place in rng.permutation(members)[1::2]:
            held_out[int(place)] = True
    return tuple(held_out)
