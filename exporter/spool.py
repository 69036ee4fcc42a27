"""Temporary files for what is too much to hold while images stream by: records that come and go, and their readers.

The files have no name (where the system allows it), so nothing is left behind however the process ends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar, overload

from tb_visualscratchpad.wire.errors import ScratchpadError

SLACK_BYTES = 16 << 20
"""A spool is rewritten when what is dropped exceeds what is live by this much."""

Record = TypeVar("Record")


class SpoolFile:
    """An append-only temporary file with reads at any place."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        try:
            self.file: BinaryIO = tempfile.TemporaryFile(dir=directory)  # type: ignore[assignment]
        except OSError as error:
            raise ScratchpadError(
                f"No temporary file can be made in {directory or tempfile.gettempdir()} ({error}): set TMPDIR to a "
                "place with room."
            ) from error
        self.size = 0

    def append(self, data: bytes | memoryview) -> int:
        """Write at the end; the offset it was written at.

        Raises:
            ScratchpadError: the disk is full.
        """
        offset = self.size
        try:
            self.file.seek(offset)
            self.file.write(data)
            self.file.flush()
        except OSError as error:
            raise ScratchpadError(
                f"Writing to the temporary file in {self._directory or tempfile.gettempdir()} failed ({error}): "
                "set TMPDIR to a place with more room."
            ) from error
        self.size += len(data)
        return offset

    def read(self, offset: int, size: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(size)

    def successor(self) -> SpoolFile:
        """An empty one in the same directory."""
        return SpoolFile(self._directory)

    def close(self) -> None:
        self.file.close()


class RecordSpool:
    """Records by key; dropped ones give their room back in time."""

    def __init__(self, directory: Path | None) -> None:
        self._spool = SpoolFile(directory)
        self._place: dict[int | bytes, tuple[int, int]] = {}
        self._n_live = 0

    def __contains__(self, key: int | bytes) -> bool:
        return key in self._place

    @property
    def n_bytes_on_disk(self) -> int:
        return self._spool.size

    def put(self, key: int | bytes, data: bytes) -> None:
        """Add a record; its key must be new."""
        self._place[key] = (self._spool.append(data), len(data))
        self._n_live += len(data)

    def drop(self, key: int | bytes) -> None:
        """Forget a record."""
        self._n_live -= self._place.pop(key)[1]
        if self._spool.size > 2 * self._n_live + SLACK_BYTES:
            self._rewrite()

    def sequence(self, keys: Sequence[int | bytes], decode: Callable[[bytes], Record]) -> SpooledSequence[Record]:
        """The records of some keys, to be read when asked for. The spool must not change afterwards."""
        return SpooledSequence(self._spool, [self._place[key] for key in keys], decode)

    def _rewrite(self) -> None:
        fresh = self._spool.successor()
        for key, (offset, size) in sorted(self._place.items(), key=lambda item: item[1]):
            self._place[key] = (fresh.append(self._spool.read(offset, size)), size)
        self._spool.close()
        self._spool = fresh


class SpooledSequence(Sequence[Record], Generic[Record]):
    """A read-only sequence whose items are read from a temporary file each time; the file goes with it."""

    def __init__(self, spool: SpoolFile, places: list[tuple[int, int]], decode: Callable[[bytes], Record]) -> None:
        self._spool = spool
        self._places = places
        self._decode = decode

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> SpooledSequence[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | SpooledSequence[Record]:
        if isinstance(index, slice):
            return SpooledSequence(self._spool, self._places[index], self._decode)
        offset, size = self._places[index]
        # pread, since several threads may read one sequence.
        data = (
            os.pread(self._spool.file.fileno(), size, offset)
            if hasattr(os, "pread")
            else self._spool.read(offset, size)
        )
        return self._decode(data)
