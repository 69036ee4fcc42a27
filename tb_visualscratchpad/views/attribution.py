"""Where on the picture a latent fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.patches import ViewChoice, packed_patches
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import VlmRun


@dataclass(frozen=True)
class LatentAttribution:
    """A latent's map on a picture.

    Attributes:
        value_P: float32 [P], z on the packed patches of the view, zero elsewhere.
        maximum: the largest of them, 0 when the latent does not fire here.
        n_firing: packed patches of the view with z > 0.
    """

    latent: int
    value_P: np.ndarray
    maximum: float
    n_firing: int


def latent_attribution(run: VlmRun, latent: int, view: ViewChoice | str = ViewChoice.BOTH) -> LatentAttribution:
    """z of one latent on every patch of the view.

    Raises:
        ScratchpadError: no such latent or view.
    """
    check_latent(latent, run.latents.n_latents)
    patches = packed_patches(run.image_tokens, view)
    column = run.latents.csc_PK
    part = slice(int(column.indptr[latent]), int(column.indptr[latent + 1]))
    everywhere_P = np.zeros(run.latents.n_patches, dtype=np.float32)
    everywhere_P[column.indices[part]] = column.data[part]
    value_P = np.zeros_like(everywhere_P)
    value_P[patches] = everywhere_P[patches]
    return LatentAttribution(
        latent=latent, value_P=value_P, maximum=float(value_P.max()), n_firing=int(np.count_nonzero(value_P))
    )


@dataclass(frozen=True)
class SummedAttribution:
    """Where several latents fire together.

    Attributes:
        value_P: float32 [P], the sum of their z on the packed patches of the view, zero elsewhere.
        maximum: the largest sum, 0 when none of them fires here.
        n_firing: packed patches of the view on which one of them fires.
    """

    value_P: np.ndarray
    maximum: float
    n_firing: int


def summed_attribution(run: VlmRun, latents: Sequence[int], view: ViewChoice | str = ViewChoice.BOTH) -> SummedAttribution:
    """The sum of z over ``latents``, each counted once, on every patch of the view.

    Raises:
        ScratchpadError: no such latent or view.
    """
    for latent in latents:
        check_latent(latent, run.latents.n_latents)
    patches = packed_patches(run.image_tokens, view)
    value_P = np.zeros(run.latents.n_patches, dtype=np.float32)
    chosen = sorted(set(latents))
    value_P[patches] = np.asarray(run.latents.csc_PK[:, chosen].sum(axis=1), dtype=np.float32).ravel()[patches]
    return SummedAttribution(value_P, float(value_P.max(initial=0)), int(np.count_nonzero(value_P)))


def check_latent(latent: int, n_latents: int) -> None:
    """Raises ScratchpadError unless the dictionary has this latent."""
    if not 0 <= latent < n_latents:
        raise ScratchpadError(f"latent {latent} was asked for, the dictionary has 0 to {n_latents - 1}: choose one of them.")
