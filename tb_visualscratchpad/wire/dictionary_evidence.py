"""What an image set tells about a dictionary: statistics, references, metrics; and the geometry of its decoder.

Shape suffixes: ``K`` latents, ``R`` references per latent (10), ``M`` reference images, ``N`` non-zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tb_visualscratchpad.wire.evidence import DictionaryInfo, EncodedPicture, ImageTokenMap

N_REFERENCES = 10
"""References per latent: the images with the largest plain mean."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class DecoderDrift:
    """How far each decoder row has turned while the dictionary was trained.

    Attributes:
        since_step: the step that it is measured from: the first that the writing process logged. A process that takes up a
            training has no rows of the one before it, and measures from its own first step.
        previous_step: the step that the process logged before; None at its first.
        since_K: float16 [K], angle in radians, 0...pi, between the row and itself at ``since_step``; NaN where it was or is zero,
            and so has no direction.
        previous_K: float16 [K], likewise to ``previous_step``; to itself at the first.
    """

    since_step: int
    previous_step: int | None
    since_K: np.ndarray
    previous_K: np.ndarray

    def __post_init__(self) -> None:
        _require(self.since_K.shape == self.previous_K.shape and self.since_K.ndim == 1, "one angle per latent")
        _require(self.previous_step is None or self.since_step <= self.previous_step, "drift is measured from the first step")


@dataclass(frozen=True)
class LatentStatistics:
    """How each latent behaves over an image set. Only packed patch tokens count.

    Attributes:
        image_set_id: hash of the image set.
        n_images, n_patches: how many were seen (broken images left out).
        n_images_firing_K, n_patches_firing_K: int64.
        activation_sum_K: float64, sum of z over firing patches.
        label_names: the class subfolders, sorted; empty when the folder has none.
        label_entropy_K: float32 in nats over the ten references; meaningless where ``label_entropy_defined_K`` is False
            (fewer than ten references, or no labels).
        label_entropy_defined_K: bool.
        top_label_K: int32 into ``label_names``, the label with the largest share of plain mean over the references; -1 for none.
        top_label_share_K: float32, that share, 0 for none.
        broken_images: relative names of images that could not be read (at most 100 are kept), and their count.
        complete: False when the sweep was interrupted and this covers what was seen until then.
        decoder_drift: of a step of a training run whose decoder was followed; else None.
    """

    dictionary: DictionaryInfo
    image_set_id: str
    n_images: int
    n_patches: int
    n_images_firing_K: np.ndarray
    n_patches_firing_K: np.ndarray
    activation_sum_K: np.ndarray
    label_names: tuple[str, ...]
    label_entropy_K: np.ndarray
    label_entropy_defined_K: np.ndarray
    top_label_K: np.ndarray
    top_label_share_K: np.ndarray
    broken_images: tuple[str, ...] = ()
    n_broken: int = 0
    complete: bool = True
    decoder_drift: DecoderDrift | None = None

    def __post_init__(self) -> None:
        for name in (
            "n_images_firing_K", "n_patches_firing_K", "activation_sum_K", "label_entropy_K",
            "label_entropy_defined_K", "top_label_K", "top_label_share_K",
        ):
            shape = getattr(self, name).shape
            _require(shape == (self.dictionary.n_latents,), f"{name} must be [{self.dictionary.n_latents}], got {shape}")
        drift = self.decoder_drift
        _require(drift is None or drift.since_K.shape == (self.dictionary.n_latents,), "decoder_drift has an angle per latent")
        _require(self.n_images >= 0 and self.n_patches >= 0, "counts are not negative")
        _require(bool(np.all(self.n_images_firing_K <= self.n_images)), "a latent fires in more images than there are")
        _require(bool(np.all(self.n_patches_firing_K <= self.n_patches)), "a latent fires in more patches than there are")

    @cached_property
    def alive_K(self) -> np.ndarray:
        """bool: fires anywhere in the image set."""
        return self.n_patches_firing_K > 0

    @cached_property
    def image_frequency_K(self) -> np.ndarray:
        """float64 share of images with a firing patch, 0...1."""
        return self.n_images_firing_K / max(self.n_images, 1)

    @cached_property
    def patch_frequency_K(self) -> np.ndarray:
        """float64 share of patches that fire, 0...1."""
        return self.n_patches_firing_K / max(self.n_patches, 1)

    @cached_property
    def mean_activation_K(self) -> np.ndarray:
        """float64 mean of z over firing patches; 0 for a dead latent, which has none (see ``alive_K``)."""
        return self.activation_sum_K / np.maximum(self.n_patches_firing_K, 1)


@dataclass(frozen=True)
class SaeMetrics:
    """How well the dictionary rebuilds what the encoder sees, over an image set's packed patch tokens.

    Attributes:
        l0: mean number of firing latents per patch.
        fvu: fraction of variance unexplained, sum |x - x'|^2 / sum |x - mean x|^2; None when x does not vary.
        n_dead: latents that never fire.
        n_dense: latents that fire in more than ``dense_cutoff`` of the images.
    """

    dictionary: DictionaryInfo
    image_set_id: str
    n_images: int
    n_patches: int
    l0: float
    fvu: float | None
    n_dead: int
    n_dense: int
    dense_cutoff: float = 0.2


