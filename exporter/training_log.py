"""The log of a training: SAELens' figures as scalars, and the dictionary at every snapshot, over a few images of the set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

from tb_visualscratchpad.exporter.decoder_drift import DecoderFollower
from tb_visualscratchpad.exporter.decoder_map import decoder_map
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.sweep import SweepResult, sweep
from tb_visualscratchpad.exporter.vlm import Vlm


class TrainingLog:
    """Writes one training into a run directory of its own. A context manager.

    Args:
        images: the folder, of which ``n_probe`` images, spread evenly, are swept at every snapshot.
        keep_images: whether references bear thumbnails.
    """

    def __init__(self, directory: Path, vlm: Vlm, images: Path, *, n_probe: int, batch_size: int, keep_images: bool) -> None:
        self._vlm, self._images, self._n_probe = vlm, images, n_probe
        self._batch_size, self._keep_images = batch_size, keep_images
        self._decoder = DecoderFollower()
        self._scalars = SummaryWriter(directory)
        self._writer = ScratchpadWriter(self._scalars)

    def add_figures(self, step: int, figures: Mapping[str, float]) -> None:
        """Log scalars, each under its name below ``training/``."""
        for name, value in figures.items():
            self._scalars.add_scalar(f"training/{name}", value, step)

    def add_snapshot(self, step: int, sae: SparseAutoencoder) -> SweepResult:
        """Sweep the probe images with the SAE of this step and log statistics, references and metrics."""
        swept = sweep(
            self._vlm, sae, self._images, hook=sae.hook, batch_size=self._batch_size, limit=self._n_probe,
            keep_images=self._keep_images, progress=False,
        )
        drift = self._decoder.measure(step, sae.W_dec)
        self._writer.add_latent_statistics(replace(swept.statistics, decoder_drift=drift), step)
        self._writer.add_references(swept.references, step)
        self._writer.add_sae_metrics(swept.metrics, step)
        return swept

    def add_map(self, step: int, sae: SparseAutoencoder, swept: SweepResult, seed: int) -> None:
        """Map the latents, which takes from seconds to minutes, and log it."""
        self._writer.add_decoder_map(decoder_map(swept.statistics.dictionary, sae.W_dec, swept.references, seed=seed), step)

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.close()
        self._scalars.close()
