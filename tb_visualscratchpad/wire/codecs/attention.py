"""``TokenAttention``: rounded to 8 bits in the event, exact in the sidecar.

In the event an element is q in 0...255 with attention = row_scale (q / 255)^2, row_scale the largest of its row. The square
keeps small attention, which linear steps would round away: zero is what lies under row_scale / 260,000, and the error is at
most row_scale (sqrt(a / row_scale) / 255 + 1 / 260,100).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.arrays import from_message, to_message
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import TokenAttention
from tb_visualscratchpad.wire.sidecar import SidecarFile


def encode_attention_rows(attention: TokenAttention) -> pb.Attention:
    """What a sidecar's message says of attention: whose rows, which layers."""
    return pb.Attention(
        query_position=to_message(attention.query_position_T.astype(np.int64)), layers=attention.layers
    )


def encode_attention(
    attention: TokenAttention, *, first_position: int = 0, image_tokens_per_row: int = 0
) -> pb.Attention:
    """What the event says of attention.

    Args:
        first_position: rows of earlier positions are left out.
        image_tokens_per_row: keep the strongest of each row only; 0 keeps all.
    """
    keep = attention.query_position_T >= first_position
    mean_TI = attention.mean_TI[keep].astype(np.float32)
    if image_tokens_per_row and image_tokens_per_row < mean_TI.shape[1]:
        weakest = np.argpartition(mean_TI, -image_tokens_per_row, axis=1)[:, :-image_tokens_per_row]
        mean_TI = mean_TI.copy()
        np.put_along_axis(mean_TI, weakest, 0.0, axis=1)
    scale_T = mean_TI.max(axis=1, initial=0.0)
    relative_TI = mean_TI / np.where(scale_T > 0, scale_T, 1.0)[:, None]
    message = encode_attention_rows(attention)
    message.query_position.CopyFrom(to_message(attention.query_position_T[keep].astype(np.int64)))
    message.mean_q.CopyFrom(to_message(np.rint(255 * np.sqrt(relative_TI)).astype(np.uint8), pb.ZLIB))
    message.row_scale.CopyFrom(to_message(scale_T))
    return message


def require_finite_attention(attention: TokenAttention) -> None:
    """Raises ScratchpadError where attention is not finite or negative, as in an overflowing half precision."""
    if not np.all(attention.mean_TI >= 0) or not np.all(np.isfinite(attention.mean_TI)):
        raise ScratchpadError(
            "The attention of this run holds values that are not finite or negative, so it is not logged: "
            "run the model in float32 or bfloat16 (--dtype)."
        )


def decode_attention(message: pb.Attention) -> TokenAttention:
    """Attention as the event has it, without layers."""
    scale_T = from_message(message.row_scale, np.float32)
    return TokenAttention(
        query_position_T=from_message(message.query_position, np.int64),
        layers=tuple(message.layers),
        mean_TI=scale_T[:, None] * np.square(from_message(message.mean_q, np.float32) / np.float32(255)),
    )


def attention_tensors(attention: TokenAttention) -> Mapping[str, np.ndarray]:
    """The sidecar's exact tensors."""
    tensors = {"attention_mean": attention.mean_TI.astype(np.float32, copy=False)}
    if attention.per_layer_LTI is not None:
        tensors["attention_per_layer"] = attention.per_layer_LTI.astype(np.float32, copy=False)
    return tensors


def attention_from_sidecar(message: pb.Attention, sidecar: SidecarFile) -> TokenAttention:
    """Exact attention; layers are mapped, not read."""
    position_T = from_message(message.query_position, np.int64)
    mean_TI = sidecar.tensor("attention_mean", np.float32, (position_T.size, None))
    per_layer = None
    if "attention_per_layer" in sidecar.tensors:
        per_layer = sidecar.tensor("attention_per_layer", np.float32, (len(message.layers), *mean_TI.shape))
    return TokenAttention(position_T, tuple(message.layers), mean_TI, per_layer)
