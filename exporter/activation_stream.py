"""An endless stream of a vision tower's features over an image folder, to train an SAE on: nothing is kept."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import numpy as np
import torch

from tb_visualscratchpad.exporter.image_folder import ImageFolder
from tb_visualscratchpad.exporter.packed_features import batches_of_views, packed_features
from tb_visualscratchpad.exporter.prepared_images import BrokenImage, PreparedImage, prepare_images
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError


def stream_features(vlm: Vlm, hook: str, folder: ImageFolder, *, batch_size: int, seed: int) -> Generator[torch.Tensor, None, None]:
    """Features float32 [N, d] of packed patches, images in a new order each time around. Never ends; close it.

    Images that cannot be read are left out.

    Args:
        hook: canonical name.
        batch_size: views in the vision tower at once.

    Raises:
        ScratchpadError: once around no image could be read, or the device has too little memory.
    """
    order = np.random.default_rng(seed)
    while True:
        shuffled = folder.in_order(order.permutation(len(folder)).tolist())
        reason, n_read = "", 0
        with closing(prepare_images(vlm, shuffled, thumbnail_side=None, n_ahead=max(4, 2 * batch_size))) as prepared:
            for batch in batches_of_views(prepared, batch_size):
                readable = [image for image in batch if isinstance(image, PreparedImage)]
                reason = next((image.reason for image in batch if isinstance(image, BrokenImage)), reason)
                if readable:
                    n_read += len(readable)
                    yield packed_features(vlm, hook, readable, batch_size).float()
        if not n_read:
            raise ScratchpadError(f"None of the {len(folder)} images under {folder.root} could be read. One of them: {reason}")
