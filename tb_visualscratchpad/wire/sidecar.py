"""Sidecars: what is exact or big, beside the event file, as safetensors, memory-mapped and never pickle.

The format is written and read here directly (8 bytes little-endian header length, JSON header, tensors without holes), so
that arrays are mapped rather than copied, and the plugin needs no further package.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import math
import mmap
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tb_visualscratchpad.wire.errors import ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.tags import SIDECAR_DIRECTORY

_NAMES = {
    "bool": "BOOL", "uint8": "U8", "uint16": "U16", "uint32": "U32", "int8": "I8", "int16": "I16", "int32": "I32",
    "int64": "I64", "float16": "F16", "float32": "F32", "float64": "F64",
}
_DTYPES = {name: np.dtype(dtype).newbyteorder("<") for dtype, name in _NAMES.items()}
_MAX_HEADER = 100_000_000
_CHUNK = 1 << 24
_counter = itertools.count()


@dataclass(frozen=True)
class SidecarReference:
    """What an event says of its sidecar: run-relative path with forward slashes, sha256 and size of the whole file."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class SidecarFile:
    """An open sidecar. The arrays of ``tensors`` are read-only and mapped: they cost memory only where they are read."""

    path: Path
    metadata: Mapping[str, str]
    tensors: Mapping[str, np.ndarray]

    def tensor(self, name: str, dtype: np.typing.DTypeLike, shape: tuple[int | None, ...]) -> np.ndarray:
        """A tensor of a known kind; None in ``shape`` stands for any length.

        Raises:
            UnreadableEvidence: it is missing or of another kind.
        """
        array = self.tensors.get(name)
        if array is None:
            raise UnreadableEvidence(f"The sidecar {self.path} has no tensor {name!r}: it is damaged, log it again.")
        fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape))
        if array.dtype != np.dtype(dtype) or not fits:
            raise UnreadableEvidence(
                f"Tensor {name!r} of the sidecar {self.path} is {array.dtype} {list(array.shape)}, expected "
                f"{np.dtype(dtype).name} {list(shape)}: the file is damaged, log it again."
            )
        return array


def write_sidecar(
    run_directory: Path, name: str, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str], *, replace: bool = False
) -> SidecarReference:
    """Write a sidecar of a run whole or not at all: temporary file beside it, fsync, rename.

    Args:
        name: its file name, below a folder where one is named.
        tensors: arrays by name.
        metadata: strings by name; safetensors' ``__metadata__``.
        replace: put it in the place of one that is there.

    Raises:
        ScratchpadError: a file of that name is there, or the disk refuses. Nothing is left behind.
    """
    target = run_directory / SIDECAR_DIRECTORY / name
    directory = target.parent
    temporary = directory / f".{target.name}.{os.getpid()}.{next(_counter)}.tmp"
    digest = hashlib.sha256()
    size = 0
    renamed = False
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not replace and target.exists():
            raise ScratchpadError(
                f"{target} is there already: the same thing was logged at the same step before. "
                "Use another run directory, run id or step."
            )
        with open(temporary, "xb", buffering=0) as stream:
            for part in _file_parts(tensors, metadata):
                digest.update(part)
                size += len(part)
                _write_all(stream, part)
            os.fsync(stream.fileno())
        os.rename(temporary, target)
        renamed = True
        _sync_directory(directory)
    except OSError as error:
        if renamed:
            target.unlink()
        raise ScratchpadError(
            f"The sidecar {target} could not be written ({error.strerror or error}): "
            "free some space or choose another --logdir, then log again. Nothing was kept."
        ) from error
    finally:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            temporary.unlink()
        _remove_if_empty(directory, run_directory)
    return SidecarReference(f"{SIDECAR_DIRECTORY}/{name}", digest.hexdigest(), size)


def remove_sidecar(run_directory: Path, reference: SidecarReference) -> None:
    """Take back a sidecar whose event could not be written."""
    path = run_directory / reference.path
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    _remove_if_empty(path.parent, run_directory)


def resolve_sidecar(run_directory: Path, relative: str) -> Path:
    """Where a sidecar lies, after links.

    Raises:
        UnreadableEvidence: the path leaves the run directory.
    """
    root = Path(os.path.realpath(run_directory))
    path = Path(os.path.realpath(root / relative))
    if os.path.isabs(relative) or not path.is_relative_to(root) or path == root:
        raise UnreadableEvidence(
            f"The log names the sidecar {relative!r}, which is outside its run directory {run_directory}: it is not read."
        )
    return path


