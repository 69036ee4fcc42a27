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

    def merge(self, other: RunningStatistics) -> None:
        """Add what another one counted over other images."""
        self.n_images += other.n_images
        self.n_patches += other.n_patches
        self.n_images_firing_K += other.n_images_firing_K
        self.n_patches_firing_K += other.n_patches_firing_K
        self.activation_sum_K += other.activation_sum_K


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
        residual, spread = float((x - rebuilt_Nd.to(x)).square().sum()), float((x - mean).square().sum())
        self._merge(x.shape[0], mean, spread, residual)

    def merge(self, other: RunningReconstruction) -> None:
        """Add what another one summed over other features."""
        if other._mean_d is not None:
            self._merge(other._n, other._mean_d, other._spread, other._residual)

    def _merge(self, n: int, mean_d: Tensor, spread: float, residual: float) -> None:
        if self._mean_d is None:
            self._mean_d = torch.zeros_like(mean_d)
        apart = mean_d - self._mean_d
        total = self._n + n
        self._residual += residual
        self._spread += spread + float(apart.square().sum()) * self._n * n / total
        self._mean_d = self._mean_d + apart * (n / total)
        self._n = total

    def to_cpu(self) -> RunningReconstruction:
        """Itself, to be sent to another process."""
        self._mean_d = None if self._mean_d is None else self._mean_d.cpu()
        return self

    @property
    def fvu(self) -> float | None:
        """None when the features do not vary."""
        return self._residual / self._spread if self._spread > 0 else None
