"""LLaVA-Next: a base view squashed to a square, and tiles that keep the aspect and are padded, with newline tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.image_processing_utils import select_best_resolution

from tb_visualscratchpad.exporter.vlm.family import VlmFamily, register_family
from tb_visualscratchpad.exporter.vlm.geometry import ViewTransform, patch_boxes, view_grid
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap


class LlavaNext(VlmFamily):
    """``LlavaNextForConditionalGeneration`` with any-resolution tiles."""

    model_type = "llava_next"

    def image_inputs(self, processed: Mapping[str, Any]) -> dict[str, Any]:
        return {"pixel_values": processed["pixel_values"], "image_sizes": processed["image_sizes"]}

    def image_token_map(self, model: nn.Module, image_processor: Any, width: int, height: int, n_views: int) -> ImageTokenMap:
        vision = model.config.vision_config
        side, patch = vision.image_size, vision.patch_size
        grid = side // patch
        canvas_h, canvas_w = select_best_resolution((height, width), model.config.image_grid_pinpoints)
        rows, columns = canvas_h // side, canvas_w // side
        if 1 + rows * columns != n_views:
            raise ScratchpadError(
                f"The image processor made {n_views} views of a picture of {width} x {height}, the model expects "
                f"{1 + rows * columns}: processor and model do not belong together (image_grid_pinpoints differ)."
            )
        base_x, base_y = view_grid(grid)
        base = patch_boxes(
            ViewTransform(scale_x=side / width, scale_y=side / height, offset_x=0.0, offset_y=0.0),
            grid_x=base_x, grid_y=base_y, patch=patch, width=width, height=height,
        )
        tile_x, tile_y = view_grid(grid, rows, columns)
        tiles = patch_boxes(
            tile_transform(width, height, canvas_w, canvas_h),
            grid_x=tile_x, grid_y=tile_y, patch=patch, width=width, height=height,
        )
        token_patch = self._packed_patches(model, n_views, grid * grid, width, height)
        patch_token = np.full(n_views * grid * grid, -1, dtype=np.int32)
        carried = np.flatnonzero(token_patch >= 0)
        patch_token[token_patch[carried]] = carried
        return ImageTokenMap(
            width=width,
            height=height,
            grid=grid,
            tile_rows=rows,
            tile_columns=columns,
            patch_box_P4=np.concatenate([base, tiles]),
            patch_token_P=patch_token,
            token_patch_I=token_patch,
            token_image_I=np.zeros(token_patch.size, dtype=np.int32),
        )

    @staticmethod
    def _packed_patches(model: nn.Module, n_views: int, n_patches: int, width: int, height: int) -> np.ndarray:
        # The model packs patch numbers instead of features, so unpadding and newlines are its own, not a copy of its rules.
        numbers = torch.arange(n_views * n_patches, dtype=torch.float64).reshape(n_views, n_patches, 1)
        packed, _ = model.model.pack_image_features(
            [numbers],
            torch.tensor([[height, width]]),
            vision_feature_select_strategy=model.config.vision_feature_select_strategy,
            image_newline=torch.tensor([-1.0], dtype=torch.float64),
        )
        return packed[0][:, 0].round().to(torch.int32).numpy()


def tile_transform(width: int, height: int, canvas_w: int, canvas_h: int) -> ViewTransform:
    """The picture on the canvas of tiles: scaled to fit, the shorter side rounded up to whole pixels, centred."""
    scale_w, scale_h = canvas_w / width, canvas_h / height
    if scale_w < scale_h:
        new_w, new_h = canvas_w, min(int(np.ceil(height * scale_w)), canvas_h)
    else:
        new_w, new_h = min(int(np.ceil(width * scale_h)), canvas_w), canvas_h
    return ViewTransform(
        scale_x=new_w / width,
        scale_y=new_h / height,
        offset_x=float((canvas_w - new_w) // 2),
        offset_y=float((canvas_h - new_h) // 2),
    )


register_family(LlavaNext())
