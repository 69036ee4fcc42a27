"""Features replaced while the whole model runs: the slow way, which steering is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from tb_visualscratchpad.exporter.hooks import HookPoint


@contextmanager
def replacing(point: HookPoint, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Replaces the patch features [views, n_patches, d] at ``point`` by ``change`` of them; what precedes them stays.

    transformers >= 5 records ``hidden_states`` with forward hooks of its own, and LLaVA's projector reads that record: a
    replacement registered behind them would reach later layers but not the projector; hence ``prepend``.
    """

    def replaced(hidden: torch.Tensor) -> torch.Tensor:
        n_leading = hidden.shape[1] - point.n_patches
        return torch.cat([hidden[:, :n_leading], change(hidden[:, n_leading:])], dim=1)

    if point.side == "output":
        handle = point.module.register_forward_hook(lambda _module, _inputs, hidden: replaced(hidden), prepend=True)
    else:
        handle = point.module.register_forward_pre_hook(lambda _module, inputs: (replaced(inputs[0]),), prepend=True)
    try:
        yield
    finally:
        handle.remove()
