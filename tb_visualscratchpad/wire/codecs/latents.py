"""``LatentActivations``: half precision in the event, exact in the sidecar."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, smallest_unsigned, to_message
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import LatentActivations
from tb_visualscratchpad.wire.sidecar import SidecarFile

_SMALLEST = np.float16(2.0**-24)
"""What would round to zero becomes the smallest half: a firing latent goes on firing."""


def require_finite_latents(latents: LatentActivations) -> None:
    """Raises ScratchpadError where a latent is not finite, as in an overflowing half precision."""
    if not np.all(np.isfinite(latents.value_N)):
        raise ScratchpadError(
            "The latents of this run hold values that are not finite, so it is not logged: "
            "run the SAE in float32 or bfloat16 (--dtype)."
        )


def strongest(latents: LatentActivations, per_patch: int) -> LatentActivations:
    """At most ``per_patch`` latents of each patch, the strongest; of equal ones the first."""
    count_P = np.diff(latents.indptr_P)
    patch_N = np.repeat(np.arange(count_P.size), count_P)
    order = np.lexsort((-latents.value_N, patch_N))
    rank_N = np.empty(order.size, np.int64)
    rank_N[order] = np.arange(order.size) - latents.indptr_P[patch_N[order]]
    keep = rank_N < per_patch
    return LatentActivations(
        n_latents=latents.n_latents,
        indptr_P=np.concatenate([[0], np.cumsum(np.minimum(count_P, per_patch))]).astype(np.int64),
        latent_N=latents.latent_N[keep],
        value_N=latents.value_N[keep],
    )


def encode_latents(latents: LatentActivations) -> pb.Latents:
    """What the event says of latents."""
    step_N = np.diff(latents.latent_N.astype(np.int64), prepend=0)
    starts = latents.indptr_P[:-1][np.diff(latents.indptr_P) > 0]
    step_N[starts] = latents.latent_N[starts]
    scale = float(latents.value_N.max(initial=0.0))
    relative_N = (latents.value_N / (scale or 1.0)).astype(np.float16)
    return pb.Latents(
        n_latents=latents.n_latents,
        count=to_message(smallest_unsigned(np.diff(latents.indptr_P))),
        step=to_message(smallest_unsigned(step_N)),
        value=to_message(np.maximum(relative_N, _SMALLEST)),
        value_scale=scale,
    )


def decode_latents(message: pb.Latents) -> LatentActivations:
    """Latents as the event has them."""
    indptr_P = np.concatenate([[0], np.cumsum(from_message(message.count, np.int64))])
    step_N = from_message(message.step, np.int64)
    total_N = np.cumsum(step_N)
    starts = indptr_P[:-1]
    counts = np.diff(indptr_P)
    # Each patch starts anew: take away what had summed up before it.
    before_P = np.concatenate([[0], total_N])[starts]
    value_N = from_message(message.value, np.float32) * message.value_scale
    return LatentActivations(
        n_latents=message.n_latents,
        indptr_P=indptr_P,
        latent_N=(total_N - np.repeat(before_P, counts)).astype(np.int32),
        # A tiny scale times the smallest half may fall out of float32.
        value_N=np.maximum(value_N.astype(np.float32), np.finfo(np.float32).smallest_subnormal),
    )


def latent_tensors(latents: LatentActivations) -> Mapping[str, np.ndarray]:
    """The sidecar's exact tensors."""
    return {
        "latent_indptr": latents.indptr_P.astype(np.int64, copy=False),
        "latent_index": latents.latent_N.astype(np.int32, copy=False),
        "latent_value": latents.value_N.astype(np.float32, copy=False),
    }


def latents_from_sidecar(n_latents: int, sidecar: SidecarFile) -> LatentActivations:
    """Exact latents, mapped."""
    return LatentActivations(
        n_latents=n_latents,
        indptr_P=sidecar.tensor("latent_indptr", np.int64, (None,)),
        latent_N=sidecar.tensor("latent_index", np.int32, (None,)),
        value_N=sidecar.tensor("latent_value", np.float32, (None,)),
    )
