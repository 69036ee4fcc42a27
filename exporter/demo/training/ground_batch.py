"""The grounds of ``textures.py`` for many pictures at once.

Chance comes in from outside (``GroundChance``), so that the same chance must give the same ground as there.
Shape suffixes: ``B`` pictures, ``H`` and ``W`` pixels, ``8`` cells of a lattice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import pi

import torch

from tb_visualscratchpad.exporter.demo.textures import BASE_COLOUR, LOW_FREQUENCY
from tb_visualscratchpad.exporter.demo.training.resampling import resampling_matrix
from tb_visualscratchpad.exporter.demo.world import GROUNDS

CELLS = 8
DRIFT_CELLS = 6


@dataclass(frozen=True, eq=False)
class GroundChance:
    """What chance decides about the grounds of B pictures.

    Attributes:
        first_B, second_B: the two numbers of a texture, 0 to 1, in the order in which ``textures.py`` draws them.
        texture_B88: -1 to 1, the lattice of a texture that is noise itself; the first 6 x 6 for drifts.
        low_B88: -1 to 1, the lattice of the low-frequency noise.
        star_BHW, glow_BHW: 0 to 1, whether there is a star and how bright.
        pixel_B3HW: standard normal, over everything.
    """

    first_B: torch.Tensor
    second_B: torch.Tensor
    texture_B88: torch.Tensor
    low_B88: torch.Tensor
    star_BHW: torch.Tensor
    glow_BHW: torch.Tensor
    pixel_B3HW: torch.Tensor

    @classmethod
    def draw(cls, n: int, side: int, generator: torch.Generator) -> GroundChance:
        def uniform(*shape: int, low: float = 0.0) -> torch.Tensor:
            return low + (1 - low) * torch.rand(n, *shape, generator=generator, device=generator.device)

        return cls(
            uniform(), uniform(), uniform(CELLS, CELLS, low=-1), uniform(CELLS, CELLS, low=-1), uniform(side, side), uniform(side, side),
            torch.randn(n, 3, side, side, generator=generator, device=generator.device),
        )

    def of(self, which_B: torch.Tensor) -> GroundChance:
        """Of the pictures that a mask or an index names."""
        return GroundChance(**{field.name: getattr(self, field.name)[which_B] for field in fields(self)})


def ground_batch(ground_B: torch.Tensor, chance: GroundChance) -> torch.Tensor:
    """Float32 [B, 3, H, W], 0 to 1: each picture's ground, low-frequency noise included, per-pixel noise not."""
    side = chance.star_BHW.shape[-1]
    along = (torch.arange(side, device=ground_B.device, dtype=torch.float32) + 0.5) / side
    x, y = along[None, None, :], along[None, :, None]
    brightness = LOW_FREQUENCY * _smooth(chance.low_B88, side)
    for number, name in enumerate(GROUNDS):
        shown_B = ground_B == number
        if bool(shown_B.any()):
            brightness[shown_B] += _TEXTURES[name](chance.of(shown_B), x, y)
    colour = torch.tensor([BASE_COLOUR[name] for name in GROUNDS], device=ground_B.device) / 255
    return (colour[ground_B][:, :, None, None] + brightness[:, None]).clamp(0, 1)


def _smooth(lattice: torch.Tensor, side: int) -> torch.Tensor:
    matrix = resampling_matrix(lattice.shape[-1], side, "bicubic", lattice.device)
    return matrix @ lattice @ matrix.T


def _turns(number_B: torch.Tensor) -> torch.Tensor:
    """A phase, 0 to 2 pi."""
    return 2 * pi * number_B[:, None, None]


def _waves(chance: GroundChance, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    sway = 0.9 * torch.sin(2 * pi * 1.75 * x + _turns(chance.first_B))
    return 0.09 * torch.sin(2 * pi * 9 * y + sway + _turns(chance.second_B))


def _blades(chance: GroundChance, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    sway = 1.6 * torch.sin(2 * pi * 9 * y + _turns(chance.first_B))
    return 0.08 * torch.sin(2 * pi * 32 * x + sway + _turns(chance.second_B))


def _ripples(chance: GroundChance, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    sway = 1.2 * torch.sin(2 * pi * 4.4 * x + _turns(chance.first_B))
    return 0.06 * torch.sin(2 * pi * 5.6 * y + sway + _turns(chance.second_B))


def _drifts(chance: GroundChance, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 0.03 * _smooth(chance.texture_B88[:, :DRIFT_CELLS, :DRIFT_CELLS], x.shape[-1])


def _stars(chance: GroundChance, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (chance.star_BHW < 0.004) * (0.3 + 0.6 * chance.glow_BHW)


def _clouds(chance: GroundChance, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 0.28 * (_smooth(chance.texture_B88, x.shape[-1]) + 0.15).clamp(0, 0.8)


def _courses(chance: GroundChance, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    row = torch.floor(y * 12 + chance.first_B[:, None, None])
    across = (x * 6 + 0.5 * (row % 2) + chance.second_B[:, None, None]) % 1
    down = (y * 12 - row) % 1
    return 0.25 * ((down < 0.1) | (across < 0.05))


def _lane_marks(chance: GroundChance, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    line = (x - (0.3 + 0.4 * chance.first_B[:, None, None])).abs() < 0.016
    dash = (y * 6 + chance.second_B[:, None, None]) % 1 < 0.5
    return 0.6 * (line & dash)


_TEXTURES: dict[str, Callable[[GroundChance, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "sea": _waves, "grass": _blades, "beach": _ripples, "snow": _drifts,
    "night": _stars, "sky": _clouds, "brick": _courses, "street": _lane_marks,
}
