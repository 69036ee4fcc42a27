"""dictionary_learning checkpoints, and those of sae-for-vlm: ``ae.pt`` of tensors, ``config.json`` with ``trainer`` beside it.

    AutoEncoder            relu((x - bias) E + b), times the decoder's norms where they are not 1
    AutoEncoderNew         relu(x E + b)
    GatedAutoEncoder       u = (x - decoder_bias) E; relu(u exp(r_mag) + mag_bias) * (u + gate_bias > 0)
    AutoEncoderTopK        the k largest of relu((x - b_dec) E + b)
    BatchTopKSAE, MatryoshkaBatchTopKSAE (spelt Matroyshka in sae-for-vlm)      p = relu((x - b_dec) E + b); p * (p > threshold)
    JumpReluAutoEncoder    relu(p) * (p > threshold) with p = x E + b: b_dec is not subtracted

Saved weights read raw activations: the trainer multiplies biases and threshold by its norm factor before it saves. The file of an
interrupted run ``{step, ae, optimizer, config, norm_factor}`` is not multiplied yet; it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tb_visualscratchpad.exporter.sae.activation_functions import (
    ActivationFunction,
    BatchTopK,
    Gated,
    JumpRelu,
    Relu,
    TopK,
)
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, WeightsFile
from tb_visualscratchpad.exporter.sae.folded_weights import FoldedWeights
from tb_visualscratchpad.exporter.sae.found_checkpoint import (
    FoundCheckpoint,
    LoadedParts,
    fixed,
    positive_integer,
    settled_k,
    stored,
)
from tb_visualscratchpad.exporter.sae.load_report import Decision, Source
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.standard_tensors import STANDARD, standard_weights
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix, require_number, require_shape
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMAT = "dictionary_learning"

_LINEAR = {"encoder.weight", "encoder.bias", "decoder.weight"}
AUTO_ENCODER, NEW, GATED = _LINEAR | {"bias"}, _LINEAR | {"decoder.bias"}, {
    "encoder.weight", "decoder.weight", "decoder_bias", "r_mag", "gate_bias", "mag_bias"
}
TOPK, MATRYOSHKA, JUMPRELU = _LINEAR | {"b_dec"}, STANDARD | {"k", "threshold", "group_sizes"}, STANDARD | {"threshold"}
_BATCH_TOPK_CLASSES = ("BatchTopKSAE",)
_TOPK_CLASSES = ("AutoEncoderTopK",)


def recognises(weights: WeightsFile, files: CheckpointFiles) -> bool:
    """The tensors of one of its classes. A threshold beside standard tensors is also SAELens' way: there its config decides."""
    names = set(weights.shapes)
    if names in (AUTO_ENCODER, GATED, MATRYOSHKA) or names - {"k", "threshold"} == TOPK:
        return weights.wrapper in (None, "ae")
    return names in (NEW, JUMPRELU) and bool(_trainer(weights, files))


