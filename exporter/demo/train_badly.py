"""``python -m tb_visualscratchpad.exporter.demo.train_badly``: a dictionary of Emoji World's model that trained badly, on purpose.

Three mistakes that people do make, all else as it should be: a learning rate a hundred times too high, no auxiliary loss that would
pull at dead latents, and a start with directions by chance and a decoder bias of zero, though what patches have in common is larger than what tells
them apart. So the demo shows what a dictionary looks like that one should not trust. A plain loop, for SAELens' trainer warms up and revives.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from tb_visualscratchpad.exporter.demo.training.bundle_files import save_dictionary
from tb_visualscratchpad.exporter.demo.training.dictionary_training import DrawnFeatures
from tb_visualscratchpad.exporter.demo.training.stage_run import say
from tb_visualscratchpad.exporter.demo.training.training_world import FULL
from tb_visualscratchpad.exporter.demo.write import one_thread
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, live_sae
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.sae.checkpoint_folder import BADLY_TRAINED
from tb_visualscratchpad.exporter.vlm import load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True)
class BadPlan:
    """How it is trained. ``learning_rate`` should be some 0.001."""

    n_latents: int = 1024
    k: int = 16
    n_steps: int = 600
    step_samples: int = 512
    learning_rate: float = 0.1
    seed: int = 0


def train_badly(batches: Iterator[torch.Tensor], plan: BadPlan) -> SparseAutoencoder:
    """A TopK dictionary after ``plan.n_steps`` steps of Adam on batches of features [n, d]; the same seed and batches give the same."""
    first = next(batches).float()
    chance = torch.Generator().manual_seed(plan.seed)
    W_dec = functional.normalize(torch.randn(plan.n_latents, first.shape[1], generator=chance), dim=1)
    weights = [W_dec.T.clone().contiguous(), torch.zeros(plan.n_latents), W_dec, torch.zeros(first.shape[1])]
    W_enc, b_enc, W_dec, b_dec = (weight.requires_grad_() for weight in weights)
    optimiser = torch.optim.Adam((W_enc, b_enc, W_dec, b_dec), lr=plan.learning_rate)
    activation = TopK(plan.k)
    x_Nd = first
    for step in range(plan.n_steps):
        z_NK = activation((x_Nd - b_dec) @ W_enc + b_enc)
        loss = (z_NK @ W_dec + b_dec - x_Nd).square().sum(dim=1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            W_dec.copy_(functional.normalize(W_dec, dim=1))
        if step + 1 < plan.n_steps:
            x_Nd = next(batches).float()
    return live_sae("demo-bad", W_enc=W_enc, b_enc=b_enc, W_dec=W_dec, b_dec=b_dec, activation=activation)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tb_visualscratchpad.exporter.demo.train_badly", description=__doc__)
    parser.add_argument("--output", type=Path, default=BADLY_TRAINED, help="folder for the dictionary; must not exist (default: its place in the bundle)")
    options = parser.parse_args(arguments)
    try:
        _train_to(options.output.expanduser(), BadPlan())
    except ScratchpadError as error:
        print(f"train_badly: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train_badly: Interrupted; nothing was kept.", file=sys.stderr)
        return 130
    return 0


def _train_to(output: Path, plan: BadPlan) -> None:
    """The whole folder or none."""
    if output.exists() or output.is_symlink():
        raise ScratchpadError(f"--output {output} exists already: name a folder that does not, or remove it.")
    with one_thread():
        vlm = load_vlm("demo", device="cpu")
        say(f"{plan.n_steps} steps at a learning rate of {plan.learning_rate:g}, a hundred times what it should be")
        sae = train_badly(DrawnFeatures(vlm, FULL, plan.seed, plan.step_samples)(0), plan)
    unfinished = output.with_name(f".{output.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        save_dictionary(unfinished, sae, vlm.default_hook)
        for path in unfinished.iterdir():
            path.chmod(0o644)
        os.replace(unfinished, output)
    except OSError as error:
        raise ScratchpadError(f"{output} cannot be written ({error}): free space, or choose another --output.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    say(f"Wrote {output}")


if __name__ == "__main__":
    sys.exit(main())
