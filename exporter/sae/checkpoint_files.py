"""What lies at a place: files of weights and JSON objects, told apart by what is in them, never by their names.

Nothing is loaded here: of weights, names and shapes are read; values come with ``WeightsFile.tensors``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from tb_visualscratchpad.exporter.sae.json_file import LARGEST, parse_json_object, read_json_object
from tb_visualscratchpad.exporter.sae.tensor_file import Shapes, read_shapes, read_tensors
from tb_visualscratchpad.exporter.sae.torch_file import (
    PICKLE_MAGIC,
    ZIP_MAGIC,
    ClassNames,
    InertConfig,
    payload_after,
    read_torch_structure,
    read_torch_tensors,
)
from tb_visualscratchpad.wire.errors import ScratchpadError

MOST_FILES = 2_000
DEEPEST_CONFIG = 4
WEIGHTS_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".pkl", ".gz")
"""Of files that are told of when they cannot be read; what is read is decided by content."""
WRAPPERS = ("state_dict", "ae")
"""Keys under which libraries put a state dict beside other things."""


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """A file of named tensors.

    Attributes:
        shapes: of its tensors; empty for saev, which tells them in ``header``.
        header: the JSON line before the weights, where there is one.
        wrapper: the key that the state dict stands under, None where the file is one.
        beside: what stands beside the state dict: plain values, and the fields of configs.
    """

    path: Path
    kind: str
    shapes: Shapes = field(default_factory=dict)
    header: Mapping[str, Any] | None = None
    wrapper: str | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)
    payload_start: int = 0
    config_classes: ClassNames = frozenset()

    def tensors(self) -> dict[str, Tensor]:
        """All its tensors, on the CPU, as stored.

        Raises:
            ScratchpadError: they cannot be read.
        """
        if self.kind == "safetensors":
            return read_tensors(self.path)
        if self.payload_start:
            with payload_after(self.path, self.payload_start) as payload:
                held = _told_as(self.path, payload, read_torch_tensors)
        else:
            held = read_torch_tensors(self.path, self.config_classes)
        return _named_tensors(held[self.wrapper] if self.wrapper else held)


@dataclass(frozen=True)
class ConfigFile:
    """A JSON object in a file."""

    path: Path
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Unreadable:
    """A file that looked like weights or a config and could not be read."""

    path: Path
    sentence: str


@dataclass(frozen=True, eq=False)
class CheckpointFiles:
    """Files at one place.

    Attributes:
        weights: that may be meant: of a folder all, of a file itself.
        companions: all files of tensors in the same folder.
        configs: JSON objects in the same folder.
    """

    place: Path
    weights: tuple[WeightsFile, ...]
    companions: tuple[WeightsFile, ...]
    configs: tuple[ConfigFile, ...]
    unreadable: tuple[Unreadable, ...]

    def config(self, *keys: str) -> ConfigFile | None:
        """The JSON object in the same folder that has all of ``keys``: the first by file name."""
        return next((config for config in self.configs if all(key in config.content for key in keys)), None)

    @cached_property
    def configs_above(self) -> tuple[ConfigFile, ...]:
        """JSON objects in the folder above; none where it cannot be listed."""
        folder = self.place if self.place.is_dir() else self.place.parent
        try:
            paths = [path for path in _regular_files(folder.absolute().parent) if path.suffix == ".json"]
        except ScratchpadError:
            return ()
        found = (_classify(path, frozenset()) for path in paths)
        return tuple(one for one in found if isinstance(one, ConfigFile))


def read_checkpoint_files(place: Path, config_classes: ClassNames = frozenset()) -> CheckpointFiles:
    """The files at ``place``: a folder, or one file of weights and what lies beside it.

    Args:
        config_classes: whose pickled objects are read as their fields; any other object is refused.

    Raises:
        ScratchpadError: it cannot be listed, or is a folder of more files than a checkpoint has.
    """
    if place.is_dir():
        paths = _regular_files(place)
        if len(paths) > MOST_FILES:
            raise ScratchpadError(f"{place} holds {len(paths):,} files, which no checkpoint does: give the SAE's own folder or its file.")
    else:
        beside = [path for path in _regular_files(place.parent) if path != place]
        paths = [place, *(beside if len(beside) < MOST_FILES else [path for path in beside if path.suffix == ".json"])]
    found = [_classify(path, config_classes) for path in paths]
    weights = [one for one in found if isinstance(one, WeightsFile)]
    meant = weights if place.is_dir() else [one for one in weights if one.path == place]
    return CheckpointFiles(
        place, tuple(meant), tuple(weights),
        tuple(one for one in found if isinstance(one, ConfigFile)), tuple(one for one in found if isinstance(one, Unreadable)),
    )


def _regular_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise ScratchpadError(f"{folder} cannot be listed ({error.strerror}): check the path and its permissions.") from error


def _classify(path: Path, config_classes: ClassNames) -> WeightsFile | ConfigFile | Unreadable | None:
    try:
        return _read(path, config_classes)
    except ScratchpadError as error:
        return Unreadable(path, str(error))
    except OSError as error:
        return Unreadable(path, f"{path} cannot be read ({error.strerror}): check the file and its permissions.")


def _read(path: Path, config_classes: ClassNames) -> WeightsFile | ConfigFile | Unreadable | None:
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(ZIP_MAGIC):
        return _torch_weights(path, config_classes)
    # Eight bytes of a length, of which the last is zero, and the header it measures: JSON alone has no zero bytes.
    if start[7:9] == b"\0{":
        return WeightsFile(path, "safetensors", read_shapes(path))
    if start.startswith(PICKLE_MAGIC) or (path.suffix in WEIGHTS_SUFFIXES and start[:1] != b"{"):
        (read_shapes if path.suffix == ".safetensors" else read_torch_structure)(path)  # tells why not
    if start[:1] == b"{" and (headed := _weights_after_a_line(path)) is not None:
        return headed
    if path.suffix == ".json" or start.lstrip()[:1] == b"{":
        return ConfigFile(path, read_json_object(path))
    return None


def _torch_weights(path: Path, config_classes: ClassNames) -> WeightsFile | None:
    held = read_torch_structure(path, config_classes)
    if not isinstance(held, dict):
        return None
    wrapper = next((key for key in WRAPPERS if isinstance(held.get(key), dict)), None)
    named = _named_tensors(held[wrapper] if wrapper else held)
    beside = {str(key): _plain(value) for key, value in held.items() if key != wrapper and not isinstance(value, Tensor)}
    shapes = {name: tuple(tensor.shape) for name, tensor in named.items()}
    return WeightsFile(path, "torch", shapes, None, wrapper, beside, config_classes=config_classes)


def _named_tensors(held: Any) -> dict[str, Tensor]:
    """None of what is no mapping: what torch.save wrote may be anything."""
    if not isinstance(held, Mapping):
        return {}
    return {name: value for name, value in held.items() if isinstance(name, str) and isinstance(value, Tensor)}


def _plain(value: Any, depth: int = 0) -> Any:
    """Numbers, texts, lists and mappings as they are, configs as mappings; of anything else its text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (InertConfig, dict, list, tuple)) and depth < DEEPEST_CONFIG:
        if isinstance(value, (list, tuple)):
            return [_plain(item, depth + 1) for item in value]
        fields = vars(value) if isinstance(value, InertConfig) else value
        return {str(key): _plain(item, depth + 1) for key, item in fields.items()}
    return type(value).__name__ if isinstance(value, Tensor) else str(value)[:200]


def _weights_after_a_line(path: Path) -> WeightsFile | None:
    """saev: one line of JSON, then what torch.save writes."""
    with path.open("rb") as file:
        line = file.readline(LARGEST + 1)
        if len(line) > LARGEST or not line.endswith(b"\n") or file.read(len(ZIP_MAGIC)) != ZIP_MAGIC:
            return None
    return WeightsFile(path, "headed", {}, parse_json_object(line, f"The first line of {path}"), payload_start=len(line))


def _told_as(path: Path, payload: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(payload)
    except ScratchpadError as error:
        raise ScratchpadError(str(error).replace(str(payload), str(path)).replace(payload.name, path.name)) from error