def load(found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
    """Load one of its dictionaries.

    Raises:
        ScratchpadError: something is missing, broken, not understood, or not said.
    """
    tensors, trainer = found.weights.tensors(), _trainer(found.weights, found.files)
    names = set(tensors)
    told = trainer.get("dict_class")
    if names == GATED:
        parts = _gated(found, tensors)
    elif names == AUTO_ENCODER:
        parts = _auto_encoder(found, tensors)
    elif names in (MATRYOSHKA, JUMPRELU):
        parts = _standard_tensors(found, tensors, trainer, answers, told)
    elif names == NEW:
        if told != "AutoEncoderNew":
            raise ScratchpadError(f"{found.path} has the tensors of AutoEncoderNew, but the config beside it says dict_class is {told!r}.")
        weights = replace(_linear(found, tensors, "decoder.bias"), subtracts_b_dec=False)
        parts = _parts("AutoEncoderNew", tensors, weights, Relu(), [fixed("subtracts_b_dec", False, "AutoEncoderNew")])
    else:
        parts = _topk(found, tensors, trainer, answers, told)
    return _scaled_as_saved(parts, found).sae(found.name)


def _trainer(weights: WeightsFile, files: CheckpointFiles) -> Mapping[str, Any]:
    """What the trainer wrote of itself, beside the weights or, of a checkpoint within a run, above them; empty where it is not there."""
    for said in (weights.beside.get("config"), *(file.content.get("trainer") for file in (*files.configs, *files.configs_above))):
        if isinstance(said, dict):
            inner = said.get("trainer", said)
            if isinstance(inner, dict) and "dict_class" in inner:
                return inner
    return {}


def _parts(
    architecture: str, tensors: Mapping[str, Tensor], weights: FoldedWeights, activation: ActivationFunction, decisions: list[Decision]
) -> LoadedParts:
    said = tuple([*decisions, fixed("normalisation", "none", "its normalisation is folded when it saves")])
    decisive = {"format": FORMAT, "class": architecture, **{one.name: one.value for one in said}}
    return LoadedParts(FORMAT, architecture, tensors, weights, activation, said, decisive=decisive)


def _linear(found: FoundCheckpoint, tensors: Mapping[str, Tensor], bias: str) -> FoldedWeights:
    n_latents, d_in = require_matrix(tensors, "encoder.weight", found.path)
    encoder = require_shape(tensors, "encoder.weight", (n_latents, d_in), found.path)
    decoder = require_shape(tensors, "decoder.weight", (d_in, n_latents), found.path)
    b_enc = require_shape(tensors, "encoder.bias", (n_latents,), found.path) if "encoder.bias" in tensors else encoder.new_zeros(n_latents)
    return FoldedWeights(encoder.T.contiguous(), b_enc, decoder.T.contiguous(), require_shape(tensors, bias, (d_in,), found.path))


def _auto_encoder(found: FoundCheckpoint, tensors: Mapping[str, Tensor]) -> LoadedParts:
    weights = _linear(found, tensors, "bias")
    norm = weights.W_dec.norm(dim=-1)
    reason = "the library's loader does so where the norms are not 1 (StandardTrainerAprilUpdate)"
    unit = torch.allclose(norm, torch.ones_like(norm))
    decisions = [fixed("subtracts_b_dec", True, "AutoEncoder"), fixed("decoder_norm", "unit", reason, *([] if unit else ["as stored"]))]
    return _parts("AutoEncoder", tensors, weights if unit else weights.by_decoder_norm(), Relu(), decisions)


def _gated(found: FoundCheckpoint, tensors: Mapping[str, Tensor]) -> LoadedParts:
    weights = _linear(found, tensors, "decoder_bias")
    shape = (weights.W_enc.shape[1],)
    b_gate, r_mag, b_mag = (require_shape(tensors, name, shape, found.path) for name in ("gate_bias", "r_mag", "mag_bias"))
    return _parts(
        "GatedAutoEncoder", tensors, replace(weights, b_enc=b_gate), Gated.from_biases(b_gate, r_mag, b_mag),
        [fixed("subtracts_b_dec", True, "GatedAutoEncoder")],
    )


def _topk(
    found: FoundCheckpoint, tensors: Mapping[str, Tensor], trainer: Mapping[str, Any], answers: AnswerSheet, told: Any
) -> LoadedParts:
    weights = _linear(found, tensors, "b_dec")
    if told not in _TOPK_CLASSES + _BATCH_TOPK_CLASSES:
        kind = answers.require(
            "activation", f"{found.path} has the tensors of AutoEncoderTopK and of BatchTopKSAE alike, and no config beside it says which",
            "'topk' or 'batchtopk'",
        )
        told = {"topk": _TOPK_CLASSES[0], "batchtopk": _BATCH_TOPK_CLASSES[0]}.get(kind)
        if told is None:
            raise ScratchpadError(f"{found.path} is a TopK or BatchTopK dictionary, not a {kind} one: say topk or batchtopk.")
    subtracted = fixed("subtracts_b_dec", True, told)
    if told in _BATCH_TOPK_CLASSES:
        activation, decision = _batch_topk(found, tensors, trainer, answers, weights.W_enc.shape[1])
        return _parts(told, tensors, weights, activation, [subtracted, decision])
    k = _k(found, tensors, trainer, answers, weights.W_enc.shape[1])
    return _parts(told, tensors, weights, TopK(int(k.value or 0)), [subtracted, k])


def _standard_tensors(
    found: FoundCheckpoint, tensors: Mapping[str, Tensor], trainer: Mapping[str, Any], answers: AnswerSheet, told: Any
) -> LoadedParts:
    path = found.path
    weights = standard_weights(tensors, path)
    n_latents = weights.W_enc.shape[1]
    if "group_sizes" in tensors:
        name = told if isinstance(told, str) else "MatryoshkaBatchTopKSAE"
        activation, decision = _batch_topk(found, tensors, trainer, answers, n_latents)
        return _parts(name, tensors, weights, activation, [fixed("subtracts_b_dec", True, name), decision])
    if told != "JumpReluAutoEncoder":
        raise ScratchpadError(f"{path} has the tensors of JumpReluAutoEncoder, but the config beside it says dict_class is {str(told)[:60]!r}.")
    threshold = require_shape(tensors, "threshold", (n_latents,), path)
    return _parts(
        "JumpReluAutoEncoder", tensors, replace(weights, subtracts_b_dec=False), JumpRelu(threshold),
        [fixed("subtracts_b_dec", False, "JumpReluAutoEncoder")],
    )


def _k(found: FoundCheckpoint, tensors: Mapping[str, Tensor], trainer: Mapping[str, Any], answers: AnswerSheet, n_latents: int) -> Decision:
    where = str(found.path)
    in_file = positive_integer(require_number(tensors, "k", found.path), "k", where) if "k" in tensors else None
    told = positive_integer(trainer.get("k"), "k", "The config beside " + where)
    if in_file is not None and told is not None and in_file != told:
        raise ScratchpadError(f"{where} says k is {in_file}, the config beside it {told}: they do not belong together.")
    return settled_k(answers, told if in_file is None else in_file, n_latents, where, f"{where} does not say k")


def _batch_topk(
    found: FoundCheckpoint, tensors: Mapping[str, Tensor], trainer: Mapping[str, Any], answers: AnswerSheet, n_latents: int
) -> tuple[ActivationFunction, Decision]:
    said = answers.take("threshold")
    in_file = require_number(tensors, "threshold", found.path) if "threshold" in tensors else -1.0
    if said is not None:
        return BatchTopK(said), Decision("threshold", said, Source.ANSWER, "--sae-threshold", (in_file,) if in_file >= 0 else ())
    if in_file >= 0:
        return BatchTopK(in_file), stored("threshold", in_file, f"threshold in {found.path.name}")
    # -1 is what the trainer starts with. Used as a threshold it lets everything positive fire.
    k = _k(found, tensors, trainer, answers, n_latents)
    reason = f"the threshold was never set: the {k.value} largest of each token fire instead, as the mean of k in training"
    return TopK(int(k.value or 0)), replace(k, source=Source.CONVENTION, reason=reason, alternatives=("every positive pre-activation",))


def _scaled_as_saved(parts: LoadedParts, found: FoundCheckpoint) -> LoadedParts:
    """Biases and thresholds of an interrupted run times its norm factor, as the trainer does before it saves."""
    if found.weights.wrapper != "ae":
        return parts
    factor = found.weights.beside.get("norm_factor")
    if factor is None:
        return parts
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 0 < factor < float("inf"):
        raise ScratchpadError(f"{found.path} has the norm_factor {str(factor)[:60]}: expected a number above 0.")
    function = parts.activation
    if isinstance(function, BatchTopK):
        function = replace(function, threshold=function.threshold * factor)
    elif isinstance(function, JumpRelu):
        function = replace(function, threshold_K=function.threshold_K * factor)
    elif isinstance(function, Gated):
        function = replace(function, shift_K=function.shift_K * factor)
    weights = replace(parts.weights, b_enc=parts.weights.b_enc * factor, b_dec=parts.weights.b_dec * factor)
    decision = stored("scale", 1 / factor, f"norm_factor in {found.path.name}: an interrupted run, not folded when it was saved")
    return replace(
        parts, weights=weights, activation=function, decisions=(*parts.decisions, decision), decisive={**parts.decisive, "norm_factor": factor}
    )
