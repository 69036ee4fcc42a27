"""What an SAE makes of a sample of tokens, in figures that tell a wrong reading from a right one.

A dictionary that was trained by squared error fulfils first-order conditions on the tokens it was trained on: no factor on what
it rebuilds lowers the error (the *slope* of the features on the reconstruction, about their means, is 1), and no vector added to it
does (the mean residual, the *bias*, is 0). A wrong scale, a wrong k or a b_dec out of place break them even where TopK hides the
error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tb_visualscratchpad.exporter.sae.sparse_autoencoder import DENSE_ELEMENTS_AT_ONCE, SparseAutoencoder
from tb_visualscratchpad.exporter.sae_check.token_sample import TokenSample
from tb_visualscratchpad.exporter.sweep import DENSE_CUTOFF

N_BOOTSTRAP = 1000
ROUNDING = 1e-13
"""Of the squared length of the mean: features that vary by less do so in the last bits of float32."""


@dataclass(frozen=True, eq=False)
class Measured:
    """An SAE on a sample. Tokens count by their weights.

    Attributes:
        residual_I, spread_I: float64 [images], sums of |x - x'|^2 and of |x - mean x|^2 over the tokens of each.
        slope: sum <x - mean x, x' - mean x'> / sum |x' - mean x'|^2; None where x' does not vary.
        bias: |mean (x - x')|^2 over the variance of x; None where x does not vary.
        l0, n_dead, n_dense, mean_strength: as in ``CheckedPlace``.
    """

    residual_I: np.ndarray
    spread_I: np.ndarray
    slope: float | None
    bias: float | None
    l0: float
    n_dead: int
    n_dense: int
    mean_strength: float

    @property
    def fvu(self) -> float | None:
        """Fraction of variance unexplained; None where the features do not vary."""
        spread = float(self.spread_I.sum())
        return float(self.residual_I.sum()) / spread if spread > 0 else None


@torch.inference_mode()
def measure(sae: SparseAutoencoder, sample: TokenSample) -> Measured:
    """What ``sae`` does on a sample of at least one token. Dense latents exist for a block of tokens at a time."""
    x_Nd, image_N, weight_N = sample.x_Nd, sample.image_N, sample.weight_N
    total = float(weight_N.sum())
    mean_d = (x_Nd.double() * weight_N[:, None]).sum(dim=0) / total
    n_images, n_latents = sample.n_images, sae.n_latents
    residual, spread = torch.zeros(n_images, dtype=torch.float64), torch.zeros(n_images, dtype=torch.float64)
    rebuilt_sum_d, cross, square = torch.zeros_like(mean_d), 0.0, 0.0
    fires_IK = torch.zeros(n_images, n_latents, dtype=torch.bool)
    n_firing, strength = 0.0, 0.0
    block = max(1, DENSE_ELEMENTS_AT_ONCE // n_latents)
    for start in range(0, len(x_Nd), block):
        part = slice(start, start + block)
        x, image, weight = x_Nd[part], image_N[part], weight_N[part]
        normalised, state = sae.normalise(x)
        z = sae.encode_normalised(normalised)
        rebuilt = state.undo(sae.decode_normalised(z)).cpu().double() - mean_d
        exact = x.double() - mean_d
        residual.index_add_(0, image, (exact - rebuilt).square().sum(dim=-1) * weight)
        spread.index_add_(0, image, exact.square().sum(dim=-1) * weight)
        rebuilt_sum_d += (rebuilt * weight[:, None]).sum(dim=0)
        cross += float(((exact * rebuilt).sum(dim=-1) * weight).sum())
        square += float((rebuilt.square().sum(dim=-1) * weight).sum())
        fires = z > 0
        n_firing += float((fires.sum(dim=-1).cpu() * weight).sum())
        strength += float((z.float().sum(dim=-1).cpu() * weight).sum())
        for number in torch.unique_consecutive(image).tolist():
            fires_IK[number] |= fires[(image == number).to(fires.device)].any(dim=0).cpu()
    rebuilt_mean = rebuilt_sum_d / total
    varies = square - total * float(rebuilt_mean.square().sum())
    if float(spread.sum()) <= ROUNDING * total * float(mean_d.square().sum()):
        spread.zero_()
    all_spread = float(spread.sum())
    n_images_K = fires_IK.sum(dim=0)
    return Measured(
        residual_I=residual.numpy(), spread_I=spread.numpy(),
        slope=cross / varies if varies > 1e-12 * max(square, 1e-300) else None,
        bias=total * float(rebuilt_mean.square().sum()) / all_spread if all_spread > 0 else None,
        l0=n_firing / total, n_dead=int((n_images_K == 0).sum()), n_dense=int((n_images_K > DENSE_CUTOFF * n_images).sum()),
        mean_strength=strength / n_firing if n_firing else 0.0,
    )


def share_better(one: Measured, other: Measured, seed: int = 0) -> float | None:
    """In what share of bootstrap samples of the images ``one`` leaves less unexplained than ``other``, on the same images.

    None where the features do not vary.
    """
    if one.fvu is None or other.fvu is None:
        return None
    n = len(one.residual_I)
    count = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAP).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = [count @ measured.residual_I / (count @ measured.spread_I) for measured in (one, other)]
    return float(np.mean(left[0] < left[1]))
