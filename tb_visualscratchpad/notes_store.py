"""Where notes lie: one file per dictionary in a folder at the root of the log directory, written whole or not at all.

TensorBoard takes no notice of the folder: it holds no event files. Several threads, and several TensorBoards over one log
directory, may write: each change reads, alters and replaces the file under a lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tb_visualscratchpad.notes_document import MAX_BYTES, Notes, NotesMalformed, decode_notes, no_notes
from tb_visualscratchpad.wire.errors import ScratchpadError, UnreadableEvidence

try:
    import fcntl
except ImportError:  # Windows: threads of one TensorBoard still wait for one another
    fcntl = None  # type: ignore[assignment]

NOTES_DIRECTORY = "visualscratchpad_notes"
LOCK_SECONDS = 5.0
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,119}")
_counter = itertools.count()


class NotesNotWritable(ScratchpadError):
    """Notes cannot be kept with the log: no local directory, read-only, full."""


class NotesConflict(ScratchpadError):
    """What was to be changed is no longer as it was."""


class NotesStore:
    """The notes of a log directory.

    Args:
        logdir: as TensorBoard was given it; None, empty or remote where there is no single local one.
    """

    def __init__(self, logdir: str | None) -> None:
        # Made absolute at once: somebody may change the working directory later.
        local = bool(logdir) and "://" not in (logdir or "")
        self._logdir = Path(os.path.abspath(os.path.expanduser(logdir or ""))) if local else None
        self._lock = threading.Lock()

    def name_of_file(self, dictionary_id: str) -> str:
        """The file's path from the log directory. An identity that is no plain word stands there by its hash."""
        plain = _PLAIN_ID.fullmatch(dictionary_id)
        name = dictionary_id if plain else f"id-{hashlib.sha256(dictionary_id.encode('utf-8', 'surrogatepass')).hexdigest()}"
        return f"{NOTES_DIRECTORY}/{name}.json"

    def why_not_writable(self) -> str | None:
        """A sentence where nothing can be written; None where it seems that it can. A disk may still turn out to be full."""
        if self._logdir is None:
            return "TensorBoard was started without a single local --logdir, so notes cannot be kept with the log."
        folder = self._logdir / NOTES_DIRECTORY
        try:
            there = folder.stat()
        except FileNotFoundError:
            # an empty folder is left for the first note
            able = self._logdir.is_dir() and os.access(self._logdir, os.W_OK | os.X_OK) and not _is_read_only(self._logdir)
            return None if able else f"The log directory {self._logdir} cannot be written to, so notes cannot be kept with the log."
        except OSError as error:
            return f"{folder} cannot be looked at ({error.strerror or error}), so notes cannot be kept with the log."
        if not stat.S_ISDIR(there.st_mode):
            return f"{folder} is no folder, so notes cannot be kept with the log: move it away."
        if not os.access(folder, os.W_OK | os.X_OK) or _is_read_only(folder):
            return f"The folder {folder} cannot be written to, so notes cannot be kept with the log."
        return None

    def read(self, dictionary_id: str) -> Notes:
        """The notes of a dictionary; none where nothing was written.

        Raises:
            UnreadableEvidence: the file is there and cannot be read or understood. It is left as it is.
        """
        path = self._path(dictionary_id)
        if path is None:
            return no_notes(dictionary_id)
        try:
            with open(path, "rb", opener=_open_plain) as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    raise _unreadable(path, "it is no plain file")
                return decode_notes(stream.read(MAX_BYTES + 1), dictionary_id)
        except (FileNotFoundError, NotADirectoryError):
            return no_notes(dictionary_id)
        except NotesMalformed as error:
            raise _unreadable(path, str(error)) from error
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from error

    def change(self, dictionary_id: str, alter: Callable[[Notes], Notes]) -> Notes:
        """Replace the notes by what ``alter`` makes of them.

        Raises:
            NotesNotWritable: the directory, or the disk, takes nothing. The file is as it was.
            UnreadableEvidence: the file that is there cannot be understood: it is not replaced.
            ScratchpadError: what ``alter`` raises, or the document would be too large.
        """
        why = self.why_not_writable()
        path = self._path(dictionary_id)
        if why is not None or path is None:
            raise NotesNotWritable(why or "There is no local log directory.")
        with self._lock:
            try:
                path.parent.mkdir(exist_ok=True)
                with _file_lock(path.parent / f".{path.stem}.lock"):
                    altered = alter(self.read(dictionary_id))
                    _replace(path, altered.encoded())
            except OSError as error:
                raise NotesNotWritable(
                    f"{path} could not be written ({error.strerror or error}): nothing was changed there. Free some space, or mend the folder’s permissions."
                ) from error
        return altered

    def _path(self, dictionary_id: str) -> Path | None:
        return None if self._logdir is None else self._logdir / self.name_of_file(dictionary_id)


def _unreadable(path: Path, what: str) -> UnreadableEvidence:
    return UnreadableEvidence(
        f"The notes in {path} cannot be read: {what}. The file is left as it is: mend it, or move it away, then reload. Until then nothing is written there."
    )


def _open_plain(path: str, flags: int) -> int:
    # a pipe of that name must not hold up TensorBoard
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _is_read_only(directory: Path) -> bool:
    """Whether it lies on a file system that is mounted read-only, which os.access does not tell a superuser everywhere."""
    if not hasattr(os, "statvfs"):
        return False
    return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    """Holds a lock among processes.

    Raises:
        NotesNotWritable: another process holds it for ``LOCK_SECONDS``.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise NotesNotWritable(f"Another program has held the notes’ lock {path} for {LOCK_SECONDS:.0f} seconds: try again.") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: temporary file beside it, fsync, rename."""
    temporary = path.parent / f".{path.name}.{os.getpid()}.{next(_counter)}.tmp"
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        if os.name == "posix":
            descriptor = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    finally:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            temporary.unlink()
