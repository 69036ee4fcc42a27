"""Watch a dictionary while overcomplete's `train_sae` trains it.

    pip install "tb-visualscratchpad[exporter]" overcomplete "matplotlib<3.11"
    python examples/overcomplete_trainer.py --logdir LOGS
    tensorboard --logdir LOGS

overcomplete imports torchvision, which must be the wheel that goes with your torch. `train_sae` tells nobody its steps, but it calls
the loss once in each: a loss that counts is all it takes. Here the demo's model on pictures of Emoji World, in under two minutes
on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from overcomplete.sae import TopKSAE, train_sae
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.tensorboard import SummaryWriter

from tb_visualscratchpad.exporter import (
    DictionaryMonitor,
    MonitorPace,
    ScratchpadWriter,
    SparseAutoencoder,
    Vlm,
    live_sae,
    load_vlm,
    new_run_directory,
)
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.image_set import save_labelled_pictures
from tb_visualscratchpad.exporter.sae.activation_functions import TopK


class WatchedLoss:
    """The mean squared error, as a criterion of `train_sae`, that logs the dictionary as it is before each step."""

    def __init__(self, summary: SummaryWriter, monitor: DictionaryMonitor) -> None:
        self._summary, self._monitor = summary, monitor
        self.step = 0

    def __call__(
        self, x: torch.Tensor, x_hat: torch.Tensor, pre_codes: torch.Tensor, codes: torch.Tensor, dictionary: torch.Tensor
    ) -> torch.Tensor:
        loss = (x - x_hat).square().mean()
        self._summary.add_scalar("training/loss", loss.item(), self.step)
        self._monitor(self.step)
        self.step += 1
        return loss


def in_units_of_the_hook(model: TopKSAE, mean: torch.Tensor, scale: torch.Tensor) -> SparseAutoencoder:
    """The SAE of the moment, which was trained on (x - mean) / scale, for x itself.

    Made anew each time: overcomplete puts new tensors in place of the dictionary's, so sharing them would show the first for ever.
    """
    linear = model.encoder.final_block[0]
    return live_sae(
        "overcomplete", W_enc=linear.weight.T / scale, b_enc=linear.bias, W_dec=model.get_dictionary() * scale, b_dec=mean,
        activation=TopK(model.top_k),
    )


def tower_activations(vlm: Vlm, n_pictures: int, seed: int) -> torch.Tensor:
    """Patches [N, d] of composed pictures, as the hook of the demo gives them."""
    found = []
    for number in range(seed, seed + n_pictures):
        views = vlm.prepare_picture(compose(random_scene(number), number).picture).pixel_values
        found.append(vlm.features(views).flatten(0, 1))
    return torch.cat(found).float()


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains an SAE with overcomplete and logs how it grows.")
    parser.add_argument("--logdir", required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--latents", type=int, default=1024)
    parser.add_argument("--every", type=int, default=30)
    options = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(1)  # more only slow so small a model down
    vlm = load_vlm("demo", device="cpu")
    x = tower_activations(vlm, options.pictures, seed=1)
    mean = x.mean(dim=0)
    scale = (x - mean).std()
    batches = DataLoader(TensorDataset((x - mean) / scale), batch_size=256, shuffle=True, drop_last=True)
    model = TopKSAE(x.shape[-1], options.latents, top_k=16)
    question = (compose(random_scene(7), 7).picture, "what is in the picture ?")
    run_directory = new_run_directory(options.logdir, "overcomplete")
    summary = SummaryWriter(str(run_directory))
    with tempfile.TemporaryDirectory() as folder, ScratchpadWriter(summary) as writer:
        save_labelled_pictures(Path(folder), n_per_object=2, n_per_ground=2)
        monitor = DictionaryMonitor(
            writer, lambda: in_units_of_the_hook(model, mean, scale), vlm=vlm, images=folder, prompts=[question],
            pace=MonitorPace(every=options.every, references_every=2, map_every=3, explain_every=3),
        )
        loss = WatchedLoss(summary, monitor)
        train_sae(model, batches, loss, torch.optim.Adam(model.parameters(), lr=1e-3), nb_epochs=options.epochs)
        monitor(loss.step)  # what the last step made, if it is due
    summary.close()
    print(f"Logged {loss.step} steps to {run_directory}")


if __name__ == "__main__":
    main()
