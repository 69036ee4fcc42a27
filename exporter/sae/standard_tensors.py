"""The four tensors that most libraries name alike: W_enc [d, K], b_enc [K], W_dec [K, d], b_dec [d]."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from tb_visualscratchpad.exporter.sae.folded_weights import FoldedWeights
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix, require_shape
from tb_visualscratchpad.wire.errors import ScratchpadError

STANDARD = frozenset({"W_enc", "b_enc", "W_dec", "b_dec"})


def standard_weights(
    tensors: Mapping[str, Tensor], path: Path, *, subtracts_b_dec: bool = True, b_enc: Tensor | None = None
) -> FoldedWeights:
    """The weights, checked against each other.

    Args:
        b_enc: [K], for an SAE that has another bias in its place.

    Raises:
        ScratchpadError: one is missing, misshapen, or holds what is no number.
    """
    d_in, n_latents = require_matrix(tensors, "W_enc", path)
    return FoldedWeights(
        W_enc=require_shape(tensors, "W_enc", (d_in, n_latents), path),
        b_enc=require_shape(tensors, "b_enc", (n_latents,), path) if b_enc is None else b_enc,
        W_dec=require_shape(tensors, "W_dec", (n_latents, d_in), path),
        b_dec=require_shape(tensors, "b_dec", (d_in,), path),
        subtracts_b_dec=subtracts_b_dec,
    )


def require_widths(said: tuple[int | None, int | None], found: tuple[int, int], where: str) -> None:
    """Inputs and latents as a config says them, None where it does not, are those of the weights.

    Raises:
        ScratchpadError: they are others.
    """
    if (said[0] or found[0], said[1] or found[1]) != found:
        raise ScratchpadError(
            f"{where} says {said[0]} inputs and {said[1]} latents, the weights have {found[0]} and {found[1]}: they do not belong together."
        )
