"""Files of tensors that may be anything: what they claim is held against their size before anything is allocated.

A safetensors file begins with the length of a JSON header, which gives type, shape and place of every tensor.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tb_visualscratchpad.exporter.sae.json_file import LARGEST, parse_json_object
from tb_visualscratchpad.wire.errors import ScratchpadError

READABLE = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
"""Types that hold weights. Eight bits and fewer come with scales that no format here stores."""

Shapes = dict[str, tuple[int, ...]]


def read_shapes(path: Path) -> Shapes:
    """Names and shapes of the tensors in a safetensors file, from its header alone.

    Raises:
        ScratchpadError: the file is truncated, no safetensors file, or claims what it does not hold.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, LARGEST):
                raise ScratchpadError(
                    f"{path} cannot be read as safetensors (its header is {length:,} bytes long, the file {size:,}): it may be truncated, "
                    "copy or download it again."
                )
            header = parse_json_object(file.read(length), f"The header of {path}")
    except OSError as error:
        raise ScratchpadError(f"{path} cannot be read ({error.strerror}): check the file and its permissions.") from error
    header.pop("__metadata__", None)
    shapes = {}
    for name, entry in header.items():
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not isinstance(shape, list) or not all(type(extent) is int and extent >= 0 for extent in shape):
            raise ScratchpadError(f"{path} gives {name[:60]!r} no shape: copy or download it again.")
        shapes[name] = tuple(shape)
        if math.prod(shape) > 8 * size:  # four-bit types are the smallest
            raise ScratchpadError(
                f"{path} claims {name[:60]!r} of shape {shape}, which does not fit into its {size:,} bytes: it may be truncated, copy or "
                "download it again."
            )
    return shapes


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU, as stored.

    Raises:
        ScratchpadError: the file is missing, truncated or not a safetensors file.
    """
    if not path.is_file():
        raise ScratchpadError(f"The SAE's weights are missing: {path} does not exist.")
    read_shapes(path)
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError, AttributeError) as error:
        raise ScratchpadError(
            f"{path} cannot be read as safetensors ({error}): it may be truncated, copy or download it again."
        ) from error


def require_shape(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...], path: Path) -> Tensor:
    """A tensor in float32 (float64 stays), checked for presence, shape, type and finite values.

    Raises:
        ScratchpadError: it is missing or fails a check.
    """
    if name not in tensors:
        raise ScratchpadError(f"{path} has no tensor {name}: it holds {', '.join(sorted(tensors)) or 'none'}.")
    tensor = tensors[name]
    if tuple(tensor.shape) != shape:
        raise ScratchpadError(
            f"{name} in {path} has shape {list(tensor.shape)}, expected {list(shape)}: the file does not belong to "
            "this SAE."
        )
    if tensor.dtype not in READABLE:
        raise ScratchpadError(
            f"{name} in {path} is {tensor.dtype}, expected floating point of 16 bits or more: quantised SAEs are not read."
        )
    exact = tensor if tensor.dtype == torch.float64 else tensor.to(torch.float32)
    n_bad = int((~torch.isfinite(exact)).sum())
    if n_bad:
        raise ScratchpadError(
            f"{name} in {path} holds {n_bad} values that are NaN or infinite: training diverged or the file is "
            "damaged, use another checkpoint."
        )
    return exact


def require_number(tensors: Mapping[str, Tensor], name: str, path: Path) -> float:
    """The one finite number that a tensor holds.

    Raises:
        ScratchpadError: it is missing, or holds something else.
    """
    if name not in tensors:
        raise ScratchpadError(f"{path} has no tensor {name}: it holds {', '.join(sorted(tensors)) or 'none'}.")
    tensor = tensors[name]
    if tensor.numel() != 1 or tensor.is_complex() or not math.isfinite(number := float(tensor)):
        raise ScratchpadError(f"{name} in {path} is {tensor.dtype} of shape {list(tensor.shape)}, expected one finite number.")
    return number


def require_matrix(tensors: Mapping[str, Tensor], name: str, path: Path) -> tuple[int, int]:
    """The shape of a matrix that is not empty.

    Raises:
        ScratchpadError: it is missing, or no such matrix.
    """
    stored = tensors.get(name)
    if stored is None or stored.ndim != 2 or stored.numel() == 0:
        raise ScratchpadError(f"{path} has no matrix {name}: it holds {', '.join(sorted(tensors)) or 'nothing'}.")
    return int(stored.shape[0]), int(stored.shape[1])


def hash_tensors(tensors: Mapping[str, Tensor], decisions: str) -> str:
    """sha256 (hex) over names, types, shapes and bytes of the tensors as stored, and over ``decisions``."""
    digest = hashlib.sha256(decisions.encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"\0{name}\0{tensor.dtype}\0{list(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
