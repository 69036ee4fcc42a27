from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.views import activation_on_pixels, attention_on_pixels, packed_patches
from tb_visualscratchpad.wire.evidence import ImageTokenMap
from tests.random_evidence import random_image_tokens


def overlap(box: np.ndarray, x: int, y: int) -> float:
    """Area that a patch and a pixel share."""
    x0, y0, x1, y1 = map(float, box)
    return max(0.0, min(x1, x + 1) - max(x0, x)) * max(0.0, min(y1, y + 1) - max(y0, y))


@pytest.mark.parametrize("view", ["both", "base", "tiles"])
@pytest.mark.parametrize(("width", "height"), [(17, 11), (16, 16), (3, 2), (1, 1)])
def test_pixels_equal_loops_over_overlaps(width: int, height: int, view: str) -> None:
    place = random_image_tokens(1, width=width, height=height, tile_rows=2)
    rng = np.random.default_rng(2)
    value = rng.random(place.n_patches) * (rng.random(place.n_patches) < 0.7)
    attention, activation = np.zeros((height, width)), np.zeros((height, width))
    for patch in packed_patches(place, view):
        box = place.patch_box_P4[patch]
        area = float((box[2] - box[0]) * (box[3] - box[1]))
        for y in range(height):
            for x in range(width):
                shared = overlap(box, x, y)
                attention[y, x] += value[patch] / area * shared
                if shared > 0:
                    activation[y, x] = max(activation[y, x], value[patch])
    np.testing.assert_allclose(attention_on_pixels(place, value, view), attention, rtol=1e-5, atol=1e-9)
    np.testing.assert_array_equal(activation_on_pixels(place, value, view), activation)


@pytest.mark.parametrize("view", ["both", "base", "tiles"])
def test_attention_keeps_its_mass_and_both_views_add_up(view: str) -> None:
    place = random_image_tokens(3, width=101, height=67)
    value = np.random.default_rng(4).random(place.n_patches)
    spread = attention_on_pixels(place, value, view)
    assert spread.shape == (67, 101)
    assert spread.sum() == pytest.approx(value[packed_patches(place, view)].sum(), rel=1e-5)
    both = attention_on_pixels(place, value, "base") + attention_on_pixels(place, value, "tiles")
    np.testing.assert_allclose(both, attention_on_pixels(place, value), rtol=1e-12)


def test_padding_and_empty_rectangles_show_nowhere() -> None:
    box = np.array([[0, 0, 2, 2], [2, 0, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    token = np.array([0, 1, -1, -1], dtype=np.int32)
    patch = np.array([0, 1], dtype=np.int32)
    place = ImageTokenMap(2, 2, 2, 0, 0, box, token, patch, np.zeros(2, np.int32))
    np.testing.assert_array_equal(attention_on_pixels(place, np.ones(4)), np.full((2, 2), 0.25))
    np.testing.assert_array_equal(activation_on_pixels(place, np.array([1.0, 5, 5, 5])), np.ones((2, 2)))
