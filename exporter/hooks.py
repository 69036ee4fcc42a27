"""The only code that hooks a model. Nothing survives the ``with``, even after an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True)
class HookPoint:
    """A place in the vision tower where features can be read and replaced.

    Attributes:
        name: as users write it, e.g. ``vision_tower.layers.4``.
        module: whose output (or first input) it is.
        side: ``output`` or ``input`` of the module.
        n_patches: patch tokens per view; what precedes them in the sequence (a class token) is never touched.
        settled: the tower's layers whose work is done once the features are known, first to last.
        also_read: which of them (numbers) have outputs that the projector reads besides.
        unread: the tower's layers behind the last that the projector reads.
        reaches_projector: False where the projector reads only what comes before the hook, so that steering there is idle.
    """

    name: str
    module: nn.Module
    side: Literal["output", "input"]
    n_patches: int
    settled: tuple[nn.Module, ...] = ()
    also_read: tuple[int, ...] = ()
    unread: tuple[nn.Module, ...] = ()
    reaches_projector: bool = True

    def patches(self, hidden: torch.Tensor) -> torch.Tensor:
        """[views, leading + n_patches, d] -> [views, n_patches, d]."""
        if hidden.ndim != 3 or hidden.shape[1] < self.n_patches:
            raise ScratchpadError(
                f"Hook {self.name} carries a tensor of shape {tuple(hidden.shape)}, expected [views, {self.n_patches} or more, "
                "width]: choose another hook."
            )
        return hidden[:, hidden.shape[1] - self.n_patches :]


@dataclass(frozen=True, eq=False)
class VisionState:
    """Everything of one pass through the vision tower that is needed to go on from a hook.

    Attributes:
        hidden: [views, leading + n_patches, d], what the hook carries.
        also_read: output [views, n, d] of each layer in ``HookPoint.also_read``.
        in_tuple: the tower's layers return a tuple.
    """

    hidden: torch.Tensor
    also_read: tuple[torch.Tensor, ...] = ()
    in_tuple: bool = False

    def with_patches(self, point: HookPoint, patches: torch.Tensor) -> VisionState:
        """The same with other patch features [views, n_patches, d]; what precedes them stays."""
        return replace(self, hidden=_with_patches(point, self.hidden, patches))


class _Reached(Exception):
    """Raised inside a forward pass to leave it once the hook has its features."""


def _first(value: Any) -> torch.Tensor:
    return value[0] if isinstance(value, (tuple, list)) else value


@contextmanager
def capturing(point: HookPoint, *, stop: bool = False) -> Iterator[list[torch.Tensor]]:
    """Collects the patch features of every forward pass through ``point``, in the order of the passes.

    With ``stop`` the forward pass ends there: the body must contain nothing but one call of the tower, and what that call
    would have returned is lost. Layers behind the hook then cost nothing.
    """
    captured: list[torch.Tensor] = []

    def keep(_module: nn.Module, inputs: Any, output: Any = None) -> None:
        captured.append(point.patches(_first(output if point.side == "output" else inputs)).detach())
        if stop:
            raise _Reached

    register = point.module.register_forward_hook if point.side == "output" else point.module.register_forward_pre_hook
    handle = register(keep)
    try:
        yield captured
    except _Reached:
        pass
    finally:
        handle.remove()


def _with_patches(point: HookPoint, hidden: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    expected = point.patches(hidden).shape
    if patches.shape != expected:
        raise ValueError(f"a replacement must keep the shape {tuple(expected)}, got {tuple(patches.shape)}")
    lead = hidden[:, : hidden.shape[1] - point.n_patches]
    return torch.cat([lead, patches.to(device=hidden.device, dtype=hidden.dtype)], dim=1)


@contextmanager
def capturing_state(point: HookPoint) -> Iterator[list[VisionState]]:
    """Collects the state of one pass through the tower, which ends at the hook (an output) as under ``capturing(stop=True)``."""
    captured: list[VisionState] = []
    read: dict[int, torch.Tensor] = {}

    def keep_read(number: int, _module: nn.Module, _inputs: Any, output: Any) -> None:
        read[number] = _first(output).detach()

    def keep_hidden(_module: nn.Module, _inputs: Any, output: Any) -> None:
        also_read = tuple(read[number] for number in point.also_read)
        captured.append(VisionState(_first(output).detach(), also_read, isinstance(output, tuple)))
        raise _Reached

    with ExitStack() as stack:
        for number in point.also_read:
            stack.callback(point.settled[number].register_forward_hook(partial(keep_read, number)).remove)
        stack.callback(point.module.register_forward_hook(keep_hidden).remove)
        try:
            yield captured
        except _Reached:
            pass


@contextmanager
def resuming(point: HookPoint, state: VisionState) -> Iterator[None]:
    """Inside the ``with``, the tower does no work before ``point`` nor behind what the projector reads, and ``state`` stands at the hook.

    The views that the model is called with decide nothing but their number, which must be the state's.
    """
    with ExitStack() as stack:
        output_of = dict(zip(point.also_read, state.also_read, strict=True))
        if point.side == "output":
            output_of[len(point.settled) - 1] = state.hidden
        for number, module in enumerate(point.settled):
            stack.enter_context(_standing_still(module, output_of.get(number), state.in_tuple))
        for module in point.unread:
            stack.enter_context(_standing_still(module, None, state.in_tuple))
        if point.side == "input":
            stack.callback(point.module.register_forward_pre_hook(partial(_put_in, state.hidden), prepend=True).remove)
        yield


def _put_in(hidden: torch.Tensor, _module: nn.Module, inputs: Any) -> Any:
    return (hidden.to(inputs[0].device), *inputs[1:])


@contextmanager
def _standing_still(module: nn.Module, output: torch.Tensor | None, in_tuple: bool) -> Iterator[None]:
    """Calls of ``module`` give ``output`` (what came in where there is none). Its hooks still run."""

    def forward(*args: Any, **kwargs: Any) -> Any:
        given = args[0] if args else kwargs["hidden_states"]
        if output is not None and output.shape != given.shape:
            raise ValueError(f"the state is of shape {tuple(output.shape)}, the views of {tuple(given.shape)}")
        result = given if output is None else output.to(given.device)
        return (result,) if in_tuple else result

    with _other_forward(module, forward):
        yield


@contextmanager
def checkpointing(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Inside the ``with``, ``modules`` keep only what comes in and are computed again on the way back, for gradients of big models.

    Hugging Face's own checkpointing works in training mode alone, which would switch dropout on.
    """
    with ExitStack() as stack:
        for module in modules:
            again = partial(checkpoint, module.forward, use_reentrant=False, preserve_rng_state=False)
            stack.enter_context(_other_forward(module, again))
        yield


@contextmanager
def _other_forward(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    own = module.__dict__.get("forward")
    module.__dict__["forward"] = forward
    try:
        yield
    finally:
        if own is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = own


def count_hooks(model: nn.Module) -> int:
    """Number of forward hooks, pre-hooks and replaced ``forward``s in the whole model, for tests that nothing is left behind."""
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + ("forward" in module.__dict__) for module in model.modules()
    )
