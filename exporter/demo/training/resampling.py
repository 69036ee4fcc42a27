"""Pillow's way of scaling pictures, as matrices: one axis of a picture times a matrix is that axis scaled.

    out[i] = sum_j w[i, j] in[j],   w[i, j] proportional to filter((j + 1/2 - centre_i) / max(scale, 1)),
    scale = n_in / n_out,   centre_i = (i + 1/2) scale

(Pillow, src/libImaging/Resample.c.) Pillow rounds pixels of eight bits after each axis, the horizontal first.

Shape suffixes: ``N`` pictures, ``I`` pixels that come out, ``J`` pixels that go in.
"""

from __future__ import annotations

from typing import Literal

import torch

Filter = Literal["box", "bicubic"]
_HALF_WIDTH: dict[Filter, float] = {"box": 0.5, "bicubic": 2.0}


def resampling_matrices(n_in: int, n_out_N: torch.Tensor, longest: int, filtered_by: Filter) -> torch.Tensor:
    """Float32 [N, longest, n_in] for each length ``n_out_N`` (int, at most ``longest``); rows behind it are zero."""
    scale_N11 = n_in / n_out_N.double()[:, None, None]
    stretch_N11 = scale_N11.clamp(min=1)
    reach_N11 = _HALF_WIDTH[filtered_by] * stretch_N11
    out_I1 = torch.arange(longest, device=n_out_N.device, dtype=torch.float64)[:, None]
    in_J = torch.arange(n_in, device=n_out_N.device, dtype=torch.float64)
    centre_NI1 = (out_I1 + 0.5) * scale_N11
    within_NIJ = (in_J >= (centre_NI1 - reach_N11 + 0.5).floor()) & (in_J < (centre_NI1 + reach_N11 + 0.5).floor())
    weight_NIJ = _weight((in_J + 0.5 - centre_NI1) / stretch_N11, filtered_by) * within_NIJ
    weight_NIJ = weight_NIJ / weight_NIJ.sum(dim=2, keepdim=True).clamp(min=1e-12)
    return (weight_NIJ * (out_I1 < n_out_N[:, None, None])).float()


def resampling_matrix(n_in: int, n_out: int, filtered_by: Filter, device: torch.device) -> torch.Tensor:
    """Float32 [n_out, n_in]."""
    return resampling_matrices(n_in, torch.tensor([n_out], device=device), n_out, filtered_by)[0]


def _weight(x: torch.Tensor, filtered_by: Filter) -> torch.Tensor:
    if filtered_by == "box":
        return ((x > -0.5) & (x <= 0.5)).double()
    # Keys' kernel with a = -1/2.
    near = (1.5 * x.abs() - 2.5) * x * x + 1
    far = ((-0.5 * x.abs() + 2.5) * x.abs() - 4) * x.abs() + 2
    return torch.where(x.abs() < 1, near, torch.where(x.abs() < 2, far, torch.zeros_like(x)))


def rounded(pixels: torch.Tensor) -> torch.Tensor:
    """As whole numbers, 0 to 255, half rounded up."""
    return (pixels + 0.5).floor().clamp(0, 255)
