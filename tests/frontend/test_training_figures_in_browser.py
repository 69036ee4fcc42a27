"""What two trainings differ by, in figures; and how small scatters are unpacked."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page


def _got(page: Page, module: str, body: str, given: Any = None) -> Any:
    return page.evaluate(f"async (given) => {{ const m = await import('/panels/training/{module}.js'); {body} }}", given)


def test_differences_are_the_second_less_the_first(page: Page) -> None:
    own = {"step": 1600, "rebuilds": 0.961, "living": 0.76, "dense": 0.35, "l0": 16, "pictures": 32}
    other = {"step": 480, "rebuilds": 0.9349, "living": 0.802, "dense": 0.35004, "l0": 16.125, "pictures": 1032}
    written = _got(page, "figures", "return m.differences(...given);", [own, other])
    assert written == ["−1,120", "−2.6 points", "+4.2 points", "the same", "+0.13", "+1,000"]
    lacking = _got(page, "figures", "return m.differences(...given);", [{**own, "rebuilds": None}, {**other, "l0": None}])
    assert lacking[1] == lacking[4] == "–" and lacking[2] == "+4.2 points"


UNPACK = """const arrays = { latent: Int32Array.of(3, 9, 4), x: Uint16Array.of(0, 65535, 13107), y: Uint16Array.of(65535, 0, 0),
    entropy: Uint8Array.of(254, 255, 127), label: Uint16Array.of(1, 0, 2), label_share: Uint8Array.of(255, 0, 51) };
    const step = (asked, n_drawn) => ({ asked, step: asked, n_images: 5, n_alive: n_drawn, n_dense: 1, n_drawn });
    const header = { frequency_range: [-3, -0.5], mean_range: [-1, 2], top_entropy: 1.27, steps: [step(0, 2), step(10, 0), step(20, 1)] };
    const dead = { header: { frequency_range: null, mean_range: null, top_entropy: 0, steps: [step(0, 0)] }, arrays: {} };"""


def test_steps_are_unpacked_onto_shared_axes_and_colours(page: Page) -> None:
    body = UNPACK + """return [m.stepsOf({ header, arrays }, 2.54).map(({ data, label }) => [...[data.x, data.y, data.entropy, data.latent, label]].map((one) => [...one])),
        m.endsOf([{ header, arrays }, dead]), m.endsOf([dead])];"""
    (first, empty, last), ends, none = _got(page, "scatters", body)
    assert first[0] == pytest.approx([-3, -0.5]) and first[1] == pytest.approx([2, -1]) and first[3] == [3, 9] and first[4] == [1, 0]
    assert first[2][0] == pytest.approx(0.5) and first[2][1] != first[2][1], "half of the larger entropy; undefined"
    assert empty == [[]] * 5
    assert last[0] == pytest.approx([-2.5], abs=1e-4) and last[2] == pytest.approx([0.25]) and last[3] == [4]
    assert ends == {"x0": -3, "x1": 0, "y0": -1, "y1": 2} and none is None


def test_followed_latents_have_a_place_where_they_live(page: Page) -> None:
    body = """const answer = { header: { latents: [7, 8] }, arrays: { image_frequency: Float32Array.of(0.1, 0, 1, 0.01), patch_frequency: Float32Array.of(0.001, 0, 0.1, 0.01),
          mean: Float32Array.of(10, 0, 1, 100), flags: Uint8Array.of(3, 0, 1, 1) } };
        return ['images', 'patches'].map((by) => { const at = m.placesOf(answer, by); return [at(0, 0), at(0, 1), at(1, 0), at(1, 1)].map((one) => one && [one.x, one.y]); });"""
    images, patches = _got(page, "scatters", body)
    assert images[1] is None and patches[1] is None
    assert [images[0], images[2], images[3]] == [pytest.approx([-1, 1]), pytest.approx([0, 0]), pytest.approx([-2, 2])]
    assert patches[0] == pytest.approx([-3, 1])
