"""PatchSAE checkpoints: ``{"cfg" or "config": config object, "state_dict"}`` in one file.

    z = relu((x - b_dec) W_enc + b_enc);  x' = z W_dec + b_dec
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tb_visualscratchpad.exporter.sae.activation_functions import Relu
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, WeightsFile
from tb_visualscratchpad.exporter.sae.found_checkpoint import (
    FoundCheckpoint,
    LoadedParts,
    fixed,
    positive_integer,
    stored,
)
from tb_visualscratchpad.exporter.sae.load_report import CLASS_TOKEN
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.standard_tensors import STANDARD, require_widths, standard_weights
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMAT = "PatchSAE"
CONFIG_CLASSES = tuple(
    (module, name) for module in ("src.sae_training.config", "sae_training.config") for name in ("ViTSAERunnerConfig", "Config")
)
"""Whose objects are read as their fields."""


def recognises(weights: WeightsFile, files: CheckpointFiles) -> bool:
    """Standard tensors under ``state_dict``, and a config with the keys of its hook beside it."""
    return {"W_enc", "W_dec"} <= set(weights.shapes) and bool(_config(weights))


def load(found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
    """Load a PatchSAE.

    Raises:
        ScratchpadError: it is gated, or something is missing or broken.
    """
    cfg, path = _config(found.weights), found.path
    if cfg.get("gated_sae"):
        raise ScratchpadError(f"{path} is a gated PatchSAE, whose encoder PatchSAE itself does not implement: choose another SAE.")
    tensors, where = found.weights.tensors(), f"The config of {path}"
    if set(tensors) != STANDARD:
        raise ScratchpadError(f"{path} holds {', '.join(sorted(tensors))[:300]}: a PatchSAE holds {', '.join(sorted(STANDARD))}.")
    said = positive_integer(cfg.get("d_in"), "d_in", where), positive_integer(cfg.get("d_sae"), "d_sae", where)
    require_widths(said, require_matrix(tensors, "W_enc", path), where)
    decisions = (
        fixed("subtracts_b_dec", True, "PatchSAE always does"), fixed("normalisation", "none", "PatchSAE has none"),
        stored("trained_on", CLASS_TOKEN if cfg.get("class_token") else "all tokens", "class_token"),
    )
    return LoadedParts(
        FORMAT, "standard", tensors, standard_weights(tensors, path), Relu(), decisions, f"block {cfg.get('block_layer')} {cfg.get('module_name')}",
        decisive={"format": "plain relu"},
    ).sae(found.name)


def _config(weights: WeightsFile) -> Mapping[str, Any]:
    for key in ("cfg", "config"):
        cfg = weights.beside.get(key)
        if weights.wrapper == "state_dict" and isinstance(cfg, dict) and {"block_layer", "module_name"} <= set(cfg):
            return cfg
    return {}
