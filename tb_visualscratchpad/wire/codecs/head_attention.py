"""``HeadAttention``: a manifest in the event, the maps in the sidecar."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.codecs.outcome import decode_outcome, encode_outcome
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.head_evidence import HeadAttention
from tb_visualscratchpad.wire.sidecar import SidecarFile


def encode_head_attention(found: HeadAttention) -> tuple[pb.HeadAttention, Mapping[str, np.ndarray]]:
    """The message of event and sidecar, and the sidecar's tensors.

    Raises:
        ScratchpadError: attention that is not finite.
    """
    if not (np.isfinite(found.row_scale_LHT).all() and np.isfinite(found.share_LHTI).all()):
        raise ScratchpadError("The attention of some head is not finite: load the model with --dtype bfloat16 or float32.")
    message = pb.HeadAttention(
        outcome=encode_outcome(found, rounded=False),
        query_position=to_message(found.query_position_T.astype(np.int64)),
        layers=found.layers,
        n_heads=found.n_heads,
        n_image_tokens=found.n_image_tokens,
        difference=found.difference,
    )
    return message, {"share": found.share_LHTI, "row_scale": found.row_scale_LHT}


def decode_head_attention(message: pb.HeadAttention, sidecar: SidecarFile) -> HeadAttention:
    """From the sidecar and its own message, mapped. Raises ValueError where parts do not fit one another."""
    position_T = from_message(message.query_position, np.int64).astype(np.int32)
    shape = (len(message.layers), message.n_heads, position_T.size)
    return HeadAttention(
        **decode_outcome(message.outcome),
        query_position_T=position_T,
        layers=tuple(message.layers),
        share_LHTI=sidecar.tensor("share", np.float16, (*shape, message.n_image_tokens)),
        row_scale_LHT=sidecar.tensor("row_scale", np.float32, shape),
        difference=message.difference,
    )
