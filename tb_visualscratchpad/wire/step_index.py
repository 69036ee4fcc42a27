"""The append-only index of the steps of a training run: what was logged at which step, whatever TensorBoard keeps of it.

A file is 8 bytes ``MAGIC`` and records one after another. A record is, little-endian: step (uint64), wall time in seconds since
the epoch (float64), length of the message (uint32), crc32 of these 20 bytes and the message (uint32); then the message, an
``Evidence``: small evidence itself, of anything larger its sidecar only. A record at step s takes back all before it at or
above s, as TensorBoard does with events: a training run that is restarted from a checkpoint writes these steps anew.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tb_visualscratchpad.wire.errors import ScratchpadError, UnreadableEvidence

MAGIC = b"vspstep\x01"
_HEAD = struct.Struct("<QdI")
_SUM = struct.Struct("<I")
_BEFORE_MESSAGE = _HEAD.size + _SUM.size


@dataclass(frozen=True)
class StepRecord:
    """Where a record's message lies in its file, and of which step it is; ``wall_time`` in seconds since the epoch."""

    step: int
    wall_time: float
    offset: int
    length: int


@dataclass(frozen=True)
class ScannedIndex:
    """What a part of an index holds.

    Attributes:
        records: in the order of the file, superseded ones among them.
        end: behind the last whole record.
        fault: a sentence where a record's check sum is wrong; the rest of the file is then not read. A record that is
            not there whole is none: it may be on its way.
    """

    records: tuple[StepRecord, ...]
    end: int
    fault: str | None = None


def scan_index(path: Path, start: int = 0) -> ScannedIndex:
    """Read the records of an index from an offset on that an earlier scan ended at; 0 for all.

    Raises:
        UnreadableEvidence: no such file, not readable, or none of this format.
    """
    records: list[StepRecord] = []
    try:
        with open(path, "rb") as stream:
            if start == 0:
                magic = stream.read(len(MAGIC))
                if len(magic) < len(MAGIC) and MAGIC.startswith(magic):
                    return ScannedIndex((), 0)
                if magic != MAGIC:
                    raise UnreadableEvidence(
                        f"{path} is no index of steps that this version reads: update tb-visualscratchpad, or log again."
                    )
                start = len(MAGIC)
            stream.seek(start)
            end = start
            while True:
                head = stream.read(_BEFORE_MESSAGE)
                if len(head) < _BEFORE_MESSAGE:
                    return ScannedIndex(tuple(records), end)
                step, wall_time, length = _HEAD.unpack_from(head)
                left = os.fstat(stream.fileno()).st_size - stream.tell()
                if length > left:
                    return ScannedIndex(tuple(records), end)
                message = stream.read(length)
                if _checksum(head[: _HEAD.size], message) != _SUM.unpack_from(head, _HEAD.size)[0]:
                    fault = (
                        f"The index of steps {path} is damaged behind record {len(records)}: later steps are shown as far as "
                        "TensorBoard kept them; copy the file again."
                    )
                    return ScannedIndex(tuple(records), end, fault)
                records.append(StepRecord(step, wall_time, end + _BEFORE_MESSAGE, length))
                end += _BEFORE_MESSAGE + length
    except OSError as error:
        raise UnreadableEvidence(f"The index of steps {path} cannot be read ({error.strerror or error}): copy it again.") from error


def kept_records(records: Sequence[StepRecord]) -> list[StepRecord]:
    """The records that no later one takes back; their steps ascend."""
    kept: list[StepRecord] = []
    for record in records:
        while kept and kept[-1].step >= record.step:
            kept.pop()
        kept.append(record)
    return kept


def read_record(path: Path, record: StepRecord) -> bytes:
    """The message of a record, a serialised ``Evidence``.

    Raises:
        UnreadableEvidence: the file is gone or was cut.
    """
    try:
        with open(path, "rb") as stream:
            stream.seek(record.offset)
            message = stream.read(record.length)
    except OSError as error:
        raise UnreadableEvidence(f"The index of steps {path} cannot be read ({error.strerror or error}): copy it again.") from error
    if len(message) != record.length:
        raise UnreadableEvidence(f"The index of steps {path} was cut short while it was read: reload.")
    return message


class StepIndexWriter:
    """Appends to one index, for one process. What a killed process left half is cut off at the first append."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end: int | None = None

    def append(self, step: int, wall_time: float, message: bytes) -> int:
        """Append a record and bring it to the disk.

        Returns:
            Where the file ended before, for ``take_back``.

        Raises:
            ScratchpadError: the disk refuses, or a file of another kind is there. The index is then as it was.
        """
        head = _HEAD.pack(step, wall_time, len(message))
        record = head + _SUM.pack(_checksum(head, message)) + message
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._end is None:
                self._end = scan_index(self.path).end if self.path.exists() else 0
            before = self._end
            with open(self.path, "r+b" if self.path.exists() else "xb", buffering=0) as stream:
                try:
                    stream.truncate(before)
                    stream.seek(before)
                    _write_all(stream, record if before else MAGIC + record)
                    os.fsync(stream.fileno())
                    self._end = stream.tell()
                except BaseException:
                    stream.truncate(before)
                    raise
            return before
        except OSError as error:
            raise ScratchpadError(
                f"The index of steps {self.path} could not be written ({error.strerror or error}): free some space or choose "
                "another --logdir, then log again. Nothing was kept."
            ) from error

    def take_back(self, end: int) -> None:
        """Cut off what was appended since the file ended there; an index of nothing is removed."""
        self._end = end
        if end == 0:
            self.path.unlink(missing_ok=True)
        else:
            os.truncate(self.path, end)


def _checksum(head: bytes, message: bytes) -> int:
    return zlib.crc32(message, zlib.crc32(head))


def _write_all(stream: io.RawIOBase, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[stream.write(view) or 0 :]
