"""Random SAELens checkpoints on disk, and what they compute, written from the formulae in numpy and float64."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

D_IN, N_LATENTS, K = 12, 40, 5


@dataclass
class Checkpoint:
    """A checkpoint before it is written: tests alter ``cfg`` and ``tensors`` at will."""

    cfg: dict[str, Any]
    tensors: dict[str, np.ndarray]
    scaler: dict[str, Any] | None = None
    stored_dtype: torch.dtype = torch.float32
    folder: Path = field(default=Path())

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cfg.json").write_text(json.dumps(self.cfg))
        stored = {name: torch.tensor(value, dtype=self.stored_dtype) for name, value in self.tensors.items()}
        save_file(stored, folder / "sae_weights.safetensors")
        if self.scaler is not None:
            (folder / "activation_scaler.json").write_text(json.dumps(self.scaler))
        # What the reference computes with is what the file holds.
        self.tensors = {name: value.double().numpy() for name, value in stored.items()}
        self.folder = folder
        return folder


def random_checkpoint(
    architecture: str = "topk",
    normalisation: str = "none",
    *,
    rescale: bool = False,
    subtract: bool = True,
    scale: float | None = None,
    stored_dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Checkpoint:
    """A checkpoint with decoder rows of very different norms and thresholds of both signs."""
    rng = np.random.default_rng(seed)
    tensors = {
        "W_enc": rng.normal(size=(D_IN, N_LATENTS)) / np.sqrt(D_IN),
        "b_enc": 0.3 * rng.normal(size=N_LATENTS),
        "W_dec": rng.normal(size=(N_LATENTS, D_IN)) * rng.uniform(0.1, 3.0, size=(N_LATENTS, 1)),
        "b_dec": 0.5 * rng.normal(size=D_IN),
    }
    if architecture == "jumprelu":
        tensors["threshold"] = rng.uniform(-0.2, 1.0, size=N_LATENTS)
    cfg: dict[str, Any] = {
        "architecture": architecture,
        "d_in": D_IN,
        "d_sae": N_LATENTS,
        "dtype": "float32",
        "apply_b_dec_to_input": subtract,
        "normalize_activations": normalisation,
        "reshape_activations": "none",
        "metadata": {"hook_name": "vision_tower.layers.1"},
    }
    if architecture == "topk":
        cfg |= {"k": K, "rescale_acts_by_decoder_norm": rescale}
    scaler = None if scale is None else {"scaling_factor": scale, "has_whitening": False}
    return Checkpoint(cfg, tensors, scaler, stored_dtype)


def reference_encode(checkpoint: Checkpoint, x: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Latents by the formulae, unfolded, one token at a time."""
    return np.stack([_encode_token(checkpoint, token, scale)[0] for token in x])


def reference_decode(checkpoint: Checkpoint, z: np.ndarray, x: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Rebuilt tokens by the formulae, unfolded."""
    rows = []
    for latents, token in zip(z, x, strict=True):
        _, undo, factor = _encode_token(checkpoint, token, scale)
        rows.append(undo((latents / factor) @ checkpoint.tensors["W_dec"] + checkpoint.tensors["b_dec"]))
    return np.stack(rows)


def _encode_token(checkpoint: Checkpoint, x: np.ndarray, scale: float):
    weights, cfg = checkpoint.tensors, checkpoint.cfg
    kind = cfg["normalize_activations"]
    if kind == "layer_norm":
        mean, std = x.mean(), x.std(ddof=1)
        read, undo = (x - mean) / (std + 1e-5), lambda y: y * std + mean
    elif kind == "constant_norm_rescale":
        length = np.sqrt((x**2).sum())
        read = x * np.sqrt(x.size) / length if length > 0 else x

        def undo(y: np.ndarray) -> np.ndarray:
            return y * length / np.sqrt(x.size)

    elif kind == "expected_average_only_in":
        read, undo = x * scale, lambda y: y / scale
    else:
        read, undo = x, lambda y: y
    if cfg["apply_b_dec_to_input"]:
        read = read - weights["b_dec"]
    pre = np.array([read @ weights["W_enc"][:, latent] + weights["b_enc"][latent] for latent in range(N_LATENTS)])
    factor = np.ones(N_LATENTS)
    if cfg.get("rescale_acts_by_decoder_norm"):
        # In units of the hook: the decoder that is applied to raw activations is W_dec / scale.
        factor = np.sqrt((weights["W_dec"] ** 2).sum(axis=1)) / scale
    pre = pre * factor
    if cfg["architecture"] == "topk":
        best = sorted(range(N_LATENTS), key=lambda latent: (-pre[latent], latent))[: cfg["k"]]
        z = np.array([max(value, 0.0) if latent in best else 0.0 for latent, value in enumerate(pre)])
    elif cfg["architecture"] == "jumprelu":
        z = np.array(
            [max(value, 0.0) if value > bar else 0.0 for value, bar in zip(pre, weights["threshold"], strict=True)]
        )
    else:
        z = np.maximum(pre, 0.0)
    return z, undo, factor
