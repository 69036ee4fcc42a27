"""The features of one pass through a vision tower at every place at once, class token included where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from tb_visualscratchpad.exporter.vlm.hook_points import PROJECTOR_INPUT
from tb_visualscratchpad.exporter.vlm.model import Vlm

EMBEDDINGS = "vision_tower.embeddings"
"""What the first layer reads. No hook reaches it."""
POST_LAYERNORM = "vision_tower.post_layernorm"
"""The last layer's output under the tower's final layer norm. No hook reaches it."""


@dataclass(frozen=True, eq=False)
class PlaceFeatures:
    """What stands at one place.

    Attributes:
        patches: [n, grid * grid, d], as ``Vlm.features`` gives it.
        class_token: [n, d]; None where the tower has none.
    """

    patches: torch.Tensor
    class_token: torch.Tensor | None


@torch.inference_mode()
def features_everywhere(vlm: Vlm, pixel_values: torch.Tensor) -> Mapping[str, PlaceFeatures]:
    """Features of views [n, 3, S, S] by place, in the order of the pass: the embeddings, every hook, and the final layer norm.

    On the model's device, in its dtype.
    """
    tower = vlm.family.vision_tower(vlm.model)
    values = pixel_values.to(device=vlm.device, dtype=vlm.dtype)
    states = tower(values, output_hidden_states=True).hidden_states
    n_patches = vlm.hook_point(None).n_patches
    found = {EMBEDDINGS: _parts(states[0], n_patches)}
    hooks = vlm.hooks()
    for number, state in enumerate(states[1:]):
        if (name := f"vision_tower.layers.{number}") in hooks:
            found[name] = _parts(state, n_patches)
    if PROJECTOR_INPUT in hooks:
        chosen = vlm.model.config.vision_feature_layer
        read = [states[layer] for layer in ([chosen] if isinstance(chosen, int) else chosen)]
        found[PROJECTOR_INPUT] = _parts(torch.cat(read, dim=-1), n_patches)
    norm = next((module for name, module in tower.named_modules() if name.endswith("post_layernorm")), None)
    if isinstance(norm, nn.Module):
        found[POST_LAYERNORM] = _parts(norm(states[-1]), n_patches)
    return found


def _parts(state: torch.Tensor, n_patches: int) -> PlaceFeatures:
    n_leading = state.shape[1] - n_patches
    return PlaceFeatures(state[:, n_leading:], state[:, 0] if n_leading else None)
