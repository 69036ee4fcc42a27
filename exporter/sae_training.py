"""SAELens' trainer, fed by a vision tower, and what it has learnt at any step as a ``SparseAutoencoder``.

The only module that imports SAELens (``[train]``); import it when training is asked for.
"""

from __future__ import annotations

import math
import os
import shutil
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
from sae_lens.config import SAETrainerConfig
from sae_lens.saes.sae import SAEMetadata
from sae_lens.training.mixing_buffer import mixing_buffer
from sae_lens.training.sae_trainer import SAETrainer

from tb_visualscratchpad.exporter.activation_stream import stream_features
from tb_visualscratchpad.exporter.image_folder import ImageFolder
from tb_visualscratchpad.exporter.interruption import InterruptBetweenSteps
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, width_of_hook
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.sae.folded_weights import FoldedWeights
from tb_visualscratchpad.exporter.sae.normalisations import NoNormalisation
from tb_visualscratchpad.exporter.training_plan import TrainingPlan
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError

_CHECKPOINT = "weights.pt"

OpenStream = Callable[..., Generator[torch.Tensor, None, None]]
OnFigures = Callable[[int, Mapping[str, float]], None]
OnSnapshot = Callable[[int, SparseAutoencoder], None]


def train_sae(
    vlm: Vlm,
    folder: ImageFolder,
    output: Path,
    plan: TrainingPlan,
    *,
    hook: str,
    batch_size: int = 8,
    figures_every: int,
    on_figures: OnFigures,
    snapshot_every: int,
    on_snapshot: OnSnapshot,
    open_stream: OpenStream = stream_features,
) -> int:
    """Train a TopK SAE on the features at ``hook`` and save it to ``output`` as SAELens saves it for inference.

    A first Ctrl-C ends the training after the step in hand, and what was learnt until then is saved; a second one raises.

    Args:
        hook: canonical name.
        batch_size: views in the vision tower at once.
        on_figures: called with SAELens' own figures of a step, after the first, every ``figures_every`` steps and the last.
        on_snapshot: called with the SAE of the step, every ``snapshot_every`` steps and after the last. All snapshots of a
            training bear one identity, which is of no other SAE: they are one dictionary that grows.
        open_stream: where the features come from, called as ``stream_features`` is; closed at the end.

    Returns:
        How many steps were taken.

    Raises:
        ScratchpadError: no image can be read, the loss is no longer finite, or the device has too little memory.
        KeyboardInterrupt: see above.
    """
    stream = open_stream(vlm, hook, folder, batch_size=batch_size, seed=plan.seed)
    with closing(stream):
        return train_sae_on_batches(
            lambda _first: mixing_buffer(plan.buffer_samples, plan.step_samples, stream), output, plan, d_in=width_of_hook(vlm, hook), hook=hook,
            model_name=vlm.name, device=vlm.device, figures_every=figures_every, on_figures=on_figures, snapshot_every=snapshot_every,
            on_snapshot=on_snapshot,
        )


@dataclass(frozen=True)
class SaeCheckpoints:
    """Where a training keeps what it needs to go on, and how often. What lies there already is gone on with.

    Attributes:
        folder: made when needed; the caller's to remove.
        every: steps.
    """

    folder: Path
    every: int


