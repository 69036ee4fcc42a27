"""The small fixed set that a training run is watched on: images read once, or given activations."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tb_visualscratchpad.exporter.image_folder import list_images
from tb_visualscratchpad.exporter.packed_features import packed_features
from tb_visualscratchpad.exporter.prepared_images import BrokenImage, PreparedImage, prepare_images
from tb_visualscratchpad.exporter.running_statistics import RunningReconstruction, RunningStatistics
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sweep import DENSE_CUTOFF, THUMBNAIL_SIDE, SweepState
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo

ROWS_AT_ONCE = 4096


class ImageProbe:
    """Images of a folder: the tower reads them once, an SAE as often as it is asked to.

    Args:
        n_images: at most so many, spread evenly over the folder.
        keep_images: whether references bear thumbnails.

    Raises:
        ScratchpadError: no image to read, or too little memory on the device.
    """

    def __init__(
        self, vlm: Vlm, images: str | Path, hook: str, *, n_images: int, batch_size: int, keep_images: bool
    ) -> None:
        self._vlm = vlm
        self._folder = list_images(Path(images), n_images)
        self._images: list[PreparedImage] = []
        self._features: list[torch.Tensor] = []
        broken: list[BrokenImage] = []
        prepared = prepare_images(vlm, self._folder, thumbnail_side=THUMBNAIL_SIDE if keep_images else None, n_ahead=4)
        with closing(prepared):
            for image in prepared:
                if isinstance(image, BrokenImage):
                    broken.append(image)
                    continue
                self._features.append(packed_features(vlm, hook, [image], batch_size).cpu())
                self._images.append(replace(image, pixel_values=image.pixel_values[:0]))
        if not self._images:
            raise ScratchpadError(
                f"None of the {len(broken)} probe images under {self._folder.root} could be read. The first: {broken[0].reason}"
            )

    def read(self, sae: SparseAutoencoder, info: DictionaryInfo) -> tuple[LatentStatistics, SaeMetrics, ReferenceImages]:
        """What a dictionary does on the probe."""
        state = SweepState(self._vlm, sae, info, self._folder, None)
        with closing(state):
            for image, features in zip(self._images, self._features, strict=True):
                state.add_features([image], features.to(sae.device))
            swept = state.result(complete=True)
        return swept.statistics, swept.metrics, swept.references


class ActivationProbe:
    """Given activations. There are no images, hence no labels and no references.

    Args:
        activations: [images, patches, d], or [N, d]: then each row counts as an image.

    Raises:
        ScratchpadError: another shape, or nothing in it.
    """

    def __init__(self, activations: torch.Tensor) -> None:
        if activations.ndim not in (2, 3) or not activations.numel():
            raise ScratchpadError(
                f"The probe's activations are {list(activations.shape)}, expected [images, patches, d] or [N, d], none of them 0."
            )
        self._x = activations.detach().reshape(activations.shape[0], -1, activations.shape[-1]).clone()
        self._identity = hashlib.sha256(self._x.float().cpu().numpy().tobytes()).hexdigest()

    def read(self, sae: SparseAutoencoder, info: DictionaryInfo) -> tuple[LatentStatistics, SaeMetrics, None]:
        """What a dictionary does on the probe."""
        n_images, n_patches, width = self._x.shape
        k = sae.n_latents
        seen, reconstruction = RunningStatistics(k), RunningReconstruction()
        for part in self._x.split(max(1, ROWS_AT_ONCE // n_patches)):
            x = part.reshape(-1, width).to(sae.device)
            z = sae.encode_sparse(x)
            reconstruction.add(x, sae.decode_sparse(z, x))
            for first in range(0, z.shape[0], n_patches):
                image = z[first : first + n_patches]
                seen.add(
                    n_patches, np.bincount(image.indices, minlength=k), np.bincount(image.indices, weights=image.data, minlength=k)
                )
        statistics = LatentStatistics(
            dictionary=info,
            image_set_id=self._identity,
            n_images=n_images,
            n_patches=seen.n_patches,
            n_images_firing_K=seen.n_images_firing_K,
            n_patches_firing_K=seen.n_patches_firing_K,
            activation_sum_K=seen.activation_sum_K,
            label_names=(),
            label_entropy_K=np.zeros(k, dtype=np.float32),
            label_entropy_defined_K=np.zeros(k, dtype=np.bool_),
            top_label_K=np.full(k, -1, dtype=np.int32),
            top_label_share_K=np.zeros(k, dtype=np.float32),
        )
        metrics = SaeMetrics(
            dictionary=info,
            image_set_id=self._identity,
            n_images=n_images,
            n_patches=seen.n_patches,
            l0=float(seen.n_patches_firing_K.sum() / seen.n_patches),
            fvu=reconstruction.fvu,
            n_dead=int((~statistics.alive_K).sum()),
            n_dense=int((statistics.image_frequency_K > DENSE_CUTOFF).sum()),
            dense_cutoff=DENSE_CUTOFF,
        )
        return statistics, metrics, None
