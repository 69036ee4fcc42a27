"""Draws a scene, and makes up scenes. The same seed gives the same picture.

Shape suffixes: ``O`` objects, ``H`` and ``W`` pixels, ``3`` and ``4`` colour channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from tb_visualscratchpad.exporter.demo.textures import PER_PIXEL, ground_HW3
from tb_visualscratchpad.exporter.demo.world import GROUNDS, OBJECTS, PlacedObject, Scene

BUNDLE = Path(__file__).resolve().parent / "bundle"
SIDE = 256
NUMBER_OF_OBJECTS = {1: 0.35, 2: 0.45, 3: 0.20}
HALF_WIDTH_ALONE = (0.22, 0.62)
HALF_WIDTH_TOGETHER = (0.20, 0.45)
LARGEST_TURN = 0.35


@dataclass(frozen=True)
class Composition:
    """A drawn scene.

    Attributes:
        scene: what stands where.
        picture: RGB.
        visible_OHW: bool, the pixels where object number o of the scene is in front and at least half opaque.
    """

    scene: Scene
    picture: Image.Image
    visible_OHW: np.ndarray

    def visible_HW(self, name: str) -> np.ndarray:
        """bool [H, W], the visible pixels of the object called ``name``, which must be in the scene."""
        return self.visible_OHW[[placed.name for placed in self.scene.objects].index(name)]


@cache
def glyph(name: str) -> Image.Image:
    """The emoji ``name``, RGBA 128 x 128."""
    with np.load(BUNDLE / "glyphs" / "emoji_rgba.npz") as glyphs:
        return Image.fromarray(glyphs["rgba"][OBJECTS.index(name)], "RGBA")


def layer(placed: PlacedObject, width: int, height: int) -> np.ndarray:
    """float64 [H, W, 4] with premultiplied alpha, 0 to 1: the object alone on a transparent picture."""
    # Premultiplied ("RGBa"), or the colour of fully transparent pixels would bleed into the rim.
    image = glyph(placed.name)
    image = (ImageOps.mirror(image) if placed.mirrored else image).convert("RGBa")
    half = placed.half_width * min(width, height) / 2
    centre_x, centre_y = (placed.x + 1) / 2 * width, (placed.y + 1) / 2 * height
    # Shrink first: an affine transform alone would alias.
    side = max(round(2 * half), 1)
    image = image.resize((side, side), Image.Resampling.BOX if side < image.width else Image.Resampling.BICUBIC)
    cos, sin = np.cos(placed.turn), np.sin(placed.turn)
    scale = side / (2 * half)
    # Maps a pixel of the picture back to a pixel of the glyph; y runs downwards, so counter-clockwise is (cos, -sin; sin, cos).
    a, b, d, e = scale * cos, -scale * sin, scale * sin, scale * cos
    back = (a, b, side / 2 - a * centre_x - b * centre_y, d, e, side / 2 - d * centre_x - e * centre_y)
    drawn = image.transform((width, height), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    return np.asarray(drawn, dtype=np.float64) / 255


def compose(scene: Scene, seed: int, width: int = SIDE, height: int = SIDE) -> Composition:
    """Draws ``scene``. ``seed`` decides the texture and the noise, nothing else.

    Args:
        scene: what to draw; objects later in it stand in front.
        seed: any non-negative whole number.
        width, height: of the picture, in pixels.
    """
    rng = np.random.default_rng([seed, 1])
    picture = ground_HW3(scene.ground, rng, height, width)
    visible_OHW = np.zeros((len(scene.objects), height, width), dtype=bool)
    for number, placed in enumerate(scene.objects):
        drawn = layer(placed, width, height)
        alpha = drawn[..., 3:]
        picture = picture * (1 - alpha) + drawn[..., :3]
        opaque = alpha[..., 0] >= 0.5
        visible_OHW &= ~opaque
        visible_OHW[number] = opaque
    picture = picture + rng.normal(0, PER_PIXEL, size=picture.shape)
    pixels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return Composition(scene, Image.fromarray(pixels), visible_OHW)


def place_object(name: str, rng: np.random.Generator, half_width: tuple[float, float]) -> PlacedObject:
    """``name`` somewhere wholly inside the picture, with a half-width in the given range."""
    half = float(rng.uniform(*half_width))
    x, y = (float(value) for value in rng.uniform(-(1 - half), 1 - half, size=2))
    turn = float(rng.uniform(-LARGEST_TURN, LARGEST_TURN))
    return PlacedObject(name, x, y, half, turn, bool(rng.random() < 0.5))


def overlap(one: PlacedObject, other: PlacedObject) -> bool:
    """Whether two objects come closer than their glyphs, which seldom fill their boxes, allow."""
    near = 0.85 * (one.half_width + other.half_width)
    return abs(one.x - other.x) < near and abs(one.y - other.y) < near


def random_scene(seed: int, *, ground: str | None = None, objects: tuple[str, ...] | None = None) -> Scene:
    """A scene as the model was trained on: one to three objects anywhere on any ground, hardly overlapping.

    Args:
        seed: same seed and arguments, same scene.
        ground: the ground, drawn when None.
        objects: the objects, drawn when None; an empty tuple leaves the ground bare.
    """
    rng = np.random.default_rng([seed, 0])
    ground = ground or str(rng.choice(GROUNDS))
    if objects is None:
        count = rng.choice(list(NUMBER_OF_OBJECTS), p=list(NUMBER_OF_OBJECTS.values()))
        objects = tuple(str(name) for name in rng.choice(OBJECTS, size=count, replace=False))
    half_width = HALF_WIDTH_ALONE if len(objects) == 1 else HALF_WIDTH_TOGETHER
    placed: list[PlacedObject] = []
    while len(placed) < len(objects):
        for _ in range(50):
            candidate = place_object(objects[len(placed)], rng, half_width)
            if not any(overlap(candidate, other) for other in placed):
                placed.append(candidate)
                break
        else:
            placed.clear()  # the first ones left no room: begin anew
    return Scene(ground, tuple(placed))
