"""LLaVA-1.5: one view of the picture, no tiles, no newline tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from tb_visualscratchpad.exporter.vlm.family import VlmFamily, register_family
from tb_visualscratchpad.exporter.vlm.geometry import ViewTransform, patch_boxes, view_grid
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap


class Llava(VlmFamily):
    """``LlavaForConditionalGeneration`` with a CLIP- or SigLIP-like tower."""

    model_type = "llava"

    def image_inputs(self, processed: Mapping[str, Any]) -> dict[str, Any]:
        return {"pixel_values": processed["pixel_values"]}

    def image_token_map(self, model: nn.Module, image_processor: Any, width: int, height: int, n_views: int) -> ImageTokenMap:
        vision = model.config.vision_config
        grid = vision.image_size // vision.patch_size
        transform = single_view_transform(image_processor, width, height, vision.image_size)
        column, row = view_grid(grid)
        n = grid * grid
        return ImageTokenMap(
            width=width,
            height=height,
            grid=grid,
            tile_rows=0,
            tile_columns=0,
            patch_box_P4=patch_boxes(transform, grid_x=column, grid_y=row, patch=vision.patch_size, width=width, height=height),
            patch_token_P=np.arange(n, dtype=np.int32),
            token_patch_I=np.arange(n, dtype=np.int32),
            token_image_I=np.zeros(n, dtype=np.int32),
        )


def single_view_transform(image_processor: Any, width: int, height: int, view: int) -> ViewTransform:
    """Padding to a square, resizing and centre cropping, as CLIP's, SigLIP's and LLaVA's image processors chain them.

    Args:
        view: side of the view in pixels, as the vision tower wants it.

    Raises:
        ScratchpadError: the chain does not end in a square of ``view`` pixels.
    """
    canvas_w, canvas_h = float(width), float(height)
    left = top = 0.0
    if getattr(image_processor, "do_pad", False):
        side = max(width, height)
        # The processor pads with whole pixels, the smaller half first.
        left, top = float((side - width) // 2), float((side - height) // 2)
        canvas_w = canvas_h = float(side)
    scale_x = scale_y = 1.0
    if image_processor.do_resize:
        size = image_processor.size
        if size.get("height") and size.get("width"):
            new_w, new_h = size["width"], size["height"]
        elif size.get("shortest_edge") and not size.get("longest_edge"):
            edge, short, long = size["shortest_edge"], min(canvas_w, canvas_h), max(canvas_w, canvas_h)
            longer = int(edge * long / short)
            new_w, new_h = (edge, longer) if canvas_w <= canvas_h else (longer, edge)
        else:
            raise ScratchpadError(
                f"The image processor resizes to {dict(size)}, expected height and width or the shortest edge alone: where its "
                "patches lie on the picture is unknown."
            )
        scale_x, scale_y = new_w / canvas_w, new_h / canvas_h
        canvas_w, canvas_h = float(new_w), float(new_h)
    offset_x, offset_y = left * scale_x, top * scale_y
    if getattr(image_processor, "do_center_crop", False):
        crop = image_processor.crop_size
        offset_x -= int(canvas_w - crop["width"]) // 2
        offset_y -= int(canvas_h - crop["height"]) // 2
        canvas_w, canvas_h = float(crop["width"]), float(crop["height"])
    if (canvas_w, canvas_h) != (view, view):
        raise ScratchpadError(
            f"The image processor makes views of {canvas_w:g} x {canvas_h:g}, the vision tower reads {view} x {view}: "
            "processor and model do not belong together."
        )
    return ViewTransform(scale_x=scale_x, scale_y=scale_y, offset_x=offset_x, offset_y=offset_y)


register_family(Llava())