def open_sidecar(path: Path) -> SidecarFile:
    """Map a sidecar.

    Raises:
        UnreadableEvidence: missing, truncated, or not a safetensors file.
    """
    try:
        with open(path, "rb") as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise UnreadableEvidence(f"The sidecar {path} is missing: copy it from where the run was logged.") from error
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise UnreadableEvidence(f"The sidecar {path} cannot be read ({error}): copy it again or log again.") from error
    try:
        return _parsed(path, mapped)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UnreadableEvidence(
            f"The sidecar {path} is truncated or damaged ({error}): copy it again or log again."
        ) from error


class SidecarHashes:
    """Compares sidecars with their hashes, once per file identity (inode, size, modification time)."""

    def __init__(self, max_files: int = 1024) -> None:
        self._max_files = max_files
        self._sha256: OrderedDict[tuple[str, int, int, int], str] = OrderedDict()
        self._lock = threading.Lock()

    def require(self, path: Path, sha256: str) -> None:
        """Refuse a file that is not what the event speaks of.

        Raises:
            UnreadableEvidence: the hash differs, or the file cannot be read.
        """
        try:
            status = path.stat()
            identity = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
            with self._lock:
                found = self._sha256.get(identity)
            if found is None:
                found = _sha256_of(path)
        except FileNotFoundError as error:
            raise UnreadableEvidence(f"The sidecar {path} is missing: copy it from where the run was logged.") from error
        except OSError as error:
            raise UnreadableEvidence(f"The sidecar {path} cannot be read ({error}): copy it again.") from error
        with self._lock:
            self._sha256[identity] = found
            self._sha256.move_to_end(identity)
            while len(self._sha256) > self._max_files:
                self._sha256.popitem(last=False)
        if found != sha256:
            raise UnreadableEvidence(
                f"The sidecar {path} is not the one that was logged (sha256 {found[:12]}..., expected {sha256[:12]}...): "
                "it was altered or cut short; copy it again or log again."
            )


def _file_parts(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """The bytes of the file in order. Widest elements first, so that every tensor is aligned without holes."""
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    offset = 0
    for name, array in ordered:
        header[name] = {
            "dtype": _NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for _, array in ordered:
        contiguous = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        flat = contiguous.reshape(-1).view(np.uint8).data
        for start in range(0, len(flat), _CHUNK):
            yield flat[start : start + _CHUNK]


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while part := stream.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()


def _write_all(stream: io.RawIOBase, part: bytes | memoryview) -> None:
    view = memoryview(part)
    while view:
        view = view[stream.write(view) or 0 :]


def _parsed(path: Path, mapped: mmap.mmap) -> SidecarFile:
    length = int.from_bytes(mapped[:8], "little")
    if length > min(_MAX_HEADER, len(mapped) - 8):
        raise ValueError(f"its header should take {length} bytes, the file has {len(mapped)}")
    header = json.loads(mapped[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    end = len(mapped) - 8 - length
    tensors, expected_end = {}, 0
    for name, entry in header.items():
        dtype, shape = _DTYPES[entry["dtype"]], tuple(int(n) for n in entry["shape"])
        first, last = (int(n) for n in entry["data_offsets"])
        count = math.prod(shape)
        if min(shape, default=0) < 0 or first < 0 or last - first != count * dtype.itemsize or last > end:
            raise ValueError(f"tensor {name!r} reaches beyond the {end} bytes there are, or does not fit its shape")
        expected_end = max(expected_end, last)
        tensors[name] = np.frombuffer(mapped, dtype, count, 8 + length + first if count else 0).reshape(shape)
    if expected_end != end:
        raise ValueError(f"its tensors take {expected_end} bytes, {end} are there")
    return SidecarFile(path, MappingProxyType(metadata), MappingProxyType(tensors))


def _sync_directory(directory: Path) -> None:
    """Make the rename itself durable, where directories can be synced (not on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_if_empty(directory: Path, stop: Path) -> None:
    """Remove the sidecar folders of a run as far as they are empty."""
    while directory != stop:
        try:
            directory.rmdir()
        except OSError:  # not empty, or never made: nothing to tidy
            return
        directory = directory.parent