def train_sae_on_batches(
    batches: Callable[[int], Iterator[torch.Tensor]],
    output: Path,
    plan: TrainingPlan,
    *,
    d_in: int,
    hook: str,
    model_name: str,
    device: torch.device,
    figures_every: int,
    on_figures: OnFigures,
    snapshot_every: int,
    on_snapshot: OnSnapshot,
    start: SparseAutoencoder | None = None,
    checkpoints: SaeCheckpoints | None = None,
) -> int:
    """As ``train_sae``, on features from anywhere.

    Args:
        batches: gives an endless iterator over features [step_samples, d_in], from a batch of a number on. The first
            ``plan.n_scale_steps`` only decide the scale of the input.
        start: an SAE of as many latents to begin with, by default chance.
        checkpoints: none by default. A training that goes on takes the same steps as one that was never broken off, where
            ``batches`` gives the same batch for the same number.
    """
    torch.manual_seed(plan.seed)
    sae = TopKTrainingSAE(
        TopKTrainingSAEConfig(
            d_in=d_in, d_sae=plan.n_latents, k=plan.k, device=str(device),
            normalize_activations="expected_average_only_in",
            # At SAELens' own 0.1 three times as many latents die in a short training.
            decoder_init_norm=1.0,
            metadata=SAEMetadata(model_name=model_name, hook_name=hook),
        )
    )
    config = SAETrainerConfig(
        total_training_samples=plan.n_steps * plan.step_samples, train_batch_size_samples=plan.step_samples,
        lr=plan.learning_rate, lr_end=plan.learning_rate / 10, lr_warm_up_steps=plan.n_warm_up_steps,
        lr_decay_steps=plan.n_decay_steps, dead_feature_window=plan.dead_after_steps,
        n_batches_for_norm_estimate=plan.n_scale_steps, device=str(device),
    )
    snapshots = SaeLensSnapshots(f"{output.name} in training", hook)
    done = 0 if checkpoints is None else _steps_done(checkpoints.folder)
    with InterruptBetweenSteps() as interrupt:
        trainer = _Trainer(config, sae, batches(done + plan.n_scale_steps if done else 0))
        trainer.follow(
            interrupt, figures_every, on_figures, snapshot_every, lambda step: on_snapshot(step, snapshots.of(trainer)), checkpoints
        )
        try:
            if done and checkpoints is not None:
                trainer.go_on(checkpoints.folder)
            else:
                trainer.measure_scale(start)
            trainer.fit()
        except torch.OutOfMemoryError as error:
            raise ScratchpadError(
                f"The device ran out of memory with {plan.n_latents} latents and {plan.step_samples} patches a step: choose fewer of "
                "either (--latents, --step-samples)."
            ) from error
        # What took hours is on the disk before anything else may fail.
        _save(trainer.sae, output)
        on_snapshot(trainer.n_training_steps, snapshots.of(trainer))
    return trainer.n_training_steps


class _Trainer(SAETrainer[TopKTrainingSAE, TopKTrainingSAEConfig]):
    """SAELens' trainer, which tells what it does and can be asked to end."""

    def follow(
        self, interrupt: InterruptBetweenSteps, figures_every: int, on_figures: OnFigures, snapshot_every: int, snap: Callable[[int], None],
        checkpoints: SaeCheckpoints | None,
    ) -> None:
        self._interrupt, self._snap, self._on_figures, self._checkpoints = interrupt, snap, on_figures, checkpoints
        self._figures_every, self._snapshot_every = figures_every, snapshot_every

    def measure_scale(self, start: SparseAutoencoder | None) -> None:
        """Reads the batches that decide the scale of the input, and takes over the weights of ``start``."""
        self.activation_scaler.estimate_scaling_factor(
            d_in=self.sae.cfg.d_in, data_provider=self.data_provider, n_batches_for_norm_estimate=self.cfg.n_batches_for_norm_estimate
        )
        if start is not None:
            _take_over(self.sae, start, self.activation_scaler.scaling_factor or 1.0)

    def go_on(self, folder: Path) -> None:
        """Becomes what ``_keep`` kept."""
        self.sae.load_state_dict(torch.load(folder / _CHECKPOINT, map_location=self.cfg.device, weights_only=True)["sae"])
        self.load_trainer_state(folder)

    def _keep(self, folder: Path) -> None:
        # Between two steps: `fit` counts the one just taken only after this.
        self.n_training_steps += 1
        try:
            whole = folder.with_name(f".{folder.name}.unfinished")
            shutil.rmtree(whole, ignore_errors=True)
            self.save_trainer_state(whole)
            torch.save({"sae": self.sae.state_dict(), "step": self.n_training_steps}, whole / _CHECKPOINT)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(whole, folder)
        finally:
            self.n_training_steps -= 1

    def step(self, batch: torch.Tensor) -> Any:
        output = super().step(batch)
        done = self.n_training_steps + 1
        if self._interrupt.requested:
            # Left by its own door, so that `fit` still folds the scale of the inputs into the weights.
            self.cfg.total_training_samples = self.n_training_samples
        last = self.n_training_samples >= self.cfg.total_training_samples
        if done == 1 or done % self._figures_every == 0 or last:
            figures = self.build_train_step_log_dict(output, self.n_training_samples)
            if not math.isfinite(figures["losses/overall_loss"]):
                raise ScratchpadError(f"The loss is no longer finite at step {done}: train with a smaller --lr than {self.cfg.lr:g}.")
            self._on_figures(done, figures)
        if done % self._snapshot_every == 0 and not last:
            self._snap(done)
        if self._checkpoints is not None and done % self._checkpoints.every == 0 and not last:
            self._keep(self._checkpoints.folder)
        return output


