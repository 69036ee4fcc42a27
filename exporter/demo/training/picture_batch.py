"""Many scenes drawn at once, as ``compose.py`` draws one; there Pillow does it, here tensors on any device.

Shape suffixes: ``B`` pictures, ``O`` places for objects, ``H`` and ``W`` pixels, ``S`` pixels of a scaled glyph, ``4`` red, green,
blue (multiplied by alpha) and alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch.nn import functional

from tb_visualscratchpad.exporter.demo.compose import glyph
from tb_visualscratchpad.exporter.demo.textures import PER_PIXEL
from tb_visualscratchpad.exporter.demo.training.ground_batch import GroundChance, ground_batch
from tb_visualscratchpad.exporter.demo.training.resampling import resampling_matrices, rounded
from tb_visualscratchpad.exporter.demo.training.scene_batch import SceneBatch
from tb_visualscratchpad.exporter.demo.world import OBJECTS


@dataclass(frozen=True, eq=False)
class PictureBatch:
    """Drawn scenes.

    Attributes:
        pixels_B3HW: float32, whole numbers 0 to 255.
        visible_BOHW: bool, the pixels where object number o of the scene is in front and at least half opaque.
    """

    scenes: SceneBatch
    pixels_B3HW: torch.Tensor
    visible_BOHW: torch.Tensor


@cache
def _glyphs(device: torch.device) -> torch.Tensor:
    """Float32 [objects, 4, 128, 128], 0 to 255."""
    stacked = np.stack([np.asarray(glyph(name).convert("RGBa")) for name in OBJECTS])
    return torch.from_numpy(stacked).to(device).permute(0, 3, 1, 2).float()


def compose_batch(scenes: SceneBatch, chance: GroundChance) -> PictureBatch:
    """Draws the scenes, as large as ``chance`` is."""
    side = chance.star_BHW.shape[-1]
    picture = ground_batch(scenes.ground_B, chance)
    n_places = scenes.object_BO.shape[1]
    visible = torch.zeros(len(scenes), n_places, side, side, dtype=torch.bool, device=scenes.device)
    for number in range(n_places):
        shown_B = scenes.object_BO[:, number] >= 0
        if not bool(shown_B.any()):
            continue
        drawn = _layer(scenes, number, shown_B, side)
        alpha = drawn[:, 3:]
        picture[shown_B] = picture[shown_B] * (1 - alpha) + drawn[:, :3]
        visible[shown_B] &= ~(alpha >= 0.5)
        visible[shown_B, number] = alpha[:, 0] >= 0.5
    pixels = ((picture + PER_PIXEL * chance.pixel_B3HW).clamp(0, 1) * 255).round()
    return PictureBatch(scenes, pixels, visible)


def _layer(scenes: SceneBatch, number: int, shown_B: torch.Tensor, side: int) -> torch.Tensor:
    """Float32 [n, 4, H, W], 0 to 1: object ``number`` alone, in those of the scenes that have one."""
    image = _glyphs(scenes.device)[scenes.object_BO[shown_B, number]]
    image = torch.where(scenes.mirrored_BO[shown_B, number][:, None, None, None], image.flip(-1), image)
    half_B = scenes.half_width_BO[shown_B, number].double() * side / 2
    centre_x_B, centre_y_B = ((place[shown_B, number].double() + 1) / 2 * side for place in (scenes.x_BO, scenes.y_BO))
    side_B = (2 * half_B).round().clamp(min=1)
    scaled = _scale(image, side_B.long())

    turn_B = scenes.turn_BO[shown_B, number].double()
    scale_B = side_B / (2 * half_B)
    cos_B11, sin_B11 = ((scale_B * wave(turn_B))[:, None, None] for wave in (torch.cos, torch.sin))
    along = torch.arange(side, device=scenes.device, dtype=torch.float64) + 0.5
    x_BHW = along[None, None, :] - centre_x_B[:, None, None]
    y_BHW = along[None, :, None] - centre_y_B[:, None, None]
    limit_B11 = side_B[:, None, None]
    back_x = cos_B11 * x_BHW - sin_B11 * y_BHW + limit_B11 / 2
    back_y = sin_B11 * x_BHW + cos_B11 * y_BHW + limit_B11 / 2
    inside = (back_x >= 0) & (back_x < limit_B11) & (back_y >= 0) & (back_y < limit_B11)
    # At its rim Pillow repeats a picture's last pixel.
    half_pixel = torch.full_like(limit_B11, 0.5)
    back = torch.stack([back_x.clamp(half_pixel, limit_B11 - 0.5), back_y.clamp(half_pixel, limit_B11 - 0.5)], dim=-1)
    drawn = functional.grid_sample(scaled, (back / scaled.shape[-1] * 2 - 1).float(), mode="bilinear", align_corners=False)
    return drawn * inside[:, None] / 255


def _scale(image: torch.Tensor, side_B: torch.Tensor) -> torch.Tensor:
    """Glyphs [B, 4, 128, 128] -> [B, 4, S, S], each scaled to its own side in the upper left corner."""
    n_in, longest = image.shape[-1], int(side_B.max())
    smaller, larger = (resampling_matrices(n_in, side_B, longest, kind) for kind in ("box", "bicubic"))  # type: ignore[arg-type]
    matrix = torch.where((side_B < n_in)[:, None, None], smaller, larger)[:, None]
    across = rounded(image @ matrix.transpose(-1, -2))
    return rounded(matrix @ across)
