"""A sparse autoencoder trained in a plain PyTorch loop, and watched in TensorBoard while it grows.

    python examples/plain_pytorch.py --logdir runs/plain
    tensorboard --logdir runs

The two lines that matter are marked. Everything else is the training that a user has already: pictures of Emoji World, what the demo
model's vision tower makes of them, a TopK autoencoder, Adam.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from tb_visualscratchpad.exporter import DictionaryMonitor, MonitorPace, ScratchpadWriter, Vlm, live_sae, load_vlm
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.image_set import save_labelled_pictures
from tb_visualscratchpad.exporter.sae.activation_functions import TopK


class TopKAutoencoder(nn.Module):
    """x' = W_dec topk(W_enc (x - b_dec) + b_enc) + b_dec."""

    def __init__(self, width: int, n_latents: int, k: int) -> None:
        super().__init__()
        rows = nn.functional.normalize(torch.randn(n_latents, width), dim=1)
        self.W_dec = nn.Parameter(rows)
        self.W_enc = nn.Parameter(rows.T.clone())
        self.b_enc = nn.Parameter(torch.zeros(n_latents))
        self.b_dec = nn.Parameter(torch.zeros(width))
        self.activation = TopK(k)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.activation((x - self.b_dec) @ self.W_enc + self.b_enc)
        return z @ self.W_dec + self.b_dec


def tower_activations(vlm: Vlm, n_pictures: int, seed: int) -> torch.Tensor:
    """Patches [N, d] of composed pictures, as the hook of the demo gives them."""
    found = []
    for number in range(n_pictures):
        picture = compose(random_scene(seed + number), seed + number).picture
        views = vlm.prepare_picture(picture).pixel_values
        found.append(vlm.features(views).flatten(0, 1))
    return torch.cat(found).float()


def main() -> None:
    """Trains and logs; prints the last loss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logdir", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--latents", type=int, default=1024)
    parser.add_argument("--every", type=int, default=30)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    vlm = load_vlm("demo", device="cpu")
    x = tower_activations(vlm, options.pictures, seed=1)
    model = TopKAutoencoder(x.shape[-1], options.latents, k=16)
    with torch.no_grad():
        model.b_dec.copy_(x.mean(dim=0))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    question = (compose(random_scene(7), 7).picture, "what is in the picture ?")
    sae = live_sae(
        "plain PyTorch", W_enc=model.W_enc, b_enc=model.b_enc, W_dec=model.W_dec, b_dec=model.b_dec, activation=model.activation
    )
    summary = SummaryWriter(str(options.logdir))
    with tempfile.TemporaryDirectory() as folder, ScratchpadWriter(summary) as writer:
        save_labelled_pictures(Path(folder), n_per_object=2, n_per_ground=2)
        pace = MonitorPace(every=options.every, references_every=2, map_every=3, explain_every=3)
        monitor = DictionaryMonitor(writer, sae, vlm=vlm, images=folder, prompts=[question], pace=pace)  # the first line
        for step in range(options.steps + 1):
            batch = x[torch.randint(len(x), (256,))]
            loss = (model(batch) - batch).square().sum(dim=1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                model.W_dec.copy_(nn.functional.normalize(model.W_dec, dim=1))  # in place: the monitor shares these weights
            summary.add_scalar("training/loss", loss.item(), step)
            monitor(step)  # the second line
    summary.close()
    print(f"loss {loss.item():.1f}")


if __name__ == "__main__":
    main()
