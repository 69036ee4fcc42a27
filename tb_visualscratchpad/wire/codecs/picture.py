"""``EncodedPicture`` as a message, and scaled down to fit an event."""

from __future__ import annotations

import io

from PIL import Image

from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.evidence import EncodedPicture

_QUALITY = 85


def encode_picture_message(picture: EncodedPicture) -> pb.Picture:
    return pb.Picture(data=picture.data, mime=picture.mime, width=picture.width, height=picture.height)


def decode_picture_message(message: pb.Picture) -> EncodedPicture:
    return EncodedPicture(data=message.data, mime=message.mime, width=message.width, height=message.height)


def shrunk(picture: EncodedPicture, max_side: int) -> EncodedPicture:
    """The picture as a JPEG of at most ``max_side`` pixels a side."""
    with Image.open(io.BytesIO(picture.data)) as image:
        small = image.convert("RGB")
        small.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=_QUALITY)
    return EncodedPicture(stream.getvalue(), "image/jpeg", *small.size)
