"""Where the patches of a view lie on the original picture.

Every preprocessing is, along each axis, an affine map from picture to view: ``view = scale * picture + offset``. Pixels are
areas: pixel i covers [i, i + 1), so a resize from w to v has scale v / w and offset 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ViewTransform:
    """How the picture was brought into a canvas of views. Canvas coordinates in pixels of the canvas.

    Attributes:
        scale_x, scale_y: canvas pixels per picture pixel.
        offset_x, offset_y: canvas position of the picture's top left corner; negative where it was cropped.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float


def patch_boxes(transform: ViewTransform, *, grid_x: np.ndarray, grid_y: np.ndarray, patch: float, width: int, height: int) -> np.ndarray:
    """Boxes of patches on the picture.

    Args:
        grid_x, grid_y: column and row of each patch on the canvas, in patches.
        patch: side of a patch in canvas pixels.
        width, height: of the picture.

    Returns:
        float32 [P, 4] x0, y0, x1, y1 clipped to the picture; all zero for a patch that lies wholly outside it.
    """
    x0 = (grid_x * patch - transform.offset_x) / transform.scale_x
    x1 = ((grid_x + 1) * patch - transform.offset_x) / transform.scale_x
    y0 = (grid_y * patch - transform.offset_y) / transform.scale_y
    y1 = ((grid_y + 1) * patch - transform.offset_y) / transform.scale_y
    box = np.stack([x0.clip(0, width), y0.clip(0, height), x1.clip(0, width), y1.clip(0, height)], axis=1)
    outside = (box[:, 2] <= box[:, 0]) | (box[:, 3] <= box[:, 1])
    box[outside] = 0
    return box.astype(np.float32)


def view_grid(grid: int, rows: int = 1, columns: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Canvas column and row (in patches) of every patch, view by view, row by row within a view."""
    tile_row, tile_column, row, column = np.meshgrid(
        np.arange(rows), np.arange(columns), np.arange(grid), np.arange(grid), indexing="ij"
    )
    return (tile_column * grid + column).ravel(), (tile_row * grid + row).ravel()
