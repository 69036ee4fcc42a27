"""Any SAE that can be loaded, as SAELens saves one for inference: ``cfg.json`` and ``sae_weights.safetensors``.

What was folded on loading stays folded. SAELens compares ``pre > threshold``; where an SAE fires at equality too, its thresholds
become the next smaller numbers, which decides alike for every number of that type.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from tb_visualscratchpad.exporter.sae.activation_functions import (
    BatchTopK,
    Gated,
    GroupMax,
    JumpRelu,
    Relu,
    TanhRelu,
    TopK,
)
from tb_visualscratchpad.exporter.sae.answers import Answers
from tb_visualscratchpad.exporter.sae.checkpoint_folder import find_checkpoint
from tb_visualscratchpad.exporter.sae.formats import load_checkpoint
from tb_visualscratchpad.exporter.sae.saelens import WEIGHTS_FILE
from tb_visualscratchpad.exporter.sae.saelens_config import CONFIG_FILE
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.wire.errors import ScratchpadError

LAYOUT_VERSION = "6.0.0"
"""Release of SAELens whose layout is written; without one SAELens reads a config as older."""


def convert_sae(source: str | Path, output: str | Path, **answers: Any) -> SparseAutoencoder:
    """Load an SAE and save it as SAELens does for inference: the whole folder, or none.

    Args:
        source: as of ``load_sae``.
        output: a folder that does not exist yet.
        answers: what the file does not say, by the names of ``load_sae``.

    Returns:
        The SAE that was loaded; what was written computes the same.

    Raises:
        ScratchpadError: it cannot be loaded, ``output`` exists, or SAELens has no such SAE.
    """
    output = Path(output).expanduser()
    if os.path.lexists(output):
        raise ScratchpadError(f"{output} exists already: choose another folder, nothing is overwritten.")
    place, name = find_checkpoint(source)
    loaded = load_checkpoint(place, name, Answers(**answers))
    sae = loaded.to("cpu", loaded.dtype)  # one type for all its parts
    config, tensors = saelens_form(sae)
    unfinished = output.with_name(f".{output.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        try:
            unfinished.mkdir(parents=True)
            save_file(tensors, unfinished / WEIGHTS_FILE)
            (unfinished / CONFIG_FILE).write_text(json.dumps(config, indent=2), encoding="utf-8")
        except OSError as error:
            raise ScratchpadError(f"Writing {output} failed ({error.strerror}): make room, or choose another place.") from error
        _require_same(sae, load_checkpoint(unfinished, output.name, Answers()), output)
        os.rename(unfinished, output)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return sae


def _require_same(sae: SparseAutoencoder, back: SparseAutoencoder, output: Path) -> None:
    """Refuse a disk that gave back something else than was written."""
    parts = ("W_enc", "b_enc", "W_dec", "b_dec")
    if not all(torch.equal(getattr(sae, part), getattr(back, part)) for part in parts):
        raise ScratchpadError(f"What was written for {output} reads back differently: check the disk.")


def saelens_form(sae: SparseAutoencoder) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The config and the tensors of an inference save.

    Raises:
        ScratchpadError: SAELens has no such SAE.
    """
    function = sae.activation_function
    tensors = {"W_enc": sae.W_enc, "W_dec": sae.W_dec, "b_dec": sae.b_dec}
    config: dict[str, Any] = {}
    if isinstance(function, Gated):
        config["architecture"] = "gated"
        scale = function.scale_K.double()
        b_mag = function.shift_K.double() + sae.b_enc.double() * scale
        tensors |= {"b_gate": sae.b_enc, "r_mag": scale.log().to(sae.dtype), "b_mag": b_mag.to(sae.dtype)}
    elif isinstance(function, (GroupMax, TanhRelu)):
        raise ScratchpadError(f"SAELens 6 has no {function.name} SAE, so that {sae.name} cannot be saved in its layout: use its own files.")
    else:
        tensors["b_enc"] = sae.b_enc
        if isinstance(function, Relu):
            config["architecture"] = "standard"
        elif isinstance(function, TopK):
            config |= {"architecture": "topk", "k": function.k, "rescale_acts_by_decoder_norm": False}
        else:
            config["architecture"] = "jumprelu"
            tensors["threshold"] = _threshold(function, sae)
    config |= {
        "d_in": sae.d_in, "d_sae": sae.n_latents, "dtype": str(sae.dtype).removeprefix("torch."), "device": "cpu",
        "apply_b_dec_to_input": sae.subtracts_b_dec, "normalize_activations": sae.normalisation.name, "reshape_activations": "none",
        "metadata": {"sae_lens_version": LAYOUT_VERSION, "sae_lens_training_version": None, "hook_name": sae.hook} | _provenance(sae),
    }
    # Memory of its own for every tensor, as safetensors wants it.
    return config, {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}


def _threshold(function: JumpRelu | BatchTopK, sae: SparseAutoencoder) -> Tensor:
    threshold = function.threshold_K if isinstance(function, JumpRelu) else torch.full_like(sae.b_enc, function.threshold)
    return torch.nextafter(threshold, torch.full_like(threshold, -math.inf)) if function.inclusive else threshold


def _provenance(sae: SparseAutoencoder) -> dict[str, Any]:
    if sae.report is None:
        return {}
    decisions = {decision.name: decision.value for decision in sae.report.decisions}
    return {"converted_from": {"format": sae.report.format, "architecture": sae.report.architecture, "decisions": decisions}}
