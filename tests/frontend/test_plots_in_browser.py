"""Canvas plots: where things lie and what is hit, compared with the same computed in Python."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page
from scipy.cluster import hierarchy

LAYOUT = """async ([given, scroll]) => { const { matrixLayout, cellAt, columnX } = await import('/plots/matrix_layout.js');
    const layout = matrixLayout({ ...given, columns: given.columns ?? { first: 0, span: Infinity } }); const seen = [];
    const { first, span } = layout.columns;
    for (let row = 0; row < given.nRows; row++) {
      const y = layout.top + layout.rowTop[row] + layout.rowHeight / 2 - scroll;
      if (y < layout.top || y >= layout.top + layout.height) continue;
      for (let column = Math.ceil(first); column + 1 <= first + span; column++) {
        const hit = cellAt(layout, columnX(layout, column) + layout.columnWidth / 2, y, scroll);
        seen.push(hit && hit.row === row && hit.column === column);
      }
    }
    const gap = given.gapAfter.indexOf(true);
    const inGap = gap < 0 || gap === given.nRows - 1 ? null
      : cellAt(layout, layout.left + 1, layout.top + layout.rowTop[gap] + layout.rowHeight + 2 - scroll, scroll);
    const outside = [[layout.left - 1, layout.top + 1], [layout.left + layout.width + 1, layout.top + 1], [layout.left + 1, layout.top - 1],
      [layout.left + 1, layout.top + layout.height + 1]].map(([x, y]) => cellAt(layout, x, y, scroll));
    return { seen, inGap, outside, layout: { ...layout, rowTop: Array.from(layout.rowTop) } }; }"""


@pytest.mark.parametrize(
    ("rows", "columns", "height", "scroll", "view"),
    [(6, 20, 500, 0, None), (34, 182, 640, 0, None), (300, 800, 500, 700, None), (12, 400, 400, 0, {"first": 37.5, "span": 40})],
)
def test_each_cell_is_hit_where_it_is_drawn(
    page: Page, rows: int, columns: int, height: int, scroll: int, view: dict[str, float] | None
) -> None:
    given = {"width": 760, "height": height, "nRows": rows, "nColumns": columns, "gapAfter": [i % 5 == 3 for i in range(rows)], "tree": True, "columns": view}
    result = page.evaluate(LAYOUT, [given, scroll])
    assert len(result["seen"]) >= min(rows, 10) * min(columns, 39)
    assert all(result["seen"])
    assert result["inGap"] is None
    assert result["outside"] == [None] * 4
    assert 11 <= result["layout"]["rowHeight"] <= 28
    foot = height - result["layout"]["top"] - result["layout"]["height"]
    assert foot >= 44 - 1e-6 and (rows > 6 or foot < 200), "a short answer fills the card as far as it can"


def test_the_tree_gives_way_before_rows_scroll(page: Page) -> None:
    gaps = [i in (11, 19, 26, 33) for i in range(34)]
    layouts = [
        page.evaluate(LAYOUT, [{"width": 478, "height": height, "nRows": 34, "nColumns": 220, "gapAfter": gaps, "tree": True}, 0])["layout"]
        for height in (640, 482, 400)
    ]
    wide, tight, scrolled = layouts
    assert wide["rowHeight"] > 11 and wide["dendrogramBottom"] > 60
    assert tight["rowHeight"] == pytest.approx(11) and tight["contentHeight"] <= tight["height"] + 0.01, "every row is in view"
    assert 28 <= tight["dendrogramBottom"] < wide["dendrogramBottom"]
    assert scrolled["contentHeight"] > scrolled["height"] and scrolled["dendrogramBottom"] == 28


def test_dendrogram_is_scipys(page: Page) -> None:
    rng = np.random.default_rng(3)
    points = np.sort(rng.normal(size=24))[:, None]
    linkage = hierarchy.optimal_leaf_ordering(hierarchy.linkage(points, "average"), points)
    leaves = hierarchy.leaves_list(linkage)
    # the plugin numbers leaves as the columns shown, that is in leaf order
    place = np.argsort(leaves)
    shown = linkage.copy()
    for side in (0, 1):
        is_leaf = linkage[:, side] < 24
        shown[is_leaf, side] = place[linkage[is_leaf, side].astype(int)]
    nodes = page.evaluate(
        "async (linkage) => (await import('/plots/dendrogram.js')).treeNodes(Float64Array.from(linkage))", shown.ravel().tolist()
    )
    drawn = hierarchy.dendrogram(linkage, no_plot=True)
    theirs = sorted((i[0] / 10, i[2] / 10, d[0], d[1], d[3]) for i, d in zip(drawn["icoord"], drawn["dcoord"], strict=True))
    ours = sorted((n["left"], n["right"], n["leftHeight"], n["height"], n["rightHeight"]) for n in nodes)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


CLOUD = """async ([x, y, hidden, viewport, rectangle, asked, polygon]) => { const { PointCloud } = await import('/plots/point_cloud.js');
    const cloud = new PointCloud(); const color = new Uint8Array(4 * x.length).fill(255);
    hidden.forEach((i) => { color[4 * i + 3] = 0; });
    cloud.setPoints(Float32Array.from(x), Float32Array.from(y)); cloud.setColors(color, new Uint8Array(x.length));
    cloud.setViewport(viewport, rectangle);
    return { picked: asked.map(([px, py]) => cloud.pick(px, py, 15)), lasso: cloud.lasso(polygon), back: cloud.toData(...cloud.toPixels(1.5, -0.5)) }; }"""


def _inside(x: np.ndarray, y: np.ndarray, polygon: list[tuple[float, float]]) -> np.ndarray:
    """Even-odd rule by counting crossings to the right."""
    crossings = np.zeros(x.size, dtype=int)
    for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        straddles = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossings += straddles & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return crossings % 2 == 1


def test_points_are_picked_and_lassoed_as_by_brute_force(page: Page) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=500).astype(np.float32), rng.normal(size=500).astype(np.float32)
    y[7] = np.nan
    hidden = [3, 11, 200]
    viewport = {"x0": -3, "x1": 3, "y0": -2, "y1": 2}
    rectangle = {"left": 40, "top": 20, "width": 600, "height": 400}
    asked = rng.uniform((0, 0), (700, 450), (60, 2))
    polygon = [(150, 60), (420, 90), (300, 210), (500, 380), (120, 330)]
    got = page.evaluate(CLOUD, [x.tolist()[:7] + [float(v) for v in x[7:]], [None if np.isnan(v) else float(v) for v in y], hidden, viewport, rectangle, asked.tolist(), polygon])

    px = 40 + (x + 3) / 6 * 600
    py = 20 + 400 - (y + 2) / 4 * 400
    # null becomes 0 in a Float32Array: that point lies at y = 0, which is as good a place
    py[7] = 20 + 400 - 2 / 4 * 400
    shown = np.ones(500, dtype=bool)
    shown[hidden] = False
    for (ax, ay), picked in zip(asked, got["picked"], strict=True):
        distance = np.where(shown, np.hypot(px - ax, py - ay), np.inf)
        assert picked == (int(distance.argmin()) if distance.min() <= 15 else -1)
    assert got["lasso"] == np.flatnonzero(_inside(px, py, polygon) & shown).tolist()
    assert got["back"] == pytest.approx([1.5, -0.5])


def test_maps_add_attention_per_area_and_keep_the_largest_activation(page: Page) -> None:
    # a base patch over the left half, a tile patch over the left quarter
    boxes = [0, 0, 96, 96, 0, 0, 48, 96]
    sums, largest, share = page.evaluate(
        """async (box) => { const { rasterise, shareOverHalf } = await import('/plots/image_overlay.js');
        const picture = { width: 192, height: 96 }; const at = (raster, x) => raster.value[10 * raster.width + x];
        const sum = rasterise(picture, box, [0.3, 0.6], 'sum'), max = rasterise(picture, box, [5, 2], 'maximum');
        return [[at(sum, 10), at(sum, 80), at(sum, 150)], [at(max, 10), at(max, 80), at(max, 150)], shareOverHalf(sum)]; }""",
        boxes,
    )
    assert sums == pytest.approx([0.3 / 96**2 + 0.6 / (48 * 96), 0.3 / 96**2, 0], rel=1e-6)
    assert largest == [5, 5, 0]
    assert share == pytest.approx(0.25)


def test_numbers_are_written_for_readers(page: Page) -> None:
    got = page.evaluate(
        """async () => { const { percent, fixed, lift, tokenText, activation } = await import('/elements/format.js');
        return [percent(0.82), percent(0.0196), percent(0.0004), percent(0), percent(1), percent(0.99951), percent(1.2), percent(0.00001), fixed(-0.004, 2), fixed(-1.25, 2), lift(null), lift(7.14), lift(16.2),
          tokenText('\\u2581cat'), tokenText(' a'), tokenText('\\n'), tokenText(''), tokenText(' '), activation(21.3364)]; }"""
    )
    assert got == ["82 %", "2.0 %", "0.04 %", "0 %", "100 %", "100 %", "120 %", "under 0.01 %", "0.00", "−1.25", "–", "7.1×", "16×", "cat", "a", "⏎", "∅", "␣", "21.336"]
