"""The eight grounds of Emoji World: a base colour, a procedural texture, and noise.

Shape suffixes: ``H`` and ``W`` pixels, ``3`` red, green, blue. Colours and brightness are floats, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

BASE_COLOUR: dict[str, tuple[int, int, int]] = {
    "sea": (20, 90, 170), "grass": (90, 160, 60), "beach": (225, 200, 140), "snow": (232, 238, 245),
    "night": (18, 20, 50), "sky": (130, 195, 240), "brick": (160, 75, 55), "street": (105, 105, 110),
}
LOW_FREQUENCY = 0.05
PER_PIXEL = 0.02

Grid = np.ndarray
"""float64 [H, W]."""
Texture = Callable[[np.random.Generator, Grid, Grid], Grid]
"""A random generator and the coordinates x and y of every pixel (0 to 1) -> brightness added to the base colour."""


def smooth_noise_HW(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> Grid:
    """Smooth noise [H, W] of ``shape``, about -1 to 1: random values on a ``cells`` x ``cells`` lattice, cubically interpolated."""
    lattice = rng.uniform(-1, 1, size=(cells, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(lattice).resize((shape[1], shape[0]), Image.Resampling.BICUBIC), dtype=np.float64)


def waves(rng: np.random.Generator, x: Grid, y: Grid) -> Grid:
    sway = 0.9 * np.sin(2 * np.pi * 1.75 * x + rng.uniform(0, 2 * np.pi))
    return 0.09 * np.sin(2 * np.pi * 9 * y + sway + rng.uniform(0, 2 * np.pi))


def blades(rng: np.random.Generator, x: Grid, y: Grid) -> Grid:
    sway = 1.6 * np.sin(2 * np.pi * 9 * y + rng.uniform(0, 2 * np.pi))
    return 0.08 * np.sin(2 * np.pi * 32 * x + sway + rng.uniform(0, 2 * np.pi))


def ripples(rng: np.random.Generator, x: Grid, y: Grid) -> Grid:
    sway = 1.2 * np.sin(2 * np.pi * 4.4 * x + rng.uniform(0, 2 * np.pi))
    return 0.06 * np.sin(2 * np.pi * 5.6 * y + sway + rng.uniform(0, 2 * np.pi))


def drifts(rng: np.random.Generator, x: Grid, y: Grid) -> Grid:
    return 0.03 * smooth_noise_HW(rng, (x.shape[0], x.shape[1]), cells=6)


def stars(rng: np.random.Generator, x: Grid, y: Grid) -> Grid:
    return np.where(rng.random(x.shape) < 0.004, rng.uniform(0.3, 0.9, size=x.shape), 0.0)


def clouds(rng: np.random.Generator, x: Grid, y: Grid) -> Grid:
    return 0.28 * np.clip(smooth_noise_HW(rng, (x.shape[0], x.shape[1]), cells=8) + 0.15, 0, 0.8)


def courses(rng: np.random.Generator, x: Grid, y: Grid) -> Grid:
    row = np.floor(y * 12 + rng.uniform(0, 1))
    offset = rng.uniform(0, 1)
    across = (x * 6 + 0.5 * (row % 2) + offset) % 1
    down = (y * 12 - row) % 1
    return 0.25 * ((down < 0.1) | (across < 0.05))


def lane_marks(rng: np.random.Generator, x: Grid, y: Grid) -> Grid:
    line = np.abs(x - rng.uniform(0.3, 0.7)) < 0.016
    dash = (y * 6 + rng.uniform(0, 1)) % 1 < 0.5
    return 0.6 * (line & dash)


TEXTURES: dict[str, Texture] = {
    "sea": waves, "grass": blades, "beach": ripples, "snow": drifts,
    "night": stars, "sky": clouds, "brick": courses, "street": lane_marks,
}


def ground_HW3(ground: str, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """float64 [H, W, 3] of ``ground``, 0 to 1, low-frequency noise included; per-pixel noise comes over everything."""
    y, x = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    brightness = TEXTURES[ground](rng, x, y) + LOW_FREQUENCY * smooth_noise_HW(rng, (height, width), cells=8)
    return np.clip(np.array(BASE_COLOUR[ground]) / 255 + brightness[..., None], 0, 1)
