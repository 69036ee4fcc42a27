"""First the vision tower alone: for every patch what covers it, on which ground, and where in its view it lies.

Without the place, positions are lost on the way and the model never answers well where things are.
Shape suffixes: ``B`` pictures, ``V`` views, ``P`` patches of a view, ``d`` width, ``C`` classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tb_visualscratchpad.exporter.demo.training.drawn_views import TOWER, DrawnViews
from tb_visualscratchpad.exporter.demo.training.pace import Pace
from tb_visualscratchpad.exporter.demo.training.training_world import TrainingWorld
from tb_visualscratchpad.exporter.demo.world import GROUNDS, OBJECTS
from tb_visualscratchpad.exporter.vlm import Vlm

BACKGROUND = len(OBJECTS)
BACKGROUND_WEIGHT = 0.15
"""Most patches show nothing but ground."""
ASKS_FOR_PLACES = frozenset({"where", "describe"})
"""In a world where neither is asked, places would only crowd the dictionary."""


class TowerTraining:
    """Trains what the projector reads. One linear head for each question; the heads are thrown away afterwards."""

    name = "tower"

    def __init__(self, vlm: Vlm, world: TrainingWorld, pace: Pace, seed: int) -> None:
        self._pace = pace
        self._drawn = DrawnViews(vlm, world, seed, TOWER)
        self._device_type = vlm.device.type
        self._tower: Any = vlm.family.vision_tower(vlm.model)
        config: Any = vlm.model.config
        self._layer = int(config.vision_feature_layer)
        width, n_patches = int(config.vision_config.hidden_size), self._drawn.views.grid**2
        torch.manual_seed(seed)
        sizes = {"cover": BACKGROUND + 1, "ground": len(GROUNDS)}
        if ASKS_FOR_PLACES & world.question_weights.keys():
            sizes["place"] = n_patches
        self._heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in sizes.items()}).to(vlm.device)
        self._weight_C = torch.ones(BACKGROUND + 1, device=vlm.device)
        self._weight_C[BACKGROUND] = BACKGROUND_WEIGHT
        self._parameters = [*self._tower.parameters(), *self._heads.parameters()]
        self._optimizer = torch.optim.AdamW([{"params": self._parameters, "peak": pace.vision_lr}], weight_decay=pace.weight_decay)

    def step(self, number: int) -> dict[str, float]:
        """One step of the optimiser on new pictures; gives losses and the share of right classes on objects."""
        pictures, pixel_values_BV = self._drawn.of_step(number, self._pace.batch)
        class_BVP = covering_class(self._drawn.views.coverage(pictures.visible_BOHW), pictures.scenes.object_BO)
        with torch.autocast(self._device_type, torch.bfloat16, enabled=self._device_type == "cuda"):
            hidden = self._tower(pixel_values_BV.flatten(0, 1), output_hidden_states=True).hidden_states[self._layer][:, 1:]
            said: dict[str, torch.Tensor] = {name: head(hidden) for name, head in self._heads.items()}
        n_views, n_patches = class_BVP.shape[1:]
        truth: dict[str, torch.Tensor] = {
            "cover": class_BVP.flatten(),
            "ground": pictures.scenes.ground_B.repeat_interleave(n_views * n_patches),
            "place": torch.arange(n_patches, device=class_BVP.device).repeat(len(pictures.scenes) * n_views),
        }
        losses = {
            name: functional.cross_entropy(said[name].float().flatten(0, 1), truth[name], self._weight_C if name == "cover" else None)
            for name in self._heads
        }
        self._pace.apply(self._optimizer, self._parameters, torch.stack(list(losses.values())).sum(), number)
        on_object = truth["cover"] != BACKGROUND
        right = (said["cover"].detach().flatten(0, 1).argmax(dim=-1) == truth["cover"])[on_object].float().mean()
        return {**{f"{name}_loss": float(loss.detach()) for name, loss in losses.items()}, "objects_right": float(right)}

    def state(self) -> dict[str, Any]:
        return {"tower": self._tower.state_dict(), "heads": self._heads.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        self._tower.load_state_dict(state["tower"])
        self._heads.load_state_dict(state["heads"])
        self._optimizer.load_state_dict(state["optimizer"])


def covering_class(coverage_BVPO: torch.Tensor, object_BO: torch.Tensor) -> torch.Tensor:
    """int64 [B, V, P] into ``OBJECTS``, or ``BACKGROUND``: what covers most of each patch."""
    rest = 1 - coverage_BVPO.sum(dim=-1, keepdim=True)
    most = torch.cat([coverage_BVPO, rest], dim=-1).argmax(dim=-1)
    class_B4 = torch.cat([object_BO, torch.full_like(object_BO[:, :1], BACKGROUND)], dim=1)
    return class_B4.gather(1, most.flatten(1)).reshape(most.shape)
