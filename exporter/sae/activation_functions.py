"""How pre-activations become latents: ReLU, TopK and JumpReLU, as small values joined in a union.

Each is called with pre-activations [..., K] and gives latents z >= 0 of the same shape, dtype and device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

import torch
from torch import Tensor


@dataclass(frozen=True)
class Relu:
    """z = max(pre, 0)."""

    name = "relu"

    def __call__(self, pre: Tensor) -> Tensor:
        return torch.relu(pre)

    def to(self, device: torch.device, dtype: torch.dtype) -> Relu:
        """Itself: there are no weights to move."""
        return self


@dataclass(frozen=True)
class TopK:
    """z = max(pre, 0) at the ``k`` largest pre-activations of a row, 0 elsewhere; of equals the lowest latent wins.

    A row holds fewer than k latents where fewer pre-activations are positive.
    """

    k: int
    name = "topk"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}")

    def __call__(self, pre: Tensor) -> Tensor:
        flat = pre.reshape(-1, pre.shape[-1])
        # One more than k, to see whether the last that fires has an equal that does not: torch.topk does not say which
        # of several equals it takes. Only positive ties show after the ReLU.
        value, latent = flat.topk(min(self.k + 1, flat.shape[-1]), dim=-1)
        kept = slice(0, self.k)
        z = torch.zeros_like(flat).scatter(-1, latent[:, kept], torch.relu(value[:, kept]))
        if value.shape[-1] > self.k:
            tied = (value[:, self.k - 1] == value[:, self.k]) & (value[:, self.k] > 0)
            if bool(tied.any()):
                rows = flat[tied]
                first = torch.sort(rows, dim=-1, descending=True, stable=True).indices[:, kept]
                z[tied] = torch.zeros_like(rows).scatter(-1, first, torch.relu(rows.gather(-1, first)))
        return z.reshape(pre.shape)

    def to(self, device: torch.device, dtype: torch.dtype) -> TopK:
        """Itself: there are no weights to move."""
        return self


@dataclass(frozen=True, eq=False)
class JumpRelu:
    """z = max(pre, 0) where pre > threshold, 0 elsewhere; ``threshold_K`` [K] may be negative."""

    threshold_K: Tensor
    name = "jumprelu"

    def __call__(self, pre: Tensor) -> Tensor:
        return torch.where(pre > self.threshold_K, torch.relu(pre), torch.zeros_like(pre))

    def to(self, device: torch.device, dtype: torch.dtype) -> JumpRelu:
        """The same with its thresholds on another device and in another type."""
        return JumpRelu(self.threshold_K.to(device=device, dtype=dtype))


ActivationFunction = Union[Relu, TopK, JumpRelu]