@dataclass(frozen=True)
class ReferenceImage:
    """One reference of one latent. ``patch_N`` and ``value_N`` are its firing patches there and their z."""

    image: int
    name: str
    label: str | None
    plain_mean: float
    patch_N: np.ndarray
    value_N: np.ndarray
    image_tokens: ImageTokenMap


@dataclass(frozen=True)
class ReferenceImages:
    """For each latent the ten images with the largest plain mean B (ties: lowest index), and where it fires on them.

    Arrays may be memory-mapped. Each referenced image is kept once.

    Attributes:
        image_names: relative path of each of the M referenced images.
        image_label_M: int32 into ``label_names``, -1 for none.
        pictures: thumbnails, empty when pictures are not logged.
        image_geometry_M: int32 into ``geometries``.
        image_KR: int32 [K, 10] into the M images, -1 where there are fewer; best first.
        plain_mean_KR: float32 [K, 10], B on that image, 0 where there is none.
        map_indptr: int64 [K * 10 + 1]; the map of reference r of latent k is slice number k * 10 + r.
        map_patch_N: int32, patch numbers of that image's ``ImageTokenMap``. Only packed patches.
        map_value_N: float32, z there.
    """

    dictionary: DictionaryInfo
    image_set_id: str
    label_names: tuple[str, ...]
    image_names: tuple[str, ...]
    image_label_M: np.ndarray
    geometries: Sequence[ImageTokenMap] = field(repr=False)
    image_geometry_M: np.ndarray
    pictures: Sequence[EncodedPicture] = field(repr=False)
    image_KR: np.ndarray
    plain_mean_KR: np.ndarray
    map_indptr: np.ndarray
    map_patch_N: np.ndarray
    map_value_N: np.ndarray

    def __post_init__(self) -> None:
        k, m = self.dictionary.n_latents, len(self.image_names)
        _require(self.image_KR.shape == (k, N_REFERENCES), f"image_KR must be [{k}, {N_REFERENCES}], got {self.image_KR.shape}")
        _require(self.plain_mean_KR.shape == (k, N_REFERENCES), "plain_mean_KR must match image_KR")
        _require(self.map_indptr.shape == (k * N_REFERENCES + 1,), "one map per reference")
        _require(self.image_label_M.shape == (m,) and self.image_geometry_M.shape == (m,), "one label and geometry per image")
        _require(len(self.pictures) in (0, m), "all pictures or none")

    def of_latent(self, latent: int) -> tuple[ReferenceImage, ...]:
        """The references of a latent, best first; fewer than ten where it fires in fewer images, none when dead."""
        found = []
        for rank in range(N_REFERENCES):
            image = int(self.image_KR[latent, rank])
            if image < 0:
                break
            number = latent * N_REFERENCES + rank
            part = slice(int(self.map_indptr[number]), int(self.map_indptr[number + 1]))
            label = int(self.image_label_M[image])
            found.append(
                ReferenceImage(
                    image=image,
                    name=self.image_names[image],
                    label=self.label_names[label] if label >= 0 else None,
                    plain_mean=float(self.plain_mean_KR[latent, rank]),
                    patch_N=np.asarray(self.map_patch_N[part]),
                    value_N=np.asarray(self.map_value_N[part]),
                    image_tokens=self.geometries[int(self.image_geometry_M[image])],
                )
            )
        return tuple(found)


@dataclass(frozen=True)
class DecoderMap:
    """Where latents lie beside one another.

    Attributes:
        method: names projection, clustering and their settings, for the tab and for papers.
        seed: same seed, same result.
        xy_K2: float32 [K, 2] projection of the unit decoder rows; NaN for a row of zeros, which has no direction (its
            cluster and neighbours are -1).
        cluster_K: int32 ``DecoderCluster`` of each latent on the rows, -1 for none.
        neighbour_KN, neighbour_cosine_KN: int32 and float32 [K, n], nearest latents by cosine of decoder rows, best first.
        firing_xy_K2: float32 [K, 2] projection of what latents fire on (from references); NaN where a latent has too few.
        firing_cluster_K: int32, -1 for none.
        firing_method: as ``method``, empty when there is no second map.
    """

    dictionary: DictionaryInfo
    method: str
    seed: int
    xy_K2: np.ndarray
    cluster_K: np.ndarray
    neighbour_KN: np.ndarray
    neighbour_cosine_KN: np.ndarray
    firing_method: str
    firing_xy_K2: np.ndarray
    firing_cluster_K: np.ndarray

    def __post_init__(self) -> None:
        k = self.dictionary.n_latents
        _require(self.xy_K2.shape == (k, 2) and self.firing_xy_K2.shape == (k, 2), f"coordinates must be [{k}, 2]")
        _require(self.cluster_K.shape == (k,) and self.firing_cluster_K.shape == (k,), f"clusters must be [{k}]")
        _require(self.neighbour_KN.shape == self.neighbour_cosine_KN.shape and self.neighbour_KN.shape[0] == k, "one row of neighbours per latent")
