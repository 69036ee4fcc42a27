"""Lets TensorBoard find the worker while it runs, and clears away what ended workers left."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tb_visualscratchpad.wire.worker_files import (
    ENTRIES_FOLDER,
    WorkerEntry,
    WorkerSecret,
    boot_id,
    entries,
    is_abandoned,
    live_secret,
    make_private_folder,
    private_folders,
    write_record,
)

try:
    import fcntl
except ImportError:  # Windows: a second worker is not noticed there
    fcntl = None  # type: ignore[assignment]


class OnlyWorker:
    """Held by the one worker of this user's, on this machine, for a log directory; the system lets go with the process.

    Raises:
        ScratchpadError: there is one already.
    """

    def __init__(self, logdir: Path, environment: Mapping[str, str]) -> None:
        place = hashlib.sha256(f"{os.path.realpath(logdir)}\0{boot_id()}".encode()).hexdigest()[:32]
        self._path = make_private_folder(environment) / f"{place}.lock"
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        if fcntl is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.read(self._descriptor, 20).decode("ascii", "replace")
            os.close(self._descriptor)
            raise ScratchpadError(
                f"A worker for {logdir} is running already (process {pid}): use it, or stop it first. It keeps its queue and its results."
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode())

    def __enter__(self) -> OnlyWorker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # The file stays: removed, two others could each hold a lock on a file of that name.
        os.close(self._descriptor)


class Registration:
    """A worker's entry in its log directory and its private file, while the ``with`` lasts.

    Args:
        port: where it listens on 127.0.0.1.

    Raises:
        ScratchpadError: they cannot be written.
    """

    def __init__(self, logdir: Path, port: int, dictionary: DictionaryInfo, environment: Mapping[str, str]) -> None:
        self._logdir = logdir
        self._environment = environment
        self.entry = WorkerEntry(
            worker_id=secrets.token_hex(8), host=socket.gethostname(), boot_id=boot_id(), pid=os.getpid(), port=port,
            dictionary_id=dictionary.dictionary_id, vlm_name=dictionary.vlm_name, sae_name=dictionary.sae_name, started=time.time(),
        )
        self.secret = WorkerSecret(self.entry.worker_id, self.entry.boot_id, os.path.realpath(logdir), port, secrets.token_hex(32))
        self._locked: int | None = None
        self._public = logdir / ENTRIES_FOLDER / f"{self.entry.worker_id}.json"
        self._private = Path()

    @property
    def private_file(self) -> Path:
        """Where the secret lies now."""
        return self._private

    def __enter__(self) -> Registration:
        remove_ended(self._logdir, self._environment)
        self.renew()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._public.unlink(missing_ok=True)
        self._private.unlink(missing_ok=True)
        if self._locked is not None:
            os.close(self._locked)
        for folder in (self._public.parent, self._public.parent.parent):
            with contextlib.suppress(OSError):  # others are registered
                folder.rmdir()

    def renew(self) -> None:
        """Writes again what has gone: a runtime directory ends with the user's last login, though the worker goes on.

        Raises:
            ScratchpadError: it cannot be written.
        """
        try:
            if self._locked is None or not self._private.exists():
                self._private = make_private_folder(self._environment) / f"{self.entry.worker_id}.json"
                before, self._locked = self._locked, write_record(self._private, self.secret, private=True)
                if before is not None:
                    os.close(before)
            if not self._public.exists():
                self._public.parent.mkdir(parents=True, exist_ok=True)
                os.close(write_record(self._public, self.entry, private=False))
        except OSError as error:
            raise ScratchpadError(
                f"The worker cannot say in {error.filename} that it is there ({error.strerror or error}): free some space, or choose a "
                "--logdir that you may write to."
            ) from error


def remove_ended(logdir: Path, environment: Mapping[str, str]) -> None:
    """Takes away what workers of this user's left on this machine when they were killed. Others' files are left alone."""
    for path, entry in entries(logdir):
        mine = os.name != "posix" or path.stat(follow_symlinks=False).st_uid == os.geteuid()
        if mine and entry.host == socket.gethostname() and live_secret(entry.worker_id, environment) is None:
            path.unlink(missing_ok=True)
    for folder in private_folders(environment):
        for path in folder.glob("*.json"):
            if is_abandoned(path):
                path.unlink(missing_ok=True)
