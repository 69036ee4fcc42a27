"""saev checkpoints: one file, a line of JSON and then what ``torch.save`` writes of W_enc, b_enc, W_dec, b_dec.

    pre = x W_enc + b_enc, until schema 1 (x - b_dec) W_enc + b_enc;  x' = z W_dec + b_dec
    Relu: relu(pre)      BatchTopK with activation.threshold: pre where pre > max(threshold, 0)
    TopK, and BatchTopK before it had a threshold: the k largest pre as they are, negative ones too

The header has ``schema``, and ``cfg`` with ``d_model`` (``d_vit`` until schema 2), ``d_sae`` or ``exp_factor``, and ``activation``;
before there were schemas the header was the config itself, and the activation ReLU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tb_visualscratchpad.exporter.sae.activation_functions import ActivationFunction, BatchTopK, Relu, TopK
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, WeightsFile
from tb_visualscratchpad.exporter.sae.external_normaliser import external_normaliser
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
from tb_visualscratchpad.exporter.sae.standard_tensors import STANDARD, require_widths, standard_weights
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix, require_number
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMAT = "saev"
SCHEMAS = (None, 1, 2, 3, 4, 5)
THRESHOLD = "activation.threshold"


def recognises(weights: WeightsFile, files: CheckpointFiles) -> bool:
    """A line of JSON before the weights."""
    return weights.header is not None


def load(found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
    """Load a saev file.

    Raises:
        ScratchpadError: something is missing, broken, not understood, or not said.
    """
    header, path = found.weights.header or {}, found.path
    schema = header.get("schema")
    if isinstance(schema, bool) or schema not in SCHEMAS:
        raise ScratchpadError(f"{path} has the schema {str(schema)[:60]!r}, known are none and 1 to 5: it is newer than what is read here.")
    cfg = header if schema is None else header.get("cfg")
    if not isinstance(cfg, dict):
        raise ScratchpadError(f"The first line of {path} holds no cfg: expected what saev writes.")
    tensors = found.weights.tensors()
    d_in, n_latents = require_matrix(tensors, "W_enc", path)
    require_widths(_widths(cfg, str(path)), (d_in, n_latents), str(path))
    other = sorted(set(tensors) - STANDARD - {THRESHOLD})
    if other:
        raise ScratchpadError(f"{path} holds {', '.join(other)[:300]}, which no saev SAE has: is it one?")

    subtracts = _subtracts_b_dec(schema, answers)
    weights = standard_weights(tensors, path, subtracts_b_dec=bool(subtracts.value))
    architecture, activation, decisions = _activation(header, cfg, schema, tensors, answers, n_latents, found)
    question = None
    if schema in (None, 1):
        question = (
            f"{path} is from the time when saev by default trained on (x - mean) / scale of its data set, and stored neither in the checkpoint"
        )
    weights, normaliser = external_normaliser(weights, answers, question)
    said = (subtracts, fixed("normalisation", "none", "none but mean and scale"), *normaliser.decisions, *decisions)
    decisive = {"format": FORMAT, **{one.name: one.value for one in said if one.name != "input_mean"}}
    return LoadedParts(
        FORMAT, architecture, {**tensors, **normaliser.tensors}, weights, activation, said, decisive=decisive,
    ).sae(found.name)


def _widths(cfg: Mapping[str, Any], where: str) -> tuple[int | None, int | None]:
    d_in = positive_integer(cfg.get("d_model", cfg.get("d_vit")), "d_model", where)
    n_latents = positive_integer(cfg.get("d_sae"), "d_sae", where)
    factor = positive_integer(cfg.get("exp_factor"), "exp_factor", where)
    if n_latents is None and d_in is not None and factor is not None:
        n_latents = d_in * factor
    return d_in, n_latents


def _subtracts_b_dec(schema: int | None, answers: AnswerSheet) -> Decision:
    said = answers.take("subtract_b_dec")
    if said is not None:
        return Decision("subtracts_b_dec", said, Source.ANSWER, "--sae-subtract-b-dec", (not said,))
    if schema is None:
        return fixed("subtracts_b_dec", True, "saev subtracted it before it had schemas")
    if schema == 1:
        return fixed("subtracts_b_dec", True, "nearly all of schema 1 were trained so, though saev's loader no longer does it", False)
    if schema == 2:
        return fixed("subtracts_b_dec", False, "saev no longer did so, but for the Matryoshka objective until September 2025", True)
    return fixed("subtracts_b_dec", False, "saev no longer did so")


def _activation(
    header: Mapping[str, Any], cfg: Mapping[str, Any], schema: int | None, tensors: Mapping[str, Tensor], answers: AnswerSheet, n_latents: int,
    found: FoundCheckpoint,
) -> tuple[str, ActivationFunction, tuple[Decision, ...]]:
    """Its name as saev has it, the function, and what was decided on the way."""
    where = str(found.path)
    name, params = _named(header, cfg, schema, where)
    if name == "Relu":
        return name, Relu(), ()
    if name not in ("TopK", "BatchTopK"):
        raise ScratchpadError(f"{where}: the activation {str(name)[:60]!r} is not read: expected Relu, TopK or BatchTopK.")
    if name == "BatchTopK" and THRESHOLD in tensors:
        threshold = max(require_number(tensors, THRESHOLD, found.path), 0.0)
        return name, BatchTopK(threshold), (stored("threshold", threshold, THRESHOLD),)
    k = settled_k(answers, positive_integer(params.get("top_k"), "top_k", where), n_latents, where, f"{where} does not say top_k")
    if not answers.take("clip_negative"):
        raise ScratchpadError(
            f"{where} is a {name} SAE without ReLU: where fewer than {k.value} pre-activations are positive, saev keeps negative latents, which "
            "no view here can show: give load_sae(..., clip_negative=True) or --sae-clip-negative to read those as 0."
        )
    clipped = Decision("negative_latents", "read as 0", Source.ANSWER, "--sae-clip-negative", ("kept",))
    return name, TopK(int(k.value or 0)), (k, clipped)


def _named(header: Mapping[str, Any], cfg: Mapping[str, Any], schema: int | None, where: str) -> tuple[Any, Mapping[str, Any]]:
    if schema is None:
        return "Relu", {}
    # Schema 1 had two layouts: at first the class of the config was the activation's.
    if schema == 1 and header.get("cls") in ("Relu", "TopK", "BatchTopK"):
        return header["cls"], cfg
    activation = cfg.get("activation")
    if not isinstance(activation, dict) or not isinstance(activation.get("params", {}), dict):
        raise ScratchpadError(f"{where} does not say its activation: expected an object with cls and params.")
    return activation.get("cls"), activation.get("params", {})