class SaeLensSnapshots:
    """The SAE that one of SAELens' trainers has at the moment, in the units of the hook.

    All snapshots bear one identity, which is of no other SAE: they are one dictionary that grows.

    Args:
        name: what the tab calls it.
        hook: canonical name of what the trainer is fed with.
    """

    def __init__(self, name: str, hook: str) -> None:
        self._name, self._hook = name, hook
        self._identity = sha256(b"in training\0" + uuid.uuid4().bytes).hexdigest()

    @torch.no_grad()
    def of(self, trainer: SAETrainer[TopKTrainingSAE, TopKTrainingSAEConfig]) -> SparseAutoencoder:
        """A copy, which further steps leave alone.

        Raises:
            ScratchpadError: it trains no TopK SAE, or normalises its inputs otherwise than by one scale.
        """
        sae = trainer.sae
        if not isinstance(sae, TopKTrainingSAE) or sae.cfg.normalize_activations not in ("none", "expected_average_only_in"):
            raise ScratchpadError(
                f"The trainer holds a {type(sae).__name__} that normalises by {sae.cfg.normalize_activations}, expected a "
                "TopKTrainingSAE with none or expected_average_only_in: train one of these."
            )
        # None where nothing is scaled, and once `fit` has folded it.
        scale = trainer.activation_scaler.scaling_factor or 1.0
        W_enc, b_enc, W_dec, b_dec = (getattr(sae, name).detach().float().clone() for name in ("W_enc", "b_enc", "W_dec", "b_dec"))
        folded = FoldedWeights(W_enc, b_enc, W_dec, b_dec, sae.cfg.apply_b_dec_to_input).scaled(scale)
        if sae.cfg.rescale_acts_by_decoder_norm:
            folded = folded.by_decoder_norm()
        return SparseAutoencoder(
            name=self._name, hook=self._hook, identity=self._identity, W_enc=folded.W_enc, b_enc=folded.b_enc,
            W_dec=folded.W_dec, b_dec=folded.b_dec, activation_function=TopK(sae.cfg.k), normalisation=NoNormalisation(),
            subtracts_b_dec=folded.subtracts_b_dec,
        )


def _steps_done(folder: Path) -> int:
    path = folder / _CHECKPOINT
    return int(torch.load(path, map_location="cpu", weights_only=True)["step"]) if path.is_file() else 0


@torch.no_grad()
def _take_over(sae: TopKTrainingSAE, start: SparseAutoencoder, scale: float) -> None:
    """Undoes the folding of ``SaeLensSnapshots.of``, so that it gives ``start`` back, with decoder rows of length one."""
    if (start.d_in, start.n_latents) != (sae.cfg.d_in, sae.cfg.d_sae):
        raise ScratchpadError(
            f"The SAE {start.name} reads {start.d_in} numbers with {start.n_latents} latents, {sae.cfg.d_in} and {sae.cfg.d_sae} are trained: "
            "begin with another, or from nothing."
        )
    norm = start.W_dec.norm(dim=-1)
    # A latent without a decoder row rebuilds nothing, and goes on so.
    row = start.W_dec / torch.where(norm == 0, torch.ones_like(norm), norm)[:, None]
    weights = {"W_enc": start.W_enc * norm, "b_enc": start.b_enc * norm * scale, "W_dec": row, "b_dec": start.b_dec * scale}
    for name, weight in weights.items():
        getattr(sae, name).copy_(weight)


def _save(sae: TopKTrainingSAE, output: Path) -> None:
    """The whole folder or none."""
    unfinished = output.with_name(f".{output.name}.unfinished")
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        sae.save_inference_model(unfinished)
        os.replace(unfinished, output)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
