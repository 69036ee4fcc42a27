"""``load_sae``: from what a user names to a ``SparseAutoencoder`` that is ready to encode."""

from __future__ import annotations

from pathlib import Path

import torch

from tb_visualscratchpad.exporter.sae.checkpoint_folder import find_checkpoint_folder
from tb_visualscratchpad.exporter.sae.saelens import WEIGHTS_FILE, Answers, load_saelens
from tb_visualscratchpad.exporter.sae.saelens_config import CONFIG_FILE
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.wire.errors import ScratchpadError

DTYPES = {"float32": torch.float32, "float64": torch.float64, "float16": torch.float16, "bfloat16": torch.bfloat16}


def load_sae(
    source: str | Path,
    device: str | torch.device = "cpu",
    dtype: str | torch.dtype | None = None,
    *,
    scaling_factor: float | None = None,
    k: int | None = None,
) -> SparseAutoencoder:
    """Load a sparse autoencoder in SAELens format.

    Args:
        source: ``demo``, a folder with ``cfg.json`` and ``sae_weights.safetensors``, or ``owner/repository[/folder]``
            on the hub.
        device: where it shall compute.
        dtype: what it shall compute in; None is float32, also for weights stored in half precision.
        scaling_factor: the scalar of ``expected_average_only_in`` where the checkpoint does not hold it (CLI
            ``--sae-scaling-factor``); 1 where it is already folded into the weights.
        k: of a topk SAE whose file does not tell (CLI ``--sae-k``).

    Raises:
        ScratchpadError: it is not there, broken, of a kind that is not read, or it does not say something that is
        needed.
    """
    target = _dtype(dtype)
    place = _device(device)
    folder, name = find_checkpoint_folder(source)
    if not (folder / CONFIG_FILE).is_file():
        raise ScratchpadError(
            f"{folder} holds no SAE: expected {CONFIG_FILE} and {WEIGHTS_FILE}, as SAELens saves them.{_nearby(folder)}"
        )
    sae = load_saelens(folder, name, Answers(scaling_factor=scaling_factor, k=k))
    return sae.to(place, target)


def _nearby(folder: Path) -> str:
    inside = sorted(path.parent.relative_to(folder).as_posix() for path in folder.glob(f"*/{CONFIG_FILE}"))
    return f" Folders in it that do: {', '.join(inside[:5])}." if inside else ""


def _dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    if dtype is None:
        return torch.float32
    known = DTYPES.get(dtype.removeprefix("torch.")) if isinstance(dtype, str) else dtype
    if known not in DTYPES.values():
        raise ScratchpadError(f"The SAE cannot compute in {dtype}: choose one of {', '.join(DTYPES)}.")
    return known


def _device(device: str | torch.device) -> torch.device:
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ScratchpadError(
            f"The device {device} cannot be used ({reason}): choose cpu, or install a torch that supports it."
        ) from error
