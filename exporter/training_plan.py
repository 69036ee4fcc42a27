"""How an SAE is to be trained: sizes and pace, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True)
class TrainingPlan:
    """A TopK SAE and its training.

    Attributes:
        n_latents: its latents.
        k: at most so many of them fire on a patch.
        n_samples: patches to train on; rounded up to whole steps. Images come around as often as that takes.
        step_samples: patches of a step.
        learning_rate: after a warm-up; falls to a tenth over the last fifth.
        seed: of weights and order.

    Raises:
        ScratchpadError: a figure is out of its range.
    """

    n_latents: int
    k: int = 32
    n_samples: int = 2_000_000
    step_samples: int = 512
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.n_latents:
            raise ScratchpadError(f"--k is {self.k} for {self.n_latents} latents: expected 1 to {self.n_latents}.")
        for option, value in (("--samples", self.n_samples), ("--step-samples", self.step_samples)):
            if value < 1:
                raise ScratchpadError(f"{option} is {value}: expected at least 1.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ScratchpadError(f"--lr is {self.learning_rate}: expected a number above 0, such as 0.001.")

    @property
    def n_steps(self) -> int:
        return math.ceil(self.n_samples / self.step_samples)

    @property
    def n_warm_up_steps(self) -> int:
        return min(1000, self.n_steps // 10)

    @property
    def n_decay_steps(self) -> int:
        return self.n_steps // 5

    @property
    def dead_after_steps(self) -> int:
        """A latent that did not fire for so many steps is pulled at by the auxiliary loss; a short training has to be quick about it."""
        return min(1000, max(25, self.n_steps // 10))

    @property
    def n_scale_steps(self) -> int:
        """Steps' worth of patches that are read beforehand for the scale of the input."""
        return min(50, max(1, self.n_steps // 20))

    @property
    def buffer_samples(self) -> int:
        """Patches that wait to be mixed, so that a step does not hold those of a few pictures alone."""
        return max(2 * self.step_samples, min(32_768, self.n_samples // 4))
