"""``load_sae``: from what a user names to a ``SparseAutoencoder`` that is ready to encode."""

from __future__ import annotations

from pathlib import Path

import torch

from tb_visualscratchpad.exporter.sae.answers import Answers
from tb_visualscratchpad.exporter.sae.checkpoint_folder import find_checkpoint
from tb_visualscratchpad.exporter.sae.formats import load_checkpoint
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.wire.errors import ScratchpadError

DTYPES = {"float32": torch.float32, "float64": torch.float64, "float16": torch.float16, "bfloat16": torch.bfloat16}


def load_sae(
    source: str | Path,
    device: str | torch.device = "cpu",
    dtype: str | torch.dtype | None = None,
    *,
    scaling_factor: float | None = None,
    input_mean: str | Path | None = None,
    k: int | None = None,
    threshold: float | None = None,
    activation: str | None = None,
    decoder_norm: str | None = None,
    delta: float | None = None,
    subtract_b_dec: bool | None = None,
    clip_negative: bool | None = None,
) -> SparseAutoencoder:
    """Load a sparse autoencoder of any library that ``docs/sae_formats.md`` lists; its files tell which.

    What files do not say is asked for, by the names below (on the command line ``--sae-`` and the name). An answer that a checkpoint
    does not need, or that contradicts it, is refused. ``SparseAutoencoder.report`` tells what was decided.

    Args:
        source: ``demo``, a folder, a file of weights, or ``owner/repository[/folder or file]`` on the hub.
        device: where it shall compute.
        dtype: what it shall compute in; None is float32, also for weights stored in half precision.
        scaling_factor: what inputs were multiplied by; 1 for nothing, or where it is already folded into the weights.
        input_mean: file of one vector [d] that was subtracted from inputs before they were scaled; ``none`` for nothing.
        k: of a topk or groupmax SAE.
        threshold: of a batchtopk SAE.
        activation: relu, topk, batchtopk or groupmax.
        decoder_norm: l2, max_l2, l1, max_l1 or identity (overcomplete).
        delta: bound on the relaxation of archetypes (overcomplete).
        subtract_b_dec: whether b_dec is subtracted from inputs (saev).
        clip_negative: read latents that the library lets become negative as 0 there (saev).

    Raises:
        ScratchpadError: it is not there, broken, of a kind that is not read, or it does not say something that is
        needed.
    """
    target = _dtype(dtype)
    target_device = _device(device)
    place, name = find_checkpoint(source)
    answers = Answers(
        scaling_factor=scaling_factor, input_mean=input_mean, k=k, threshold=threshold, activation=activation, decoder_norm=decoder_norm,
        delta=delta, subtract_b_dec=subtract_b_dec, clip_negative=clip_negative,
    )
    return load_checkpoint(place, name, answers).to(target_device, target)


def _dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    if dtype is None:
        return torch.float32
    known = DTYPES.get(dtype.removeprefix("torch.")) if isinstance(dtype, str) else dtype
    if known is None or known not in DTYPES.values():
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
