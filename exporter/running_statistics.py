"""Sums over a stream of images: how often latents fire, how strongly, and how well the SAE rebuilds what it reads.

Counts are int64 and sums float64. Shape suffixes: ``K`` latents, ``N`` packed patches, ``d`` feature width.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class RunningStatistics:
    """Counts and sums of each latent over the images added so far."""

    def __init__(self, n_latents: int) -> None:
        self.n_images = 0
        self.n_patches = 0
        self.n_images_firing_K = np.zeros(n_latents, dtype=np.int64)
        self.n_patches_firing_K = np.zeros(n_latents, dtype=np.int64)
        self.activation_sum_K = np.zeros(n_latents, dtype=np.float64)

    def add(self, n_patches: int, n_firing_K: np.ndarray, sum_K: np.ndarray) -> None:
        """Add one image: its packed patches, in how many of them each latent fires, and the sum of z over them."""
        self.n_images += 1
        self.n_patches += n_patches
        self.n_images_firing_K += n_firing_K > 0
        self.n_patches_firing_K += n_firing_K
        self.activation_sum_K += sum_K


class RunningReconstruction:
    """Fraction of variance unexplained, sum |x - x'|^2 / sum |x - mean x|^2, over a stream of features.

    The spread about the mean is merged block by block (Chan, Golub and LeVeque 1983): a difference of two large sums
    would lose what remains when features are far from zero.
    """

    def __init__(self) -> None:
        self._n = 0
        self._mean_d: Tensor | None = None
        self._spread = 0.0
        self._residual = 0.0

    def add(self, x_Nd: Tensor, rebuilt_Nd: Tensor) -> None:
        """Add features and what the SAE makes of them; N > 0."""
        x = x_Nd.double()
        mean = x.mean(dim=0)
        self._residual += float((x - rebuilt_Nd.to(x)).square().sum())
        self._spread += float((x - mean).square().sum())
        n = x.shape[0]
        if self._mean_d is None:
            self._mean_d = torch.zeros_like(mean)
        apart = mean - self._mean_d
        total = self._n + n
        self._spread += float(apart.square().sum()) * self._n * n / total
        self._mean_d = self._mean_d + apart * (n / total)
        self._n = total

    @property
    def fvu(self) -> float | None:
        """None when the features do not vary."""
        return self._residual / self._spread if self._spread > 0 else None
