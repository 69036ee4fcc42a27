"""Event files that are whole after every record: our own, or one shared with a PyTorch ``SummaryWriter``."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import socket
import time
from pathlib import Path

from tensorboard.compat.proto import event_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.summary.writer.record_writer import RecordWriter

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.tags import EVENT_FILE_SUFFIX

_counter = itertools.count()


class EventFile:
    """An event file of our own, made with the first record.

    TensorBoard's ``EventFileWriter`` hands records to a thread and, on a full disk, leaves half of one behind, after which
    nothing in the file is read. Here a record is written before ``write`` returns, or the file is cut back.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stream: io.FileIO | None = None
        self._closed = False

    def write(self, event: event_pb2.Event) -> None:
        """Append an event. Raises ScratchpadError when it cannot be written; the file is then as it was before."""
        if self._closed:
            raise ScratchpadError(f"The writer of {self.directory} is closed: make a new one.")
        path: Path | None = None
        end = 0
        try:
            stream = self._stream
            if stream is None:
                path = self._new_path()
                mend_files_of_dead_writers(self.directory)
                self._stream = stream = open(path, "xb", buffering=0)
                _append(stream, _header(), event)
                return
            end = stream.tell()
            _append(stream, event)
        except OSError as error:
            self._take_back(path, end)
            raise _disk_error(self.directory, error) from error
        except BaseException:
            self._take_back(path, end)
            raise

    def flush(self) -> None:
        """Bring the file to the disk itself."""
        if self._stream is not None:
            try:
                os.fsync(self._stream.fileno())
            except OSError as error:
                raise _disk_error(self.directory, error) from error

    def close(self) -> None:
        self._closed = True
        if self._stream is not None:
            self.flush()
            self._stream.close()
            self._stream = None

    def _new_path(self) -> Path:
        # As TensorBoard names them: the loader reads what has "tfevents" in its name, in the order of the names. Of two files of one
        # second the process numbers would decide, and a run taken up again could be read before what it supersedes.
        second = max(int(time.time()), _newest_second(self.directory) + 1)
        name = f"events.out.tfevents.{second:010d}.{socket.gethostname()}.{os.getpid()}.{next(_counter)}"
        return self.directory / f"{name}{EVENT_FILE_SUFFIX}"

    def _take_back(self, made: Path | None, end: int) -> None:
        if self._stream is None:
            return
        if made is None:
            self._stream.truncate(end)
            self._stream.seek(end)
            return
        self._stream.close()
        self._stream = None
        made.unlink()


class SharedEventFile:
    """The event file of a PyTorch ``SummaryWriter``, which stays the caller's to close."""

    def __init__(self, events: EventFileWriter) -> None:
        self.directory = Path(events.get_logdir())
        self._events = events

    def write(self, event: event_pb2.Event) -> None:
        """Append an event and wait until it is in the file. Raises ScratchpadError when it cannot be written."""
        self.flush()
        # The writer tells nobody its file; half a record there would hide all that follows.
        path = Path(self._events._file_name)
        end = path.stat().st_size
        try:
            self._events.add_event(event)
            self._events.flush()
        except OSError as error:
            os.truncate(path, end)
            raise _disk_error(self.directory, error) from error

    def flush(self) -> None:
        """Bring what the writer was given to its file."""
        try:
            self._events.flush()
        except OSError as error:
            raise _disk_error(self.directory, error) from error

    def close(self) -> None:
        """Flush; the writer stays open."""
        self.flush()


def _newest_second(directory: Path) -> int:
    """The latest time in the names of a directory's event files; -1 where there are none."""
    found = (re.match(r"events\.out\.tfevents\.(\d{10})\.", name) for name in os.listdir(directory))
    return max((int(match[1]) for match in found if match is not None), default=-1)


class _Whole:
    """Writes all bytes or raises: a raw stream may take fewer than it was given."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._stream.write(view) or 0 :]


def _append(stream: io.RawIOBase, *events: event_pb2.Event) -> None:
    # In one piece: a process that is killed leaves all of it or nothing.
    records = io.BytesIO()
    for event in events:
        RecordWriter(records).write(event.SerializeToString())
    _Whole(stream).write(records.getvalue())


def mend_files_of_dead_writers(directory: Path) -> None:
    """Cut off the half record that a killed process of this machine may have left in an event file of ours, and remove a file
    that holds none: a reader would speak of damage for ever, though all that was logged is there.

    Files of living processes, of other machines and of other kinds are left alone.
    """
    if os.name != "posix":  # elsewhere a process cannot be asked for without harm
        return
    host = re.escape(socket.gethostname())
    pattern = re.compile(rf"events\.out\.tfevents\.\d+\.{host}\.(\d+)\.\d+{re.escape(EVENT_FILE_SUFFIX)}")
    for name in os.listdir(directory):
        match = pattern.fullmatch(name)
        if match is not None and not _lives(int(match[1])):
            with contextlib.suppress(FileNotFoundError):  # another process mends as well
                _mend(directory / name)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _mend(path: Path) -> None:
    """Follow the records by their lengths: 8 bytes length, 4 check sum, the record, 4 check sum."""
    n_records, position = 0, 0
    with open(path, "rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        while position + 12 <= end:
            stream.seek(position)
            behind = position + 16 + int.from_bytes(stream.read(8), "little")
            if behind > end:
                break
            position = behind
            n_records += 1
    if n_records < 2:  # the first says only that this is an event file
        path.unlink()
    elif position < end:
        os.truncate(path, position)


def _header() -> event_pb2.Event:
    return event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2")


def _disk_error(directory: Path, error: OSError) -> ScratchpadError:
    return ScratchpadError(
        f"The event file in {directory} could not be written ({error.strerror or error}): "
        "free some space or choose another --logdir, then log again. Nothing was kept."
    )
