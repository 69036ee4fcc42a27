"""Checkpoints of libraries that do not install here, laid out as their sources save them."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import torch

D, K = 12, 48


def random_tensors(seed: int = 0, *, gated: bool = False) -> dict[str, torch.Tensor]:
    """W_enc, b_enc, W_dec, b_dec, and what a gated SAE has besides."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"W_enc": (D, K), "b_enc": (K,), "W_dec": (K, D), "b_dec": (D,)}
    if gated:
        shapes |= {"b_gate": (K,), "r_mag": (K,), "b_mag": (K,)}
    return {name: 0.4 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def save_with_config_object(path: Path, module: str, name: str, fields: dict[str, Any], held: dict[str, Any], key: str = "cfg") -> Path:
    """``torch.save({key: config object, **held})`` with a class that is gone once it is saved, as it is for whoever has not its library."""
    parents = [module.rsplit(".", n)[0] for n in range(module.count(".") + 1)]
    made = {parent: types.ModuleType(parent) for parent in parents}
    config_class = type(name, (), {"__module__": module})
    setattr(made[module], name, config_class)
    config = config_class()
    vars(config).update(fields)
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.modules.update(made)
    try:
        torch.save({key: config, **held}, path)
    finally:
        for parent in made:
            del sys.modules[parent]
    return path


PRISMA = {
    "model_name": "open-clip:a/model", "hook_point_layer": 9, "layer_subtype": "hook_resid_post", "d_in": D, "d_sae": K, "expansion_factor": 4,
    "activation_fn_str": "relu", "activation_fn_kwargs": {}, "normalize_activations": "none", "architecture": "standard", "is_transcoder": False,
    "dtype": torch.float32, "device": torch.device("cpu"), "lr": 1e-3, "cls_token_only": False, "hook_point_head_index": None,
}


def prisma(path: Path, tensors: dict[str, torch.Tensor], **changes: Any) -> Path:
    """As ViT-Prisma's ``save_model`` writes it."""
    return save_with_config_object(
        path, "vit_prisma.sae.config", "VisionModelSAERunnerConfig", {**PRISMA, **changes}, {"state_dict": tensors}
    )


def prisma_folder(folder: Path, tensors: dict[str, torch.Tensor], **changes: Any) -> Path:
    """As its published SAEs are: a state dict with ``config.json`` beside it."""
    folder.mkdir(parents=True)
    torch.save(tensors, folder / "weights.pt")
    told = {**PRISMA, **changes, "dtype": {"__type__": "torch.dtype", "value": "torch.float32"}, "device": {"__type__": "torch.device", "value": "cuda"}}
    (folder / "config.json").write_text(json.dumps(told))
    return folder


PATCHSAE = {
    "model_name": "openai/clip-vit-base-patch16", "class_token": True, "module_name": "resid", "block_layer": -2, "d_in": D, "d_sae": K,
    "expansion_factor": 4, "gated_sae": False, "dtype": torch.float32, "device": torch.device("cpu"), "l1_coefficient": 8e-5,
}


def patchsae(path: Path, tensors: dict[str, torch.Tensor], class_name: str = "ViTSAERunnerConfig", key: str = "cfg", **changes: Any) -> Path:
    """As PatchSAE's ``save_model`` writes it."""
    return save_with_config_object(path, "src.sae_training.config", class_name, {**PATCHSAE, **changes}, {"state_dict": tensors}, key)


def saev(path: Path, header: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Path:
    """As saev's ``dump`` writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write((json.dumps(header) + "\n").encode())
        torch.save(tensors, file)
    return path


def saev_header(schema: int, cls: str, **params: Any) -> dict[str, Any]:
    """Of schema 2 and later; 3 and later say d_model."""
    width = {"d_vit": D, "exp_factor": K // D} if schema == 2 else {"d_model": D, "d_sae": K}
    cfg = {**width, "normalize_w_dec": True, "remove_parallel_grads": True, "activation": {"cls": cls, "params": params}}
    return {"schema": schema, "cfg": cfg, "commit": "unknown", "lib": "0.2.0"}


def matryoshka(folder: Path, *, threshold: float, k: int = 5, seed: int = 0) -> Path:
    """As sae-for-vlm's trainer leaves it, whose class is spelt Matroyshka."""
    folder.mkdir(parents=True)
    tensors = {
        "k": torch.tensor(k, dtype=torch.int32), "threshold": torch.tensor(threshold), "group_sizes": torch.tensor([12, K - 12]),
        **random_tensors(seed),
    }
    torch.save(tensors, folder / "ae.pt")
    trainer = {"trainer_class": "MatroyshkaBatchTopKTrainer", "dict_class": "MatroyshkaBatchTopKSAE", "k": k, "layer": 22, "lm_name": "clip"}
    (folder / "config.json").write_text(json.dumps({"trainer": trainer}))
    return folder


def topk_dictionary(seed: int = 0, *, threshold: float = -1.0, k: int = 5) -> dict[str, torch.Tensor]:
    """The tensors of AutoEncoderTopK and BatchTopKSAE."""
    tensors = random_tensors(seed)
    return {
        "k": torch.tensor(k, dtype=torch.int32), "threshold": torch.tensor(threshold), "decoder.weight": tensors["W_dec"].T.contiguous(),
        "encoder.weight": tensors["W_enc"].T.contiguous(), "encoder.bias": tensors["b_enc"], "b_dec": tensors["b_dec"],
    }


def interrupted(folder: Path, dict_class: str, tensors: dict[str, torch.Tensor], norm_factor: float | None) -> Path:
    """As dictionary_learning's repository saves a run that was interrupted."""
    folder.mkdir(parents=True)
    optimizer = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.ones(K, D)}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999)}]}
    held = {"step": 7, "ae": tensors, "optimizer": optimizer, "config": {"dict_class": dict_class, "k": 5}, "norm_factor": norm_factor}
    torch.save(held, folder / "ae.pt")
    return folder
