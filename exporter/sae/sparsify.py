"""Checkpoints of EleutherAI's sparsify, and of multimodal-sae: ``cfg.json`` and ``sae.safetensors`` in a folder per hookpoint.

    p = relu((x - b_dec) E + b)
    topk: the k largest p         groupmax: the largest p of each of k contiguous groups
    x' = z W_dec + b_dec
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tb_visualscratchpad.exporter.sae.activation_functions import ActivationFunction, GroupMax, TopK
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, WeightsFile
from tb_visualscratchpad.exporter.sae.folded_weights import FoldedWeights
from tb_visualscratchpad.exporter.sae.found_checkpoint import (
    FoundCheckpoint,
    LoadedParts,
    fixed,
    positive_integer,
    settled_k,
)
from tb_visualscratchpad.exporter.sae.load_report import Decision
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.standard_tensors import require_widths
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix, require_shape
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMAT = "sparsify"
TENSORS = {"encoder.weight", "encoder.bias", "W_dec", "b_dec"}
KEYS = frozenset("activation expansion_factor normalize_decoder num_latents k multi_topk skip_connection transcode d_in signed".split())


def recognises(weights: WeightsFile, files: CheckpointFiles) -> bool:
    """Its tensors, W_skip among them or not."""
    return weights.wrapper is None and set(weights.shapes) - {"W_skip"} == TENSORS


def load(found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
    """Load the SAE of one hookpoint.

    Raises:
        ScratchpadError: it is a transcoder or has a skip connection; something is missing, broken, not understood, or not said.
    """
    config = found.files.config("expansion_factor", "k")
    cfg: Mapping[str, Any] = {} if config is None else config.content
    where = str(found.path.parent if config is None else config.path)
    unknown = sorted(set(cfg) - KEYS)
    if unknown:
        raise ScratchpadError(f"{where}: the keys {', '.join(unknown)[:300]} are not known, and may change what the SAE computes.")
    for key, why in (
        ("transcode", "a transcoder, which rebuilds another layer than it reads"), ("signed", "an SAE whose latents become negative"),
        ("skip_connection", "an SAE with a skip connection, which rebuilds features past its latents"),
    ):
        if cfg.get(key) not in (None, False):
            raise ScratchpadError(f"{where} is {why} ({key}): no view here can show it, choose another SAE.")
    if "W_skip" in found.weights.shapes:
        raise ScratchpadError(f"{found.path} holds W_skip, a skip connection past the latents: no view here can show it, choose another SAE.")

    tensors, path = found.weights.tensors(), found.path
    n_latents, d_in = require_matrix(tensors, "encoder.weight", path)
    require_widths(_widths(cfg, where), (d_in, n_latents), where)
    weights = FoldedWeights(
        require_shape(tensors, "encoder.weight", (n_latents, d_in), path).T.contiguous(), require_shape(tensors, "encoder.bias", (n_latents,), path),
        require_shape(tensors, "W_dec", (n_latents, d_in), path), require_shape(tensors, "b_dec", (d_in,), path),
    )
    k = settled_k(answers, positive_integer(cfg.get("k"), "k", where), n_latents, where, f"{where} has no config that says k")
    activation = _activation(cfg, config is None, answers, k, n_latents, where)
    decisions = (
        fixed("subtracts_b_dec", True, "not a transcoder"), fixed("normalisation", "none", "it has none"), k,
    )
    decisive = {"format": FORMAT, "activation": activation.name, "k": k.value}
    return LoadedParts(FORMAT, activation.name, tensors, weights, activation, decisions, decisive=decisive).sae(found.name)


def _widths(cfg: Mapping[str, Any], where: str) -> tuple[int | None, int | None]:
    """num_latents is 0 where the expansion factor decides."""
    d_in = positive_integer(cfg.get("d_in"), "d_in", where)
    n_latents = positive_integer(cfg.get("num_latents") or None, "num_latents", where)
    factor = positive_integer(cfg.get("expansion_factor"), "expansion_factor", where)
    if n_latents is None and d_in is not None and factor is not None:
        n_latents = d_in * factor
    return d_in, n_latents


def _activation(
    cfg: Mapping[str, Any], silent: bool, answers: AnswerSheet, k: Decision, n_latents: int, where: str
) -> ActivationFunction:
    # Files from before groupmax, multimodal-sae's among them, have no such key.
    name = answers.require("activation", f"{where} has no config that says the activation", "'topk' or 'groupmax'") if silent else cfg.get("activation", "topk")
    n = int(k.value or 0)
    if name == "topk":
        return TopK(n)
    if name != "groupmax":
        raise ScratchpadError(f"{where}: the activation {str(name)[:60]!r} is not read: expected topk or groupmax.")
    if n_latents % n:
        raise ScratchpadError(f"{where}: {n_latents} latents cannot be divided into {n} groups, as groupmax needs: is k right?")
    return GroupMax(n)
