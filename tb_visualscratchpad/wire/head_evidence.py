"""What each head of the text model attends to: too large to record of every word, so made for chosen ones.

Shape suffixes: ``L`` layers, ``H`` heads of a layer, ``T`` rows, ``I`` image tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.wire.evidence import TokenAttention
from tb_visualscratchpad.wire.steering_evidence import Outcome

MAX_TOKENS = 8
"""So many words are recorded at once."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class HeadAttention(Outcome):
    """Attention of some text positions of a run to its image tokens, head by head: softmax over all keys, image columns kept.

    A row is kept as float16 shares of its largest value and that value: the rounding of a value is at most 1 part in 2,048, or
    3e-8 of the row's largest where it is smaller than 6e-5 of that.

    Attributes:
        query_position_T: int32, the sequence positions, ascending.
        layers: numbers of the text model's layers, ascending.
        share_LHTI: float16, 0...1.
        row_scale_LHT: float32, the largest attention of each row, 0...1.
        difference: how far the mean over heads and layers is from what the run recorded; of each row the sum of absolute
            differences over the sum of what was recorded, the largest. Measured before the rounding.
    """

    query_position_T: np.ndarray
    layers: tuple[int, ...]
    share_LHTI: np.ndarray
    row_scale_LHT: np.ndarray
    difference: float

    def __post_init__(self) -> None:
        n_rows = self.query_position_T.size
        _require(self.original_run_id != "", "maps of heads are of a logged run")
        _require(n_rows > 0 and bool(np.all(np.diff(self.query_position_T) > 0)), "positions must ascend, at least one")
        shape = (len(self.layers), self.row_scale_LHT.shape[1] if self.row_scale_LHT.ndim == 3 else 0, n_rows)
        _require(self.row_scale_LHT.dtype == np.float32 and self.row_scale_LHT.shape == shape and min(shape) > 0, f"row_scale must be float32 {shape}")
        _require(
            self.share_LHTI.dtype == np.float16 and self.share_LHTI.ndim == 4 and self.share_LHTI.shape[:3] == shape,
            f"share must be float16 of {shape} and image tokens",
        )
        _require(bool(np.all(np.diff(self.layers) > 0)), "layers must ascend")
        _require(math.isfinite(self.difference) and self.difference >= 0, "a difference is finite and not negative")

    @property
    def n_heads(self) -> int:
        """H."""
        return int(self.share_LHTI.shape[1])

    @property
    def n_image_tokens(self) -> int:
        """I."""
        return int(self.share_LHTI.shape[3])

    def row_of(self, position: int) -> int | None:
        """Which row is of a sequence position; None where it was not made."""
        found = np.flatnonzero(self.query_position_T == position)
        return int(found[0]) if found.size else None

    def row_LHI(self, row: int) -> np.ndarray:
        """float32 [L, H, I], attention of one row. Only this row is read from a mapped sidecar."""
        return self.share_LHTI[:, :, row].astype(np.float32) * self.row_scale_LHT[:, :, row, None]

    def head_I(self, layer: int, head: int, row: int) -> np.ndarray:
        """float32 [I], attention of one row of one head; ``layer`` as in ``layers``."""
        place = self.layers.index(layer)
        return self.share_LHTI[place, head, row].astype(np.float32) * self.row_scale_LHT[place, head, row]

    def over_heads(self) -> TokenAttention:
        """The mean over heads, as a run records it."""
        per_layer_LTI = (self.share_LHTI.astype(np.float32) * self.row_scale_LHT[..., None]).mean(axis=1)
        return TokenAttention(self.query_position_T, self.layers, per_layer_LTI.mean(axis=0), per_layer_LTI)


def as_shares(attention: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float16 of the shape given and float32 without the last axis: each row over its largest value, and that."""
    largest = attention.max(axis=-1, initial=0.0)
    share = attention / np.where(largest > 0, largest, 1)[..., None]
    return share.astype(np.float16), largest.astype(np.float32)
