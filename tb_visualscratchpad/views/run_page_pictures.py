"""Pictures of a run's page: maps as veils over a picture, the heatmap, small copies; all as ``data:`` addresses.

Shape suffixes: ``T`` tokens, ``C`` columns, ``P`` patches.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from tb_visualscratchpad.wire.evidence import EncodedPicture, ImageTokenMap

_VEIL_RGB = (9, 13, 24)
_VEIL = 0.66
"""How dark the picture is where nothing is, as in the tab."""
_SPREAD = 0.72
"""Small values are lifted, as in the tab."""

_STOPS = {
    "light": (
        (0, 0.12, 0.28, 0.45, 0.6, 0.75, 0.88, 1),
        ("fbfaf5", "f2eacb", "dccb86", "ada37a", "7f7f7a", "55607a", "2c4272", "00224e"),
    ),
    "dark": (
        (0, 0.12, 0.25, 0.4, 0.55, 0.7, 0.86, 1),
        ("232730", "2c3852", "3f4d6e", "5d6472", "84827a", "ada279", "d9c561", "fee838"),
    ),
}
"""The sequential scale of ``frontend_static/color/sequential.js``."""


def data_address(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def sequential_table(theme: str) -> np.ndarray:
    """uint8 [256, 3], the sequential scale of ``light`` or ``dark``."""
    at, colors = _STOPS[theme]
    rgb = np.array([[int(color[i : i + 2], 16) for i in (0, 2, 4)] for color in colors], dtype=float)
    places = np.arange(256) / 255
    return np.stack([np.floor(np.interp(places, at, rgb[:, channel]) + 0.5) for channel in range(3)], axis=1).astype(np.uint8)


def small_picture(picture: EncodedPicture, side: int) -> str | None:
    """The picture, its longer side at most ``side``, as JPEG; None where it cannot be read."""
    try:
        with Image.open(io.BytesIO(picture.data)) as opened:
            image = opened.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError):
        return None
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=82, optimize=True)
    return data_address(written.getvalue(), "image/jpeg")


def patch_raster(place: ImageTokenMap, value_P: np.ndarray, side: int, *, spread: bool) -> np.ndarray:
    """float64 [h, w] of a raster over the picture whose longer side has ``side`` cells.

    ``spread``: attention, the sum of A / area of the patches over a cell's centre; otherwise the largest activation of them.
    """
    scale = side / max(place.width, place.height)
    height, width = (max(1, round(edge * scale)) for edge in (place.height, place.width))
    raster = np.zeros((height, width))
    for patch in np.flatnonzero(value_P):
        x0, y0, x1, y1 = (float(edge) * scale for edge in place.patch_box_P4[patch])
        area = (x1 - x0) * (y1 - y0)
        if area <= 0:
            continue
        rows = slice(max(0, int(np.ceil(y0 - 0.5))), max(0, int(np.ceil(y1 - 0.5))))
        columns = slice(max(0, int(np.ceil(x0 - 0.5))), max(0, int(np.ceil(x1 - 0.5))))
        part = raster[rows, columns]
        if spread:
            part += value_P[patch] / area
        else:
            np.maximum(part, value_P[patch], out=part)
    return raster


def veil(raster: np.ndarray) -> str | None:
    """A raster as a dark veil that opens where it is large; None where it is zero everywhere."""
    peak = float(raster.max(initial=0.0))
    if peak <= 0:
        return None
    share = (np.clip(raster, 0, None) / peak) ** _SPREAD
    # sixteen steps of alpha are enough for a veil, and a quarter of the bytes
    step = np.round(15 * share).astype(np.uint8)
    image = Image.fromarray(step, mode="P")
    image.putpalette(bytes(_VEIL_RGB) * 16)
    alpha = bytes(round(255 * _VEIL * (1 - i / 15)) for i in range(16))
    written = io.BytesIO()
    image.save(written, "PNG", transparency=alpha, bits=4, optimize=True)
    return data_address(written.getvalue(), "image/png")


def heatmap(value_TC: np.ndarray, theme: str) -> str:
    """Values 0...1 as PNG, a pixel each."""
    index = np.round(255 * np.clip(value_TC, 0, 1)).astype(np.uint8)
    image = Image.fromarray(index, mode="P")
    image.putpalette(sequential_table(theme).tobytes())
    written = io.BytesIO()
    image.save(written, "PNG", optimize=True)
    return data_address(written.getvalue(), "image/png")
