"""What an intervention made of each steered latent: z before, as edited, and re-encoded from the features that resulted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.wire.steering_evidence import EditedLatents


@dataclass(frozen=True)
class EditedLatent:
    """One steered latent, summed over all patches.

    Attributes:
        n_patches: on which one of the three is not zero.
        before, edited, after: sums of z.
    """

    latent: int
    n_patches: int
    before: float
    edited: float
    after: float


def summarise_edits(edited: EditedLatents, latents: np.ndarray) -> tuple[EditedLatent, ...]:
    """A row for each of ``latents`` (int, ascending), zeros where nothing of it fired before or after."""
    place_N = np.searchsorted(latents, edited.latent_N)

    def total(value_N: np.ndarray) -> np.ndarray:
        return np.bincount(place_N, weights=value_N, minlength=latents.size)

    columns = (np.bincount(place_N, minlength=latents.size), total(edited.before_N), total(edited.edited_N), total(edited.after_N))
    return tuple(
        EditedLatent(int(latent), int(n), float(before), float(changed), float(after))
        for latent, n, before, changed, after in zip(latents, *columns, strict=True)
    )
