"""What latents fire on, as unit vectors: near where two latents share references, or at least labels.

A latent's profile is its plain means on its reference images, as shares of their sum, beside its shares by label; both
scaled to length one, so that cosine is the mean of the two overlaps. Images are many and sparse: the profiles are
reduced to their main directions.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tb_visualscratchpad.wire.dictionary_evidence import ReferenceImages

FEWEST_REFERENCES = 3
"""A latent that fires on fewer images is on no map of what latents fire on."""
N_DIRECTIONS = 64


def firing_profiles(references: ReferenceImages, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Profiles of the latents with enough references.

    Returns:
        Their numbers, int64 [F] ascending, and float32 [F, d] rows of length one, d at most ``N_DIRECTIONS``.
    """
    image_KR = np.asarray(references.image_KR)
    enough = np.flatnonzero((image_KR >= 0).sum(axis=1) >= FEWEST_REFERENCES)
    if not enough.size:
        return enough, np.zeros((0, 0), dtype=np.float32)
    image_FR = image_KR[enough]
    weight_FR = np.where(image_FR >= 0, np.asarray(references.plain_mean_KR)[enough], 0).astype(np.float64)
    label_FR = np.append(references.image_label_M, np.int32(-1))[image_FR]
    parts = [_unit_rows(image_FR, weight_FR, len(references.image_names))]
    if references.label_names:
        parts.append(_unit_rows(label_FR, weight_FR, len(references.label_names)))
    reduced = _main_directions(sparse.hstack(parts, format="csr"), seed)
    length = np.linalg.norm(reduced, axis=1)
    # A profile outside all main directions is like no other: there is no place for it among them.
    on_map = length > 1e-6
    return enough[on_map], (reduced[on_map] / length[on_map, None]).astype(np.float32)


def _unit_rows(column_FR: np.ndarray, weight_FR: np.ndarray, n_columns: int) -> sparse.csr_matrix:
    """Weights summed by column, rows scaled to length one; column -1 counts for nothing."""
    row = np.repeat(np.arange(column_FR.shape[0]), column_FR.shape[1])
    column, weight = column_FR.ravel(), weight_FR.ravel()
    kept = column >= 0
    matrix = sparse.csr_matrix((weight[kept], (row[kept], column[kept])), shape=(column_FR.shape[0], n_columns))
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.diags(np.divide(1, length, out=np.zeros_like(length), where=length > 0)) @ matrix


def _main_directions(profiles: sparse.csr_matrix, seed: int) -> np.ndarray:
    """Dense rows [F, d] whose products are those of the profiles, or nearly so where there are many directions."""
    if min(profiles.shape) <= N_DIRECTIONS:
        dense = profiles.toarray()
        if dense.shape[1] <= N_DIRECTIONS:
            return dense
        left, scale, _ = np.linalg.svd(dense, full_matrices=False)
        return left * scale
    from sklearn.decomposition import TruncatedSVD

    return TruncatedSVD(N_DIRECTIONS, random_state=seed).fit_transform(profiles)
