"""What the statistics of one step say of one latent: the little that a curve over many steps needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics


@dataclass(frozen=True)
class LatentAtStep:
    """One latent over an image set, at one step.

    Attributes:
        n_images, n_patches: how many were seen.
        n_images_firing, n_patches_firing: in how many of them it fires.
        activation_sum: sum of z over firing patches.
        label_entropy: in nats; None where undefined.
        label, label_share: the label that prevails among its references, and its share of their plain means; None and 0 for none.
        drift_since: the step that drift is measured from; None where the decoder was not followed.
        drift: angle in radians, 0...pi, between its decoder row and the row at ``drift_since``; None where there is none.
        turned: likewise to the row at the step logged before.
    """

    n_images: int
    n_patches: int
    n_images_firing: int
    n_patches_firing: int
    activation_sum: float
    label_entropy: float | None
    label: str | None
    label_share: float
    drift_since: int | None
    drift: float | None
    turned: float | None

    @property
    def alive(self) -> bool:
        """Whether it fires anywhere in the image set."""
        return self.n_patches_firing > 0

    @property
    def image_frequency(self) -> float:
        """Share of images with a firing patch, 0...1."""
        return self.n_images_firing / max(self.n_images, 1)

    @property
    def patch_frequency(self) -> float:
        """Share of patches that fire, 0...1."""
        return self.n_patches_firing / max(self.n_patches, 1)

    @property
    def mean_activation(self) -> float | None:
        """Mean of z over firing patches; None for a dead latent, which has none."""
        return self.activation_sum / self.n_patches_firing if self.alive else None


def latent_of_statistics(statistics: LatentStatistics, latent: int) -> LatentAtStep:
    """One latent of whole statistics."""
    label, drift = int(statistics.top_label_K[latent]), statistics.decoder_drift
    return LatentAtStep(
        n_images=statistics.n_images,
        n_patches=statistics.n_patches,
        n_images_firing=int(statistics.n_images_firing_K[latent]),
        n_patches_firing=int(statistics.n_patches_firing_K[latent]),
        activation_sum=float(statistics.activation_sum_K[latent]),
        label_entropy=float(statistics.label_entropy_K[latent]) if statistics.label_entropy_defined_K[latent] else None,
        label=statistics.label_names[label] if label >= 0 else None,
        label_share=float(statistics.top_label_share_K[latent]),
        drift_since=None if drift is None else drift.since_step,
        drift=None if drift is None else finite_angle(drift.since_K[latent]),
        turned=None if drift is None else finite_angle(drift.previous_K[latent]),
    )


def finite_angle(angle: float) -> float | None:
    """An angle as it is stored; None for a row without direction."""
    return None if math.isnan(angle) else float(angle)
