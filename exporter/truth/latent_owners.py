"""Which latents belong to which label, and how the dictionary does on the pictures that tell it: one pass over labelled pictures.

Shape suffixes: ``P`` packed patches, ``C`` labels, ``K`` latents, ``I`` pictures, ``E`` pairs of label and latent, ``d`` width.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from scipy import sparse

from tb_visualscratchpad.exporter.running_statistics import RunningStatistics
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.truth.labelled_pictures import LabelledPicture
from tb_visualscratchpad.exporter.truth.patch_labels import label_of_patches
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import DictionaryInfo

OWNED = 0.5
"""A latent belongs to the label that holds over this share of its summed label means."""
PICTURES_AT_ONCE = 8


@dataclass(frozen=True)
class LatentOwners:
    """Which label each latent belongs to.

    Attributes:
        labels: their names.
        mean_CK: float64 [C, K], mean activation over all patches that show a label, 0 for a label never seen.
    """

    labels: tuple[str, ...]
    mean_CK: np.ndarray

    @property
    def owner_K(self) -> np.ndarray:
        """int64 [K] into ``labels``: the label with over half of the latent's summed label means; -1 for none."""
        total_K = self.mean_CK.sum(axis=0)
        owned_K = self.mean_CK.max(axis=0) > OWNED * np.maximum(total_K, np.finfo(float).tiny)
        return np.where(owned_K, self.mean_CK.argmax(axis=0), -1)

    def latents_of(self, label: str) -> frozenset[int]:
        """The latents that belong to a label; may be empty."""
        return frozenset(int(latent) for latent in np.flatnonzero(self.owner_K == self.labels.index(label)))


@dataclass(frozen=True, eq=False)
class Learned:
    """What a pass over labelled pictures told.

    Attributes:
        owners: whose latents are whose.
        statistics: of the same pictures, for thresholds.
        n_patches_I: packed patches of each picture.
        n_active_I: their latents that fire, summed.
        residual_I: sum of |x - x'|^2 of each picture.
        square_I, sum_Id: sum of |x|^2, and sum of x, over its patches.
        pair_E: which (label * K + latent) each column of ``pair_sum_IE`` is.
        pair_sum_IE: sparse float64, activation of the latent summed over the picture's patches that show the label.
    """

    owners: LatentOwners
    statistics: LatentStatistics
    n_patches_I: np.ndarray
    n_active_I: np.ndarray
    residual_I: np.ndarray
    square_I: np.ndarray
    sum_Id: np.ndarray
    pair_E: np.ndarray
    pair_sum_IE: sparse.csr_matrix


class _Pass:
    def __init__(self, info: DictionaryInfo, labels: tuple[str, ...]) -> None:
        self.info, self.labels = info, labels
        self.sum_CK = np.zeros((len(labels), info.n_latents))
        self.n_C = np.zeros(len(labels))
        self.counted = RunningStatistics(info.n_latents)
        self.figures: list[tuple[int, int, float, float]] = []
        self.sums: list[np.ndarray] = []
        self.pairs: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, x_Pd: torch.Tensor, rebuilt_Pd: torch.Tensor, z_PK: sparse.csr_matrix, label_P: np.ndarray) -> None:
        """One picture by its packed patches."""
        n_latents = self.info.n_latents
        self.counted.add(
            z_PK.shape[0], np.bincount(z_PK.indices, minlength=n_latents), np.bincount(z_PK.indices, weights=z_PK.data, minlength=n_latents)
        )
        x = x_Pd.double()
        residual, square = float((x - rebuilt_Pd.to(x)).square().sum()), float(x.square().sum())
        self.figures.append((z_PK.shape[0], z_PK.nnz, residual, square))
        self.sums.append(x.sum(dim=0).cpu().numpy())
        places, values = [], []
        for number in np.unique(label_P[label_P >= 0]):
            sum_K = np.asarray(z_PK[label_P == number].sum(axis=0, dtype=np.float64)).ravel()
            self.sum_CK[number] += sum_K
            self.n_C[number] += (label_P == number).sum()
            firing = np.flatnonzero(sum_K)
            places.append(number * n_latents + firing)
            values.append(sum_K[firing])
        self.pairs.append((np.concatenate([np.zeros(0, np.int64), *places]), np.concatenate([np.zeros(0), *values])))

    def result(self) -> Learned:
        place_N = np.concatenate([places for places, _ in self.pairs])
        picture_N = np.repeat(np.arange(len(self.pairs)), [places.size for places, _ in self.pairs])
        pair_E, column_N = np.unique(place_N, return_inverse=True)
        values_N = np.concatenate([values for _, values in self.pairs])
        n_patches, n_active, residual, square = (np.array(column) for column in zip(*self.figures, strict=True))
        counted, n_latents = self.counted, self.info.n_latents
        return Learned(
            owners=LatentOwners(self.labels, self.sum_CK / np.maximum(self.n_C, 1)[:, None]),
            statistics=LatentStatistics(
                dictionary=self.info,
                image_set_id="labelled pictures",
                n_images=counted.n_images,
                n_patches=counted.n_patches,
                n_images_firing_K=counted.n_images_firing_K,
                n_patches_firing_K=counted.n_patches_firing_K,
                activation_sum_K=counted.activation_sum_K,
                label_names=(),
                label_entropy_K=np.zeros(n_latents, np.float32),
                label_entropy_defined_K=np.zeros(n_latents, bool),
                top_label_K=np.full(n_latents, -1, np.int32),
                top_label_share_K=np.zeros(n_latents, np.float32),
            ),
            n_patches_I=n_patches,
            n_active_I=n_active,
            residual_I=residual,
            square_I=square,
            sum_Id=np.stack(self.sums),
            pair_E=pair_E,
            pair_sum_IE=sparse.csr_matrix((values_N, (picture_N, column_N)), shape=(len(self.pairs), pair_E.size)),
        )


def learn_owners(
    vlm: Vlm, sae: SparseAutoencoder, pictures: Iterable[LabelledPicture], labels: Sequence[str], *, hook: str | None = None
) -> Learned:
    """Label means of all latents over all views of known pictures, and the dictionary's figures on them.

    Args:
        pictures: at least one; a few are held at a time.
        hook: as for :func:`~tb_visualscratchpad.exporter.explain.explain`.

    Raises:
        ScratchpadError: an SAE that does not fit.
    """
    info = dictionary_info(vlm, sae, hook)
    state = _Pass(info, tuple(labels))
    for batch in _batches(pictures):
        prepared = [vlm.prepare_picture(shown.picture) for shown in batch]
        features = vlm.features(torch.cat([one.pixel_values for one in prepared]), info.hook).to(sae.device)
        n_views = [one.pixel_values.shape[0] for one in prepared]
        for shown, one, of_picture in zip(batch, prepared, features.split(n_views), strict=True):
            packed = np.flatnonzero(one.image_tokens.patch_token_P >= 0)
            x_Pd = of_picture.reshape(-1, of_picture.shape[-1])[torch.from_numpy(packed).to(of_picture.device)]
            z_PK = sae.encode_sparse(x_Pd)
            state.add(x_Pd, sae.decode_sparse(z_PK, x_Pd), z_PK, label_of_patches(shown, labels, one.image_tokens)[packed])
    return state.result()


def _batches(pictures: Iterable[LabelledPicture]) -> Iterator[list[LabelledPicture]]:
    waiting = iter(pictures)
    while batch := list(islice(waiting, PICTURES_AT_ONCE)):
        yield batch
