"""One streaming pass over an image set: latent statistics, references and metrics of the SAE.

Images are decoded in threads beside the model; nothing that is kept grows with their number. Only packed patch tokens
count: what the language model gets to see.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from scipy import sparse
from tqdm import tqdm

from tb_visualscratchpad.exporter.image_folder import ImageFolder, list_images
from tb_visualscratchpad.exporter.interruption import InterruptBetweenSteps
from tb_visualscratchpad.exporter.label_entropy import label_spread
from tb_visualscratchpad.exporter.packed_features import Image, batches_of_views, packed_features, packed_patches
from tb_visualscratchpad.exporter.prepared_images import BrokenImage, PreparedImage, prepare_images
from tb_visualscratchpad.exporter.running_references import RunningReferences
from tb_visualscratchpad.exporter.running_statistics import RunningReconstruction, RunningStatistics
from tb_visualscratchpad.exporter.sae.dictionary import dictionary_info
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.spool import RecordSpool
from tb_visualscratchpad.exporter.spool_records import (
    pack_image_tokens,
    pack_picture,
    unpack_image_tokens,
    unpack_picture,
)
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, ReferenceImages, SaeMetrics
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo

THUMBNAIL_SIDE = 256
DENSE_CUTOFF = 0.2
N_BROKEN_NAMES = 100


@dataclass(frozen=True)
class SweepResult:
    """What one pass over an image set tells. ``statistics.complete`` is False where it was interrupted."""

    statistics: LatentStatistics
    references: ReferenceImages
    metrics: SaeMetrics


def sweep(
    vlm: Vlm,
    sae: SparseAutoencoder,
    images: str | Path,
    *,
    hook: str | None = None,
    batch_size: int = 8,
    limit: int | None = None,
    keep_images: bool = True,
    thumbnail_side: int = THUMBNAIL_SIDE,
    progress: bool = True,
    spool_directory: Path | None = None,
) -> SweepResult:
    """Statistics, references and metrics of a dictionary over the images of a folder.

    A first Ctrl-C ends the pass early with what was seen until then; a second one, or one before the first image,
    raises.

    Args:
        images: a folder; subfolders directly in it are labels.
        hook: see :func:`dictionary_info`.
        batch_size: views in the vision tower at once; a picture has one to about ten.
        limit: at most so many images, spread evenly over the folder.
        keep_images: whether references bear thumbnails, with ``thumbnail_side`` as the longer side in pixels.
        progress: a bar with rate and time left on stderr.
        spool_directory: where temporary files go; the system's place by default.

    Raises:
        ScratchpadError: no image to read, an SAE that does not fit, a full disk, or too little memory on the device.
        KeyboardInterrupt: see above.
    """
    if batch_size < 1:
        raise ScratchpadError(f"The batch size is {batch_size}: expected at least 1.")
    info = dictionary_info(vlm, sae, hook)
    folder = list_images(Path(images), limit)
    state = SweepState(vlm, sae, info, folder, spool_directory)
    with closing(state):
        complete = run_through(
            vlm, folder, state, batch_size=batch_size, thumbnail_side=thumbnail_side if keep_images else None, progress=progress
        )
        return state.result(complete=complete)


class Counting(Protocol):
    """What images are shown to."""

    @property
    def n_broken(self) -> int: ...

    @property
    def n_images(self) -> int: ...

    def add(self, batch: list[Image], batch_size: int) -> None: ...


def run_through(
    vlm: Vlm, folder: ImageFolder, state: Counting, *, batch_size: int, thumbnail_side: int | None, progress: bool
) -> bool:
    """Show a state all images of a folder; False where Ctrl-C ended that early. Raises what ``sweep`` raises."""
    prepared = prepare_images(vlm, folder, thumbnail_side=thumbnail_side, n_ahead=max(4, 2 * batch_size))
    bar = tqdm(total=len(folder), unit="image", desc=f"sweep {folder.root.name}", disable=not progress)
    with closing(prepared), bar, InterruptBetweenSteps() as interrupt:
        for batch in batches_of_views(prepared, batch_size):
            state.add(batch, batch_size)
            bar.update(len(batch))
            if state.n_broken:
                bar.set_postfix(broken=state.n_broken)
            if interrupt.requested:
                break
        if interrupt.requested and not state.n_images:
            raise KeyboardInterrupt
        return not interrupt.requested


class SweepState:
    """What a sweep knows so far. ``add`` takes images in the order of the folder."""

    def __init__(
        self, vlm: Vlm, sae: SparseAutoencoder, info: DictionaryInfo, folder: ImageFolder, spool_directory: Path | None
    ) -> None:
        self._vlm, self._sae, self._info, self._folder = vlm, sae, info, folder
        self.statistics = RunningStatistics(sae.n_latents)
        self.reconstruction = RunningReconstruction()
        self._references = RunningReferences(sae.n_latents, spool_directory)
        self._thumbnails = RecordSpool(spool_directory)
        self._geometries = RecordSpool(spool_directory)
        self._geometry_of_image: dict[int, bytes] = {}
        self._n_images_of_geometry: dict[bytes, int] = {}
        self._image_set = hashlib.sha256()
        self._broken: list[BrokenImage] = []
        self.n_broken = 0
        self.identified: list[bytes] | None = None
        """What each image read adds to the identity of the image set, where a list was put here."""

    def close(self) -> None:
        """Give back what the result does not need."""
        self._references.close()

    def add(self, batch: list[Image], batch_size: int) -> None:
        """Run images through tower and SAE and count them."""
        readable = self.readable(batch)
        if not readable:
            return
        self.add_features(readable, packed_features(self._vlm, self._info.hook, readable, batch_size).to(self._sae.device))

    @property
    def n_images(self) -> int:
        return self.statistics.n_images

    def readable(self, batch: list[Image]) -> list[PreparedImage]:
        """The images of a batch that can be read; the others are counted."""
        for image in batch:
            if isinstance(image, BrokenImage):
                self.n_broken += 1
                if len(self._broken) < N_BROKEN_NAMES:
                    self._broken.append(image)
        return [image for image in batch if isinstance(image, PreparedImage)]

    def add_features(self, images: list[PreparedImage], x: torch.Tensor) -> None:
        """Count images by the features [N, d] of their packed patches, one image after another."""
        packed = [packed_patches(image) for image in images]
        z = self._sae.encode_sparse(x)
        self.reconstruction.add(x, self._sae.decode_sparse(z, x))
        start = 0
        for image, patches in zip(images, packed, strict=True):
            self._add_image(image, patches, z[start : start + patches.size])
            start += patches.size

    def _add_image(self, image: PreparedImage, packed: np.ndarray, z: sparse.csr_matrix) -> None:
        n_latents = self._sae.n_latents
        n_firing = np.bincount(z.indices, minlength=n_latents)
        sums = np.bincount(z.indices, weights=z.data, minlength=n_latents)
        self.statistics.add(packed.size, n_firing, sums)
        identified = self._folder.names[image.index].encode() + b"\0" + image.content
        self._image_set.update(identified)
        if self.identified is not None:
            self.identified.append(identified)

        plain_mean = (sums / packed.size).astype(np.float32)
        latent = self._references.entering(plain_mean)
        if not latent.size:
            return
        by_latent = z.tocsc()
        count = n_firing[latent]
        within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        entry = np.repeat(by_latent.indptr[latent].astype(np.int64), count) + within
        gone = self._references.add(
            image.index, latent, plain_mean[latent], count, packed[by_latent.indices[entry]], by_latent.data[entry]
        )
        self._keep(image)
        for index in gone:
            self._forget(index)

    def _keep(self, image: PreparedImage) -> None:
        if image.thumbnail is not None:
            self._thumbnails.put(image.index, pack_picture(image.thumbnail))
        record = pack_image_tokens(image.image_tokens)
        key = hashlib.sha256(record).digest()
        if key not in self._geometries:
            self._geometries.put(key, record)
        self._geometry_of_image[image.index] = key
        self._n_images_of_geometry[key] = self._n_images_of_geometry.get(key, 0) + 1

    def _forget(self, index: int) -> None:
        if index in self._thumbnails:
            self._thumbnails.drop(index)
        key = self._geometry_of_image.pop(index)
        self._n_images_of_geometry[key] -= 1
        if not self._n_images_of_geometry[key]:
            del self._n_images_of_geometry[key]
            self._geometries.drop(key)

    def result(self, complete: bool) -> SweepResult:
        """What was counted, as evidence.

        Raises:
            ScratchpadError: no image could be read.
        """
        if not self.statistics.n_images:
            raise nothing_readable(self._folder, self.broken, self.n_broken)
        return as_evidence(
            self._info, self.statistics, self.reconstruction.fvu, self.reference_images(self._image_set.hexdigest()), self.broken,
            n_broken=self.n_broken, complete=complete,
        )

    @property
    def broken(self) -> tuple[tuple[str, str], ...]:
        """Name and reason of the first images that could not be read."""
        return tuple((self._folder.names[image.index], image.reason) for image in self._broken)

    def reference_images(self, image_set_id: str) -> ReferenceImages:
        """The references among what was seen; none where nothing was."""
        found = self._references.collect()
        images = np.unique(found.image_KR[found.image_KR >= 0])
        keys = list(dict.fromkeys(self._geometry_of_image[index] for index in images.tolist()))
        number_of_key = {key: number for number, key in enumerate(keys)}
        has_thumbnails = len(images) > 0 and int(images[0]) in self._thumbnails
        return ReferenceImages(
            dictionary=self._info,
            image_set_id=image_set_id,
            label_names=self._folder.label_names,
            image_names=tuple(self._folder.names[index] for index in images.tolist()),
            image_label_M=np.array([self._folder.labels[index] for index in images.tolist()], dtype=np.int32),
            geometries=self._geometries.sequence(keys, unpack_image_tokens),
            image_geometry_M=np.array(
                [number_of_key[self._geometry_of_image[index]] for index in images.tolist()], dtype=np.int32
            ),
            pictures=self._thumbnails.sequence(images.tolist(), unpack_picture) if has_thumbnails else (),
            image_KR=np.where(found.image_KR >= 0, np.searchsorted(images, found.image_KR), -1).astype(np.int32),
            plain_mean_KR=found.plain_mean_KR,
            map_indptr=found.map_indptr,
            map_patch_N=found.map_patch_N,
            map_value_N=found.map_value_N,
        )


def nothing_readable(folder: ImageFolder, broken: tuple[tuple[str, str], ...], n_broken: int) -> ScratchpadError:
    """``broken``: name and reason of the first images that could not be read."""
    return ScratchpadError(
        f"None of the {n_broken} images under {folder.root} could be read. The first, {broken[0][0]}: {broken[0][1]}"
    )


def as_evidence(
    info: DictionaryInfo,
    seen: RunningStatistics,
    fvu: float | None,
    references: ReferenceImages,
    broken: tuple[tuple[str, str], ...],
    *,
    n_broken: int,
    complete: bool,
) -> SweepResult:
    """Statistics and metrics of what was counted over at least one image, beside its references."""
    # Place -1, no reference, reads the -1 appended here.
    label_KR = np.append(references.image_label_M, np.int32(-1))[references.image_KR]
    spread = label_spread(references.plain_mean_KR, label_KR)
    statistics = LatentStatistics(
        dictionary=info,
        image_set_id=references.image_set_id,
        n_images=seen.n_images,
        n_patches=seen.n_patches,
        n_images_firing_K=seen.n_images_firing_K,
        n_patches_firing_K=seen.n_patches_firing_K,
        activation_sum_K=seen.activation_sum_K,
        label_names=references.label_names,
        label_entropy_K=spread.entropy_K,
        label_entropy_defined_K=spread.defined_K,
        top_label_K=spread.top_label_K,
        top_label_share_K=spread.top_share_K,
        broken_images=tuple(name for name, _ in broken),
        n_broken=n_broken,
        complete=complete,
    )
    metrics = SaeMetrics(
        dictionary=info,
        image_set_id=references.image_set_id,
        n_images=seen.n_images,
        n_patches=seen.n_patches,
        l0=float(seen.n_patches_firing_K.sum() / seen.n_patches),
        fvu=fvu,
        n_dead=int((~statistics.alive_K).sum()),
        n_dense=int((statistics.image_frequency_K > DENSE_CUTOFF).sum()),
        dense_cutoff=DENSE_CUTOFF,
    )
    return SweepResult(statistics=statistics, references=references, metrics=metrics)
