"""The only code that hooks a model. Nothing survives the ``with``, even after an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True)
class HookPoint:
    """A place in the vision tower where features can be read and replaced.

    Attributes:
        name: as users write it, e.g. ``vision_tower.layers.4``.
        module: whose output (or first input) it is.
        side: ``output`` or ``input`` of the module.
        n_patches: patch tokens per view; what precedes them in the sequence (a class token) is never touched.
    """

    name: str
    module: nn.Module
    side: Literal["output", "input"]
    n_patches: int

    def patches(self, hidden: torch.Tensor) -> torch.Tensor:
        """[views, leading + n_patches, d] -> [views, n_patches, d]."""
        if hidden.ndim != 3 or hidden.shape[1] < self.n_patches:
            raise ScratchpadError(
                f"Hook {self.name} carries a tensor of shape {tuple(hidden.shape)}, expected [views, {self.n_patches} or more, "
                "width]: choose another hook."
            )
        return hidden[:, hidden.shape[1] - self.n_patches :]


class _Reached(Exception):
    """Raised inside a forward pass to leave it once the hook has its features."""


def _first(value: Any) -> torch.Tensor:
    return value[0] if isinstance(value, (tuple, list)) else value


def _with_first(value: Any, replacement: torch.Tensor) -> Any:
    if isinstance(value, tuple):
        return (replacement, *value[1:])
    if isinstance(value, list):
        return [replacement, *value[1:]]
    return replacement


@contextmanager
def capturing(point: HookPoint, *, stop: bool = False) -> Iterator[list[torch.Tensor]]:
    """Collects the patch features of every forward pass through ``point``, in the order of the passes.

    With ``stop`` the forward pass ends there: the body must contain nothing but one call of the tower, and what that call
    would have returned is lost. Layers behind the hook then cost nothing.
    """
    captured: list[torch.Tensor] = []

    def keep(hidden: torch.Tensor) -> None:
        captured.append(point.patches(hidden).detach())
        if stop:
            raise _Reached

    handle = _register(point, lambda hidden: keep(hidden), replace=False)
    try:
        yield captured
    except _Reached:
        pass
    finally:
        handle.remove()


@contextmanager
def replacing(point: HookPoint, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Replaces the patch features [views, n_patches, d] at ``point`` by ``change`` of them; what precedes them stays.

    transformers >= 5 records ``hidden_states`` with forward hooks of its own, and LLaVA's projector reads that record.
    Registered behind them, a replacement would reach later layers but not the projector; hence ``prepend``.
    """

    def replace(hidden: torch.Tensor) -> torch.Tensor:
        patches = point.patches(hidden)
        changed = change(patches)
        if changed.shape != patches.shape:
            raise ValueError(f"a replacement must keep the shape {tuple(patches.shape)}, got {tuple(changed.shape)}")
        lead = hidden[:, : hidden.shape[1] - point.n_patches]
        return torch.cat([lead, changed.to(hidden.dtype)], dim=1)

    handle = _register(point, replace, replace=True)
    try:
        yield
    finally:
        handle.remove()


def _register(point: HookPoint, act: Callable[[torch.Tensor], Any], *, replace: bool) -> Any:
    # A capture goes last and so sees what replacements made of the features; a replacement goes first.
    if point.side == "output":

        def after(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            result = act(_first(output))
            return _with_first(output, result) if replace else None

        return point.module.register_forward_hook(after, prepend=replace)

    def before(_module: nn.Module, inputs: Any) -> Any:
        result = act(_first(inputs))
        return _with_first(inputs, result) if replace else None

    return point.module.register_forward_pre_hook(before, prepend=replace)


@contextmanager
def watching_logits(head: nn.Module, watch: Callable[[torch.Tensor], None]) -> Iterator[None]:
    """Calls ``watch`` with the last position's logits [batch, vocabulary] of every forward pass through ``head``."""

    def after(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        watch(output[:, -1].detach())

    handle = head.register_forward_hook(after)
    try:
        yield
    finally:
        handle.remove()


def count_hooks(model: nn.Module) -> int:
    """Number of forward hooks and pre-hooks in the whole model, for tests that nothing is left behind."""
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())
