from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views import attention_map, attention_masses
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span
from tests.random_evidence import random_vlm_run
from tests.views.dense_loops import attention_row, patches_in_view


@pytest.mark.parametrize("row", ["producing", "own"])
@pytest.mark.parametrize("layers", [None, [1], [0, 2]])
@pytest.mark.parametrize("shape", [{}, {"newlines": False}, {"tile_rows": 2}])
def test_maps_and_masses_equal_dense_loops(shape: dict[str, object], layers: list[int] | None, row: str) -> None:
    run = random_vlm_run(11, **shape)
    masses = attention_masses(run, layers=layers, row=row)
    for place, token in enumerate(masses.token_T.tolist()):
        expected_I = attention_row(run, token, row, layers)
        for view in ("both", "base", "tiles"):
            found = attention_map(run, token, layers=layers, row=row, view=view)
            expected_P = np.zeros(run.image_tokens.n_patches)
            if expected_I is None:
                assert not found.defined and found.sees_image and "never fed back" in found.reason
                assert found.mass_on_picture is None and found.mass_on_newlines is None
                assert np.isnan(masses.mass_T[place]) and masses.sees_image_T[place]
                assert not found.attention_P.any()
                continue
            for patch in patches_in_view(run, view):
                expected_P[patch] = expected_I[run.image_tokens.patch_token_P[patch]]
            np.testing.assert_allclose(found.attention_P, expected_P, rtol=1e-6)
            assert found.mass_on_picture == pytest.approx(expected_P.sum(), rel=1e-6)
            newline = run.image_tokens.token_patch_I < 0
            assert found.mass_on_newlines == pytest.approx(expected_I[newline].sum(), rel=1e-6)
            if view == "both":
                assert masses.mass_T[place] == pytest.approx(expected_P.sum(), rel=1e-6)
            if found.defined:
                by_layer = [
                    sum(attention_row(run, token, row, [layer])[run.image_tokens.patch_token_P[patch]] for patch in patches_in_view(run, view))
                    for layer in run.attention.layers
                ]
                np.testing.assert_allclose(found.mass_by_layer_L, by_layer, rtol=1e-6)


def test_newlines_are_in_no_sum_but_reported() -> None:
    run = random_vlm_run(12)
    token = int(run.tokens.indices(Span.OUTPUT)[1])
    before = attention_map(run, token)
    newline = run.image_tokens.token_patch_I < 0
    assert newline.any()
    louder = run.attention.mean_TI + np.where(newline, 0.2, 0.0).astype(np.float32)
    after = attention_map(replace(run, attention=replace(run.attention, mean_TI=louder, per_layer_LTI=None)), token)
    np.testing.assert_array_equal(before.attention_P, after.attention_P)
    assert after.mass_on_picture == before.mass_on_picture
    assert after.mass_on_newlines == pytest.approx(before.mass_on_newlines + 0.2 * newline.sum(), rel=1e-5)


def test_a_token_before_the_image_cannot_see_it() -> None:
    run = random_vlm_run(13)
    for row in ("producing", "own"):
        found = attention_map(run, 0, row=row)
        assert not found.defined and not found.sees_image and "cannot see the image" in found.reason
        assert (found.mass_on_picture, found.mass_on_newlines) == (0.0, 0.0)
        masses = attention_masses(run, row=row)
        assert masses.mass_T[0] == 0 and not masses.sees_image_T[0]


def test_it_cannot_see_even_when_no_row_was_recorded() -> None:
    run = random_vlm_run(13)
    keep = run.attention.query_position_T >= run.tokens.n_prompt - 1
    attention = replace(
        run.attention,
        query_position_T=run.attention.query_position_T[keep],
        mean_TI=run.attention.mean_TI[keep],
        per_layer_LTI=None,
    )
    found = attention_map(replace(run, attention=attention), 0)
    assert not found.sees_image and found.mass_by_layer_L is None


def test_the_producing_row_is_one_position_earlier() -> None:
    run = random_vlm_run(14)
    output = run.tokens.indices(Span.OUTPUT)
    first, second = int(output[0]), int(output[1])
    assert attention_map(run, second).position == first
    np.testing.assert_array_equal(attention_map(run, second).attention_P, attention_map(run, first, row="own").attention_P)
    prompt = int(run.tokens.indices(Span.INPUT)[-1])
    assert attention_map(run, prompt).position == prompt
    np.testing.assert_array_equal(attention_map(run, first).attention_P, attention_map(run, prompt).attention_P)


def test_layers_without_their_sidecar_are_refused() -> None:
    run = random_vlm_run(15, per_layer=False)
    token = int(run.tokens.indices(Span.OUTPUT)[0])
    assert attention_map(run, token).mass_by_layer_L is None
    assert attention_map(run, token, layers=[0, 1, 2]).defined
    with pytest.raises(ScratchpadError, match="sidecar"):
        attention_map(run, token, layers=[0])
