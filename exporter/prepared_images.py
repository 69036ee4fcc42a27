"""Reading, decoding and preparing the images of a folder in threads, a bounded number ahead of the model."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, Union

import torch
from PIL import Image

from tb_visualscratchpad.exporter.image_folder import ImageFolder
from tb_visualscratchpad.exporter.pictures import encode_picture, read_picture
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import EncodedPicture, ImageTokenMap


class _Prepared(Protocol):
    @property
    def pixel_values(self) -> torch.Tensor: ...

    @property
    def image_tokens(self) -> ImageTokenMap: ...


class PictureProcessor(Protocol):
    """The part of a VLM that runs in these threads."""

    def prepare_picture(self, picture: Image.Image) -> _Prepared: ...


@dataclass(frozen=True)
class PreparedImage:
    """An image that is ready for the vision tower.

    Attributes:
        index: into the folder.
        content: sha256 of the file.
        pixel_values: float32 [n_views, 3, S, S] on the CPU.
        thumbnail: None where none is wanted.
    """

    index: int
    content: bytes
    pixel_values: torch.Tensor
    image_tokens: ImageTokenMap
    thumbnail: EncodedPicture | None


@dataclass(frozen=True)
class BrokenImage:
    """An image that could not be read, and why."""

    index: int
    reason: str


def prepare_images(
    vlm: PictureProcessor,
    folder: ImageFolder,
    *,
    thumbnail_side: int | None,
    n_ahead: int,
) -> Generator[Union[PreparedImage, BrokenImage], None, None]:
    """Every image of a folder in its order, at most ``n_ahead`` of them decoded and waiting.

    Args:
        thumbnail_side: longest side of the thumbnails, in pixels; None for no thumbnails.
    """

    def prepare(index: int) -> Union[PreparedImage, BrokenImage]:
        try:
            data = folder.path(index).read_bytes()
            picture = read_picture(data)
            prepared = vlm.prepare_picture(picture)
            thumbnail = None if thumbnail_side is None else encode_picture(picture, max_side=thumbnail_side)
        except (ScratchpadError, OSError) as error:
            return BrokenImage(index, str(error))
        return PreparedImage(
            index=index,
            content=hashlib.sha256(data).digest(),
            pixel_values=prepared.pixel_values,
            image_tokens=prepared.image_tokens,
            thumbnail=thumbnail,
        )

    n_threads = max(1, min(8, os.cpu_count() or 1, n_ahead))
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="prepare-image")
    waiting: deque[Future[Union[PreparedImage, BrokenImage]]] = deque()
    try:
        for index in range(len(folder)):
            waiting.append(pool.submit(prepare, index))
            if len(waiting) >= n_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
