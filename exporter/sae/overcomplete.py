"""overcomplete SAEs: a state dict that ``torch.save(sae.state_dict(), ...)`` wrote; the library has no layout of its own.

    p = x E + b, or x D^T (+ b) where the encoder is tied;  codes = relu(p)
    SAE: codes      TopK: the k largest      BatchTopK: codes >= its running threshold      Jump: codes >= exp(thresholds)
    x' = z D with D = normalised(_weights) exp(multiplier), no bias
    archetypal: D = (W C + Relax) exp(multiplier), rows of W >= 0 with sum 1, rows of Relax no longer than delta

k, the running threshold, the normalisation and delta are not in the state dict: they are asked for. Weights of a training step are
one optimiser step off their normalisation; the library normalises them in ``eval()``, so that they are normalised here too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torch import Tensor

from tb_visualscratchpad.exporter.sae.activation_functions import ActivationFunction, BatchTopK, JumpRelu, Relu, TopK
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, WeightsFile
from tb_visualscratchpad.exporter.sae.folded_weights import FoldedWeights
from tb_visualscratchpad.exporter.sae.found_checkpoint import FoundCheckpoint, LoadedParts, fixed, settled_k
from tb_visualscratchpad.exporter.sae.load_report import Decision, Source
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix, require_number, require_shape
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMAT = "overcomplete"
_LINEAR = {"encoder.final_block.0.weight": "encoder.final_block.0.bias", "encoder.weight": "encoder.bias"}
_PLAIN = {"dictionary._weights", "dictionary.multiplier"}
_ARCHETYPAL = {"dictionary.W", "dictionary.C", "dictionary.Relax", "dictionary.multiplier"}
_TIED = {"encoder.tied_to._weights", "encoder.tied_to.multiplier", "encoder.tied_to.W", "encoder.tied_to.C", "encoder.tied_to.Relax"}

NORMALISED: Mapping[str, Callable[[Tensor], Tensor]] = {
    "l2": lambda rows: rows / (rows.norm(p=2, dim=1, keepdim=True) + 1e-8),
    "max_l2": lambda rows: rows / rows.norm(p=2, dim=1).amax(),
    "l1": lambda rows: rows / (rows.norm(p=1, dim=1, keepdim=True) + 1e-8),
    "max_l1": lambda rows: rows / rows.norm(p=1, dim=1).amax(),
    "identity": lambda rows: rows,
}
"""As the library's ``DictionaryLayer`` has them, by ``decoder_norm``."""


def recognises(weights: WeightsFile, files: CheckpointFiles) -> bool:
    """A dictionary under the library's names."""
    return bool({"dictionary._weights", "dictionary.W"} & set(weights.shapes))


