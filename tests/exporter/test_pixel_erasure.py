"""A region made unreadable in pixels, and the model asked again."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.exporter import erase, explain
from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.pictures import read_picture
from tb_visualscratchpad.exporter.pixel_erasure import boxes_elsewhere, erased_picture, pixel_box
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.steering_evidence import Condition

PROMPT = "w1 w2 ?"


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (60, 90, 3), dtype=np.uint8))


@pytest.fixture(scope="module", params=["llava_next", "llava"])
def vlm(request: pytest.FixtureRequest) -> Vlm:
    return request.getfixturevalue(request.param)


def test_the_mean_is_that_of_the_box_s_outermost_pixels() -> None:
    pixels = np.asarray(picture())
    erased = np.asarray(erased_picture(picture(), (10, 20, 14, 25), "mean"))
    inside = pixels[20:25, 10:14].astype(float)
    rim = np.concatenate([inside[0], inside[-1], inside[1:-1, 0], inside[1:-1, -1]])
    np.testing.assert_array_equal(erased[20:25, 10:14], np.broadcast_to(np.round(rim.mean(axis=0)), (5, 4, 3)))
    outside = np.ones((60, 90), dtype=bool)
    outside[20:25, 10:14] = False
    np.testing.assert_array_equal(erased[outside], pixels[outside])


def test_a_blur_leaves_no_detail() -> None:
    drawn = np.full((64, 64, 3), 100, dtype=np.uint8)
    drawn[24:40, 24:40] = np.where(np.indices((16, 16)).sum(axis=0)[..., None] % 2, 255, 0)
    erased = np.asarray(erased_picture(Image.fromarray(drawn), (20, 20, 44, 44), "blur")).astype(float)
    assert np.abs(np.diff(erased[20:44, 20:44], axis=0)).max() <= 6
    np.testing.assert_array_equal(erased[:20], drawn[:20])


def test_outside_keeps_the_box_alone() -> None:
    kept = np.asarray(erased_picture(picture(), (10, 20, 14, 25), "outside"))
    expected = np.full((60, 90, 3), 127, dtype=np.uint8)
    expected[20:25, 10:14] = np.asarray(picture())[20:25, 10:14]
    np.testing.assert_array_equal(kept, expected)


def test_boxes_of_the_same_size_elsewhere() -> None:
    box = (30, 20, 60, 50)
    boxes = boxes_elsewhere(box, (90, 60), 5)
    assert len(boxes) == 5 == len(set(boxes))
    for x0, y0, x1, y1 in boxes:
        assert (x1 - x0, y1 - y0) == (30, 30) and x0 >= 0 and y0 >= 0 and x1 <= 90 and y1 <= 60
        assert x1 <= 30 or x0 >= 60 or y1 <= 20 or y0 >= 50
    assert boxes_elsewhere((5, 5, 85, 55), (90, 60), 5) == []


def test_pixels_that_a_box_touches() -> None:
    assert pixel_box((1.2, -3.0, 4.0, 1e6), picture()) == (1, 0, 4, 60)
    for box in [(5.0, 5.0, 5.0, 9.0), (95.0, 0.0, 99.0, 5.0), (0.0, 0.0, float("nan"), 1.0), (1.0, 2.0, 3.0)]:
        with pytest.raises(ScratchpadError, match="box to erase"):
            pixel_box(box, picture())


def test_the_erased_answer_stands_beside_the_original_and_controls(vlm: Vlm, tiny_sae: SparseAutoencoder) -> None:
    asked = AskedPicture(vlm, tiny_sae, picture(), PROMPT)
    box = (10.0, 10.0, 40.0, 40.0)
    result, run = erase(asked, box, "mean", max_new_tokens=5, n_controls=3, name="no cue")
    assert [answer.condition for answer in result.answers] == [Condition.ORIGINAL, *[Condition.CONTROL] * 3, Condition.ERASED]
    assert result.erasure.box == box and result.steering is None and result.edited is None and result.steered_run_id == run.run_id
    without = erased_picture(picture(), (10, 10, 40, 40), "mean")
    alone = explain(vlm, tiny_sae, without, PROMPT, max_new_tokens=5)
    assert run.output_text == alone.output_text == result.answers[-1].output_text
    np.testing.assert_array_equal(np.asarray(read_picture(run.exact_picture.data)), np.asarray(without))
    np.testing.assert_allclose(run.latents.csr_PK.toarray(), alone.latents.csr_PK.toarray(), atol=1e-6)
    original = explain(vlm, tiny_sae, picture(), PROMPT, max_new_tokens=5)
    assert result.answers[0].output_text == original.output_text
    moved = vlm.features(vlm.prepare_picture(without).pixel_values) - vlm.features(vlm.prepare_picture(picture()).pixel_values)
    assert result.answers[-1].change_norm == pytest.approx(float(moved.norm()), rel=1e-5)
    for control, elsewhere in zip(result.answers[1:-1], boxes_elsewhere((10, 10, 40, 40), (90, 60), 3), strict=True):
        assert control.output_text == explain(vlm, tiny_sae, erased_picture(picture(), elsewhere, "mean"), PROMPT, max_new_tokens=5).output_text
        assert control.change_norm > 0 and control.latents.size == 0


def test_bad_requests_get_a_sentence(llava: Vlm, tiny_sae: SparseAutoencoder) -> None:
    asked = AskedPicture(llava, tiny_sae, picture(), PROMPT)
    with pytest.raises(ScratchpadError, match="expected mean, blur or outside"):
        erase(asked, (0, 0, 9, 9), "black")
    with pytest.raises(ScratchpadError, match="at least 1"):
        erase(asked, (0, 0, 9, 9), "mean", max_new_tokens=0)
