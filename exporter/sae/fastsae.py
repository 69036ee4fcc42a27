"""FastSAE checkpoints: a state dict beside a JSON object with ``d_in`` and ``class_type`` VanillaSAE or ``architecture`` vanilla.

    z = relu((x - b_dec) W_enc + b_enc);  x' = z W_dec + b_dec
"""

from __future__ import annotations

from tb_visualscratchpad.exporter.sae.activation_functions import Relu
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, ConfigFile, WeightsFile
from tb_visualscratchpad.exporter.sae.found_checkpoint import FoundCheckpoint, LoadedParts, fixed, positive_integer
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.standard_tensors import STANDARD, require_widths, standard_weights
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMAT = "FastSAE"


def recognises(weights: WeightsFile, files: CheckpointFiles) -> bool:
    """Standard tensors, and its config beside them."""
    return {"W_enc", "W_dec"} <= set(weights.shapes) and _config(files) is not None


def load(found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
    """Load a FastSAE.

    Raises:
        ScratchpadError: its activation is another than relu, or something is missing or broken.
    """
    config, path = _config(found.files), found.path
    assert config is not None, "recognises() saw it"
    cfg, where = config.content, str(config.path)
    if cfg.get("activation_name", "relu") != "relu":
        raise ScratchpadError(
            f"{where} has the activation {str(cfg['activation_name'])[:60]!r}, under which every latent fires on every token: only relu is read."
        )
    tensors = found.weights.tensors()
    if set(tensors) != STANDARD:
        raise ScratchpadError(f"{path} holds {', '.join(sorted(tensors))[:300]}: a FastSAE holds {', '.join(sorted(STANDARD))}.")
    d_in, factor = positive_integer(cfg.get("d_in"), "d_in", where), positive_integer(cfg.get("d_sae_factor"), "d_sae_factor", where)
    require_widths((d_in, None if d_in is None or factor is None else d_in * factor), require_matrix(tensors, "W_enc", path), where)
    decisions = (fixed("subtracts_b_dec", True, "FastSAE always does"), fixed("normalisation", "none", "FastSAE has none"))
    hook = cfg.get("hook_target_name")
    return LoadedParts(
        FORMAT, "standard", tensors, standard_weights(tensors, path), Relu(), decisions, hook if isinstance(hook, str) else None,
        decisive={"format": "plain relu"},
    ).sae(found.name)


def _config(files: CheckpointFiles) -> ConfigFile | None:
    for file in files.configs:
        if "d_in" in file.content and (file.content.get("class_type") == "VanillaSAE" or file.content.get("architecture") == "vanilla"):
            return file
    return None