def load(found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
    """Load a state dict.

    Raises:
        ScratchpadError: its encoder is not linear, its codes are dense or pursued; something is missing, broken, or not said.
    """
    _refuse_other_models(found)
    tensors = found.weights.tensors()
    decoder, norm = _decoder(tensors, answers, found)
    n_latents, d_in = (int(extent) for extent in decoder.shape)
    encoder, b_enc = _encoder(tensors, decoder, found)
    architecture, activation, decisions = _activation(tensors, answers, n_latents, found)
    weights = FoldedWeights(encoder, b_enc, decoder, decoder.new_zeros(d_in), subtracts_b_dec=False)
    said = (
        fixed("subtracts_b_dec", False, "overcomplete has no b_dec"), fixed("normalisation", "none", "overcomplete has none"), norm, *decisions,
    )
    decisive = {"format": FORMAT, "architecture": architecture, **{one.name: one.value for one in said}}
    return LoadedParts(FORMAT, architecture, tensors, weights, activation, said, decisive=decisive).sae(found.name)


def _refuse_other_models(found: FoundCheckpoint) -> None:
    names = set(found.weights.shapes)
    if "Q" in names:
        raise ScratchpadError(f"{found.path} is a QSAE, whose codes are dense: every latent fires on every token, choose another SAE.")
    if not any(name.startswith("encoder.") for name in names):
        raise ScratchpadError(f"{found.path} has no encoder (MpSAE, OMPSAE): its codes are pursued one after another, choose another SAE.")
    known = _PLAIN | _ARCHETYPAL | _TIED | set(_LINEAR) | set(_LINEAR.values()) | {"thresholds"}
    other = sorted(names - known)
    if other:
        raise ScratchpadError(f"{found.path} holds {', '.join(other)[:200]}: only linear encoders are read, without norm or further layers.")


def _decoder(tensors: Mapping[str, Tensor], answers: AnswerSheet, found: FoundCheckpoint) -> tuple[Tensor, Decision]:
    """D [K, d], and what was decided about it."""
    path = found.path
    growth = math.exp(require_number(tensors, "dictionary.multiplier", path))
    if "dictionary._weights" in tensors:
        shape = require_matrix(tensors, "dictionary._weights", path)
        rows = require_shape(tensors, "dictionary._weights", shape, path)
        name = answers.require("decoder_norm", f"{path} does not say how overcomplete normalises its dictionary", "'l2' (overcomplete's default)")
        return NORMALISED[name](rows) * growth, Decision("decoder_norm", name, Source.ANSWER, "--sae-decoder-norm", tuple(NORMALISED))
    n_latents, n_points = require_matrix(tensors, "dictionary.W", path)
    d_in = require_matrix(tensors, "dictionary.C", path)[1]
    mixture = require_shape(tensors, "dictionary.W", (n_latents, n_points), path).clamp(min=0)
    mixture = mixture / (mixture.sum(dim=-1, keepdim=True) + 1e-8)
    relaxation = require_shape(tensors, "dictionary.Relax", (n_latents, d_in), path)
    delta = answers.require("delta", f"{path} does not say delta, the bound on the relaxation of its archetypes", "1.0 (overcomplete's default)")
    length = relaxation.norm(dim=-1, keepdim=True)
    relaxation = relaxation * (delta / length.clamp(min=1e-30)).clamp(max=1.0)
    points = require_shape(tensors, "dictionary.C", (n_points, d_in), path)
    return (mixture @ points.to(mixture.dtype) + relaxation) * growth, Decision("delta", delta, Source.ANSWER, "--sae-delta")


def _encoder(tensors: Mapping[str, Tensor], decoder: Tensor, found: FoundCheckpoint) -> tuple[Tensor, Tensor]:
    """W_enc [d, K] and b_enc [K]."""
    shape, bias = tuple(decoder.shape), "encoder.bias"
    rows = decoder
    for name, own_bias in _LINEAR.items():
        if name in tensors:
            rows, bias = require_shape(tensors, name, shape, found.path), own_bias
    b_enc = require_shape(tensors, bias, shape[:1], found.path) if bias in tensors else rows.new_zeros(shape[0])
    return rows.T.contiguous(), b_enc


def _activation(
    tensors: Mapping[str, Tensor], answers: AnswerSheet, n_latents: int, found: FoundCheckpoint
) -> tuple[str, ActivationFunction, tuple[Decision, ...]]:
    where = str(found.path)
    if "thresholds" in tensors:
        return "JumpSAE", JumpRelu(require_shape(tensors, "thresholds", (n_latents,), found.path).exp(), inclusive=True), ()
    kind = answers.require(
        "activation", f"{where} does not say which SAE of overcomplete it is: SAE, TopKSAE or BatchTopKSAE", "'relu', 'topk' or 'batchtopk'"
    )
    if kind == "relu":
        return "SAE", Relu(), ()
    if kind == "topk":
        k = settled_k(answers, None, n_latents, where, f"{where} does not say top_k of its TopKSAE")
        return "TopKSAE", TopK(int(k.value or 0)), (k,)
    if kind == "batchtopk":
        threshold = answers.require("threshold", f"{where} does not hold the running threshold of its BatchTopKSAE (sae.running_threshold)")
        return "BatchTopKSAE", BatchTopK(threshold, inclusive=True), (Decision("threshold", threshold, Source.ANSWER, "--sae-threshold"),)
    raise ScratchpadError(f"overcomplete has no {kind} SAE: say relu, topk or batchtopk.")
