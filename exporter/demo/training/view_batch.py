"""What the processor makes of pictures, made on the device: the base view and the tiles, normalised.

Only for square pictures as large as the one grid of tiles: no padding, no scaling of the tiles, four or more whole tiles.
Shape suffixes: ``B`` pictures, ``V`` views (base, then tiles row by row), ``S`` pixels of a view, ``P`` patches of a view row by row.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from tb_visualscratchpad.exporter.demo.training.resampling import resampling_matrix, rounded
from tb_visualscratchpad.wire.errors import ScratchpadError


class ViewBatches:
    """Makes views as the given processor does.

    Args:
        processor: LLaVA-Next's.
        side: of the pictures, in pixels.

    Raises:
        ScratchpadError: the processor does more than cut and scale such pictures.
    """

    def __init__(self, processor: Any, side: int, device: torch.device) -> None:
        settings = processor.image_processor
        self.size = int(settings.size["shortest_edge"])
        if [list(pair) for pair in settings.image_grid_pinpoints] != [[side, side]] or side % self.size or settings.resample != 3:
            raise ScratchpadError(
                f"The processor's grids are {settings.image_grid_pinpoints} in views of {self.size}: expected one of {side} x {side}, in whole views, "
                "scaled bicubically."
            )
        self.side, self.n_columns = side, side // self.size
        self.grid = self.size // int(processor.patch_size)
        self._smaller = resampling_matrix(side, self.size, "bicubic", device)
        self._mean, self._std = (torch.tensor(values, device=device)[:, None, None] for values in (settings.image_mean, settings.image_std))

    def pixel_values(self, pixels_B3HW: torch.Tensor) -> torch.Tensor:
        """Float32 [B, V, 3, S, S] of pictures whose pixels are whole numbers 0 to 255."""
        base = rounded(self._smaller @ rounded(pixels_B3HW @ self._smaller.T))
        views = torch.cat([base[:, None], self._tiles(pixels_B3HW)], dim=1)
        return (views / 255 - self._mean) / self._std

    def coverage(self, mask_BOHW: torch.Tensor) -> torch.Tensor:
        """Float32 [B, V, P, O], 0 to 1: the share of each patch that each mask covers."""
        mask = mask_BOHW.float()
        base = functional.avg_pool2d(mask, self.side // self.grid)[:, None]
        tiles = functional.avg_pool2d(mask, self.size // self.grid)
        return torch.cat([base, self._tiles(tiles)], dim=1).flatten(3).transpose(2, 3)

    def _tiles(self, picture: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] -> [B, tiles, C, H / rows, W / columns]."""
        n, channels, height, _ = picture.shape
        size = height // self.n_columns
        cut = picture.reshape(n, channels, self.n_columns, size, self.n_columns, size)
        return cut.permute(0, 2, 4, 1, 3, 5).reshape(n, self.n_columns**2, channels, size, size)
