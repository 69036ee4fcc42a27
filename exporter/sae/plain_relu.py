"""PatchSAE and FastSAE: z = relu((x - b_dec) W_enc + b_enc), x' = z W_dec + b_dec, and nothing else.

PatchSAE writes ``{"cfg" or "config": config object, "state_dict"}`` in one file; FastSAE a state dict beside a JSON object with
``d_in`` and ``class_type`` VanillaSAE or ``architecture`` vanilla.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tb_visualscratchpad.exporter.sae.activation_functions import Relu
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, WeightsFile
from tb_visualscratchpad.exporter.sae.folded_weights import FoldedWeights
from tb_visualscratchpad.exporter.sae.found_checkpoint import FoundCheckpoint, LoadedParts, fixed, positive_integer
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix, require_shape
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMAT = "PatchSAE or FastSAE"
TENSORS = {"W_enc", "b_enc", "W_dec", "b_dec"}


def recognises(weights: WeightsFile, files: CheckpointFiles) -> bool:
    """Standard tensors, and the config of one of the two."""
    return {"W_enc", "W_dec"} <= set(weights.shapes) and bool(_patchsae(weights) or _fastsae(files))


def load(found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
    """Load such an SAE.

    Raises:
        ScratchpadError: it is gated, has another activation, or something is missing or broken.
    """
    cfg, path = _patchsae(found.weights), found.path
    name, hook = "PatchSAE", None
    if cfg:
        if cfg.get("gated_sae"):
            raise ScratchpadError(f"{path} is a gated PatchSAE, whose encoder PatchSAE itself does not implement: choose another SAE.")
        hook = f"block {cfg.get('block_layer')} {cfg.get('module_name')}"
        widths = (cfg.get("d_in"), cfg.get("d_sae"))
    else:
        name, cfg = "FastSAE", _fastsae(found.files)
        if cfg.get("activation_name", "relu") != "relu":
            raise ScratchpadError(
                f"{path} has the activation {str(cfg['activation_name'])[:60]!r}, under which every latent fires on every token: only relu is read."
            )
        d, factor = cfg.get("d_in"), cfg.get("d_sae_factor")
        widths = (d, d * factor if isinstance(d, int) and isinstance(factor, int) else None)
        hook = cfg.get("hook_target_name") if isinstance(cfg.get("hook_target_name"), str) else None
    tensors = found.weights.tensors()
    if set(tensors) != TENSORS:
        raise ScratchpadError(f"{path} holds {', '.join(sorted(tensors))[:300]}: a {name} SAE holds {', '.join(sorted(TENSORS))}.")
    d_in, n_latents = require_matrix(tensors, "W_enc", path)
    said = tuple(positive_integer(value, key, f"The config of {path}") for value, key in zip(widths, ("d_in", "d_sae"), strict=True))
    if (said[0] or d_in, said[1] or n_latents) != (d_in, n_latents):
        raise ScratchpadError(f"The config of {path} says {said[0]} inputs and {said[1]} latents, the weights have {d_in} and {n_latents}.")
    weights = FoldedWeights(
        require_shape(tensors, "W_enc", (d_in, n_latents), path), require_shape(tensors, "b_enc", (n_latents,), path),
        require_shape(tensors, "W_dec", (n_latents, d_in), path), require_shape(tensors, "b_dec", (d_in,), path),
    )
    decisions = (fixed("subtracts_b_dec", True, f"{name} always does"), fixed("normalisation", "none", f"{name} has none"))
    return LoadedParts(name, "standard", tensors, weights, Relu(), decisions, hook, decisive={"format": "plain relu"}).sae(found.name)


def _patchsae(weights: WeightsFile) -> Mapping[str, Any]:
    for key in ("cfg", "config"):
        cfg = weights.beside.get(key)
        if weights.wrapper == "state_dict" and isinstance(cfg, dict) and {"block_layer", "module_name"} <= set(cfg):
            return cfg
    return {}


def _fastsae(files: CheckpointFiles) -> Mapping[str, Any]:
    for file in files.configs:
        if "d_in" in file.content and (file.content.get("class_type") == "VanillaSAE" or file.content.get("architecture") == "vanilla"):
            return file.content
    return {}
