"""Small maps, masses and measures of heads against loops over patches and pixels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views.head_maps import N_NAMED, cells_of, head_map, head_maps
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.random_evidence import random_vlm_run
from tests.random_head_evidence import random_head_attention
from tests.views.dense_loops import patches_in_view


@pytest.mark.parametrize("view", ["both", "base", "tiles"])
@pytest.mark.parametrize("without", [False, True])
def test_maps_equal_loops(view: str, without: bool) -> None:
    run = random_vlm_run(5)
    heads = random_head_attention(run, 6)
    position = int(heads.query_position_T[1])
    sink_P = np.random.default_rng(0).random(run.image_tokens.n_patches) < 0.2
    found = head_maps(run, heads, position, view=view, sink_P=sink_P, without_sinks=without)
    place = run.image_tokens
    patches = patches_in_view(run, view)
    counted = [patch for patch in patches if not (without and sink_P[patch])]
    n_y, n_x = cells_of(place)
    assert (n_y, n_x) == (15, 24) and found.map_LHYX.shape == (3, 4, n_y, n_x)
    for layer in range(3):
        for head in range(4):
            row = heads.share_LHTI[layer, head, 1].astype(np.float64) * heads.row_scale_LHT[layer, head, 1]
            value = {patch: row[place.patch_token_P[patch]] for patch in counted}
            mass = sum(value.values())
            assert found.mass_LH[layer, head] == pytest.approx(mass, rel=1e-5)
            sinks = sum(row[place.patch_token_P[patch]] for patch in patches if sink_P[patch])
            assert found.sink_LH[layer, head] == pytest.approx(sinks, rel=1e-5)
            assert found.newline_LH[layer, head] == pytest.approx(row[place.token_patch_I < 0].sum(), rel=1e-5)
            entropy = -sum(one / mass * math.log(one / mass) for one in value.values() if one > 0)
            assert found.effective_LH[layer, head] == pytest.approx(math.exp(entropy), rel=1e-4)
            density = np.zeros((n_y, n_x))
            for y in range(n_y):
                for x in range(n_x):
                    cell = (x * 320 / n_x, y * 200 / n_y, (x + 1) * 320 / n_x, (y + 1) * 200 / n_y)
                    for patch, one in value.items():
                        x0, y0, x1, y1 = (float(edge) for edge in place.patch_box_P4[patch])
                        wide = min(x1, cell[2]) - max(x0, cell[0])
                        high = min(y1, cell[3]) - max(y0, cell[1])
                        if wide > 0 and high > 0 and x1 > x0 and y1 > y0:
                            density[y, x] += one / ((x1 - x0) * (y1 - y0)) * wide * high
            density *= n_x * n_y  # over a cell's area, times the picture's
            assert found.peak_LH[layer, head] == pytest.approx(density.max(), rel=1e-4)
            np.testing.assert_allclose(found.map_LHYX[layer, head], 255 * density / density.max(), atol=0.51)
            alone = head_map(run, heads, position, heads.layers[layer], head, view=view, sink_P=sink_P, without_sinks=without)
            expected_P = np.zeros(place.n_patches)
            for patch, one in value.items():
                expected_P[patch] = one
            np.testing.assert_allclose(alone.attention_P, expected_P, rtol=1e-6)
            assert alone.mass_on_picture == pytest.approx(mass, rel=1e-5) and alone.mass_on_sinks == pytest.approx(sinks, rel=1e-5)
    by_mass = sorted(((-found.mass_LH[a, b], (heads.layers[a], b)) for a in range(3) for b in range(4)))
    assert list(found.most) == [one for _, one in by_mass[:N_NAMED]]
    large = [(a, b) for a in range(3) for b in range(4) if found.mass_LH[a, b] >= np.median(found.mass_LH)]
    by_spread = sorted((found.effective_LH[a, b], (heads.layers[a], b)) for a, b in large)
    assert list(found.localised) == [one for _, one in by_spread[:N_NAMED]]


def test_a_head_that_looks_at_one_patch_and_one_that_looks_nowhere() -> None:
    run = random_vlm_run(5)
    heads = random_head_attention(run, 6)
    share, scale = heads.share_LHTI.copy(), heads.row_scale_LHT.copy()
    patch = patches_in_view(run, "base")[3]
    share[1, 2, 0] = 0
    share[1, 2, 0, run.image_tokens.patch_token_P[patch]] = 1
    scale[1, 2, 0] = 0.9
    share[0, 0, 0] = 0
    heads = replace(heads, share_LHTI=share, row_scale_LHT=scale)
    found = head_maps(run, heads, int(heads.query_position_T[0]))
    assert found.effective_LH[1, 2] == pytest.approx(1) and found.localised[0] == (heads.layers[1], 2)
    assert found.mass_LH[1, 2] == pytest.approx(0.9) and found.most[0] == (heads.layers[1], 2)
    assert found.mass_LH[0, 0] == found.effective_LH[0, 0] == found.peak_LH[0, 0] == 0 and not found.map_LHYX[0, 0].any()
    box = run.image_tokens.patch_box_P4[patch]
    area = (box[2] - box[0]) * (box[3] - box[1]) / (320 * 200)
    assert found.peak_LH[1, 2] == pytest.approx(0.9 / area, rel=0.02)


def test_what_cannot_be_shown() -> None:
    run = random_vlm_run(5)
    heads = random_head_attention(run, 6)
    position = int(heads.query_position_T[0])
    with pytest.raises(ScratchpadError, match="not of run"):
        head_maps(replace(run, run_id="other"), heads, position)
    with pytest.raises(ScratchpadError, match="has maps of the positions"):
        head_maps(run, heads, 0)
    with pytest.raises(ScratchpadError, match="layer 9 was asked for"):
        head_map(run, heads, position, 9, 0)
    with pytest.raises(ScratchpadError, match="head 4 was asked for"):
        head_map(run, heads, position, 0, 4)
