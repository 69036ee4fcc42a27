"""Pictures that were sent to the worker, kept in memory and nowhere else."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict

from PIL import Image

from tb_visualscratchpad.exporter.pictures import read_picture
from tb_visualscratchpad.exporter.worker.limits import WorkerLimits
from tb_visualscratchpad.wire.errors import EvidenceNotFound


class UploadedPictures:
    """Keeps the files as they came; the one used least recently goes when there are too many."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        # A picture takes far more memory decoded than as a file: one at a time.
        self._decoding = threading.Lock()

    def add(self, content: bytes) -> tuple[str, int, int]:
        """Its identifier, width and height (upright).

        Raises:
            ScratchpadError: it is no picture, damaged, or has too many pixels.
        """
        width, height = self.decoded(content).size
        picture_id = secrets.token_hex(8)
        with self._lock:
            self._files[picture_id] = content
            while len(self._files) > self._limits.pictures:
                self._files.popitem(last=False)
        return picture_id, width, height

    def file(self, picture_id: str) -> bytes:
        """The picture's file as it came.

        Raises:
            EvidenceNotFound: there is none of this identifier.
        """
        with self._lock:
            content = self._files.get(picture_id)
            if content is None:
                raise EvidenceNotFound(f"The worker has no picture {picture_id!r}: it keeps the last {self._limits.pictures} until it ends; send it again.")
            self._files.move_to_end(picture_id)
            return content

    def decoded(self, content: bytes) -> Image.Image:
        """The picture of a file, upright RGB. Raises ScratchpadError (see ``add``)."""
        with self._decoding:
            return read_picture(content, max_pixels=self._limits.picture_pixels)
