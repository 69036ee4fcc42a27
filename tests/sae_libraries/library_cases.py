"""What the generating scripts share. Runs where a library is, so that it imports torch and safetensors alone.

A case is a folder: ``checkpoint/`` as the library saves it, ``expected.safetensors`` with inputs x and the library's own latents z
and rebuilt inputs y, ``answers.json`` with what ``load_sae`` has to be told.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

D_IN, N_LATENTS, K = 12, 48, 5


def output_folder() -> Path:
    """The folder to write into, emptied."""
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def inputs() -> torch.Tensor:
    """[N, D_IN]: random tokens of many lengths, and extreme ones: zero, huge, tiny, negative, constant."""
    generator = torch.Generator().manual_seed(11)
    x = torch.randn(24, D_IN, generator=generator) * torch.rand(24, 1, generator=generator) * 4
    extreme = [torch.zeros(D_IN), 1e4 * x[0], 1e-4 * x[1], -x[2].abs(), torch.full((D_IN,), 3.0)]
    return torch.cat([x, torch.stack(extreme)])


@torch.no_grad()
def randomise(module: torch.nn.Module, seed: int, scale: float = 0.4) -> None:
    """Every floating-point parameter at random: no term of a formula is zero or one by initialisation."""
    generator = torch.Generator().manual_seed(seed)
    for _, parameter in sorted(module.named_parameters()):
        if parameter.dtype.is_floating_point:
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))


def finish_case(case: Path, z: torch.Tensor, y: torch.Tensor, answers: dict[str, Any] | None = None, x: torch.Tensor | None = None) -> None:
    """Write what the library computed from the checkpoint in ``case``."""
    tensors = {"x": inputs() if x is None else x, "z": z, "y": y}
    save_file({name: tensor.detach().float().contiguous() for name, tensor in tensors.items()}, case / "expected.safetensors")
    (case / "answers.json").write_text(json.dumps(answers or {}))
