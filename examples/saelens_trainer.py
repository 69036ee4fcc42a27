"""Watch a training of your own with SAELens' trainer: one `if` in its `step` logs the dictionary as it grows.

    pip install "tb-visualscratchpad[train]"
    python examples/saelens_trainer.py --logdir LOGS [--vlm VLM --images FOLDER]
    tensorboard --logdir LOGS

Without --vlm and --images: the demo's model on pictures of Emoji World, in under two minutes on two cores.
`visualscratchpad train-sae` is this with every option; write your own where you want other losses, schedules or data.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
from sae_lens.config import SAETrainerConfig
from sae_lens.saes.sae import SAEMetadata
from sae_lens.training.mixing_buffer import mixing_buffer
from sae_lens.training.sae_trainer import SAETrainer

from tb_visualscratchpad.exporter import ScratchpadWriter, load_vlm, new_run_directory, sweep
from tb_visualscratchpad.exporter.activation_stream import stream_features
from tb_visualscratchpad.exporter.demo.image_set import save_labelled_pictures
from tb_visualscratchpad.exporter.image_folder import list_images
from tb_visualscratchpad.exporter.sae_training import SaeLensSnapshots

STEP_SAMPLES = 256


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains an SAE with SAELens and logs how it grows.")
    parser.add_argument("--logdir", required=True)
    parser.add_argument("--vlm", default="demo")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--log-every", type=int, default=40)
    options = parser.parse_args()
    if options.images is not None:
        train(options, options.images)
        return
    with tempfile.TemporaryDirectory() as folder:
        save_labelled_pictures(Path(folder), n_per_object=1, n_per_ground=1)
        train(options, Path(folder))


def train(options: argparse.Namespace, images: Path) -> None:
    vlm = load_vlm(options.vlm)
    if options.vlm == "demo":
        torch.set_num_threads(1)  # more only slow so small a model down
    hook = vlm.default_hook
    stream = stream_features(vlm, hook, list_images(images), batch_size=8, seed=0)
    width = next(stream).shape[-1]

    writer = ScratchpadWriter(new_run_directory(options.logdir, "saelens"))
    snapshots = SaeLensSnapshots("my SAE", hook)

    class WatchedTrainer(SAETrainer):
        def step(self, batch: torch.Tensor) -> Any:
            output = super().step(batch)
            done = self.n_training_steps + 1
            if done % options.log_every == 0:
                # Statistics, references and metrics over a few images, the same at every step.
                swept = sweep(vlm, snapshots.of(self), images, limit=16, progress=False)
                writer.add_latent_statistics(swept.statistics, done)
                writer.add_references(swept.references, done)
                writer.add_sae_metrics(swept.metrics, done)
                print(f"step {done}: {swept.metrics.fvu:.1%} of the variance unexplained, {swept.metrics.n_dead} latents silent")
            return output

    sae = TopKTrainingSAE(
        TopKTrainingSAEConfig(
            d_in=width, d_sae=4 * width, k=16, device=str(vlm.device), normalize_activations="expected_average_only_in",
            decoder_init_norm=1.0, metadata=SAEMetadata(model_name=vlm.name, hook_name=hook),
        )
    )
    config = SAETrainerConfig(
        total_training_samples=options.steps * STEP_SAMPLES, train_batch_size_samples=STEP_SAMPLES, lr=1e-3, lr_end=1e-4,
        lr_warm_up_steps=options.steps // 10, lr_decay_steps=options.steps // 5, dead_feature_window=25,
        n_batches_for_norm_estimate=5, device=str(vlm.device),
    )
    trainer = WatchedTrainer(config, sae, mixing_buffer(8 * STEP_SAMPLES, STEP_SAMPLES, stream))
    with writer:
        trainer.fit()
    stream.close()
    output = writer.run_directory / "sae"
    trainer.sae.save_inference_model(output)
    print(f"Logged to {writer.run_directory}, saved to {output}")


if __name__ == "__main__":
    main()
