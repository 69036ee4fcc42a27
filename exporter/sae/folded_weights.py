"""Weights that read and rebuild the features themselves: what libraries keep apart and is linear is folded in.

    pre = (x - b_dec) W_enc + b_enc        the subtraction only where ``subtracts_b_dec``
    x' = z W_dec + b_dec

Shape suffixes: ``d`` input width, ``K`` latents.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class FoldedWeights:
    """W_enc [d, K], b_enc [K], W_dec [K, d], b_dec [d]. Each method gives new weights and leaves these alone."""

    W_enc: Tensor
    b_enc: Tensor
    W_dec: Tensor
    b_dec: Tensor
    subtracts_b_dec: bool = True

    def scaled(self, scale: float) -> FoldedWeights:
        """What reads x, where these read x * ``scale`` and rebuild x * ``scale``. Latents stay as they are."""
        if scale == 1.0:
            return self
        return replace(self, W_enc=self.W_enc * scale, W_dec=self.W_dec / scale, b_dec=self.b_dec / scale)

    def centred(self, mean_d: Tensor) -> FoldedWeights:
        """What reads x, where these read x - ``mean_d``."""
        b_enc = self.b_enc if self.subtracts_b_dec else self.b_enc - mean_d @ self.W_enc
        return replace(self, b_enc=b_enc, b_dec=self.b_dec + mean_d)

    def whitened(self, mean_d: Tensor, matrix_dd: Tensor, inverse_dd: Tensor) -> FoldedWeights:
        """What reads x, where these read (x - mean) M and rebuild y with x' = y M^-1 + mean. In float64, as SAELens folds it."""
        dtype = torch.promote_types(self.W_enc.dtype, matrix_dd.dtype)
        matrix, inverse, mean = (tensor.to(dtype) for tensor in (matrix_dd, inverse_dd, mean_d))
        within = FoldedWeights(
            matrix @ self.W_enc.to(dtype), self.b_enc.to(dtype), self.W_dec.to(dtype) @ inverse, self.b_dec.to(dtype) @ inverse,
            self.subtracts_b_dec,
        ).centred(mean)
        stored = self.W_enc.dtype
        return replace(
            self, W_enc=within.W_enc.to(stored), b_enc=within.b_enc.to(stored), W_dec=within.W_dec.to(stored), b_dec=within.b_dec.to(stored)
        )

    def by_decoder_norm(self) -> FoldedWeights:
        """Pre-activations times the norms of the decoder's rows, and rows of norm 1.

        A latent without a decoder row never fires under the rescaling, and rebuilds nothing.
        """
        norm = self.W_dec.norm(dim=-1)
        W_dec = self.W_dec / torch.where(norm == 0, torch.ones_like(norm), norm)[:, None]
        return replace(self, W_enc=self.W_enc * norm, b_enc=self.b_enc * norm, W_dec=W_dec)
