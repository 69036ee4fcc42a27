"""Reading what ``torch.save`` wrote, without running any of it.

Such a file is a zip archive of raw storages and one pickle. A pickle names functions to call; here the names are read first, and a
file that names anything but tensors and plain values goes no further. ``torch.load(weights_only=True)`` does the rest. Configs of some
libraries are objects of classes that are not installed here: an ``InertConfig`` takes their place and keeps their fields.
"""

from __future__ import annotations

import pickletools
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tb_visualscratchpad.wire.errors import ScratchpadError

ZIP_MAGIC = b"PK\x03\x04"
PICKLE_MAGIC = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
LARGEST_PICKLE = 1 << 24
"""Bytes. It holds names and shapes, not the weights."""
MOST_RECORDS = 100_000

_DTYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128 float8_e4m3fn float8_e5m2".split()
_STORAGES = "Double Float Half BFloat16 Long Int Short Char Byte Bool ComplexFloat ComplexDouble".split()
PLAIN = frozenset(
    {("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter")}
    | {("torch", "device"), ("torch", "Size"), ("torch.storage", "UntypedStorage")}
    | {("torch", name) for name in _DTYPES}
    | {("torch", f"{name}Storage") for name in _STORAGES}
)
ClassNames = frozenset[tuple[str, str]]
"""Module and name of classes."""
_CALLS_BY_OTHER_MEANS = frozenset({"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "PERSID", "NEWOBJ_EX"})


class InertConfig:
    """The fields of a pickled config object; nothing of its class."""


def read_torch_structure(path: Path, config_classes: ClassNames = frozenset()) -> Any:
    """What a file of ``torch.save`` holds, with its tensors on the ``meta`` device: shapes and types without values.

    Args:
        config_classes: whose objects become ``InertConfig``; an object of any other class is refused.

    Raises:
        ScratchpadError: it cannot be read safely, or at all.
    """
    return _checked(path, _load(path, "meta", config_classes), path.stat().st_size)


def read_torch_tensors(path: Path, config_classes: ClassNames = frozenset()) -> Any:
    """What a file of ``torch.save`` holds, in memory of its own on the CPU; ``config_classes`` as above.

    Raises:
        ScratchpadError: it cannot be read safely, or at all.
    """
    read_torch_structure(path, config_classes)
    return map_tensors(_load(path, "cpu", config_classes), lambda tensor: tensor.detach().clone())


@contextmanager
def payload_after(path: Path, start: int) -> Iterator[Path]:
    """The rest of a file from byte ``start``, as a file of its own for as long as the body runs."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "payload"
        with path.open("rb") as source, copy.open("wb") as target:
            source.seek(start)
            shutil.copyfileobj(source, target)
        yield copy


def map_tensors(held: Any, change: Any) -> Any:
    """The same with every tensor changed, in objects two mappings deep: a state dict, or one within a dict."""
    if isinstance(held, Tensor):
        return change(held)
    if not isinstance(held, dict):
        return held
    return {
        key: change(value) if isinstance(value, Tensor)
        else {inner: change(item) if isinstance(item, Tensor) else item for inner, item in value.items()} if isinstance(value, dict)
        else value
        for key, value in held.items()
    }


def _load(path: Path, device: str, config_classes: ClassNames) -> Any:
    _require_plain_archive(path, config_classes)
    try:
        with torch.serialization.safe_globals([(InertConfig, f"{module}.{name}") for module, name in config_classes]):
            # Memory-mapped: a storage is a slice of the file, whatever size it claims.
            return torch.load(path, map_location=device, weights_only=True, mmap=True)
    # What a damaged or hostile pickle makes torch raise has no end of types; whatever it is, the file cannot be read.
    except Exception as error:
        raise ScratchpadError(
            f"{path} cannot be read as a file of torch.save ({_first_line(error)}): it may be damaged, copy or download it again."
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _checked(path: Path, held: Any, size: int) -> Any:
    def check(tensor: Tensor) -> Tensor:
        if tensor.layout != torch.strided or tensor.numel() * tensor.element_size() > size:
            raise ScratchpadError(
                f"{path} claims a tensor of shape {list(tensor.shape)}, which does not fit into its {size:,} bytes: it may be truncated, "
                "copy or download it again."
            )
        return tensor

    map_tensors(held, check)
    return held


def _require_plain_archive(path: Path, config_classes: ClassNames) -> None:
    """Refuse an archive that is packed, lies about its sizes, or whose pickle names anything but tensors and plain values."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if magic != ZIP_MAGIC:
            raise ScratchpadError(_old_or_foreign(path, magic))
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            packed = [record for record in records if record.compress_type != zipfile.ZIP_STORED or record.file_size != record.compress_size]
            pickles = [record for record in records if record.filename.endswith("/data.pkl")]
            claimed = sum(record.file_size for record in records)
            if len(records) > MOST_RECORDS or packed or claimed > size or len({record.filename for record in records}) != len(records):
                raise ScratchpadError(
                    f"{path} is an archive that torch.save does not write ({len(records)} records of {claimed:,} bytes, {len(packed)} of "
                    f"them compressed, in {size:,} bytes): copy or download it again."
                )
            if len(pickles) != 1 or pickles[0].file_size > LARGEST_PICKLE:
                raise ScratchpadError(f"{path} is an archive without one data.pkl of at most 16 MiB: expected what torch.save writes.")
            _require_plain_pickle(path, archive.read(pickles[0]), config_classes)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError, OverflowError) as error:
        raise ScratchpadError(
            f"{path} cannot be read as a file of torch.save ({_first_line(error)}): it may be truncated, copy or download it again."
        ) from error


def _require_plain_pickle(path: Path, pickle: bytes, config_classes: ClassNames) -> None:
    try:
        opcodes = [(opcode.name, argument) for opcode, argument, _ in pickletools.genops(pickle)]
    except Exception as error:  # genops raises whatever the damage leads it to
        raise ScratchpadError(f"The pickle in {path} is damaged ({_first_line(error)}): copy or download it again.") from error
    for name, argument in opcodes:
        if name in _CALLS_BY_OTHER_MEANS or (name == "PROTO" and argument != 2):
            raise ScratchpadError(
                f"The pickle in {path} uses {name}{'' if argument is None else f' {argument}'[:20]}, which torch.save does not write by itself: save it again with its default pickle protocol."
            )
        if name == "GLOBAL":
            module, _, attribute = str(argument).partition(" ")
            if (module, attribute) not in PLAIN | config_classes:
                raise ScratchpadError(
                    f"{path} holds more than tensors: {module}.{attribute}"[:300] + ", and unpickling that would run code. "
                    + _how_to_convert(path, module)
                )


def _how_to_convert(path: Path, module: str) -> str:
    """What to do about a pickle that names something of ``module``: nothing, where no library of SAEs would."""
    if module.split(".")[0] in sys.stdlib_module_names | {"posix", "nt"}:
        return "No library saves an SAE so: do not unpickle it."
    taken = "getattr(m, 'state_dict', lambda: m['state_dict'])()"
    return (
        "If you trust it, convert it where its library is installed: python -c \"import torch; "
        f"m = torch.load('{path.name}', weights_only=False); torch.save({taken}, 'state_dict.pt')\"."
    )


def _old_or_foreign(path: Path, magic: bytes) -> str:
    if magic[:2] in PICKLE_MAGIC:
        return (
            f"{path} is a bare pickle, or from torch before 1.6: convert it where it is trusted: python -c \"import torch; "
            f"torch.save(torch.load('{path.name}', weights_only=True), 'state_dict.pt')\"."
        )
    if magic[:2] == b"\x1f\x8b":
        return f"{path} is gzipped: unpack it where it is trusted, and save what it holds with torch.save."
    return f"{path} is no file of torch.save (it begins with {magic!r}): it may be truncated, copy or download it again."
