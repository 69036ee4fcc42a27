"""The pictures of a training step: drawn, and cut into views as the model's processor would."""

from __future__ import annotations

import torch

from tb_visualscratchpad.exporter.demo.training.ground_batch import GroundChance
from tb_visualscratchpad.exporter.demo.training.picture_batch import PictureBatch, compose_batch
from tb_visualscratchpad.exporter.demo.training.scene_batch import draw_scenes, seeded_generator
from tb_visualscratchpad.exporter.demo.training.training_world import TrainingWorld
from tb_visualscratchpad.exporter.demo.training.view_batch import ViewBatches
from tb_visualscratchpad.exporter.vlm import Vlm

TOWER, ANSWERS, SAE, EVALUATION = range(4)
"""Who draws. With the seed and the step it decides the pictures, so that no stage sees another's."""


class DrawnViews:
    """Draws what a stage of the training sees at each of its steps.

    Args:
        vlm: decides the device and how pictures are cut.
        stage: ``TOWER``, ``ANSWERS`` or ``SAE``.
    """

    def __init__(self, vlm: Vlm, world: TrainingWorld, seed: int, stage: int) -> None:
        self._world, self._seed, self._stage, self._device = world, seed, stage, vlm.device
        self.views = ViewBatches(vlm.processor, world.side, vlm.device)

    @torch.no_grad()
    def of_step(self, step: int, n: int) -> tuple[PictureBatch, torch.Tensor]:
        """``n`` pictures and their pixel values [n, V, 3, S, S]. The same step gives the same."""
        chance = seeded_generator(self._device, self._seed, self._stage, step)
        scenes = draw_scenes(self._world, n, chance)
        pictures = compose_batch(scenes, GroundChance.draw(n, self._world.side, chance))
        return pictures, self.views.pixel_values(pictures.pixels_B3HW)
