"""ViT-Prisma checkpoints: ``{"cfg": config object, "state_dict"}`` in one file, or a state dict with ``config.json`` beside it.

    p = (norm(x) - b_dec) W_enc + b_enc;  relu(p), tanh(relu(p)), or relu of the k largest p;  x' = unnorm(z W_dec + b_dec)
    gated, with u = p - b_enc: relu(u exp(r_mag) + b_mag) * (u + b_gate > 0); it stores a b_enc and does not use it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tb_visualscratchpad.exporter.sae.activation_functions import ActivationFunction, Gated, Relu, TanhRelu, TopK
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, WeightsFile
from tb_visualscratchpad.exporter.sae.found_checkpoint import (
    FoundCheckpoint,
    LoadedParts,
    fixed,
    positive_integer,
    settled_k,
    stored,
)
from tb_visualscratchpad.exporter.sae.load_report import CLASS_TOKEN, Decision, Source
from tb_visualscratchpad.exporter.sae.normalisations import NORMALISATION_OF_NAME
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.standard_tensors import STANDARD, require_widths, standard_weights
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix, require_shape
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMAT = "ViT-Prisma"
CONFIG_CLASSES = (("vit_prisma.sae.config", "VisionModelSAERunnerConfig"), ("vit_prisma.configs.HookedViTConfig", "HookedViTConfig"))
"""Whose objects are read as their fields."""
_ITS_KEYS = ("hook_point_layer", "layer_subtype", "activation_fn_str")
_GATED = {"b_gate", "r_mag", "b_mag"}


def recognises(weights: WeightsFile, files: CheckpointFiles) -> bool:
    """Standard tensors, and a config with the keys of its hook."""
    return {"W_enc", "W_dec"} <= set(weights.shapes) and bool(_config(weights, files))


def load(found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
    """Load a ViT-Prisma SAE.

    Raises:
        ScratchpadError: it is a transcoder; something is missing, broken, not understood, or not said.
    """
    cfg, path = _config(found.weights, found.files), found.path
    where = f"The config of {path}"
    if cfg.get("is_transcoder"):
        raise ScratchpadError(f"{path} is a transcoder, which rebuilds another layer than it reads: no view here can show it, choose an SAE.")
    architecture = cfg.get("architecture", "standard")
    if architecture not in ("standard", "gated"):
        raise ScratchpadError(f"{where} says the architecture {str(architecture)[:60]!r}: expected standard or gated.")
    normalisation = cfg.get("normalize_activations", "none")
    if not isinstance(normalisation, (str, type(None))) or (normalisation or "none") not in NORMALISATION_OF_NAME:
        raise ScratchpadError(f"{where} normalises by {str(normalisation)[:60]!r}: expected {', '.join(NORMALISATION_OF_NAME)}.")
    norm = normalisation or "none"

    tensors = found.weights.tensors()
    d_in, n_latents = require_matrix(tensors, "W_enc", path)
    said_widths = positive_integer(cfg.get("d_in"), "d_in", where), positive_integer(cfg.get("d_sae"), "d_sae", where)
    require_widths(said_widths, (d_in, n_latents), where)
    other = sorted(set(tensors) - STANDARD - (_GATED if architecture == "gated" else set()))
    if other:
        raise ScratchpadError(f"{path} holds {', '.join(other)[:300]}, which a {architecture} SAE does not use: is its config the right one?")
    activation, b_enc, k = _activation(cfg, architecture, tensors, n_latents, answers, found, where)
    weights = standard_weights(tensors, path, b_enc=b_enc)
    layer, subtype = cfg.get("hook_point_layer"), cfg.get("layer_subtype")
    said = Decision("normalisation", norm, Source.FILE, "normalize_activations", () if norm == "none" else ("none",))
    tokens = CLASS_TOKEN if cfg.get("cls_token_only") else "patches" if cfg.get("use_patches_only") else "all tokens"
    decisions = (
        fixed("subtracts_b_dec", True, "ViT-Prisma always does"), said, *k, stored("trained_on", tokens, "cls_token_only and use_patches_only"),
    )
    return LoadedParts(
        FORMAT, architecture, tensors, weights, activation, decisions,
        f"blocks.{layer}.{subtype}", NORMALISATION_OF_NAME[norm],
        {"format": FORMAT, "architecture": architecture, "normalisation": norm, "activation": activation.name, "k": k[0].value if k else None},
    ).sae(found.name)


def _config(weights: WeightsFile, files: CheckpointFiles) -> Mapping[str, Any]:
    for cfg in (weights.beside.get("cfg"), *(file.content for file in files.configs)):
        if isinstance(cfg, dict) and all(key in cfg for key in _ITS_KEYS):
            return cfg
    return {}


def _activation(
    cfg: Mapping[str, Any], architecture: str, tensors: Mapping[str, Tensor], n_latents: int, answers: AnswerSheet, found: FoundCheckpoint,
    where: str,
) -> tuple[ActivationFunction, Tensor, tuple[Decision, ...]]:
    """The activation function, the encoder's bias, and k where there is one."""
    name, kwargs = cfg.get("activation_fn_str"), cfg.get("activation_fn_kwargs") or {}
    if not isinstance(kwargs, dict) or set(kwargs) - {"k"}:
        raise ScratchpadError(f"{where}: activation_fn_kwargs is {str(kwargs)[:120]}, expected k alone.")
    if architecture == "gated":
        if name != "relu":
            raise ScratchpadError(f"{where}: a gated SAE with the activation {str(name)[:60]!r} is not read, only relu.")
        b_gate, r_mag, b_mag = (require_shape(tensors, part, (n_latents,), found.path) for part in ("b_gate", "r_mag", "b_mag"))
        return Gated.from_biases(b_gate, r_mag, b_mag), b_gate, ()
    b_enc = require_shape(tensors, "b_enc", (n_latents,), found.path)
    if name == "topk":
        k = settled_k(answers, positive_integer(kwargs.get("k"), "k", where), n_latents, where, f"{where} does not say k")
        return TopK(int(k.value or 0)), b_enc, (k,)
    if name not in ("relu", "tanh-relu"):
        raise ScratchpadError(f"{where}: the activation {str(name)[:60]!r} is not read: expected relu, tanh-relu or topk.")
    return Relu() if name == "relu" else TanhRelu(), b_enc, ()
