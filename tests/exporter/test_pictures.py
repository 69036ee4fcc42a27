"""Pictures of every kind a user has."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.exporter.pictures import GROUND, MAX_EXACT_PIXELS, encode_exactly, encode_picture, read_picture
from tb_visualscratchpad.wire.errors import ScratchpadError


def _bytes(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def test_exif_orientation_is_applied() -> None:
    picture = Image.new("RGB", (30, 10), (255, 0, 0))
    picture.paste((0, 0, 255), (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by a quarter to see it upright
    turned = read_picture(_bytes(picture, "PNG", exif=exif))
    assert turned.size == (10, 30)
    assert turned.getpixel((5, 2)) == (0, 0, 255)
    assert turned.getpixel((5, 28)) == (255, 0, 0)


def test_transparency_is_laid_on_the_stated_ground() -> None:
    picture = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    picture.putpixel((0, 0), (10, 20, 30, 255))
    picture.putpixel((1, 0), (0, 0, 0, 128))
    read = read_picture(_bytes(picture, "PNG"))
    assert read.mode == "RGB"
    assert read.getpixel((3, 3)) == GROUND
    assert read.getpixel((0, 0)) == (10, 20, 30)
    assert read.getpixel((1, 0)) == (127, 127, 127)


@pytest.mark.parametrize("mode", ["LA", "P"])
def test_other_transparency(mode: str) -> None:
    if mode == "LA":
        picture = Image.new("LA", (3, 3), (0, 0))
        data = _bytes(picture, "PNG")
    else:
        picture = Image.new("P", (3, 3), 0)
        picture.putpalette([200, 0, 0] * 256)
        data = _bytes(picture, "PNG", transparency=0)
    assert read_picture(data).getpixel((1, 1)) == GROUND


def test_sixteen_bit_grey_is_scaled() -> None:
    values = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    read = np.asarray(read_picture(_bytes(Image.fromarray(values), "PNG")))
    assert read[0, :, 0].tolist() == [0, 100, 255]


def test_cmyk_becomes_rgb() -> None:
    picture = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    read = read_picture(_bytes(picture, "JPEG", quality=100))
    assert read.mode == "RGB"
    red, green, blue = read.getpixel((4, 4))
    assert red > 230 and green < 25 and blue < 25


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (5, 5), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    data = _bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_picture(data).getpixel((2, 2))[0] > 200


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "none.png", "does not exist"),
        (lambda folder: folder, "does not exist"),
        (lambda folder: b"", "not a picture"),
        (lambda folder: b"hello, not a picture", "not a picture"),
        (lambda folder: _bytes(Image.effect_noise((80, 80), 90), "PNG")[:900], "damaged"),
        (lambda folder: _bytes(Image.effect_noise((80, 80), 90), "JPEG")[:700], "damaged"),
        (lambda folder: Image.new("F", (4, 4), 0.5), "floating-point"),
        (lambda folder: Image.fromarray(np.full((2, 2), 70000, dtype=np.int32)), "0 to 65535"),
        (lambda folder: [Image.new("RGB", (4, 4))] * 2, "2 pictures"),
    ],
    ids=["missing", "folder", "empty", "text", "cut png", "cut jpeg", "float", "32 bit", "several"],
)
def test_what_cannot_be_read_gets_a_sentence(tmp_path: Path, make, says: str) -> None:
    with pytest.raises(ScratchpadError, match=says):
        read_picture(make(tmp_path))


def test_the_pixel_cap_holds_before_decoding() -> None:
    data = _bytes(Image.new("1", (9000, 8000)), "PNG")
    with pytest.raises(ScratchpadError, match="9000 x 8000"):
        read_picture(data)
    with pytest.raises(ScratchpadError, match="at most 0.0001 million"):
        read_picture(Image.new("RGB", (20, 20)), max_pixels=100)


def test_logged_pictures_are_small_and_alike() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (3000, 2000, 3), dtype=np.uint8))
    encoded = encode_picture(noise, max_side=512)
    assert (encoded.width, encoded.height) == (341, 512)
    assert Image.open(io.BytesIO(encoded.data)).size == (341, 512)
    flat = encode_picture(Image.new("RGB", (300, 200), (9, 99, 199)))
    assert (flat.mime, flat.width, flat.height) == ("image/jpeg", 300, 200)
    assert np.abs(np.array(read_picture(flat.data).getpixel((100, 100))) - (9, 99, 199)).max() <= 3


def test_pictures_are_kept_without_loss_up_to_a_size() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (31, 47, 3), dtype=np.uint8))
    kept = encode_exactly(noise)
    assert (kept.mime, kept.width, kept.height) == ("image/png", 47, 31)
    np.testing.assert_array_equal(np.asarray(read_picture(kept.data)), np.asarray(noise))
    side = int(MAX_EXACT_PIXELS**0.5)
    assert encode_exactly(Image.new("RGB", (side, side))) is not None
    assert encode_exactly(Image.new("RGB", (side, side + 1))) is None
