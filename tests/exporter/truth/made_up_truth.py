"""A random run, masks on its picture, and what a pass over random pictures would have told, small enough for loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image
from scipy import sparse

from tb_visualscratchpad.exporter.truth.labelled_pictures import LabelledPicture
from tb_visualscratchpad.exporter.truth.latent_owners import LatentOwners, Learned
from tb_visualscratchpad.views import compute_latent_order
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tests.random_evidence import random_statistics, random_vlm_run

LABELS = ("dog", "cat", "sea")


def random_run(seed: int) -> VlmRun:
    """Eight words, forty latents, base view and tiles."""
    run = random_vlm_run(seed, n_latents=40, n_output=8, n_firing=6, picture=False, ordered=False)
    return replace(run, order=compute_latent_order(run))


def output_tokens(run: VlmRun) -> list[int]:
    return run.tokens.indices(Span.OUTPUT).tolist()


def random_masks(run: VlmRun, seed: int) -> LabelledPicture:
    """A dog on the left, a cat on the right, sea behind."""
    rng = np.random.default_rng(seed)
    height, width = run.image_tokens.height, run.image_tokens.width
    dog_HW, cat_HW = np.zeros((2, height, width), dtype=bool)
    dog_HW[int(rng.integers(height // 3)) :, : width // 2] = True
    cat_HW[: int(rng.integers(height // 2, height)), 2 * width // 3 :] = True
    masks = {"dog": dog_HW, "cat": cat_HW, "sea": ~(dog_HW | cat_HW)}
    return LabelledPicture(f"picture {seed}", Image.new("RGB", (width, height)), masks, frozenset({"sea"}))


def random_learned(run: VlmRun, seed: int, n_pictures: int = 7) -> Learned:
    """Owners, statistics and sums by picture, drawn at random."""
    rng = np.random.default_rng(seed)
    n_latents = run.dictionary.n_latents
    mean_CK = rng.gamma(0.2, 1.0, (len(LABELS), n_latents))
    mean_CK[:, rng.random(n_latents) < 0.1] = 0
    pair_sum_IE = rng.gamma(0.5, 1.0, (n_pictures, len(LABELS) * n_latents)) * (rng.random((n_pictures, len(LABELS) * n_latents)) < 0.4)
    pair_E = np.flatnonzero(pair_sum_IE.any(axis=0))
    statistics: LatentStatistics = random_statistics(seed, dictionary=run.dictionary)
    return Learned(
        owners=LatentOwners(LABELS, mean_CK),
        statistics=statistics,
        n_patches_I=rng.integers(5, 30, n_pictures),
        n_active_I=rng.integers(10, 90, n_pictures),
        residual_I=rng.gamma(1.0, 1.0, n_pictures),
        square_I=rng.gamma(9.0, 9.0, n_pictures) + 100,
        sum_Id=rng.normal(size=(n_pictures, 3)),
        pair_E=pair_E,
        pair_sum_IE=sparse.csr_matrix(pair_sum_IE[:, pair_E]),
    )
