"""The two thresholds of the ranking and the matrix: how common a latent may be, and how strong it must be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import VlmRun


@dataclass(frozen=True)
class Thresholds:
    """Bounds on a latent's statistics; None switches a bound off.

    Attributes:
        max_frequency: largest share of images with a firing patch, 0...1, inclusive.
        min_mean: smallest mean activation over firing patches, inclusive. A dead latent has no mean: any bound here
            leaves it out, while its frequency is 0 and passes any ``max_frequency``.

    Raises:
        ScratchpadError: a bound that cannot be met by design.
    """

    max_frequency: float | None = None
    min_mean: float | None = None

    def __post_init__(self) -> None:
        if self.max_frequency is not None and not 0 <= self.max_frequency <= 1:
            raise ScratchpadError(
                f"max_frequency {self.max_frequency} was given; it is a share of images: choose a number from 0 to 1."
            )
        if self.min_mean is not None and not (self.min_mean >= 0 and math.isfinite(self.min_mean)):
            raise ScratchpadError(f"min_mean {self.min_mean} was given; activations are positive: choose 0 or more.")

    @property
    def off(self) -> bool:
        return self.max_frequency is None and self.min_mean is None

    def passing(self, run: VlmRun, statistics: LatentStatistics | None, latents: np.ndarray) -> np.ndarray:
        """bool per entry of ``latents``: it passes both thresholds.

        Raises:
            ScratchpadError: a threshold is set without statistics, or with those of another dictionary.
        """
        check_dictionary(run, statistics)
        keep = np.ones(latents.size, dtype=bool)
        if self.off:
            return keep
        if statistics is None:
            raise ScratchpadError(
                "A threshold was set, but this dictionary has no latent statistics: clear it, or log them with "
                "'visualscratchpad statistics'."
            )
        if self.max_frequency is not None:
            keep &= statistics.image_frequency_K[latents] <= self.max_frequency
        if self.min_mean is not None:
            keep &= statistics.alive_K[latents] & (statistics.mean_activation_K[latents] >= self.min_mean)
        return keep


def check_dictionary(run: VlmRun, statistics: LatentStatistics | None) -> None:
    """Refuses statistics of another dictionary: their latents are other latents.

    Raises:
        ScratchpadError: the identities differ.
    """
    if statistics is not None and statistics.dictionary.dictionary_id != run.dictionary.dictionary_id:
        raise ScratchpadError(
            f"The statistics are of dictionary '{statistics.dictionary.name}', the run is of '{run.dictionary.name}': "
            "their identities differ. Use statistics of the same SAE, hook and model."
        )
