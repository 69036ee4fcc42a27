"""How good a dictionary is on pictures whose labels are known.

Shape suffixes: ``I`` pictures, ``R`` replicates, ``E`` pairs of label and latent, ``F`` latents that fire on a label.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tb_visualscratchpad.exporter.truth.intervals import Interval, interval, jackknife, ratio
from tb_visualscratchpad.exporter.truth.latent_owners import Learned
from tb_visualscratchpad.wire.truth_evidence import TruthFigure


def dictionary_figures(learned: Learned, seed: int) -> list[TruthFigure]:
    """Variance unexplained, latents per patch, dead and owned latents, monosemanticity; over the pictures learned from."""
    n_pictures = learned.n_patches_I.size
    fires_K = learned.statistics.alive_K
    alive = int(fires_K.sum())
    owned = int((learned.owners.owner_K >= 0).sum())
    n_latents, n_patches = fires_K.size, int(learned.n_patches_I.sum())

    def active(weight_RI: np.ndarray) -> np.ndarray:
        return ratio(weight_RI, learned.n_active_I, learned.n_patches_I)

    meaning, n_told = monosemanticity(learned)
    return [
        _figure("quality.fvu", interval(lambda weight_RI: unexplained(weight_RI, learned), n_pictures, seed), n_patches, n_pictures),
        _figure("quality.l0", interval(active, n_pictures, seed), n_patches, n_pictures),
        _figure("quality.dead", Interval((n_latents - alive) / n_latents, None, None), n_latents, n_pictures),
        _figure("quality.owned", Interval(owned / alive, None, None) if alive else None, alive, n_pictures),
        _figure("quality.monosemanticity", meaning, n_told, n_pictures),
    ]


def unexplained(weight_RI: np.ndarray, learned: Learned) -> np.ndarray:
    """float64 [R], sum |x - x'|^2 / sum |x - mean x|^2 under each weighting of the pictures; NaN where x does not vary."""
    n_R = weight_RI @ learned.n_patches_I
    centre_Rd = (weight_RI @ learned.sum_Id) / n_R[:, None]
    spread_R = weight_RI @ learned.square_I - n_R * (centre_Rd**2).sum(axis=1)
    return np.divide(weight_RI @ learned.residual_I, spread_R, out=np.full(n_R.size, np.nan), where=spread_R > 0)


def monosemanticity(learned: Learned) -> tuple[Interval | None, int]:
    """How alike what a latent fires on is, mean over the latents that fire on labels of two pictures or more; and how many those are.

    The monosemanticity score of Pach et al. 2025 (arXiv 2504.02821), sum a_n a_m s_nm / sum a_n a_m over pairs of images n, m, which
    takes s from an independent image encoder. Here the masks know better: pairs are of patches on different pictures, and s is 1
    where both show the same label, else 0. 1: one label alone; about 1 over the number of labels: no label more than another.
    """
    latent_E = learned.pair_E % learned.statistics.dictionary.n_latents
    latents_F, place_E = np.unique(latent_E, return_inverse=True)
    to_latent_EF = sparse.csr_matrix((np.ones(place_E.size), (np.arange(place_E.size), place_E)), shape=(place_E.size, latents_F.size))
    pair_IE = learned.pair_sum_IE
    squared_IE = pair_IE.multiply(pair_IE).tocsr()
    total_IF = (pair_IE @ to_latent_EF).tocsr()
    squared_IF = total_IF.multiply(total_IF).tocsr()

    def of_latents(weight_I: np.ndarray) -> np.ndarray:
        alike_F = to_latent_EF.T @ ((pair_IE.T @ weight_I) ** 2 - squared_IE.T @ weight_I**2)
        all_F = (total_IF.T @ weight_I) ** 2 - squared_IF.T @ weight_I**2
        told = all_F > 1e-9 * np.maximum((total_IF.T @ weight_I) ** 2, np.finfo(float).tiny)
        return np.divide(alike_F, all_F, out=np.full(all_F.size, np.nan), where=told)

    def mean(weight_RI: np.ndarray) -> np.ndarray:
        found = []
        for weight_I in weight_RI:
            of_F = of_latents(weight_I)
            told = np.isfinite(of_F)
            found.append(float(of_F[told].mean()) if told.any() else np.nan)
        return np.array(found)

    n_pictures = learned.n_patches_I.size
    n_told = int(np.isfinite(of_latents(np.ones(n_pictures))).sum())
    return (jackknife(mean, n_pictures), n_told) if n_told else (None, 0)


def _figure(measure: str, found: Interval | None, n: int, n_pictures: int) -> TruthFigure:
    if found is None or not np.isfinite(found.value):
        return TruthFigure(measure, "", True, None, None, None, n, n_pictures)
    return TruthFigure(measure, "", True, found.value, found.low, found.high, n, n_pictures)
