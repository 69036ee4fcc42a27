"""How a worker and TensorBoard find one another: a public entry in the log directory, and a private file of the user's.

- ``<logdir>/.visualscratchpad/workers/<worker_id>.json`` says that there is a worker. Whoever may write logs may write there,
  so nothing is believed of it but the name of a private file to look for.
- ``<private folder>/<worker_id>.json`` holds port and secret. It is believed when it is a file of this user's that nobody else
  can read, in this boot of this machine, for this log directory, and while the worker that wrote it holds its lock: the
  system lets go of a lock with the process, however that ended, so the port cannot be somebody else's by now.

The private folder is ``$XDG_RUNTIME_DIR/visualscratchpad``, or ``~/.visualscratchpad`` where there is no such directory.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.tags import require_identifier

try:
    import fcntl
except ImportError:  # Windows, where the first refused connection tells of an ended worker
    fcntl = None  # type: ignore[assignment]

ENTRIES_FOLDER = ".visualscratchpad/workers"
"""Of a log directory."""

_MAX_BYTES = 16_384
_MAX_ENTRIES = 256
_Record = TypeVar("_Record", "WorkerEntry", "WorkerSecret")


@dataclass(frozen=True)
class WorkerEntry:
    """What everybody may know of a worker. ``started``: seconds since the epoch."""

    worker_id: str
    host: str
    boot_id: str
    pid: int
    port: int
    dictionary_id: str
    vlm_name: str
    sae_name: str
    started: float


@dataclass(frozen=True)
class WorkerSecret:
    """What only its user may know of a worker. ``logdir``: real path of the log directory it works for."""

    worker_id: str
    boot_id: str
    logdir: str
    port: int
    secret: str

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65_535:
            raise ValueError(f"port {self.port}")
        # It goes into an HTTP header.
        if len(self.secret) < 32 or not (self.secret.isascii() and self.secret.isalnum()):
            raise ValueError("the secret is not 32 letters and digits or more")


def boot_id() -> str:
    """Differs from boot to boot where the system tells (Linux), else the machine's name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()


def private_folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where secrets may lie, the first preferred; only folders that could be made or are there."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    places = [Path(runtime) / "visualscratchpad"] if os.path.isabs(runtime) and os.path.isdir(runtime) else []
    with contextlib.suppress(RuntimeError):  # a user without a home
        places.append(Path.home() / ".visualscratchpad")
    return tuple(places)


