"""Where the runs of a log directory lie on this machine, and what is wrong with their files.

TensorBoard's data providers give runs by name only, and pass over a damaged event file in silence; sidecars and such files
are found here.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tb_visualscratchpad.wire.sidecar import open_sidecar
from tb_visualscratchpad.wire.tags import EVENT_FILE_SUFFIX, SIDECAR_DIRECTORY, parse_sidecar_name, sidecar_name


@dataclass(frozen=True)
class SidecarOnDisk:
    """A sidecar by its name: kind (of ``scratchpad.proto``), identifier and step; ``age`` in seconds since it was written."""

    path: Path
    kind: int
    identifier: str
    step: int
    age: float


@dataclass(frozen=True)
class EventFileOnDisk:
    """An event file with ``EVENT_FILE_SUFFIX``; ``age`` in seconds since it was written to."""

    path: Path
    age: float


@dataclass(frozen=True)
class RunOnDisk:
    """A run directory with evidence of ours."""

    run: str
    directory: Path
    sidecars: tuple[SidecarOnDisk, ...]
    event_files: tuple[EventFileOnDisk, ...]


class RunDirectories:
    """Maps the names of runs to directories.

    Args:
        logdir: as TensorBoard was given it: relative, with ``~``, empty for ``--logdir_spec``, or None.
        run_paths: the Python loader's names and paths, asked where ``logdir`` is empty; None without that loader.
    """

    def __init__(self, logdir: str | None, run_paths: Callable[[], Mapping[str, str]] | None) -> None:
        # Made absolute at once: somebody may change the working directory later.
        self._logdir = _absolute(logdir) if logdir and "://" not in logdir else None
        self._run_paths = run_paths

    @property
    def are_known(self) -> bool:
        """Whether runs have directories on this machine at all."""
        return self._logdir is not None or self._run_paths is not None

    def of(self, run: str) -> Path | None:
        """The directory of a run; None where it is not on this machine or the name would leave the log directory."""
        if self._logdir is None:
            path = self._run_paths().get(run) if self._run_paths is not None else None
            return _absolute(path) if path else None
        name = PurePosixPath(run.replace(os.sep, "/"))
        # Links are followed, as TensorBoard does; names that climb are not.
        if name.is_absolute() or ".." in name.parts or "\0" in run:
            return None
        directory = self._logdir / name
        return directory if directory.is_dir() else None

    def has_sidecar(self, run: str, kind: int, identifier: str, step: int) -> bool:
        """Whether the sidecar of a thing is on this machine."""
        directory = self.of(run)
        return directory is not None and (directory / SIDECAR_DIRECTORY / sidecar_name(kind, identifier, step)).is_file()

    def newest_sidecar(self, run: str, kind: int, identifier: str) -> Path | None:
        """The sidecar of a thing with the largest step; None where there is none on this machine."""
        directory = self.of(run)
        found = next(_run_on_disk(run, directory), None) if directory is not None else None
        matching = [
            one for one in (found.sidecars if found else ()) if (one.kind, one.identifier) == (kind, identifier)
        ]
        return max(matching, key=lambda one: one.step).path if matching else None

    def walk(self) -> Iterator[RunOnDisk]:
        """Every run directory that holds evidence of ours, whether TensorBoard has read it or not."""
        if self._logdir is None:
            for run, path in sorted((self._run_paths() if self._run_paths is not None else {}).items()):
                yield from _run_on_disk(run, _absolute(path))
            return
        for folder, children, _ in os.walk(self._logdir, followlinks=True):
            # A link to a folder above itself would go on for ever.
            if os.path.islink(folder) and Path(os.path.realpath(os.path.dirname(folder))).is_relative_to(
                os.path.realpath(folder)
            ):
                children.clear()
                continue
            directory = Path(folder)
            run = directory.relative_to(self._logdir).as_posix()
            children[:] = sorted(child for child in children if child != "plugins")
            yield from _run_on_disk(run, directory)


@dataclass(frozen=True)
class _Records:
    """How far an event file was followed: the place behind its last whole record, and how many there are before it."""

    position: int
    n: int


_NO_RECORDS = _Records(0, 0)
_State = tuple[int, int, int]


class FileFaults:
    """Finds what is wrong with files, once per state (inode, size, modification time) of each.

    An event file that has grown is followed from where it ended: a training may write into it for days.
    """

    def __init__(self, max_files: int = 65_536) -> None:
        self._max_files = max_files
        self._lock = threading.Lock()
        self._found: OrderedDict[str, tuple[_State, str | None]] = OrderedDict()
        self._followed: dict[str, tuple[int, _Records]] = {}

    def of_sidecar(self, path: Path) -> str | None:
        """A sentence on a truncated or damaged sidecar, None for a whole one. Its hash is left for the reading."""
        return self._once(path, lambda state: _sidecar_fault(path))

    def of_event_file(self, path: Path) -> str | None:
        """A sentence on an event file that is empty or ends within a record, None for a whole one."""
        return self._once(path, lambda state: self._event_file_fault(path, state))

    def _once(self, path: Path, find: Callable[[_State], str | None]) -> str | None:
        try:
            status = path.stat()
        except OSError as error:
            return f"{path} cannot be read ({error.strerror or error})."
        key, state = str(path), (status.st_ino, status.st_size, status.st_mtime_ns)
        with self._lock:
            known = self._found.get(key)
            if known is None or known[0] != state:
                known = (state, find(state))
                self._found[key] = known
                while len(self._found) > self._max_files:
                    forgotten, _ = self._found.popitem(last=False)
                    self._followed.pop(forgotten, None)
            return known[1]

    def _event_file_fault(self, path: Path, state: _State) -> str | None:
        inode, size, _ = state
        before, records = self._followed.get(str(path), (inode, _NO_RECORDS))
        if before != inode or records.position > size:  # another file by the same name
            records = _NO_RECORDS
        records, fault = _follow_records(path, records)
        self._followed[str(path)] = (inode, records)
        return fault


def _absolute(path: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(path)))


def _run_on_disk(run: str, directory: Path) -> Iterator[RunOnDisk]:
    sidecars = tuple(
        SidecarOnDisk(path, *parts, age=age)
        for path, age in _files(directory / SIDECAR_DIRECTORY, ".safetensors")
        if (parts := parse_sidecar_name(path.name)) is not None
    )
    event_files = tuple(
        EventFileOnDisk(path, age) for path, age in _files(directory, EVENT_FILE_SUFFIX) if "tfevents" in path.name
    )
    if sidecars or event_files:
        yield RunOnDisk(run, directory, sidecars, event_files)


def _files(directory: Path, suffix: str) -> list[tuple[Path, float]]:
    """Files and their ages by name; what vanishes meanwhile is left out."""
    now = time.time()
    found = []
    try:
        with os.scandir(directory) as entries:
            chosen = sorted((entry for entry in entries if entry.name.endswith(suffix)), key=lambda entry: entry.name)
    except OSError:  # no such folder, or not ours to read: TensorBoard does not read it either
        return []
    for entry in chosen:
        with contextlib.suppress(FileNotFoundError):
            found.append((Path(entry.path), now - entry.stat().st_mtime))
    return found


def _sidecar_fault(path: Path) -> str | None:
    try:
        open_sidecar(path)
    except UnreadableEvidence as error:
        return str(error)
    return None


def _follow_records(path: Path, known: _Records) -> tuple[_Records, str | None]:
    """Follow the records by their lengths: 8 bytes length, 4 check sum, the record, 4 check sum.

    Args:
        known: whole records that need no second look.

    Returns:
        The whole records now, and a sentence on what is wrong, or None.
    """
    position, n = known.position, known.n
    with open(path, "rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        while position < end:
            stream.seek(position)
            length = int.from_bytes(stream.read(8), "little")
            if position + 12 > end or position + 16 + length > end:
                return _Records(position, n), (
                    f"The event file {path} is cut short within record {n + 1}: TensorBoard reads only what is "
                    "before; copy the file again, or log again."
                )
            position += 16 + length
            n += 1
    if n < 2:  # the first says only that this is an event file
        return _Records(position, n), f"The event file {path} holds nothing: its writer ended before it logged anything, or the disk was full."
    return _Records(position, n), None
