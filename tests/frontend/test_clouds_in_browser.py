"""Point clouds: what is painted, what moves the view, which names and colours the latent map gives."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Page

PAINT = """async ([x, y, color, hollow]) => { const { PointCloud } = await import('/plots/point_cloud.js');
    const cloud = new PointCloud(); cloud.setPoints(Float32Array.from(x), Float32Array.from(y));
    cloud.setColors(Uint8Array.from(color), Uint8Array.from(hollow));
    cloud.setViewport({ x0: 0, x1: 60, y0: 0, y1: 40 }, { left: 0, top: 0, width: 60, height: 40 });
    const context = new OffscreenCanvas(60, 40).getContext('2d');
    cloud.paint(context, 1); const first = cloud.layer; const drawn = cloud.drawn;
    const pixels = Array.from(context.getImageData(0, 0, 60, 40).data);
    cloud.paint(context, 1); const kept = cloud.drawn === drawn;
    cloud.setViewport({ x0: 0, x1: 30, y0: 0, y1: 40 }, cloud.rectangle); cloud.paint(context, 1);
    return { pixels, kept, anew: cloud.drawn !== drawn && cloud.layer === first }; }"""


def _over(image: np.ndarray, cx: int, cy: int, rgba: np.ndarray, ring: bool, radius: float = 2.2) -> None:
    """Lays one disc or ring over a straight-alpha picture, in floating point."""
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            d = np.hypot(dx, dy)
            cover = np.clip(radius + 0.5 - d, 0, 1)
            if ring:
                cover = min(cover, np.clip(d - (radius - 1) + 0.5, 0, 1))
            row, column = cy + dy, cx + dx
            if not (0 <= row < image.shape[0] and 0 <= column < image.shape[1]) or cover == 0:
                continue
            a = cover * rgba[3] / 255
            under = image[row, column]
            total = a + under[3] * (1 - a)
            under[:3] = (rgba[:3] * a + under[:3] * under[3] * (1 - a)) / total
            under[3] = total


def test_points_are_painted_as_by_blending_in_floating_point_and_once_per_view(page: Page) -> None:
    rng = np.random.default_rng(2)
    n = 70
    x, y = rng.integers(-2, 63, n), rng.integers(-2, 43, n)
    color = rng.integers(0, 256, (n, 4))
    color[:, 3] = rng.choice([0, 150, 215, 255], n)
    hollow = rng.integers(0, 2, n)
    got = page.evaluate(PAINT, [x.tolist(), y.tolist(), color.ravel().tolist(), hollow.tolist()])
    expected = np.zeros((40, 60, 4))
    for i in range(n):
        if color[i, 3]:
            _over(expected, int(x[i]), 40 - int(y[i]), color[i].astype(float), bool(hollow[i]))
    pixels = np.array(got["pixels"], dtype=float).reshape(40, 60, 4)
    np.testing.assert_allclose(pixels[..., 3], 255 * expected[..., 3], atol=6)
    weight = expected[..., 3:]
    # colours count as much as they are seen: whole numbers lose some of what is nearly transparent
    np.testing.assert_allclose(pixels[..., :3] * weight, expected[..., :3] * weight, atol=8)
    assert got["kept"] and got["anew"]


PLOT = """const holder = document.createElement('div'); holder.style.cssText = 'position:absolute;width:400px;height:300px';
    holder.tabIndex = 0; document.body.append(holder); const heard = [];
    const handlers = { onHover() {}, onPick: (i) => heard.push(['pick', i]), onLasso: (l) => heard.push(['lasso', l.length]), onClear() {},
      onCutoff: (name, value) => heard.push([name, value]) };
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));"""


def test_the_view_is_panned_with_shift_and_follows_the_cursor(page: Page) -> None:
    got = page.evaluate(
        """async () => { const { CloudPlot } = await import('/plots/cloud_plot.js');"""
        + PLOT
        + """const plot = new CloudPlot(holder, handlers); const n = 50;
        plot.setHome({ x0: 0, x1: 10, y0: 0, y1: 10 });
        plot.cloud.setPoints(Float32Array.from({ length: n }, (_, i) => (10 * i) / n), new Float32Array(n).fill(5));
        plot.cloud.setColors(new Uint8Array(4 * n).fill(255), new Uint8Array(n));
        plot.surface.now(); plot.zoom(0.3, 200, 150); await frame();
        const zoomed = { ...plot.view };
        const before = plot.cloud.toData(200, 150); plot.panFrom(200, 150)(260, 130); await frame();
        const after = plot.cloud.toData(260, 130);
        for (let i = 0; i < 60; i++) holder.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }));
        await frame();
        const inView = plot.cloud.x[plot.cursor] <= plot.view.x1 && plot.cloud.x[plot.cursor] >= plot.view.x0;
        plot.panFrom(200, 150)(9000, 9000);
        const { view } = plot; plot.destroy(); holder.remove();
        return { zoomed, before, after, cursor: plot.cursor, inView, view, heard }; }"""
    )
    assert got["zoomed"]["x1"] - got["zoomed"]["x0"] < 3.1
    np.testing.assert_allclose(got["after"], got["before"], atol=1e-9)
    assert got["cursor"] == 49 and got["inView"], "arrow keys go on beyond the edge of the view"
    assert got["view"]["x0"] == 0 and abs(got["view"]["y1"] - 10) < 1e-9, "the view stays over the points"
    assert got["heard"] == []


def test_edges_of_regions_are_handles(page: Page) -> None:
    got = page.evaluate(
        """async () => { const { StatisticsScatter } = await import('/plots/statistics_scatter.js');"""
        + PLOT
        + """const plot = new StatisticsScatter(holder, handlers); const n = 30;
        const frequency = Float32Array.from({ length: n }, (_, i) => 10 ** (-3 + (3 * i) / (n - 1)));
        const mean = Float32Array.from({ length: n }, (_, i) => 1 + i);
        plot.setData({ frequency, mean, entropy: new Float32Array(n), flags: new Uint8Array(n).fill(3), frequencyName: 'share' }, 'light');
        plot.setRegions({ dense: 0.2, sparse: 0.05, strong: 10, nDense: 1, nSparse: 2 });
        plot.surface.now(); const { dense, sparse, strong } = plot.edges(); const { top, height } = plot.cloud.rectangle;
        const low = top + height - 5;
        const grips = [plot.handleAt(dense, low), plot.handleAt(sparse, top + 3), plot.handleAt(sparse, low), plot.handleAt(sparse - 20, strong), plot.handleAt(dense + 30, low)];
        const [x] = plot.cloud.toPixels(Math.log10(0.5), 0), [, y] = plot.cloud.toPixels(0, Math.log10(3));
        grips[0].drag(x, low); grips[1].drag(x, low); grips[3].drag(x, y); grips[0].drag(5000, low);
        plot.destroy(); holder.remove();
        return { cursors: grips.map((one) => one?.cursor ?? null), heard }; }"""
    )
    assert got["cursors"] == ["ew-resize", "ew-resize", None, "ns-resize", None]
    assert got["heard"] == [["dense", 0.5], ["sparse", 0.5], ["strong", 3], ["dense", 1]]


def test_names_of_the_map_never_overlap_and_neighbours_differ_in_colour(page: Page) -> None:
    rng = np.random.default_rng(6)
    n_labels, each = 60, 12
    centre = rng.uniform(0, 10, (n_labels, 2))
    label = np.repeat(np.arange(n_labels), each)
    xy = centre[label] + rng.normal(0, 0.1, (label.size, 2))
    xy[:each, 0] = np.nan  # the first label has no place
    alive = np.ones(label.size, int)
    alive[-5:] = 0
    got = page.evaluate(
        """async ([xy, label, alive, names]) => { const { LatentMapPlot } = await import('/plots/latent_map.js');"""
        + PLOT
        + """const plot = new LatentMapPlot(holder, handlers);
        plot.setData({ xy: Float32Array.from(xy, (v) => v ?? NaN), label: Int32Array.from(label), names, alive: Uint8Array.from(alive) }, 'light');
        plot.surface.now(); const boxes = plot.nameBoxes;
        plot.zoom(0.5, 200, 150); await frame();
        const closer = plot.nameBoxes; plot.destroy(); holder.remove();
        return { boxes, closer, colors: Array.from(plot.colorOf), shown: Array.from(plot.shown), groups: plot.groups.map(({ label }) => label) }; }""",
        [[None if np.isnan(v) else float(v) for v in xy.ravel()], label.tolist(), alive.tolist(), [f"label {i}" for i in range(n_labels)]],
    )
    assert got["shown"] == ((alive == 1) & ~np.isnan(xy).any(axis=1)).astype(int).tolist()
    for boxes in (got["boxes"], got["closer"]):
        assert len(boxes) > 3
        for i, (a0, a1, a2, a3) in enumerate(boxes):
            assert a0 >= 0 and a1 >= 0 and a2 <= 400 and a3 <= 300
            assert not any(a0 < b2 and b0 < a2 and a1 < b3 and b1 < a3 for b0, b1, b2, b3 in boxes[:i])
    assert 0 not in got["groups"]
    colors = np.array(got["colors"])
    placed = np.array(got["groups"])
    distance = np.linalg.norm(centre[placed][:, None] - centre[placed][None], axis=2)
    np.fill_diagonal(distance, np.inf)
    nearest = distance.argmin(axis=1)
    assert (colors[placed] == colors[placed[nearest]]).mean() < 0.05


def test_axes_of_the_map_open_where_latents_crowd_and_keep_their_order(page: Page) -> None:
    rng = np.random.default_rng(8)
    value = np.concatenate([rng.normal(0, 0.01, 90), rng.normal(5, 0.01, 30), [9.0, 9.0, -4.0, np.nan]]).astype(np.float32)
    shown = np.ones(value.size, int)
    shown[-1] = 0
    opened = np.array(
        page.evaluate(
            "async ([value, shown]) => Array.from((await import('/plots/opened_axis.js')).openedAxis(Float32Array.from(value, (v) => v ?? NaN), shown),"
            " (v) => Number.isNaN(v) ? null : v)",
            [[None if np.isnan(v) else float(v) for v in value], shown.tolist()],
        ),
        dtype=float,
    )
    assert np.isnan(opened[-1])
    placed, value = opened[:-1], value[:-1]
    order = np.argsort(value, kind="stable")
    steps, wide = np.diff(placed[order]), np.diff(value[order]) > 0
    assert (steps[wide] > 0).all() and (steps[~wide] == 0).all()
    assert placed.min() >= 0 and 0.99 <= placed.max() <= 1
    assert np.ptp(placed[:90]) > 0.4, "a crowd that took a hundredth of the axis"
    alone, equal = page.evaluate(
        "async () => { const { openedAxis } = await import('/plots/opened_axis.js');"
        " return [[3], [2, 2]].map((v) => Array.from(openedAxis(Float32Array.from(v), new Uint8Array(v.length).fill(1)))); }"
    )
    assert alone == [0.5] and equal == [0.5, 0.5]
