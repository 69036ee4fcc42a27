"""An endless stream of a vision tower's features over an image folder, to train an SAE on: nothing is kept."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch

from tb_visualscratchpad.exporter.image_folder import ImageFolder
from tb_visualscratchpad.exporter.packed_features import BLOCK, batches_of_views, packed_features
from tb_visualscratchpad.exporter.prepared_images import BrokenImage, PreparedImage, prepare_images
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError


@dataclass(frozen=True)
class StreamedBatch:
    """What the vision tower gave of images that it took together.

    Attributes:
        block: of these images, counted from 0 through all rounds.
        features: [N, d] of their packed patches, in the model's type; None where none of the images could be read.
        reason: why one of them could not be read; empty where all could.
    """

    block: int
    features: torch.Tensor | None
    reason: str


def stream_features(vlm: Vlm, hook: str, folder: ImageFolder, *, batch_size: int, seed: int) -> Generator[torch.Tensor, None, None]:
    """Features float32 [N, d] of packed patches, images in a new order each time around. Never ends; close it.

    Images that cannot be read are left out.

    Args:
        hook: canonical name.
        batch_size: views in the vision tower at once.

    Raises:
        ScratchpadError: once around no image could be read, or the device has too little memory.
    """
    return readable_features(stream_batches(vlm, hook, folder, batch_size=batch_size, seed=seed), folder)


def stream_batches(
    vlm: Vlm, hook: str, folder: ImageFolder, *, batch_size: int, seed: int, rank: int = 0, n_ranks: int = 1
) -> Generator[StreamedBatch, None, None]:
    """The batches of one of ``n_ranks`` processes: those of every ``n_ranks``-th block, the same whoever makes them. Never ends.

    Raises:
        ScratchpadError: the device has too little memory.
    """
    order = np.random.default_rng(seed)
    n_blocks = blocks_of_a_round(folder)
    for first in count(step=n_blocks):
        shuffled = order.permutation(len(folder))
        own = [block for block in range(n_blocks) if (first + block) % n_ranks == rank]
        share = folder.in_order([int(index) for block in own for index in shuffled[BLOCK * block : BLOCK * (block + 1)]])
        with closing(prepare_images(vlm, share, thumbnail_side=None, n_ahead=max(4, 2 * batch_size))) as prepared:
            for batch in batches_of_views(prepared, batch_size):
                readable = [image for image in batch if isinstance(image, PreparedImage)]
                yield StreamedBatch(
                    # Only the last block of a round has fewer images.
                    block=first + own[batch[0].index // BLOCK],
                    features=packed_features(vlm, hook, readable, batch_size) if readable else None,
                    reason=next((image.reason for image in batch if isinstance(image, BrokenImage)), ""),
                )


def blocks_of_a_round(folder: ImageFolder) -> int:
    """How many blocks the images of a folder make."""
    return -(-len(folder) // BLOCK)


def readable_features(
    batches: Generator[StreamedBatch, None, None], folder: ImageFolder
) -> Generator[torch.Tensor, None, None]:
    """Features float32 [N, d] of batches in the order of their blocks; closes them when it is closed.

    Raises:
        ScratchpadError: once around no image could be read.
    """
    this_round, reason, any_read = 0, "", False
    with closing(batches):
        for batch in batches:
            of_round = batch.block // blocks_of_a_round(folder)
            if of_round != this_round:
                if not any_read:
                    raise ScratchpadError(
                        f"None of the {len(folder)} images under {folder.root} could be read. One of them: {reason}"
                    )
                this_round, any_read = of_round, False
            reason = batch.reason or reason
            if batch.features is not None:
                any_read = True
                yield batch.features.float()
