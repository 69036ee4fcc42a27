"""What users write about the latents of a dictionary: names, notes, pins, and selections kept under a name.

Notes are no evidence: they are the users' own words, one small JSON document per dictionary, beside the runs and never in them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tb_visualscratchpad.wire.errors import ScratchpadError

NOTES_VERSION = 1
MAX_NAME = 80
MAX_NOTE = 4000
MAX_LATENTS = 10_000
MAX_SELECTION_NAME = 60
MAX_SELECTIONS = 500
MAX_SELECTION_TEXT = 500_000
MAX_BYTES = 8 << 20
"""Of a whole document."""

_NOT_IN_LINES = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of surrogate pairs, which UTF-8 cannot hold."""
_NOT_IN_NOTES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LATENTS_TEXT = re.compile(r"~[0-9a-v][A-Za-z0-9_-]+|[0-9]+(\.[0-9]+)*")


class NotesMalformed(ScratchpadError):
    """A document that cannot be taken for notes."""


@dataclass(frozen=True)
class LatentNote:
    """What is known of one latent by a user's word.

    Attributes:
        name: one line, at most ``MAX_NAME`` characters; empty for none.
        note: at most ``MAX_NOTE`` characters, lines and all; empty for none.
        changed: seconds since the epoch.

    Raises:
        ScratchpadError: a text is too long, or holds what a text should not.
    """

    name: str = ""
    note: str = ""
    pinned: bool = False
    changed: float = 0.0

    def __post_init__(self) -> None:
        _check_line("name", self.name, MAX_NAME)
        _check_text("note", self.note, MAX_NOTE, lines=True)
        if not (isinstance(self.pinned, bool)):
            raise ScratchpadError(f"pinned {self.pinned!r} was given, expected is true or false.")
        _check_time(self.changed)

    @property
    def is_empty(self) -> bool:
        return not (self.name or self.note or self.pinned)

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "note": self.note, "pinned": self.pinned, "changed": self.changed}


@dataclass(frozen=True)
class KeptSelection:
    """Latents under a name. ``latents`` as an address writes them: numbers with dots between, or packed after a ``~``."""

    name: str
    latents: str
    changed: float = 0.0

    def __post_init__(self) -> None:
        _check_line("name", self.name, MAX_SELECTION_NAME)
        if not self.name:
            raise ScratchpadError("A selection is kept under a name: give one.")
        text = self.latents
        if not isinstance(text, str) or len(text) > MAX_SELECTION_TEXT or not _LATENTS_TEXT.fullmatch(text):
            shown = f"{text[:40]!r}…" if isinstance(text, str) and len(text) > 40 else repr(text)
            raise ScratchpadError(
                f"latents {shown} was given, expected are numbers such as '3.17.576', or packed as an address has them, "
                f"of at most {MAX_SELECTION_TEXT:,} characters."
            )
        _check_time(self.changed)

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "latents": self.latents, "changed": self.changed}


@dataclass(frozen=True)
class Notes:
    """All notes of one dictionary: latents by number, selections by name, oldest first.

    Raises:
        ScratchpadError: there are more than a document holds.
    """

    dictionary_id: str
    latents: Mapping[int, LatentNote]
    selections: Mapping[str, KeptSelection]

    def __post_init__(self) -> None:
        if len(self.latents) > MAX_LATENTS:
            raise ScratchpadError(f"Notes on {len(self.latents):,} latents are asked for, at most {MAX_LATENTS:,} are kept: remove some first.")
        if len(self.selections) > MAX_SELECTIONS:
            raise ScratchpadError(f"{len(self.selections):,} kept selections are asked for, at most {MAX_SELECTIONS:,} are kept: remove some first.")

    def as_json(self) -> dict[str, Any]:
        return {
            "version": NOTES_VERSION,
            "dictionary": self.dictionary_id,
            "latents": {str(latent): note.as_json() for latent, note in sorted(self.latents.items())},
            "selections": [one.as_json() for one in self.selections.values()],
        }

    def encoded(self) -> bytes:
        """The document as it lies in a file.

        Raises:
            ScratchpadError: it is larger than ``MAX_BYTES``.
        """
        content = self.as_json()
        # an entry a line: to be read, compared and merged by hand; json's own indenting takes ten times as long
        latents = ",\n".join(f"  {_line(key)}: {_line(value)}" for key, value in content["latents"].items())
        selections = ",\n".join(f"  {_line(value)}" for value in content["selections"])
        data = (
            f'{{\n "version": {NOTES_VERSION},\n "dictionary": {_line(self.dictionary_id)},\n "latents": {{\n{latents}\n }},\n "selections": [\n{selections}\n ]\n}}\n'
        ).encode("utf-8")
        if len(data) > MAX_BYTES:
            raise ScratchpadError(
                f"The notes of this dictionary would take {len(data):,} bytes, at most {MAX_BYTES:,} are kept: shorten or remove some, or export them first."
            )
        return data


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def no_notes(dictionary_id: str) -> Notes:
    return Notes(dictionary_id, {}, {})


