"""Pictures in: any file a user has, as upright 8-bit RGB. Pictures out: compressed for the log."""

from __future__ import annotations

import io
import warnings
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import EncodedPicture

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
"""File names that count as images in a folder, lower case."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""Pillow's names of what is read. Others are rare, and some are programs (PostScript) rather than pictures."""

MAX_PIXELS = 64_000_000
"""Pixels a picture may have. 64 megapixels decode to 192 MB."""

MAX_EXACT_PIXELS = 4_000_000
"""Pixels up to which a picture is kept without loss: about 8 MB of a photograph."""

GROUND = (255, 255, 255)
"""What transparent pixels are laid on: white, as browsers and most vision datasets do."""

PictureSource = str | PathLike | bytes | Image.Image


def read_picture(source: PictureSource, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """An upright RGB picture from a path, the bytes of a file, or a PIL image.

    EXIF orientation is applied; transparency is laid on white (``GROUND``); CMYK, grey and palettes are converted; 16-bit
    grey is scaled to 8 bit (divided by 257); of an animation the first frame is taken.

    Raises:
        ScratchpadError: missing, unreadable, truncated, empty, over ``max_pixels``, or of a kind with no stated 8-bit scale.
    """
    if isinstance(source, (list, tuple)):
        raise ScratchpadError(f"{len(source)} pictures were given, one is expected: run each picture on its own.")
    name = "the picture" if isinstance(source, (bytes, Image.Image)) else f"the picture {source}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = _open(source, name)
            width, height = picture.size
            if width * height > max_pixels:
                raise ScratchpadError(
                    f"{_sentence(name)} has {width} x {height} pixels, at most {max_pixels / 1e6:g} million are read: "
                    "scale it down first (the model sees far fewer)."
                )
            picture.load()
    except ScratchpadError:
        raise
    except Image.DecompressionBombError as error:
        raise ScratchpadError(f"{_sentence(name)} is too large to decode safely: scale it down first.") from error
    except UnidentifiedImageError as error:
        raise ScratchpadError(f"{_sentence(name)} is not a picture of a kind that is read: give a JPEG, PNG or WebP.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ScratchpadError(f"{_sentence(name)} cannot be decoded ({error}): the file is damaged, copy it anew.") from error
    return _to_rgb(ImageOps.exif_transpose(picture), name)


def _open(source: PictureSource, name: str) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, bytes):
        return _opened(source)
    path = Path(source)
    if not path.is_file():
        raise ScratchpadError(f"{_sentence(name)} does not exist: check the path.")
    return _opened(path.read_bytes())


def _opened(content: bytes) -> Image.Image:
    Image.init()  # a Pillow may be built without some of them
    return Image.open(io.BytesIO(content), formats=[name for name in FORMATS if name in Image.OPEN])


def _sentence(name: str) -> str:
    return name[0].upper() + name[1:]


def _to_rgb(picture: Image.Image, name: str) -> Image.Image:
    mode = picture.mode
    if mode == "F":
        raise ScratchpadError(f"{_sentence(name)} holds floating-point pixels, whose range is unknown: save it with 8 bits.")
    if mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ScratchpadError(f"{_sentence(name)} holds pixels outside 0 to 65535: save it with 8 or 16 bits.")
        return Image.fromarray(np.round(values / 257).astype(np.uint8)).convert("RGB")
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, (*GROUND, 255))
        return Image.alpha_composite(ground, rgba).convert("RGB")
    return picture.convert("RGB")


def encode_picture(picture: Image.Image, *, max_side: int = 1024, quality: int = 90) -> EncodedPicture:
    """The picture as logged: a JPEG whose longer side is at most ``max_side`` pixels."""
    shown = picture
    if max(picture.size) > max_side:
        scale = max_side / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        shown = picture.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    shown.save(buffer, format="JPEG", quality=quality)
    return EncodedPicture(data=buffer.getvalue(), mime="image/jpeg", width=shown.width, height=shown.height)


def encode_exactly(picture: Image.Image) -> EncodedPicture | None:
    """The picture without loss, as a PNG, so that a model can be asked about the very same pixels again; None when it has more
    than ``MAX_EXACT_PIXELS``."""
    if picture.width * picture.height > MAX_EXACT_PIXELS:
        return None
    buffer = io.BytesIO()
    # Photographs hardly get smaller beyond the first level.
    picture.save(buffer, format="PNG", compress_level=1)
    return EncodedPicture(data=buffer.getvalue(), mime="image/png", width=picture.width, height=picture.height)
