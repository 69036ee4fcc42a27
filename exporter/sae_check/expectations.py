"""Figures of an SAE as it was loaded, beside what they are where it is read rightly."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.sae_check.diagnosis import HIGH_FVU, Round
from tb_visualscratchpad.exporter.sae_check.measured import measure
from tb_visualscratchpad.exporter.sae_check.token_sample import TokenSample
from tb_visualscratchpad.wire.sae_check_evidence import CheckedMeasure, Outcome

FLAT = 1.1
"""Where FVU rises by less at half and twice the best scale, the scale cannot be told from it."""


def expectations(first: Round) -> tuple[CheckedMeasure, ...]:
    """The measures, those that a verdict rests on first."""
    setup, measured = first.setup, first.measured
    sae, sample = setup.sae, setup.sample
    found = [
        _within("variance unexplained", measured.fvu, 0, HIGH_FVU, f"under {HIGH_FVU:.0%}"),
        _within("slope of the features on the reconstruction", measured.slope, 0.9, 1.1, "1, within 0.1 (under an L1 penalty 0.8 to 1.2)", (0.8, 1.2)),
        _within("share of variance in the mean residual", measured.bias, 0, 0.02, "under 0.02"),
        *_mean(sae, sample),
        *_scale(first),
        *_latents(first),
        _tied(sae),
    ]
    leading = setup.place.class_tokens
    if leading is not None:
        alone = measure(sae, leading).fvu
        found.append(CheckedMeasure("variance unexplained on class tokens alone", alone, "any: they are left out", Outcome.UNDECIDED))
    return tuple(found)


def _within(
    name: str, value: float | None, low: float, high: float, expected: str, undecided: tuple[float, float] | None = None
) -> CheckedMeasure:
    if value is None:
        outcome = Outcome.UNDECIDED
    elif low <= value <= high:
        outcome = Outcome.AS_EXPECTED
    elif undecided is not None and undecided[0] <= value <= undecided[1]:
        outcome = Outcome.UNDECIDED
    else:
        outcome = Outcome.UNEXPECTED
    return CheckedMeasure(name, value, expected, outcome)


@torch.inference_mode()
def mean_over_b_dec(sae: SparseAutoencoder, sample: TokenSample) -> tuple[float, float] | None:
    """How long the mean of the (normalised) features is along b_dec, in lengths of b_dec, and the cosine of the two.

    None where either is zero.
    """
    normalised = sae.normalise(sample.x_Nd)[0].cpu().double()
    mean_d = (normalised * sample.weight_N[:, None]).sum(dim=0) / sample.weight_N.sum()
    b_dec = sae.b_dec.cpu().double()
    along, square = float(mean_d @ b_dec), float(b_dec @ b_dec)
    length = float(mean_d.norm())
    return (along / square, along / math.sqrt(square) / length) if square > 0 and length > 0 else None


def _mean(sae: SparseAutoencoder, sample: TokenSample) -> list[CheckedMeasure]:
    found = mean_over_b_dec(sae, sample)
    if found is None:
        return []
    ratio, cosine = found
    # b_dec need not lie at the mean; where it points there, though, it should also be as long.
    tells = cosine >= 0.9
    outcome = Outcome.UNDECIDED if not tells else Outcome.AS_EXPECTED if 0.5 <= ratio <= 2 else Outcome.UNEXPECTED
    return [
        CheckedMeasure("cosine of b_dec and the mean of the features", cosine, "near 1 where b_dec began at the mean", Outcome.AS_EXPECTED if tells else Outcome.UNDECIDED),
        CheckedMeasure("length of that mean along b_dec, over b_dec", ratio, "1, within a factor of 2, where that cosine is over 0.9", outcome),
    ]


def _scale(first: Round) -> list[CheckedMeasure]:
    if first.scale is None:
        return []
    factor, lift = first.scale.factor, first.scale.lift
    outcome = Outcome.AS_EXPECTED if 0.8 <= factor <= 1.25 else Outcome.UNDECIDED if lift < FLAT else Outcome.UNEXPECTED
    return [
        CheckedMeasure("factor on the inputs that leaves least unexplained", factor, "1, within 0.8 to 1.25", outcome),
        CheckedMeasure(
            "rise of what is unexplained at half or twice that factor", lift, f"over {FLAT:g}, else the scale cannot be told from it",
            Outcome.AS_EXPECTED if lift >= FLAT else Outcome.UNDECIDED,
        ),
    ]


def _latents(first: Round) -> list[CheckedMeasure]:
    sae, measured, best_k = first.setup.sae, first.measured, first.k
    function, n = sae.activation_function, sae.n_latents
    if isinstance(function, TopK):
        expected, enough = f"{function.k} at most, and over half of it", measured.l0 >= function.k / 2
    else:
        expected, enough = "over 1, and under a tenth of the latents", 1 <= measured.l0 <= max(2.0, n / 10)
    found = [
        CheckedMeasure("latents per token", measured.l0, expected, Outcome.AS_EXPECTED if enough else Outcome.UNEXPECTED),
        CheckedMeasure("share of latents silent on this sample", measured.n_dead / n, "any: the sample is small", Outcome.UNDECIDED),
    ]
    if isinstance(function, TopK) and best_k is not None:
        near = max(best_k, function.k) < 1.5 * min(best_k, function.k)
        told = any(change.decision == "k" and change.is_clear for change in first.changes)
        outcome = Outcome.UNEXPECTED if told else Outcome.AS_EXPECTED if near else Outcome.UNDECIDED
        found.insert(1, CheckedMeasure("k at which that slope is 1", float(best_k), f"{function.k}, within a factor of 1.5", outcome))
    return found


@torch.inference_mode()
def tied_cosines(sae: SparseAutoencoder) -> tuple[float, float]:
    """Mean cosine of each latent's encoder column and decoder row, and of columns and rows of different latents (the next one's)."""
    encoder, decoder = functional.normalize(sae.W_enc.T.float(), dim=-1), functional.normalize(sae.W_dec.float(), dim=-1)
    own = (encoder * decoder).sum(dim=-1)
    other = (encoder * decoder.roll(1, dims=0)).sum(dim=-1)
    return float(own.mean()), float(other.mean())


def _tied(sae: SparseAutoencoder) -> CheckedMeasure:
    own, other = tied_cosines(sae)
    # Of K pairs of random directions the mean cosine has the standard deviation 1 / sqrt(K d).
    spread = 1 / math.sqrt(sae.n_latents * sae.d_in)
    clear = own - other > max(0.05, 5 * spread)
    return CheckedMeasure(
        "cosine of a latent's encoder column and decoder row", own, f"clearly over that of different latents ({other:.3f})",
        Outcome.AS_EXPECTED if clear else Outcome.UNEXPECTED,
    )
