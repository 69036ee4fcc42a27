"""Reading JSON that may be anything: bounded in size, every key once, a sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tb_visualscratchpad.wire.errors import ScratchpadError

LARGEST = 1 << 22
"""Bytes. A config of any library is some kilobytes."""


def read_json_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        ScratchpadError: it cannot be read, is larger than ``LARGEST``, or is no object with distinct keys.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise ScratchpadError(f"{path} cannot be read ({error.strerror}): check the file and its permissions.") from error
    if len(text) > LARGEST:
        raise ScratchpadError(f"{path} is larger than {LARGEST >> 20} MiB, which no config of an SAE is: check what it is.")
    return parse_json_object(text, str(path))


def parse_json_object(text: bytes, where: str) -> dict[str, Any]:
    """The object in ``text``.

    Args:
        where: what sentences call it.

    Raises:
        ScratchpadError: it is no UTF-8, no JSON, nested too deeply, no object, or has a key twice.
    """
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).split(";")[0][:200]
        raise ScratchpadError(f"{where} is not readable as JSON ({reason}): copy or download it again.") from error
    if not isinstance(found, dict):
        raise ScratchpadError(f"{where} holds a JSON {type(found).__name__}, expected an object.")
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands in it twice")
    return found
