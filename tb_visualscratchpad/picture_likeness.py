"""Which runs were asked about the same picture: told from its pixels, never from names.

A picture is logged compressed, and smaller where an event has little room; a steered run may have been asked about what was logged before.
So pictures are the same when they had the same size and look the same, small: on 32 x 32 squares neither lightness nor a colour difference
(YCbCr) differs by more than 8 of 255 levels, and on the mean by 1.5. Half the size and compressed anew, pictures of saturated noise differ by
5 and .9; a grey square of a hundredth of the area changes one by 29 and more.
"""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tb_visualscratchpad.wire.codecs.envelope import parse_event, parse_sidecar
from tb_visualscratchpad.wire.codecs.picture import decode_picture_message
from tb_visualscratchpad.wire.errors import ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.evidence import EncodedPicture
from tb_visualscratchpad.wire.sidecar import open_sidecar

SIDE = 32
MEAN_LEVELS, MOST_LEVELS = 1.5, 8.0
MAX_KEPT = 5000


@dataclass(frozen=True)
class LoggedPicture:
    """A picture as logged, and the width and height of the original in pixels."""

    picture: EncodedPicture
    size: tuple[int, int]


def logged_picture(sidecar: Path | None, event: bytes, what: str) -> LoggedPicture | None:
    """The picture of a run, from its sidecar where there is one, else from its event's string; None where it was logged without.

    Raises:
        UnreadableEvidence: it is damaged, or written by a newer schema.
    """
    message = parse_event(event, what) if sidecar is None else parse_sidecar(open_sidecar(sidecar), what)
    run = message.vlm_run
    if not run.HasField("picture"):
        return None
    return LoggedPicture(decode_picture_message(run.picture), (run.image_tokens.width, run.image_tokens.height))


@dataclass(frozen=True)
class PictureSignature:
    """A picture, small.

    Attributes:
        size: width and height of the original, in pixels.
        sha256: of the logged file.
        small: float32 [32, 32, 3], Y, Cb and Cr, 0...255, means over squares.
    """

    size: tuple[int, int]
    sha256: bytes
    small: np.ndarray


def signature_of(logged: LoggedPicture) -> PictureSignature:
    """Of a logged picture.

    Raises:
        UnreadableEvidence: it cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(logged.picture.data)) as image:
            small = image.convert("YCbCr").resize((SIDE, SIDE), Image.Resampling.BOX)
    except (OSError, ValueError) as error:
        raise UnreadableEvidence(f"A logged picture cannot be read ({error}): log the run again.") from error
    return PictureSignature(logged.size, hashlib.sha256(logged.picture.data).digest(), np.asarray(small, dtype=np.float32))


def are_alike(one: PictureSignature, other: PictureSignature) -> bool:
    """Whether two signatures are of the same picture."""
    if one.size != other.size:
        return False
    if one.sha256 == other.sha256:
        return True
    apart = np.abs(one.small - other.small)
    return bool(apart.mean() < MEAN_LEVELS and apart.max() < MOST_LEVELS)


class PictureSignatures:
    """Signatures of logged runs, each made once. Methods may be called from several threads.

    Args:
        read: the picture of a run; None where it was logged without.
    """

    def __init__(self, read: Callable[[str, str, str], LoggedPicture | None]) -> None:
        self._read = read
        self._known: OrderedDict[tuple[str, str, str, float], PictureSignature | None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, experiment: str, run: str, run_id: str, created: float) -> PictureSignature | None:
        """None where there is no picture, or none that can be read. ``created`` tells a run from a later one of the same id."""
        key = (experiment, run, run_id, created)
        with self._lock:
            if key in self._known:
                return self._known[key]
        try:
            found = self._read(experiment, run, run_id)
            signature = None if found is None else signature_of(found)
        except ScratchpadError:  # what cannot be read is like nothing; the listing says what is wrong with it
            signature = None
        with self._lock:
            self._known[key] = signature
            while len(self._known) > MAX_KEPT:
                self._known.popitem(last=False)
        return signature

    def alike(
        self, experiment: str, wanted: tuple[str, str, float], others: Iterable[tuple[str, str, float]], seconds: float
    ) -> tuple[list[tuple[str, str]], int]:
        """Runs (directory, id, created) on the same picture, in their order, and how many were not looked at within the time."""
        mine = self.of(experiment, *wanted)
        found, left, end = [], 0, time.monotonic() + seconds
        for run, run_id, created in others:
            with self._lock:
                is_known = (experiment, run, run_id, created) in self._known
            if not is_known and time.monotonic() > end:
                left += 1
                continue
            theirs = self.of(experiment, run, run_id, created)
            if mine is not None and theirs is not None and are_alike(mine, theirs):
                found.append((run, run_id))
        return found, left
