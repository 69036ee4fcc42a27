"""The files of a bundle: model, dictionary, glyphs and card in one folder, written whole or not at all."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tb_visualscratchpad.exporter.demo.compose import BUNDLE
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError


def save_model(folder: Path, vlm: Vlm) -> None:
    """The model in float16 and its processor, as ``from_pretrained`` reads them. The model in memory stays as it is.

    Raises:
        ScratchpadError: a weight is beyond float16.
    """
    for name, weight in vlm.model.state_dict().items():
        _half(name, weight)
    # `half` works in place, and `save_pretrained` writes the type that the model has.
    copied: Any = copy.deepcopy(vlm.model).half()
    for config in (copied.config, copied.config.vision_config, copied.config.text_config):
        config.dtype = torch.float16
    copied.save_pretrained(folder)
    vlm.processor.save_pretrained(folder)


def save_dictionary(folder: Path, sae: SparseAutoencoder, hook: str) -> None:
    """A TopK dictionary in float16, in SAELens' layout, with nothing left to fold.

    Raises:
        ScratchpadError: it is of another kind, or a weight is beyond float16.
    """
    if not isinstance(sae.activation_function, TopK):
        raise ScratchpadError(f"The dictionary {sae.name} is a {sae.activation} SAE, a bundle holds a topk one.")
    weights = {name: _half(name, getattr(sae, name)) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    settings = {
        "architecture": "topk", "d_in": sae.d_in, "d_sae": sae.n_latents, "k": sae.activation_function.k, "dtype": "float16",
        "apply_b_dec_to_input": sae.subtracts_b_dec, "normalize_activations": "none", "rescale_acts_by_decoder_norm": False,
        "reshape_activations": "none",
        "metadata": {"hook_name": hook, "note": "read where the projector reads, patch tokens only, class token left out"},
    }
    folder.mkdir(parents=True)
    save_file(weights, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _half(name: str, weight: torch.Tensor) -> torch.Tensor:
    half = weight.detach().to("cpu", torch.float16).contiguous()
    if not bool(torch.isfinite(half).all()):
        raise ScratchpadError(f"{name} does not fit into float16: its training ran away, train again with another --seed.")
    return half


def write_bundle(folder: Path, vlm: Path, sae: Path, card: str) -> None:
    """Copies model and dictionary (folders) into a new bundle, beside the glyphs with their licence and the card.

    Raises:
        ScratchpadError: ``folder`` exists already, or the disk refuses.
    """
    if folder.exists() or folder.is_symlink():
        raise ScratchpadError(f"{folder} exists already: name a folder that does not, or remove it.")
    with _whole(folder) as unfinished:
        shutil.copytree(vlm, unfinished / "vlm")
        shutil.copytree(sae, unfinished / "sae")
        shutil.copytree(BUNDLE / "glyphs", unfinished / "glyphs")
        (unfinished / "README.md").write_text(card, encoding="utf-8")
        for path in unfinished.rglob("*"):
            # Weights come with the rights of temporary files.
            path.chmod(0o755 if path.is_dir() else 0o644)


def put_in_place(new: Path, place: Path) -> None:
    """Puts a copy of the bundle ``new`` where another is. Should it fail, the old one is there as it was.

    Raises:
        ScratchpadError: there is none to replace, or the disk refuses.
    """
    if not (place / "vlm").is_dir():
        raise ScratchpadError(f"There is no bundle in {place} that could be replaced.")
    aside = place.with_name(f".{place.name}.replaced")
    shutil.rmtree(aside, ignore_errors=True)
    beside = place.with_name(f".{place.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        shutil.copytree(new, beside)
        os.replace(place, aside)
        try:
            os.replace(beside, place)
        except OSError:
            os.replace(aside, place)
            raise
    except OSError as error:
        raise ScratchpadError(f"The bundle in {place} cannot be replaced ({error}): it stays; the new one is in {new}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder to fill, which becomes ``folder`` when nothing went wrong."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        os.replace(unfinished, folder)
    except OSError as error:
        raise ScratchpadError(f"{folder} cannot be written ({error}): free space, or choose another --output.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
