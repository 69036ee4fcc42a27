"""What an SAE does to each token before it reads it, and how that is undone on what it rebuilds.

A normalisation is a small value joined in a union. ``normalise(x)`` with x [..., d] gives the normalised tokens and a
``NormState``: the statistics of these very tokens. Rebuilding an edited latent vector takes the state of the tokens
that were read, so that a difference of two reconstructions is the edit alone.

``expected_average_only_in`` is none of these: its one scalar is folded into the weights on loading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class NormState:
    """Undoes a normalisation: y * ``scale`` + ``shift``. Both [..., 1], or None for the identity."""

    scale: Tensor | None = None
    shift: Tensor | None = None

    def undo(self, y: Tensor) -> Tensor:
        """Rebuilt tokens [..., d] in the units that the hook gives."""
        if self.scale is not None:
            y = y * self.scale
        return y if self.shift is None else y + self.shift

    def undo_difference(self, difference: Tensor) -> Tensor:
        """A difference of two rebuilt tokens [..., d] in those units: the shift cancels."""
        return difference if self.scale is None else difference * self.scale


@dataclass(frozen=True)
class NoNormalisation:
    """Tokens as they are."""

    name = "none"

    def normalise(self, x: Tensor) -> tuple[Tensor, NormState]:
        return x, NormState()


@dataclass(frozen=True)
class LayerNorm:
    """(x - mean) / (std + 1e-5) over d, std unbiased; undone as y * std + mean, without the 1e-5, as SAELens does."""

    name = "layer_norm"
    epsilon = 1e-5

    def normalise(self, x: Tensor) -> tuple[Tensor, NormState]:
        mean = x.mean(dim=-1, keepdim=True)
        centred = x - mean
        std = centred.std(dim=-1, keepdim=True)
        return centred / (std + self.epsilon), NormState(scale=std, shift=mean)


@dataclass(frozen=True)
class ConstantNorm:
    """x * sqrt(d) / |x|; undone as y * |x| / sqrt(d). A zero token stays zero, and is rebuilt as zero."""

    name = "constant_norm_rescale"

    def normalise(self, x: Tensor) -> tuple[Tensor, NormState]:
        scale = x.norm(dim=-1, keepdim=True) / x.shape[-1] ** 0.5
        divisor = torch.where(scale == 0, torch.ones_like(scale), scale)
        return x / divisor, NormState(scale=scale)


Normalisation = Union[NoNormalisation, LayerNorm, ConstantNorm]

NORMALISATION_OF_NAME: dict[str, Normalisation] = {
    normalisation.name: normalisation for normalisation in (NoNormalisation(), LayerNorm(), ConstantNorm())
}
