"""One sweep shared out among the processes of ``torchrun``: each takes its images, and what comes out is as of one process.

Shape suffixes: ``K`` latents, ``R`` references per latent, ``M`` reference images, ``S`` slots (K * R), ``N`` map entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import distributed

from tb_visualscratchpad.exporter.image_folder import ImageFolder, list_images
from tb_visualscratchpad.exporter.packed_features import BLOCK
from tb_visualscratchpad.exporter.running_statistics import RunningReconstruction, RunningStatistics
from tb_visualscratchpad.exporter.sae.dictionary import dictionary_info
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.spool_records import pack_image_tokens
from tb_visualscratchpad.exporter.sweep import (
    N_BROKEN_NAMES,
    THUMBNAIL_SIDE,
    SweepResult,
    SweepState,
    as_evidence,
    nothing_readable,
    run_through,
)
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.dictionary_evidence import N_REFERENCES, ReferenceImages
from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True)
class SweepPart:
    """What one process saw of its share. Holds no file, so that it can be sent.

    Attributes:
        identified: what each image read adds to the identity of the image set, in order.
        broken: name and reason of the first images that could not be read.
    """

    statistics: RunningStatistics
    reconstruction: RunningReconstruction
    references: ReferenceImages
    identified: tuple[bytes, ...]
    broken: tuple[tuple[str, str], ...]
    n_broken: int
    complete: bool

    @classmethod
    def of(cls, state: SweepState, complete: bool) -> SweepPart:
        """``state.identified`` must have been a list from the beginning."""
        assert state.identified is not None
        references = state.reference_images("")
        return cls(
            statistics=state.statistics, reconstruction=state.reconstruction.to_cpu(),
            references=replace(references, geometries=tuple(references.geometries), pictures=tuple(references.pictures)),
            identified=tuple(state.identified), broken=state.broken, n_broken=state.n_broken, complete=complete,
        )


def share_of(folder: ImageFolder, rank: int, n_ranks: int) -> ImageFolder:
    """The images of one of ``n_ranks`` processes: whole blocks in a row, perhaps none."""
    n_blocks = -(-len(folder) // BLOCK)
    first, last = (BLOCK * (number * n_blocks // n_ranks) for number in (rank, rank + 1))
    return folder.in_order(range(first, min(last, len(folder))))


def sweep_shared(
    vlm: Vlm,
    sae: SparseAutoencoder,
    images: str | Path,
    *,
    hook: str | None = None,
    batch_size: int = 8,
    limit: int | None = None,
    keep_images: bool = True,
) -> SweepResult | None:
    """As :func:`~tb_visualscratchpad.exporter.sweep.sweep`, by all processes of the default group of ``torch.distributed`` together.

    Every process calls it with the same arguments, on a device of its own. Counts, references and identity are those of one
    process; sums differ from its by rounding.

    Returns:
        The result on rank 0, None elsewhere.

    Raises:
        ScratchpadError, KeyboardInterrupt: as ``sweep``. Where one process raises, the others wait: ``torchrun`` ends them.
    """
    if batch_size < 1:
        raise ScratchpadError(f"The batch size is {batch_size}: expected at least 1.")
    rank, n_ranks = distributed.get_rank(), distributed.get_world_size()
    info = dictionary_info(vlm, sae, hook)
    folder = list_images(Path(images), limit)
    share = share_of(folder, rank, n_ranks)
    state = SweepState(vlm, sae, info, share, None)
    state.identified = []
    with closing(state):
        complete = run_through(
            vlm, share, state, batch_size=batch_size, thumbnail_side=THUMBNAIL_SIDE if keep_images else None, progress=rank == 0
        )
        part = SweepPart.of(state, complete)
    # Parts stay with the processes of this machine or of a trusted cluster, as everything in torch.distributed does.
    parts: list[SweepPart] | None = [part] * n_ranks if rank == 0 else None
    distributed.gather_object(part, parts)
    return None if parts is None else merge_parts(parts, folder)


def merge_parts(parts: Sequence[SweepPart], folder: ImageFolder) -> SweepResult:
    """The result of all parts, which are in the order of their images.

    Raises:
        ScratchpadError: no image could be read.
    """
    dictionary = parts[0].references.dictionary
    statistics, reconstruction = RunningStatistics(dictionary.n_latents), RunningReconstruction()
    identity = hashlib.sha256()
    for part in parts:
        statistics.merge(part.statistics)
        reconstruction.merge(part.reconstruction)
        for image in part.identified:
            identity.update(image)
    broken = tuple(one for part in parts for one in part.broken)[:N_BROKEN_NAMES]
    n_broken = sum(part.n_broken for part in parts)
    if not statistics.n_images:
        raise nothing_readable(folder, broken, n_broken)
    references = merge_references([part.references for part in parts], identity.hexdigest())
    return as_evidence(
        dictionary, statistics, reconstruction.fvu, references, broken, n_broken=n_broken,
        complete=all(part.complete for part in parts),
    )


def merge_references(parts: Sequence[ReferenceImages], image_set_id: str) -> ReferenceImages:
    """The best references of all parts, which are in the order of their images and share no image."""
    first_image = np.cumsum([0] + [len(part.image_names) for part in parts])
    n_images = int(first_image[-1])
    image_KX = np.concatenate(
        [np.where(part.image_KR >= 0, part.image_KR + first, n_images) for part, first in zip(parts, first_image, strict=False)], axis=1
    )
    value_KX = np.concatenate([part.plain_mean_KR for part in parts], axis=1)
    # The largest first; of equals the earliest image.
    best_KR = np.lexsort((image_KX, -value_KX), axis=-1)[:, :N_REFERENCES]
    image_KR = np.take_along_axis(image_KX, best_KR, axis=1)
    value_KR = np.take_along_axis(value_KX, best_KR, axis=1)

    kept = np.unique(image_KR[image_KR < n_images])
    places = [(int(np.searchsorted(first_image, image, side="right")) - 1, int(image)) for image in kept]
    local = [(parts[number], image - int(first_image[number])) for number, image in places]
    geometries = [part.geometries[int(part.image_geometry_M[image])] for part, image in local]
    keys = [pack_image_tokens(geometry) for geometry in geometries]
    number_of_key = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    indptr, patch_N, value_N = _merge_maps(parts, best_KR)
    return ReferenceImages(
        dictionary=parts[0].dictionary,
        image_set_id=image_set_id,
        label_names=parts[0].label_names,
        image_names=tuple(part.image_names[image] for part, image in local),
        image_label_M=np.array([part.image_label_M[image] for part, image in local], dtype=np.int32),
        geometries=tuple(dict(zip(keys, geometries, strict=True)).values()),
        image_geometry_M=np.array([number_of_key[key] for key in keys], dtype=np.int32),
        pictures=tuple(part.pictures[image] for part, image in local) if all(part.pictures for part, _ in local) else (),
        image_KR=np.where(image_KR < n_images, np.searchsorted(kept, image_KR), -1).astype(np.int32),
        plain_mean_KR=value_KR,
        map_indptr=indptr,
        map_patch_N=patch_N,
        map_value_N=value_N,
    )


def _merge_maps(parts: Sequence[ReferenceImages], best_KR: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``map_indptr``, ``map_patch_N`` and ``map_value_N`` of the places ``best_KR`` in the parts' references side by side."""
    part_S, rank_S = (array.ravel() for array in np.divmod(best_KR, N_REFERENCES))
    slot_S = np.repeat(np.arange(best_KR.shape[0]), N_REFERENCES) * N_REFERENCES + rank_S
    count_S = np.zeros(slot_S.size, dtype=np.int64)
    for number, part in enumerate(parts):
        own = part_S == number
        count_S[own] = np.diff(part.map_indptr)[slot_S[own]]
    indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(count_S)])
    patch_N = np.empty(int(indptr[-1]), dtype=np.int32)
    value_N = np.empty(int(indptr[-1]), dtype=np.float32)
    for number, part in enumerate(parts):
        own = np.flatnonzero(part_S == number)
        count = count_S[own]
        within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        target = np.repeat(indptr[own], count) + within
        source = np.repeat(part.map_indptr[slot_S[own]], count) + within
        patch_N[target], value_N[target] = part.map_patch_N[source], part.map_value_N[source]
    return indptr, patch_N, value_N
