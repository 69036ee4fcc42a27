"""What the large picture, the set of words and the grid of heads compute, against the same in Python."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.random_evidence import random_image_tokens

ZOOM = """async (steps) => { const m = await import('/elements/picture_zoom.js'); let w = m.WHOLE; const seen = [];
    for (const [what, ...rest] of steps) {
      w = what === 'zoom' ? m.zoomed(w, ...rest) : what === 'pan' ? m.panned(w, ...rest) : what === 'wheel' ? m.afterWheel(w, ...rest)
        : what === 'double' ? m.afterDoubleClick(w, ...rest) : (m.afterKey(w, what) ?? 'nothing');
      seen.push(w); if (w === 'nothing') w = m.WHOLE;
    } return seen; }"""
SETS = """async ([calls]) => { const m = await import('/token_set.js'); return calls.map(([name, ...rest]) => m[name](...rest) ?? null); }"""
RASTER = """async ([picture, box, value, how]) => { const { rasterise, shareOverHalf } = await import('/plots/image_overlay.js');
    const r = rasterise(picture, box, value, how); return { ...r, value: Array.from(r.value), half: shareOverHalf(r) }; }"""
GRID = """async ([data, order, width]) => { const { HeadGrid, orderOf } = await import('/plots/head_grid.js');
    const typed = { ...data, map: Uint8Array.from(data.map), peak: Float32Array.from(data.peak), mass: Float32Array.from(data.mass), effective: Float32Array.from(data.effective) };
    const box = document.createElement('div'); box.style.width = `${width}px`; box.style.position = 'relative'; document.body.append(box);
    const picked = []; const grid = new HeadGrid(box, { onHover: () => {}, onPick: (cell) => picked.push(`${cell.layer}.${cell.head}`) });
    grid.setData(typed, { theme: 'light', order, common: false, selected: null }); grid.surface.now();
    const { left, top } = box.getBoundingClientRect(); const { w, h } = grid.layout();
    for (let place = 0; place < grid.shown.length; place++) { const [x, y] = grid.corner(place);
      box.dispatchEvent(new PointerEvent('click', { clientX: left + x + w / 2, clientY: top + y + h / 2 })); }
    const names = orderOf(typed, order).map((at) => grid.nameOf(at)); const height = box.clientHeight; grid.destroy(); box.remove();
    return { picked, names, height }; }"""


def test_what_lies_under_the_pointer_stays_there(page: Page) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        fx, fy = rng.random(2)
        first, second = page.evaluate(ZOOM, [["zoom", 3.0, 0.4, 0.6], ["zoom", float(rng.uniform(1.1, 3)), float(fx), float(fy)]])
        for axis, at in (("x", fx), ("y", fy)):
            before, after = first[axis] + at / first["scale"], second[axis] + at / second["scale"]
            assert after == pytest.approx(before, abs=1e-9)
        assert 0 <= second["x"] <= 1 - 1 / second["scale"] + 1e-9


def test_zoom_stays_within_the_picture(page: Page) -> None:
    whole = {"scale": 1, "x": 0, "y": 0}
    assert page.evaluate(ZOOM, [["zoom", 100, 1, 1]])[0] == {"scale": 16, "x": 15 / 16, "y": 15 / 16}
    assert page.evaluate(ZOOM, [["zoom", 4, 1, 1], ["pan", 9, -9]])[1] == {"scale": 4, "x": 0.75, "y": 0}
    assert page.evaluate(ZOOM, [["zoom", 4, 0.5, 0.5], ["zoom", 0.1, 0, 0]])[1] == whole
    keys = page.evaluate(ZOOM, [["ArrowLeft"], ["+"], ["ArrowRight"], ["-"], ["+"], ["0"], ["a"]])
    assert keys[0] == "nothing" and keys[6] == "nothing", "arrows choose words while the whole picture is seen"
    assert keys[1]["scale"] == pytest.approx(1.6) and keys[2]["x"] > keys[1]["x"] and keys[3] == keys[5] == whole
    closer = page.evaluate(ZOOM, [["wheel", -120, 0.5, 0.5], ["wheel", 500, 0.5, 0.5], ["double", 0.1, 0.1], ["double", 0.1, 0.1], ["double", 0.1, 0.1]])
    assert closer[0]["scale"] > 1 and closer[1] == whole and closer[2]["scale"] == pytest.approx(2.56) and closer[4] == whole


def test_sets_of_words(page: Page) -> None:
    none, some = {"token": 5, "tokens": []}, {"token": 9, "tokens": [5, 9]}
    full = {"token": 0, "tokens": list(range(32))}
    assert page.evaluate(SETS, [[
        ["together", none], ["together", some], ["together", {"token": None, "tokens": []}], ["together", {"token": 7, "tokens": [3]}],
        ["toggled", none, 2], ["toggled", some, 9], ["toggled", some, 12], ["toggled", none, 5], ["toggled", full, 40],
        ["marked", none], ["marked", {"token": 9, "tokens": [5]}], ["marked", some], ["marked", full | {"token": 40}],
        ["extended", none, 6], ["extended", some, 12], ["extended", full, 40],
        ["ranged", none, 8, [2, 5, 6, 8, 9]], ["ranged", none, 2, [2, 5, 6]], ["ranged", none, 5, [2, 5]], ["ranged", none, 99, [2, 5]],
        ["parseTokens", "9.3.3.7"], ["parseTokens", "9,3"], ["areSeveral", some], ["areSeveral", {"token": 1, "tokens": [1]}],
    ]]) == [
        [5], [5, 9], [], [7],
        {"token": 2, "tokens": [2, 5]}, {"token": 5, "tokens": []}, {"token": 12, "tokens": [5, 9, 12]}, none, full,
        {"token": 5, "tokens": [5]}, some, {"token": 9, "tokens": [5]}, full | {"token": 40},
        {"token": 6, "tokens": [5, 6]}, {"token": 12, "tokens": [5, 9, 12]}, full,
        {"token": 5, "tokens": [5, 6, 8]}, {"token": 5, "tokens": [2, 5]}, none, {"token": 99, "tokens": []},
        [3, 7, 9], None, True, False,
    ]


@pytest.mark.parametrize("how", ["sum", "maximum"])
def test_a_raster_is_what_its_cells_see(page: Page, how: str) -> None:
    place = random_image_tokens(3, grid=6)
    value = np.random.default_rng(1).gamma(0.5, 1.0, place.n_patches) * (place.patch_token_P >= 0)
    found = page.evaluate(RASTER, [{"width": place.width, "height": place.height}, place.patch_box_P4.ravel().tolist(), value.tolist(), how])
    width, height = found["width"], found["height"]
    assert max(width, height) == 192
    expected = np.zeros((height, width))
    side = 192
    for patch in np.flatnonzero(value > 0):
        x0, y0, x1, y1 = place.patch_box_P4[patch].astype(float)
        if x1 <= x0 or y1 <= y0:
            continue
        left, right = (int(np.floor(edge * width / place.width + 0.5)) for edge in (x0, x1))
        top, bottom = (int(np.floor(edge * height / place.height + 0.5)) for edge in (y0, y1))
        left, top = min(width - 1, left), min(height - 1, top)
        right, bottom = max(left + 1, min(width, right)), max(top + 1, min(height, bottom))
        part = expected[top:bottom, left:right]
        part[:] = part + value[patch] / ((x1 - x0) * (y1 - y0)) if how == "sum" else np.maximum(part, value[patch])
        side = min(side, right - left, bottom - top)
    np.testing.assert_allclose(np.reshape(found["value"], (height, width)), expected, rtol=1e-4, atol=1e-9)
    assert found["peak"] == pytest.approx(expected.max(), rel=1e-5) and found["side"] == side
    assert found["half"] == pytest.approx((expected >= expected.max() / 2).mean(), abs=2e-3)


@pytest.mark.parametrize(
    ("order", "layers", "heads", "width", "cells"),
    [("layer", 3, 4, 420, (15, 24)), ("localised", 4, 8, 500, (24, 10)), ("mass", 2, 20, 300, (24, 24)), ("layer", 2, 20, 300, (24, 24))],
)
def test_each_head_is_hit_where_it_is_drawn(page: Page, order: str, layers: int, heads: int, width: int, cells: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    mass, effective = rng.random((layers, heads)).astype(np.float32), rng.uniform(1, 50, (layers, heads)).astype(np.float32)
    data = {
        "layers": [3 * layer for layer in range(layers)], "nHeads": heads, "ny": cells[0], "nx": cells[1],
        "map": rng.integers(0, 256, layers * heads * cells[0] * cells[1]).tolist(), "peak": rng.random(layers * heads).tolist(),
        "mass": mass.ravel().tolist(), "effective": effective.ravel().tolist(), "most": [[0, 1]], "localised": [[3, 0]],
    }
    found = page.evaluate(GRID, [data, order, width])
    places = [(layer, head) for layer in range(layers) for head in range(heads)]
    middle = np.sort(mass.ravel())[mass.size // 2]
    if order == "mass":
        places.sort(key=lambda one: -mass[one])
    elif order == "localised":
        places.sort(key=lambda one: (mass[one] < middle, effective[one]))
    assert found["names"] == [f"{3 * layer}.{head}" for layer, head in places]
    # a grid wider than its box is cut off by it, not by the hit test
    assert found["picked"] == found["names"] and found["height"] > 40


def test_the_bar_has_the_colours_of_the_map(page: Page) -> None:
    heat, spotlight = page.evaluate(
        "async () => { const { scaleGradient } = await import('/plots/image_overlay.js'); return ['heat', 'spotlight'].map(scaleGradient); }"
    )
    table = page.evaluate("async () => Array.from((await import('/color/sequential.js')).sequentialTable('dark'))")
    assert heat.startswith(f"linear-gradient(90deg, rgb({' '.join(map(str, table[:3]))}) 0.0%") and f"rgb({' '.join(map(str, table[-3:]))}) 100.0%" in heat
    half = 3 * round(255 * 0.5**0.72)
    assert f"rgb({' '.join(map(str, table[half : half + 3]))}) 50.0%" in heat
    assert spotlight.endswith("rgb(236 236 236) 100.0%)")
    assert page.evaluate("async () => { const { times } = await import('/elements/scale_bar.js'); return [48.4, 9.96, 2.44, 0.995, 0.271, 0.034, 0].map(times); }") == [
        "48×", "10.0×", "2.4×", "1.0×", "0.27×", "0.034×", "0×",
    ]
