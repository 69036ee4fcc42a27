"""How pre-activations become latents: small values joined in a union.

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
class TanhRelu:
    """z = tanh(max(pre, 0))."""

    name = "tanh-relu"

    def __call__(self, pre: Tensor) -> Tensor:
        return torch.tanh(torch.relu(pre))

    def to(self, device: torch.device, dtype: torch.dtype) -> TanhRelu:
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


@dataclass(frozen=True)
class GroupMax:
    """z = max(pre, 0) at the largest of each of ``k`` contiguous groups of K / k latents, 0 elsewhere; of equals the lowest wins."""

    k: int
    name = "groupmax"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}")

    def __call__(self, pre: Tensor) -> Tensor:
        groups = torch.relu(pre).unflatten(-1, (self.k, -1))
        # argmax gives the first of equals on every device; a group without a positive member keeps a zero.
        value, member = groups.amax(dim=-1, keepdim=True), groups.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(groups).scatter(-1, member, value).reshape(pre.shape)

    def to(self, device: torch.device, dtype: torch.dtype) -> GroupMax:
        """Itself: there are no weights to move."""
        return self


@dataclass(frozen=True, eq=False)
class JumpRelu:
    """z = max(pre, 0) where pre > threshold, 0 elsewhere; ``threshold_K`` [K] may be negative.

    Attributes:
        inclusive: a pre-activation that equals its threshold fires.
    """

    threshold_K: Tensor
    inclusive: bool = False
    name = "jumprelu"

    def __call__(self, pre: Tensor) -> Tensor:
        fires = pre >= self.threshold_K if self.inclusive else pre > self.threshold_K
        return torch.where(fires, torch.relu(pre), torch.zeros_like(pre))

    def to(self, device: torch.device, dtype: torch.dtype) -> JumpRelu:
        """The same with its thresholds on another device and in another type."""
        return JumpRelu(self.threshold_K.to(device=device, dtype=dtype), self.inclusive)


@dataclass(frozen=True)
class BatchTopK:
    """What a batch-top-k SAE computes after training: z = max(pre, 0) where pre > ``threshold``, one for all latents; 0 elsewhere.

    Attributes:
        inclusive: a pre-activation that equals the threshold fires.
    """

    threshold: float
    inclusive: bool = False
    name = "batchtopk"

    def __call__(self, pre: Tensor) -> Tensor:
        fires = pre >= self.threshold if self.inclusive else pre > self.threshold
        return torch.where(fires, torch.relu(pre), torch.zeros_like(pre))

    def to(self, device: torch.device, dtype: torch.dtype) -> BatchTopK:
        """Itself: there are no weights to move."""
        return self


@dataclass(frozen=True, eq=False)
class Gated:
    """z = max(pre * scale + shift, 0) where pre > 0, 0 elsewhere. ``scale_K`` > 0 and ``shift_K``, both [K].

    Gate and magnitude of a gated SAE share their weights: with p = x' W_enc, the gate is p + b_gate = pre, the magnitude
    p exp(r_mag) + b_mag = pre exp(r_mag) + (b_mag - b_gate exp(r_mag)).
    """

    scale_K: Tensor
    shift_K: Tensor
    name = "gated"

    @classmethod
    def from_biases(cls, b_gate_K: Tensor, r_mag_K: Tensor, b_mag_K: Tensor) -> Gated:
        """From the parameters as libraries keep them. The encoder's bias is then ``b_gate_K``."""
        scale = r_mag_K.double().exp()
        return cls(scale.to(r_mag_K.dtype), (b_mag_K.double() - b_gate_K.double() * scale).to(b_mag_K.dtype))

    def __call__(self, pre: Tensor) -> Tensor:
        return torch.where(pre > 0, torch.relu(pre * self.scale_K + self.shift_K), torch.zeros_like(pre))

    def to(self, device: torch.device, dtype: torch.dtype) -> Gated:
        """The same with its weights on another device and in another type."""
        return Gated(self.scale_K.to(device=device, dtype=dtype), self.shift_K.to(device=device, dtype=dtype))


ActivationFunction = Union[Relu, TanhRelu, TopK, GroupMax, JumpRelu, BatchTopK, Gated]
