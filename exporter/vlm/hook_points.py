"""Which vision features an SAE may read, by name."""

from __future__ import annotations

import re

from torch import nn

from tb_visualscratchpad.exporter.hooks import HookPoint
from tb_visualscratchpad.exporter.vlm.family import VlmFamily
from tb_visualscratchpad.wire.errors import ScratchpadError

PROJECTOR_INPUT = "projector_input"
"""Alias of what the projector reads. Where that is the output of one layer, the layer's name is used instead."""


def vision_layers(family: VlmFamily, model: nn.Module) -> nn.ModuleList:
    """The tower's encoder layers, first to last.

    Raises:
        ScratchpadError: the tower has no list of as many layers as its configuration says.
    """
    n_layers = model.config.vision_config.num_hidden_layers
    tower = family.vision_tower(model)
    for _, module in tower.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == n_layers:
            return module
    raise ScratchpadError(
        f"The vision tower {type(tower).__name__} has no list of {n_layers} layers, so no layer can be hooked: "
        f"only {PROJECTOR_INPUT} may be read."
    )


def default_hook(model: nn.Module) -> str:
    """The canonical name of what the projector reads.

    ``vision_feature_layer`` counts hidden states, of which number 0 is the embeddings and number i the output of layer i - 1.
    """
    chosen = model.config.vision_feature_layer
    if not isinstance(chosen, int):
        return PROJECTOR_INPUT
    number = chosen % (model.config.vision_config.num_hidden_layers + 1)
    return f"vision_tower.layers.{number - 1}" if number else PROJECTOR_INPUT


def hook_names(family: VlmFamily, model: nn.Module) -> tuple[str, ...]:
    """All hooks, in the order of the forward pass, what the projector reads last if it is no single layer."""
    names = tuple(f"vision_tower.layers.{i}" for i in range(len(vision_layers(family, model))))
    chosen = default_hook(model)
    return names if chosen in names else (*names, chosen)


def resolve_hook(family: VlmFamily, model: nn.Module, name: str | None) -> str:
    """The canonical name of a hook; None and ``projector_input`` mean what the projector reads.

    Accepts the spellings that SAE libraries write: ``vision_tower.layers.4``,
    ``vision_tower.vision_model.encoder.layers.4``, ``model.vision_tower.encoder.layers.4``.

    Raises:
        ScratchpadError: no such hook.
    """
    if name is None or name == PROJECTOR_INPUT:
        return default_hook(model)
    known = hook_names(family, model)
    match = re.fullmatch(r"(?:model\.)?vision_tower\.(?:vision_model\.)?(?:encoder\.)?layers\.(\d+)", name)
    canonical = f"vision_tower.layers.{match[1]}" if match else name
    if canonical not in known:
        raise ScratchpadError(f"There is no hook {name} in this model, expected one of {known[0]} to {known[-1]}: choose with --hook.")
    return canonical


def hook_point(family: VlmFamily, model: nn.Module, name: str | None) -> HookPoint:
    """Where to hook for ``name``."""
    canonical = resolve_hook(family, model, name)
    vision = model.config.vision_config
    n_patches = (vision.image_size // vision.patch_size) ** 2
    if canonical == PROJECTOR_INPUT:
        try:
            layers = tuple(vision_layers(family, model))
        except ScratchpadError:
            layers = ()
        return HookPoint(canonical, family.projector(model), "input", n_patches, settled=layers)
    layers = tuple(vision_layers(family, model))
    number = int(canonical.rsplit(".", 1)[1])
    read = _layers_read(model)
    return HookPoint(
        name=canonical,
        module=layers[number],
        side="output",
        n_patches=n_patches,
        settled=layers[: number + 1],
        also_read=tuple(sorted(layer for layer in read if 0 <= layer < number)),
        unread=layers[max(number, *read) + 1 :],
        reaches_projector=max(read) >= number,
    )


def _layers_read(model: nn.Module) -> set[int]:
    """Numbers of the layers whose outputs the projector reads; -1 stands for the embeddings before the first."""
    chosen = model.config.vision_feature_layer
    n_states = model.config.vision_config.num_hidden_layers + 1
    return {state % n_states - 1 for state in ([chosen] if isinstance(chosen, int) else chosen)}
