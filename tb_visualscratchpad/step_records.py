"""The indices of steps in the log directory: every step of a training run, read as they grow."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from tb_visualscratchpad.run_directories import RunDirectories
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tb_visualscratchpad.wire.step_index import StepRecord, kept_records, read_record, scan_index
from tb_visualscratchpad.wire.tags import SIDECAR_DIRECTORY, STEPS_FOLDER, parse_tag, step_index_name


@dataclass(frozen=True)
class _Known:
    inode: int
    size: int
    end: int
    records: tuple[StepRecord, ...]
    fault: str | None


class StepRecords:
    """Reads indices once per growth, and of what has grown only the new part. Methods may be called from several threads."""

    def __init__(self, directories: RunDirectories, max_files: int = 256) -> None:
        self._directories = directories
        self._max_files = max_files
        self._known: OrderedDict[Path, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: str, tag: str) -> tuple[StepRecord, ...]:
        """The steps of a tag, ascending; none where its run has no index of it on this machine."""
        path = self._path(run, tag)
        if path is None:
            return ()
        try:
            status = path.stat()
        except OSError:
            with self._lock:
                self._known.pop(path, None)
            return ()
        with self._lock:
            known = self._known.get(path)
            if known is None or (known.inode, known.size) != (status.st_ino, status.st_size):
                known = _read(path, status.st_ino, status.st_size, known)
                self._known[path] = known
                while len(self._known) > self._max_files:
                    self._known.popitem(last=False)
            self._known.move_to_end(path)
            return known.records

    def message(self, run: str, tag: str, record: StepRecord) -> bytes:
        """What was logged at a step, a serialised ``Evidence``.

        Raises:
            UnreadableEvidence: the index is gone or was cut.
        """
        path = self._path(run, tag)
        if path is None:
            raise UnreadableEvidence(f"The steps of {tag} in {run!r} are gone: reload.")
        return read_record(path, record)

    def faults(self) -> tuple[str, ...]:
        """A sentence on each index that was read and found damaged."""
        with self._lock:
            return tuple(known.fault for known in self._known.values() if known.fault is not None)

    def _path(self, run: str, tag: str) -> Path | None:
        parts, directory = parse_tag(tag), self._directories.of(run)
        if parts is None or directory is None:
            return None
        return directory / SIDECAR_DIRECTORY / STEPS_FOLDER / step_index_name(*parts)


def _read(path: Path, inode: int, size: int, before: _Known | None) -> _Known:
    grown = before is not None and before.inode == inode and before.size <= size and before.fault is None
    start, earlier = (before.end, before.records) if grown and before is not None else (0, ())
    try:
        scanned = scan_index(path, start)
    except UnreadableEvidence as error:
        return _Known(inode, size, 0, (), str(error))
    records = kept_records((*earlier, *scanned.records))
    return _Known(inode, size, scanned.end, tuple(records), scanned.fault)