def make_private_folder(environment: Mapping[str, str]) -> Path:
    """The first private folder that can be made or is there and is the user's alone.

    Raises:
        ScratchpadError: there is none.
    """
    said = []
    for folder in private_folders(environment):
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            if os.name == "posix":
                status = os.stat(folder, follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                    raise PermissionError(0, "it is not a folder of yours")
                os.chmod(folder, 0o700)
            return folder
        except OSError as error:
            said.append(f"{folder} ({error.strerror or error})")
    raise ScratchpadError(
        f"There is no private place for the worker's secret: {', '.join(said) or 'no home directory'}. "
        "Set XDG_RUNTIME_DIR to a folder that only you can read."
    )


def write_record(path: Path, record: WorkerEntry | WorkerSecret, *, private: bool) -> int:
    """Writes a record as a new file in place of any old one, and returns its open descriptor.

    A private one is readable for its user alone, and locked until the descriptor is closed or the process ends.

    Raises:
        OSError: the disk refuses; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600 if private else 0o644)
    try:
        if private and fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        content = json.dumps(asdict(record)).encode()
        while content:
            content = content[os.write(descriptor, content) :]
        os.replace(temporary, path)
    except BaseException:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
        raise
    return descriptor


def entries(logdir: Path) -> list[tuple[Path, WorkerEntry]]:
    """Entries of a log directory, the newest first. What is no entry is left out."""
    found = []
    folder = logdir / ENTRIES_FOLDER
    try:
        names = sorted(os.listdir(folder))[:_MAX_ENTRIES]
    except OSError:
        return []
    for name in names:
        identifier = name.removesuffix(".json")
        with contextlib.suppress(OSError, ValueError, ScratchpadError):
            require_identifier(identifier, "worker's name")
            with _opened(folder / name) as descriptor:
                entry = _parsed(descriptor, WorkerEntry)
            if name.endswith(".json") and entry.worker_id == identifier:
                found.append((folder / name, entry))
    return sorted(found, key=lambda one: one[1].started, reverse=True)


def live_secret(worker_id: str, environment: Mapping[str, str]) -> WorkerSecret | None:
    """Port and secret of a worker of this user's that runs now on this machine; None for any other.

    Raises:
        ScratchpadError: no worker has such a name.
    """
    require_identifier(worker_id, "worker's name")
    for folder in private_folders(environment):
        with contextlib.suppress(OSError, ValueError):
            with _opened(folder / f"{worker_id}.json") as descriptor:
                _require_private(descriptor)
                secret = _parsed(descriptor, WorkerSecret)
                if _is_locked(descriptor) and secret.worker_id == worker_id and secret.boot_id == boot_id():
                    return secret
    return None


def live_workers(environment: Mapping[str, str]) -> list[WorkerSecret]:
    """All workers of this user's that run now on this machine, for whatever log directory."""
    found = []
    for folder in private_folders(environment):
        for path in sorted(folder.glob("*.json"))[:_MAX_ENTRIES]:
            with contextlib.suppress(ScratchpadError):
                secret = live_secret(path.stem, environment)
                found += [secret] if secret is not None else []
    return found


def is_abandoned(private_file: Path) -> bool:
    """Whether the worker that wrote a private file has ended, on whatever machine shares the folder. False where that cannot be told."""
    if fcntl is not None:
        with contextlib.suppress(OSError, ValueError):
            with _opened(private_file) as descriptor:
                _require_private(descriptor)
                return not _is_locked(descriptor)
    return False


def works_for(secret: WorkerSecret, logdir: Path) -> bool:
    """Whether a worker logs to this directory: an entry that was copied or forged into another one leads nowhere."""
    return secret.logdir == os.path.realpath(logdir)


def secret_from_file(path: Path) -> str:
    """The secret of a remote worker: from a copy of its private file, or from a file that holds nothing else.

    Raises:
        ScratchpadError: unreadable, readable for others, or no secret.
    """
    try:
        with _opened(path) as descriptor:
            _require_private(descriptor)
            text = os.read(descriptor, _MAX_BYTES).decode("ascii").strip()
        secret = json.loads(text)["secret"] if text.startswith("{") else text
        return WorkerSecret("remote", "", "", 1, str(secret)).secret
    except (OSError, ValueError, KeyError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ScratchpadError(
            f"The worker's token file {path} cannot be used ({said}): copy the file that the worker names when it starts, and "
            "keep it to yourself (chmod 600)."
        ) from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    # A pipe or a link in its place must neither block nor lead elsewhere.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a file")
        yield descriptor
    finally:
        os.close(descriptor)


def _require_private(descriptor: int) -> None:
    if os.name == "posix":
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise ValueError("it is another user's, or others can read it")


def _is_locked(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _parsed(descriptor: int, kind: type[_Record]) -> _Record:
    """A record that has exactly its fields, of their types. Raises ValueError."""
    content = os.read(descriptor, _MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError("too long")
    try:
        read: Any = json.loads(content)
    except RecursionError:
        raise ValueError("nested too deep") from None
    types: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}
    wanted = {field.name: types[str(field.type)] for field in fields(kind)}
    if not isinstance(read, dict) or read.keys() != wanted.keys():
        raise ValueError("other keys")
    if any(not isinstance(read[name], expected) or isinstance(read[name], bool) for name, expected in wanted.items()):
        raise ValueError("values of other types")
    return kind(**read)
