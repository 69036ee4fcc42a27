"""Nearest neighbours by cosine, exact, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

_SIMILARITIES_AT_ONCE = 1 << 26
"""256 MiB of float32."""


@dataclass(frozen=True)
class Neighbours:
    """``index_KN`` int32 and ``cosine_KN`` float32 [K, n], best first; a row is not its own neighbour."""

    index_KN: np.ndarray
    cosine_KN: np.ndarray


def nearest_by_cosine(unit_Kd: np.ndarray, n: int, on_rows: Callable[[int], None] = lambda n_rows: None) -> Neighbours:
    """The n rows with the largest cosine to each row.

    Args:
        unit_Kd: float32, rows of length one.
        n: below K.
        on_rows: told how many rows were finished, after each block.
    """
    unit = torch.from_numpy(np.ascontiguousarray(unit_Kd, dtype=np.float32))
    n_rows = unit.shape[0]
    index = np.zeros((n_rows, n), dtype=np.int32)
    cosine = np.zeros((n_rows, n), dtype=np.float32)
    block = max(1, _SIMILARITIES_AT_ONCE // max(n_rows, 1))
    for start in range(0, n_rows if n else 0, block):
        similarity = unit[start : start + block] @ unit.T
        here = torch.arange(similarity.shape[0])
        similarity[here, start + here] = -torch.inf
        best = similarity.topk(n, dim=-1)
        index[start : start + block] = best.indices.numpy()
        cosine[start : start + block] = best.values.clamp(-1, 1).numpy()
        on_rows(similarity.shape[0])
    return Neighbours(index, cosine)
