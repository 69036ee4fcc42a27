"""The numbers that an SAE would best be read with: the scale of its inputs, and k."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.activation_functions import BatchTopK as BatchTopKFunction
from tb_visualscratchpad.exporter.sae.activation_functions import JumpRelu, Relu, TopK
from tb_visualscratchpad.exporter.sae_check.measured import Measured, measure
from tb_visualscratchpad.exporter.sae_check.readings import with_k, with_scale
from tb_visualscratchpad.exporter.sae_check.token_sample import TokenSample

LARGEST_SCALE = 64
USUAL_K = (*(2**power for power in range(13)), 10, 20, 25, 40, 50, 100, 200)
"""What people train with. The slope tells k to about a tenth."""
NEAR_USUAL_K = 1.15
N_REFINEMENTS = 7
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class ScaleSearch:
    """Where FVU is lowest over factors on what is read.

    Attributes:
        factor: between 1/64 and 64.
        lift: by how much FVU rises, as a factor, at half or twice that (the smaller of the two); near 1 the scale cannot be told.
    """

    factor: float
    lift: float


def search_scale(sae: SparseAutoencoder, sample: TokenSample) -> ScaleSearch | None:
    """The best factor: powers of two first, then a golden section search between the neighbours of the best.

    None where the features do not vary.
    """

    known: dict[float, float] = {}

    def left(power: float) -> float:
        if power not in known:
            found = measure(with_scale(sae, 2.0**power).sae, sample).fvu
            known[power] = math.inf if found is None else found
        return known[power]

    top = int(math.log2(LARGEST_SCALE))
    best = min(range(-top, top + 1), key=left)
    if not math.isfinite(left(best)):
        return None
    low, high = float(best - 1), float(best + 1)
    for _ in range(N_REFINEMENTS):
        a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, b) if left(a) <= left(b) else (a, high)
    power = min(known, key=lambda one: known[one])
    floor = max(known[power], 1e-12)
    return ScaleSearch(2.0**power, min(left(power - 1), left(power + 1)) / floor)


def usual_k(k: int, n_latents: int) -> int:
    """The nearest number that people train with, where one is within a seventh; else ``k``."""
    apart = {usual: max(usual, k) / min(usual, k) for usual in USUAL_K if usual <= n_latents}
    near = min(apart, key=lambda usual: apart[usual])
    return near if apart[near] <= NEAR_USUAL_K else k


def search_k(sae: SparseAutoencoder, sample: TokenSample) -> int | None:
    """The k at which the slope is 1: with fewer latents what is rebuilt falls short of the features, with more it overshoots.

    Where the slope does not pass 1, the k with the least unexplained. None where k has no meaning for the activation function.
    """
    function = sae.activation_function
    if not isinstance(function, (TopK, Relu, BatchTopKFunction, JumpRelu)):
        return None
    start = function.k if isinstance(function, TopK) else max(1, round(measure(sae, sample).l0))
    powers = range(-4, 5)
    tried: dict[int, Measured] = {}
    for k in sorted({min(sae.n_latents, max(1, round(start * 2.0**power))) for power in powers}):
        tried[k] = measure(with_k(sae, k).sae, sample)
    counts = list(tried)
    for low, high in zip(counts, counts[1:], strict=False):
        over, under = tried[low].slope, tried[high].slope
        if over is not None and under is not None and over >= 1 >= under and over > under:
            within = (over - 1) / (over - under)
            return round(2 ** (math.log2(low) + within * (math.log2(high) - math.log2(low))))
    return min(counts, key=lambda k: math.inf if tried[k].fvu is None else tried[k].fvu or 0.0)
