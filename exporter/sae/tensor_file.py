"""Reading a safetensors file of SAE weights, with a sentence for everything that may be wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tb_visualscratchpad.wire.errors import ScratchpadError


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU, as stored.

    Raises:
        ScratchpadError: the file is missing, truncated or not a safetensors file.
    """
    if not path.is_file():
        raise ScratchpadError(f"The SAE's weights are missing: {path} does not exist.")
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError) as error:
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
    if not tensor.dtype.is_floating_point:
        raise ScratchpadError(
            f"{name} in {path} is {tensor.dtype}, expected floating point: quantised SAEs are not read."
        )
    exact = tensor if tensor.dtype == torch.float64 else tensor.to(torch.float32)
    n_bad = int((~torch.isfinite(exact)).sum())
    if n_bad:
        raise ScratchpadError(
            f"{name} in {path} holds {n_bad} values that are NaN or infinite: training diverged or the file is "
            "damaged, use another checkpoint."
        )
    return exact


def hash_tensors(tensors: Mapping[str, Tensor], decisions: str) -> str:
    """sha256 (hex) over names, types, shapes and bytes of the tensors as stored, and over ``decisions``."""
    digest = hashlib.sha256(decisions.encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"\0{name}\0{tensor.dtype}\0{list(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
