"""From patches to the picture's pixels: attention is spread, an activation is not."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.views.patches import ViewChoice, packed_patches
from tb_visualscratchpad.wire.evidence import ImageTokenMap


def attention_on_pixels(
    image_tokens: ImageTokenMap, attention_P: np.ndarray, view: ViewChoice | str = ViewChoice.BOTH
) -> np.ndarray:
    """float64 [height, width]: sum over patches of A / area, integrated over each pixel.

    A patch's attention is spread evenly over its rectangle, a pixel that it covers in part takes that part; so the pixels
    of the base view, and of the tiles, each sum to their mass. Packed patches whose rectangle is empty (a sliver beyond
    the picture's edge) show nowhere.
    """
    pixels = np.zeros((image_tokens.height, image_tokens.width))
    for patch in packed_patches(image_tokens, view):
        x0, y0, x1, y1 = (float(edge) for edge in image_tokens.patch_box_P4[patch])
        area = (x1 - x0) * (y1 - y0)
        if area <= 0 or attention_P[patch] == 0:
            continue
        first_x, cover_x = _cover(x0, x1, image_tokens.width)
        first_y, cover_y = _cover(y0, y1, image_tokens.height)
        part = pixels[first_y : first_y + cover_y.size, first_x : first_x + cover_x.size]
        part += float(attention_P[patch]) / area * np.outer(cover_y, cover_x)
    return pixels


def activation_on_pixels(
    image_tokens: ImageTokenMap, value_P: np.ndarray, view: ViewChoice | str = ViewChoice.BOTH
) -> np.ndarray:
    """float64 [height, width]: the largest z among the packed patches that touch a pixel, 0 where none does."""
    pixels = np.zeros((image_tokens.height, image_tokens.width))
    for patch in packed_patches(image_tokens, view):
        x0, y0, x1, y1 = (float(edge) for edge in image_tokens.patch_box_P4[patch])
        if x1 <= x0 or y1 <= y0 or value_P[patch] == 0:
            continue
        first_x, cover_x = _cover(x0, x1, image_tokens.width)
        first_y, cover_y = _cover(y0, y1, image_tokens.height)
        part = pixels[first_y : first_y + cover_y.size, first_x : first_x + cover_x.size]
        np.maximum(part, float(value_P[patch]), out=part)
    return pixels


def _cover(low: float, high: float, size: int) -> tuple[int, np.ndarray]:
    """The first pixel that the interval touches, and how much of each pixel from there it covers, 0...1."""
    first, last = int(np.floor(low)), min(int(np.ceil(high)), size)
    edges = np.arange(first, last)
    return first, np.minimum(edges + 1, high) - np.maximum(edges, low)