def decode_notes(data: bytes, dictionary_id: str) -> Notes:
    """Read a document.

    Raises:
        NotesMalformed: it is none, of another dictionary, or written by a newer version; with what is wrong.
    """
    if len(data) > MAX_BYTES:
        raise NotesMalformed(f"it has {len(data):,} bytes, more than the {MAX_BYTES:,} that are written")
    try:
        read = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotesMalformed(f"it is no JSON ({error})") from error
    if not isinstance(read, dict):
        raise NotesMalformed("it is no JSON object")
    version = read.get("version")
    if version != NOTES_VERSION:
        newer = isinstance(version, int) and version > NOTES_VERSION
        raise NotesMalformed(f"its version is {version!r}, this plugin reads {NOTES_VERSION}{': install a newer one' if newer else ''}")
    if read.get("dictionary") != dictionary_id:
        raise NotesMalformed(f"it says to be of dictionary {read.get('dictionary')!r:.80}")
    latents, selections = read.get("latents", {}), read.get("selections", [])
    if not isinstance(latents, dict) or not isinstance(selections, list):
        raise NotesMalformed("its 'latents' are no object, or its 'selections' no list")
    try:
        notes = {latent_number(key): _latent_note(value) for key, value in latents.items()}
        kept = [_kept_selection(value) for value in selections]
        return Notes(dictionary_id, notes, {one.name: one for one in kept})
    except ScratchpadError as error:
        raise NotesMalformed(str(error).rstrip(".")) from error


def latent_number(given: object, n_latents: int | None = None) -> int:
    """A latent's number, given as one or as its digits.

    Raises:
        ScratchpadError: it is none, or not below ``n_latents``.
    """
    number = -1
    if isinstance(given, int) and not isinstance(given, bool):
        number = given
    elif isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= 9:
        number = int(given)
    if number < 0 or (n_latents is not None and number >= n_latents):
        range_ = f" from 0 to {n_latents - 1}" if n_latents is not None else ""
        raise ScratchpadError(f"latent {given!r:.60} was given, expected is a latent's number{range_}.")
    return number


def _latent_note(value: object) -> LatentNote:
    if not isinstance(value, dict):
        raise ScratchpadError(f"the note {value!r:.60} is no object.")
    return LatentNote(value.get("name", ""), value.get("note", ""), value.get("pinned", False), value.get("changed", 0.0))


def _kept_selection(value: object) -> KeptSelection:
    if not isinstance(value, dict):
        raise ScratchpadError(f"the selection {value!r:.60} is no object.")
    return KeptSelection(value.get("name", ""), value.get("latents", ""), value.get("changed", 0.0))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _check_line(what: str, text: object, most: int) -> None:
    _check_text(what, text, most, lines=False)
    assert isinstance(text, str)
    if text != text.strip():
        raise ScratchpadError(f"The {what} {text!r:.60} begins or ends with a blank: leave it out.")


def _check_text(what: str, text: object, most: int, *, lines: bool) -> None:
    if not isinstance(text, str):
        raise ScratchpadError(f"{what} {text!r:.60} was given, expected is a text.")
    if len(text) > most:
        raise ScratchpadError(f"The {what} has {len(text):,} characters: {most:,} are the most.")
    found = (_NOT_IN_NOTES if lines else _NOT_IN_LINES).search(text)
    if found:
        raise ScratchpadError(f"The {what} holds the character U+{ord(found.group()):04X}, which cannot be kept: take it out.")


def _check_time(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ScratchpadError(f"changed {value!r:.60} was given, expected are seconds since 1970.")
