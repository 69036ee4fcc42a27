"""How fast a stage of gradient descent goes, and one step of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from tb_visualscratchpad.wire.errors import ScratchpadError

LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Pace:
    """Length and learning rates of a stage.

    Attributes:
        n_steps: none leaves the stage out.
        batch: pictures of a step.
        lr, vision_lr: highest learning rates, of all else and of the vision tower; they fall along a cosine to a hundredth.
        warm_up: share of the steps in which they rise.
        weight_decay: AdamW's.
    """

    n_steps: int
    batch: int
    lr: float
    vision_lr: float
    warm_up: float = 0.03
    weight_decay: float = 0.01

    def factor(self, number: int) -> float:
        """What step ``number``, from 0, multiplies the learning rates by: over 0, up to 1."""
        warm = max(1, round(self.warm_up * self.n_steps))
        if number < warm:
            return (number + 1) / warm
        along = (number - warm) / max(1, self.n_steps - warm)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, along)))

    def apply(self, optimizer: torch.optim.Optimizer, parameters: Iterable[torch.nn.Parameter], loss: torch.Tensor, number: int) -> None:
        """Backward pass and one step of the optimiser, whose groups say their highest learning rate (``peak``).

        Raises:
            ScratchpadError: the loss is not finite.
        """
        if not bool(torch.isfinite(loss)):
            raise ScratchpadError(f"The loss is no longer finite at step {number}: train with another --seed, or a larger --batch.")
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * self.factor(number)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(parameters), LARGEST_GRADIENT)
        optimizer.step()
