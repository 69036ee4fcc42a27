"""An SAE read otherwise in one point: what the loader could have decided differently, and the remedy where that turns out right."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tb_visualscratchpad.exporter.sae import Decision, Source, SparseAutoencoder
from tb_visualscratchpad.exporter.sae.activation_functions import BatchTopK, JumpRelu, Relu, TopK
from tb_visualscratchpad.exporter.sae.folded_weights import FoldedWeights
from tb_visualscratchpad.exporter.sae.normalisations import NORMALISATION_OF_NAME

_TAKES_SCALE = ("saev",)
"""Formats whose loaders take a scaling factor whatever the file says."""
_TAKES_B_DEC = ("saev",)
EXPECTED_AVERAGE = "expected_average_only_in"


@dataclass(frozen=True, eq=False)
class Reading:
    """One SAE, read in one way.

    Attributes:
        decision: what was decided otherwise; empty for the SAE as it was loaded.
        words: how it is read then.
        remedy: an option, or what to write into a config.
    """

    decision: str
    words: str
    sae: SparseAutoencoder
    remedy: str = ""


def fixed_readings(sae: SparseAutoencoder) -> tuple[Reading, ...]:
    """What can be otherwise and has no number to search for."""
    return (*_b_dec(sae), *_normalisations(sae), *_activation(sae), *_layouts(sae))


def _b_dec(sae: SparseAutoencoder) -> tuple[Reading, ...]:
    if not bool(sae.b_dec.any()):
        return ()
    subtracts = not sae.subtracts_b_dec
    remedy = (
        f"--sae-subtract-b-dec {'yes' if subtracts else 'no'}" if _format(sae) in _TAKES_B_DEC
        else in_config(sae, f'"apply_b_dec_to_input": {str(subtracts).lower()}')
    )
    words = "b_dec subtracted" if subtracts else "b_dec not subtracted"
    return (Reading("subtracts_b_dec", words, replace(sae, subtracts_b_dec=subtracts), remedy),)


def _normalisations(sae: SparseAutoencoder) -> tuple[Reading, ...]:
    return tuple(
        Reading(
            "normalisation", "tokens not normalised" if name == "none" else f"tokens normalised by {name}", replace(sae, normalisation=kind),
            in_config(sae, f'"normalize_activations": "{name}"'),
        )
        for name, kind in NORMALISATION_OF_NAME.items()
        if name != sae.normalisation.name
    )


def _activation(sae: SparseAutoencoder) -> tuple[Reading, ...]:
    if not isinstance(sae.activation_function, (BatchTopK, JumpRelu)):
        return ()
    said = _decision(sae, "threshold")
    remedy = "--sae-threshold 0" if said is not None and said.source is Source.ANSWER else in_config(sae, '"architecture": "standard"')
    return (Reading("activation", "the threshold left out", replace(sae, activation_function=Relu()), remedy),)


def _layouts(sae: SparseAutoencoder) -> tuple[Reading, ...]:
    """A matrix whose bytes were written in the other order: [K, d] read as [d, K], or the reverse."""
    d, n = sae.d_in, sae.n_latents
    W_enc, W_dec = sae.W_enc.contiguous().reshape(n, d).T, sae.W_dec.contiguous().reshape(d, n).T
    told = "write {} anew, transposed: its numbers stand in the order of [{}]"
    return (
        Reading("layout", "W_enc transposed", replace(sae, W_enc=W_enc), told.format("W_enc", f"{n}, {d}")),
        Reading("layout", "W_dec transposed", replace(sae, W_dec=W_dec), told.format("W_dec", f"{d}, {n}")),
        Reading("layout", "W_enc and W_dec transposed", replace(sae, W_enc=W_enc, W_dec=W_dec), told.format("W_enc and W_dec", f"{n}, {d}] and [{d}, {n}")),
    )


def with_scale(sae: SparseAutoencoder, factor: float) -> Reading:
    """What is read is multiplied by ``factor`` more than as loaded, and what is rebuilt divided by it."""
    weights = FoldedWeights(sae.W_enc, sae.b_enc, sae.W_dec, sae.b_dec, sae.subtracts_b_dec).scaled(factor)
    said = _decision(sae, "scale")
    loaded = float(said.value) if said is not None and isinstance(said.value, (int, float)) else 1.0
    remedy = f"--sae-scaling-factor {loaded * factor:.3g}"
    if said is None and _format(sae) not in _TAKES_SCALE:
        remedy += " with " + in_config(sae, f'"normalize_activations": "{EXPECTED_AVERAGE}"')
    read = replace(sae, W_enc=weights.W_enc, W_dec=weights.W_dec, b_dec=weights.b_dec)
    return Reading("scale", f"inputs multiplied by {factor:.3g}", read, remedy)


def with_k(sae: SparseAutoencoder, k: int) -> Reading:
    """At most ``k`` latents fire on a token."""
    said = _decision(sae, "k")
    if said is not None and said.source is Source.ANSWER:
        remedy = f"--sae-k {k}"
    else:
        remedy = in_config(sae, f'"k": {k}' if isinstance(sae.activation_function, TopK) else f'"architecture": "topk", "k": {k}')
    return Reading("k", f"k = {k}", replace(sae, activation_function=TopK(k)), remedy)


def in_config(sae: SparseAutoencoder, line: str) -> str:
    """Where to write a line of SAELens' config: into the file itself, or into what ``convert-sae`` makes of another library's."""
    return f"{line} in cfg.json" if _format(sae) in ("SAELens", "") else f"convert-sae, then {line} in the cfg.json that it wrote"


def _decision(sae: SparseAutoencoder, name: str) -> Decision | None:
    return None if sae.report is None else sae.report.decision(name)


def _format(sae: SparseAutoencoder) -> str:
    return "" if sae.report is None else sae.report.format
