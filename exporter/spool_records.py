"""Thumbnails and image token maps as bytes, for the temporary files of a sweep."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from tb_visualscratchpad.wire.evidence import EncodedPicture, ImageTokenMap

_MIMES = ("image/jpeg", "image/png")
_PICTURE = struct.Struct("<BII")
_MAP = struct.Struct("<7I")


def pack_picture(picture: EncodedPicture) -> bytes:
    """A picture's kind, size and data."""
    return _PICTURE.pack(_MIMES.index(picture.mime), picture.width, picture.height) + picture.data


def unpack_picture(record: bytes) -> EncodedPicture:
    """Undoes ``pack_picture``."""
    mime, width, height = _PICTURE.unpack_from(record)
    return EncodedPicture(data=record[_PICTURE.size :], mime=_MIMES[mime], width=width, height=height)


def pack_image_tokens(image_tokens: ImageTokenMap) -> bytes:
    """A map, compressed: boxes are so regular that a hundredth of their bytes is left."""
    header = _MAP.pack(
        image_tokens.width,
        image_tokens.height,
        image_tokens.grid,
        image_tokens.tile_rows,
        image_tokens.tile_columns,
        image_tokens.n_patches,
        image_tokens.n_tokens,
    )
    arrays = (
        image_tokens.patch_box_P4.astype("<f4"),
        image_tokens.patch_token_P.astype("<i4"),
        image_tokens.token_patch_I.astype("<i4"),
        image_tokens.token_image_I.astype("<i4"),
    )
    return header + zlib.compress(b"".join(array.tobytes() for array in arrays), level=1)


def unpack_image_tokens(record: bytes) -> ImageTokenMap:
    """Undoes ``pack_image_tokens``."""
    width, height, grid, tile_rows, tile_columns, n_patches, n_tokens = _MAP.unpack_from(record)
    body = np.frombuffer(zlib.decompress(record[_MAP.size :]), dtype="<i4")
    box, token, patch, image = np.split(body, np.cumsum([4 * n_patches, n_patches, n_tokens]))
    return ImageTokenMap(
        width=width,
        height=height,
        grid=grid,
        tile_rows=tile_rows,
        tile_columns=tile_columns,
        patch_box_P4=box.view("<f4").reshape(n_patches, 4),
        patch_token_P=token,
        token_patch_I=patch,
        token_image_I=image,
    )
