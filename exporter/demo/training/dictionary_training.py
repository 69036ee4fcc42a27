"""Last the sparse autoencoder, on what the projector reads of pictures that are drawn as it goes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import torch

from tb_visualscratchpad.exporter.demo.compose import compose
from tb_visualscratchpad.exporter.demo.questions import WHAT
from tb_visualscratchpad.exporter.demo.training.drawn_views import SAE, DrawnViews
from tb_visualscratchpad.exporter.demo.training.scene_batch import draw_scenes, seeded_generator
from tb_visualscratchpad.exporter.demo.training.stage_run import Figures, say
from tb_visualscratchpad.exporter.demo.training.training_world import TrainingWorld
from tb_visualscratchpad.exporter.dictionary_monitor import DictionaryMonitor, MonitorPace
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, live_sae, width_of_hook
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.training_plan import TrainingPlan
from tb_visualscratchpad.exporter.vlm import Vlm

MIXED_PICTURES = 64
"""Patches of so many pictures are shuffled together."""
N_SNAPSHOTS = 10
PROBE = 9
"""Beside the stages' numbers, for the pictures that a dictionary is watched on."""


class DrawnFeatures:
    """Batches of features of patches, by number: batch n is the same whoever asks for it and when.

    Args:
        step_samples: patches of a batch.
    """

    def __init__(self, vlm: Vlm, world: TrainingWorld, seed: int, step_samples: int) -> None:
        self._vlm, self._seed, self._step_samples = vlm, seed, step_samples
        self._drawn = DrawnViews(vlm, world, seed, SAE)
        views = self._drawn.views
        per_picture = (1 + views.n_columns**2) * views.grid**2
        self._n_pictures = max(MIXED_PICTURES, -(-step_samples // per_picture))
        self._per_group = self._n_pictures * per_picture // step_samples

    def __call__(self, first: int) -> Iterator[torch.Tensor]:
        """Features float32 [step_samples, d], from batch number ``first`` on, without end."""
        group, offset = divmod(first, self._per_group)
        while True:
            _, pixel_values = self._drawn.of_step(group, self._n_pictures)
            features = torch.cat([self._vlm.features(part) for part in pixel_values.flatten(0, 1).split(80)]).flatten(0, 1).float()
            order = torch.randperm(len(features), generator=seeded_generator(features.device, self._seed, SAE, group, 1), device=features.device)
            for number in range(offset, self._per_group):
                yield features[order[number * self._step_samples : (number + 1) * self._step_samples]]
            group, offset = group + 1, 0


def train_dictionary(
    vlm: Vlm,
    world: TrainingWorld,
    output: Path,
    plan: TrainingPlan,
    *,
    start: SparseAutoencoder | None,
    from_patches: bool,
    checkpoints: Path | None,
    figures: Figures,
    writer: ScratchpadWriter | None,
) -> bool:
    """Trains it with SAELens and saves it to ``output`` (SAELens' layout), where nothing may be.

    Args:
        start: what to begin with; None begins with patches where ``from_patches`` (see ``begin_with_patches``), else with chance.
        checkpoints: a folder to go on from, the caller's to remove; None keeps nothing.
        writer: logs how the dictionary grows, where given.

    Returns:
        Whether all steps were taken: Ctrl-C ends it after the step in hand.

    Raises:
        ScratchpadError: the loss is no longer finite, or the device has too little memory.
    """
    # Here, not above: it takes seconds, and only this stage needs SAELens.
    from tb_visualscratchpad.exporter.sae_training import SaeCheckpoints, train_sae_on_batches

    hook = vlm.default_hook
    with ExitStack() as stack:
        watch = None if writer is None else _Watch(vlm, world, plan.seed, writer, stack)

        def tell(step: int, told: Mapping[str, float]) -> None:
            figures.add("sae", step, told)

        def snap(step: int, sae: SparseAutoencoder) -> None:
            say(f"sae: step {step:,} of {plan.n_steps:,}")
            if watch is not None:
                watch.look(step, sae)

        batches = DrawnFeatures(vlm, world, plan.seed, plan.step_samples)
        n_steps = train_sae_on_batches(
            batches, output, plan, d_in=width_of_hook(vlm, hook), hook=hook, model_name="emoji-world",
            device=vlm.device, figures_every=max(1, plan.n_steps // 200), on_figures=tell,
            snapshot_every=max(1, plan.n_steps // N_SNAPSHOTS), on_snapshot=snap,
            start=begin_with_patches(batches(0), plan.n_latents, plan.k) if start is None and from_patches else start,
            checkpoints=None if checkpoints is None else SaeCheckpoints(checkpoints, every=max(1, plan.n_steps // 20)),
        )
    return n_steps == plan.n_steps


def begin_with_patches(batches: Iterator[torch.Tensor], n_latents: int, k: int) -> SparseAutoencoder:
    """An untrained dictionary of which each latent reads and rebuilds the direction of one patch, from the mean of all.

    With directions by chance most latents never fire in a training this short: what patches have in common drowns them.
    """
    gathered = [next(batches)]
    while sum(len(batch) for batch in gathered) < n_latents:
        gathered.append(next(batches))
    x_Nd = torch.cat(gathered)
    mean_d = x_Nd.mean(dim=0)
    row_Kd = torch.nn.functional.normalize(x_Nd[:n_latents] - mean_d, dim=1)
    return live_sae(
        # k latents of like directions answer together: a k-th each, or they would rebuild a patch k times.
        "patches", W_enc=(row_Kd / k).T.contiguous(), b_enc=torch.zeros(n_latents, device=x_Nd.device), W_dec=row_Kd, b_dec=mean_d, activation=TopK(k)
    )


class _Watch:
    """A ``DictionaryMonitor`` over a few pictures of the world, made when the first snapshot comes."""

    def __init__(self, vlm: Vlm, world: TrainingWorld, seed: int, writer: ScratchpadWriter, stack: ExitStack) -> None:
        self._vlm, self._writer = vlm, writer
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emoji-world-probe-")))
        for number, scene in enumerate(draw_scenes(world, 32, seeded_generator(torch.device("cpu"), seed, PROBE)).to_scenes()):
            compose(scene, number, world.side, world.side).picture.save(self._folder / f"{number:02d}.png")
        self._present: SparseAutoencoder | None = None
        self._monitor: DictionaryMonitor | None = None

    def look(self, step: int, sae: SparseAutoencoder) -> None:
        self._present = sae
        if self._monitor is None:
            self._monitor = DictionaryMonitor(
                self._writer, self._sae, vlm=self._vlm, images=self._folder, prompts=[(self._folder / "00.png", WHAT)],
                pace=MonitorPace(every=1, references_every=5, map_every=0, explain_every=5), name="emoji-world",
            )
        self._monitor(step)

    def _sae(self) -> SparseAutoencoder:
        assert self._present is not None
        return self._present
