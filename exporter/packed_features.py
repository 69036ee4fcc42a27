"""Features of packed patches, as an SAE reads them: what the vision tower gives of images, without padding and class token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Union

import numpy as np
import torch

from tb_visualscratchpad.exporter.prepared_images import BrokenImage, PreparedImage
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError

Image = Union[PreparedImage, BrokenImage]


BLOCK = 32
"""Images that are batched without a look at others, so that whoever starts at a multiple of it makes the same batches. The last
bits of features depend on what shares their batch."""


def batches_of_views(images: Iterable[Image], n_views: int) -> Iterator[list[Image]]:
    """Images in order, as many at a time as have at most ``n_views`` views together, at least one, and of one ``BLOCK`` alone."""
    batch: list[Image] = []
    filled = 0
    for image in images:
        size = image.pixel_values.shape[0] if isinstance(image, PreparedImage) else 0
        if batch and (filled + size > n_views or image.index % BLOCK == 0):
            yield batch
            batch, filled = [], 0
        batch.append(image)
        filled += size
    if batch:
        yield batch


def packed_patches(image: PreparedImage) -> np.ndarray:
    """int64: the patches of an image that the language model gets to see, ascending."""
    return np.flatnonzero(image.image_tokens.patch_token_P >= 0)


def packed_features(vlm: Vlm, hook: str, images: list[PreparedImage], batch_size: int) -> torch.Tensor:
    """Features [N, d] of the packed patches of some images, one image after another, on the VLM's device.

    Args:
        images: at least one.
        batch_size: views in the vision tower at once.

    Raises:
        ScratchpadError: the device has too little memory.
    """
    views = torch.cat([image.pixel_values for image in images])
    try:
        features = torch.cat([vlm.features(part, hook) for part in views.split(batch_size)])
    except torch.OutOfMemoryError as error:
        raise ScratchpadError(
            f"The device ran out of memory with {batch_size} views at once: choose a smaller --batch-size."
        ) from error
    first = np.cumsum([0] + [image.image_tokens.n_patches for image in images])
    rows = np.concatenate([packed_patches(image) + offset for image, offset in zip(images, first, strict=False)])
    flat = features.reshape(-1, features.shape[-1])
    return flat[torch.from_numpy(rows).to(flat.device)]
