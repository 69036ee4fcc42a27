"""The bundled SAE saved wrongly in one point, and a small one that was trained on normalised tokens and does not say so."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.sae.checkpoint_folder import find_checkpoint
from tb_visualscratchpad.exporter.sae.conversion import saelens_form
from tb_visualscratchpad.exporter.sae.normalisations import LayerNorm, Normalisation

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"


def copy_of_demo(folder: Path) -> Path:
    shutil.copytree(find_checkpoint("demo")[0], folder)
    return folder


def edit_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | changes))


def edit_weights(folder: Path, **changes: torch.Tensor) -> None:
    tensors = load_file(folder / WEIGHTS) | {name: value.contiguous() for name, value in changes.items()}
    (folder / WEIGHTS).unlink()
    save_file(tensors, folder / WEIGHTS)


def scale_inputs(folder: Path, factor: float) -> None:
    """What is read is multiplied by ``factor`` before the SAE sees it, and what it rebuilds divided."""
    held = {name: value.float() for name, value in load_file(folder / WEIGHTS).items()}
    edit_weights(folder, **held | {"W_enc": held["W_enc"] * factor, "W_dec": held["W_dec"] / factor, "b_dec": held["b_dec"] / factor})


def misread(folder: Path, name: str) -> None:
    """A matrix whose numbers stand in the order of its transpose."""
    matrix = load_file(folder / WEIGHTS)[name]
    edit_weights(folder, **{name: matrix.T.contiguous().reshape(matrix.shape)})


def save_as_saelens(sae: SparseAutoencoder, folder: Path, **changes: Any) -> Path:
    config, tensors = saelens_form(sae)
    folder.mkdir(parents=True)
    save_file(tensors, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config | changes))
    return folder


def trained_sae(
    x_Nd: torch.Tensor, normalisation: Normalisation = LayerNorm(), *, n_latents: int = 256, k: int = 12, steps: int = 150,
    from_mean: bool = True,
) -> SparseAutoencoder:
    """A TopK SAE trained by squared error on normalised tokens, from tokens as directions and b_dec at the mean, or at 0."""
    generator = torch.Generator().manual_seed(0)
    x = normalisation.normalise(x_Nd)[0]
    centred = x - x.mean(dim=0)
    rows = functional.normalize(centred[torch.randperm(len(x), generator=generator)[:n_latents]], dim=1)
    W_enc, b_enc, W_dec, b_dec = (
        part.requires_grad_() for part in (rows.T.clone().contiguous(), torch.zeros(len(rows)), rows.clone(), x.mean(dim=0) * from_mean)
    )
    optimiser = torch.optim.Adam([W_enc, b_enc, W_dec, b_dec], lr=2e-3)
    for _ in range(steps):
        part = x[torch.randint(len(x), (256,), generator=generator)]
        value, latent = ((part - b_dec) @ W_enc + b_enc).topk(k)
        z = torch.zeros(len(part), len(rows)).scatter(1, latent, value.relu())
        loss = (part - z @ W_dec - b_dec).square().sum() / centred.square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return replace(
        load_sae("demo"), W_enc=W_enc.detach(), b_enc=b_enc.detach(), W_dec=W_dec.detach(), b_dec=b_dec.detach(), activation_function=TopK(k),
        normalisation=normalisation, name="trained",
    )


def apply_remedy(remedy: str, folder: Path, asked: dict[str, Any], said: dict[str, Any]) -> None:
    """Do what a check says: edit the folder, and change what the check (``asked``) or the loader (``said``) is told."""
    done = False
    for option, value in re.findall(r"--([\w-]+) (\S+)", remedy):
        done = True
        if option.startswith("sae-"):
            said[option.removeprefix("sae-").replace("-", "_")] = float(value)
        elif option == "hook":
            asked["declared"] = value
        else:
            assert (option, value) == ("class-token", "left-out")
            asked["class_token"] = False
    for line in re.findall(r'((?:"\w+": [^\s,]+(?:, )?)+) in cfg.json', remedy):
        done = True
        edit_config(folder, **json.loads("{" + line + "}"))
    if found := re.match(r"write (W_enc|W_dec) anew, transposed: its numbers stand in the order of \[(\d+), (\d+)\]", remedy):
        done = True
        matrix = load_file(folder / WEIGHTS)[found[1]]
        edit_weights(folder, **{found[1]: matrix.reshape(int(found[2]), int(found[3])).T})
    assert done, remedy
