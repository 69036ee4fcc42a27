"""A small random SAE, saved as SAELens saves one."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file


def save_tiny_sae(
    folder: Path, *, d_in: int = 24, n_latents: int = 80, k: int = 6, seed: int = 0, hook: str | None = None, architecture: str = "topk",
    normalisation: str = "none",
) -> Path:
    """A TopK SAE of random weights; ``standard`` gives one with ReLU."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(seed)
    decoder = torch.nn.functional.normalize(torch.randn(n_latents, d_in, generator=generator), dim=1)
    tensors = {
        "W_enc": decoder.T.contiguous(),
        "W_dec": decoder,
        "b_enc": torch.randn(n_latents, generator=generator) * 0.05,
        "b_dec": torch.randn(d_in, generator=generator) * 0.1,
    }
    config = {
        "architecture": architecture, "d_in": d_in, "d_sae": n_latents, "dtype": "float32", "apply_b_dec_to_input": True,
        "normalize_activations": normalisation, "reshape_activations": "none", "metadata": {"hook_name": hook} if hook else {},
    }
    if architecture == "topk":
        config |= {"k": k, "rescale_acts_by_decoder_norm": False}
    (folder / "cfg.json").write_text(json.dumps(config))
    save_file(tensors, folder / "sae_weights.safetensors")
    return folder
