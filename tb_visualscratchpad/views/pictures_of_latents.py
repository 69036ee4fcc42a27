"""The pictures known to the log on which some latents fire: reference images of an image set, and runs.

Of the image set only the ten best pictures of each latent are recorded, so only those of one of the chosen latents are known; of a run
everything is.

Shape suffixes: ``K`` latents, ``S`` slots (latent * 10 + rank), ``M`` reference images, ``N`` firing patches, ``F`` firing latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.patches import packed_patches
from tb_visualscratchpad.wire.dictionary_evidence import N_REFERENCES, ReferenceImages
from tb_visualscratchpad.wire.evidence import ImageTokenMap, VlmRun

N_STRONGEST = 8


@dataclass(frozen=True)
class FiringMap:
    """Where some latents fire on a picture.

    Attributes:
        image_tokens: whose patches they are.
        patch_N: int64, ascending.
        value_N: float32, the sum of z over the latents there.
    """

    image_tokens: ImageTokenMap
    patch_N: np.ndarray
    value_N: np.ndarray


@dataclass(frozen=True)
class FoundPicture:
    """A picture on which some of the chosen latents fire.

    Attributes:
        image: of the reference images.
        strength: sum over those latents of their plain mean B there.
        n_latents: how many they are; a reference counts for those latents that it is a reference of.
        strongest: the strongest of them, at most eight.
    """

    image: int
    strength: float
    n_latents: int
    strongest: tuple[int, ...]
    where: FiringMap


@dataclass(frozen=True)
class FoundPictures:
    """``n_pictures`` are known; ``rows`` some of them, by falling strength (ties: lowest image)."""

    n_pictures: int
    rows: tuple[FoundPicture, ...]


def reference_pictures_of(references: ReferenceImages, latents: np.ndarray, first: int = 0, limit: int = 24) -> FoundPictures:
    """The reference images that are a reference of one of ``latents`` (int64, each once), strongest sum of B first.

    Args:
        first, limit: which of them get a map: from the ``first`` on at most ``limit``.
    """
    image_S = np.asarray(references.image_KR[latents]).ravel()
    there_S = np.flatnonzero(image_S >= 0)
    image_S = image_S[there_S].astype(np.int64)
    slot_S = np.repeat(latents * N_REFERENCES, N_REFERENCES)[there_S] + there_S % N_REFERENCES
    mean_S = np.asarray(references.plain_mean_KR[latents], dtype=np.float64).ravel()[there_S]
    n_images = len(references.image_names)
    strength_M = np.bincount(image_S, weights=mean_S, minlength=n_images)
    count_M = np.bincount(image_S, minlength=n_images)
    known = np.flatnonzero(count_M)
    ranked = known[np.argsort(-strength_M[known], kind="stable")]
    shown = ranked[first : first + limit]

    # Slots of the shown pictures, picture by picture, the strongest latent first.
    place_M = np.full(n_images, -1)
    place_M[shown] = np.arange(shown.size)
    of_shown = np.flatnonzero(place_M[image_S] >= 0)
    of_shown = of_shown[np.lexsort((slot_S[of_shown], -mean_S[of_shown], place_M[image_S[of_shown]]))]
    bounds = np.searchsorted(place_M[image_S[of_shown]], np.arange(shown.size + 1))
    rows = []
    for number, image in enumerate(shown.tolist()):
        slots = slot_S[of_shown[bounds[number] : bounds[number + 1]]]
        rows.append(
            FoundPicture(
                image=image, strength=float(strength_M[image]), n_latents=int(count_M[image]),
                strongest=tuple((slots[:N_STRONGEST] // N_REFERENCES).tolist()), where=_summed_map(references, image, slots),
            )
        )
    return FoundPictures(int(known.size), tuple(rows))


def _summed_map(references: ReferenceImages, image: int, slots: np.ndarray) -> FiringMap:
    image_tokens = references.geometries[int(references.image_geometry_M[image])]
    start = np.asarray(references.map_indptr[slots], dtype=np.int64)
    count = np.asarray(references.map_indptr[slots + 1], dtype=np.int64) - start
    entry = np.repeat(start - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    sum_P = np.bincount(
        np.asarray(references.map_patch_N[entry]), weights=np.asarray(references.map_value_N[entry], dtype=np.float64),
        minlength=image_tokens.n_patches,
    )
    patch_N = np.flatnonzero(sum_P)
    return FiringMap(image_tokens, patch_N, sum_P[patch_N].astype(np.float32))


@dataclass(frozen=True)
class RunStrength:
    """What fires in a run: ``latent_F`` int64, ascending, and ``plain_F`` float64, plain means B over all packed patches."""

    latent_F: np.ndarray
    plain_F: np.ndarray


def strength_of_run(run: VlmRun) -> RunStrength:
    """B of every latent that fires in a run."""
    patches = packed_patches(run.image_tokens)
    sum_K = np.asarray(run.latents.csr_PK[patches].sum(axis=0), dtype=np.float64).ravel()
    latent_F = np.flatnonzero(sum_K)
    return RunStrength(latent_F, sum_K[latent_F] / patches.size)


def strength_in(run: RunStrength, latents: np.ndarray) -> tuple[float, int, tuple[int, ...]]:
    """Sum of B of ``latents`` (ascending, each once), how many of them fire, and the strongest, at most eight."""
    chosen = np.flatnonzero(np.isin(run.latent_F, latents, assume_unique=True))
    plain = run.plain_F[chosen]
    strongest = chosen[np.argsort(-plain, kind="stable")[:N_STRONGEST]]
    return float(plain.sum()), int(chosen.size), tuple(run.latent_F[strongest].tolist())


def map_on_run(run: VlmRun, latents: np.ndarray) -> FiringMap:
    """Where ``latents`` fire on the picture of a run: the sum of their z on its packed patches."""
    patches = packed_patches(run.image_tokens)
    sum_N = np.asarray(run.latents.csr_PK[patches][:, latents].sum(axis=1), dtype=np.float64).ravel()
    firing = np.flatnonzero(sum_N)
    return FiringMap(run.image_tokens, patches[firing], sum_N[firing].astype(np.float32))
