from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views import latent_means, packed_patches, plain_mean, weighted_mean
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span
from tests.random_evidence import random_vlm_run
from tests.views.dense_loops import dense_plain, dense_weighted, patches_in_view
from tests.views.hand_made_run import hand_made_run

SHAPES = {
    "tiles": {},
    "no newlines": {"newlines": False},
    "base only": {"tile_rows": 0, "tile_columns": 0},
    "tall": {"tile_rows": 3, "tile_columns": 1},
    "one output token": {"n_output": 1},
    "silent": {"n_firing": 0},
    "crowded": {"n_firing": 40},
}


@pytest.mark.parametrize("row", ["producing", "own"])
@pytest.mark.parametrize("layers", [None, [0, 2]])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_means_equal_dense_loops(shape: str, layers: list[int] | None, row: str, seed: int) -> None:
    run = random_vlm_run(seed, **SHAPES[shape])
    views = ["both", "base"] + (["tiles"] if run.image_tokens.tile_rows else [])
    for view in views:
        means = latent_means(run, layers=layers, row=row, view=view)
        plain = dense_plain(run, view)
        assert np.array_equal(means.latent_F, np.flatnonzero(plain))
        np.testing.assert_allclose(means.plain_F, plain[means.latent_F], rtol=1e-6)
        np.testing.assert_allclose(plain_mean(run, view=view), plain, rtol=1e-6)
        assert means.token_T.tolist() == run.tokens.indices(Span.SYSTEM, Span.INPUT, Span.OUTPUT).tolist()
        for column, token in enumerate(means.token_T.tolist()):
            expected = dense_weighted(run, token, row, view, layers)
            assert (means.reason_T[column] is None) == (expected is not None)
            if expected is None:
                assert not means.weighted_FT[:, column].any()
                with pytest.raises(ScratchpadError, match=f"oken {token} "):
                    weighted_mean(run, token, layers=layers, row=row, view=view)
                continue
            assert np.count_nonzero(np.delete(expected, means.latent_F)) == 0
            np.testing.assert_allclose(means.weighted_FT[:, column], expected[means.latent_F], rtol=2e-6)
            got = weighted_mean(run, token, layers=layers, row=row, view=view)
            np.testing.assert_allclose(got, expected, rtol=1e-6)
            one = latent_means(run, tokens=[token], layers=layers, row=row, view=view)
            assert np.array_equal(one.weighted_FT[:, 0], means.weighted_FT[:, column])


def test_reasons_tell_what_is_undefined() -> None:
    run = random_vlm_run(3)
    last = len(run.tokens) - 1
    producing, own = latent_means(run), latent_means(run, row="own")
    assert "cannot see the image" in producing.reason_T[producing.column_of(0)]
    assert producing.reason_T[producing.column_of(last)] is None
    assert "never fed back" in own.reason_T[own.column_of(last)]
    assert own.reason_T[own.column_of(last - 1)] is None


def test_own_row_of_the_last_token_counts_when_it_was_recorded() -> None:
    run = random_vlm_run(3)
    attention = run.attention
    extra = np.full((1, run.image_tokens.n_tokens), 0.01, dtype=np.float32)
    last = len(run.tokens) - 1
    run = replace(
        run,
        attention=replace(
            attention,
            query_position_T=np.append(attention.query_position_T, np.int32(last)),
            mean_TI=np.concatenate([attention.mean_TI, extra]),
            per_layer_LTI=None,
        ),
    )
    # Even attention: C is B.
    np.testing.assert_allclose(weighted_mean(run, last, row="own"), plain_mean(run), rtol=1e-5)


def test_unrecorded_prompt_rows_are_undefined_not_zero() -> None:
    run = random_vlm_run(4)
    keep = run.attention.query_position_T >= run.tokens.n_prompt - 1
    run = replace(
        run,
        attention=replace(
            run.attention,
            query_position_T=run.attention.query_position_T[keep],
            mean_TI=run.attention.mean_TI[keep],
            per_layer_LTI=None,
        ),
    )
    token = int(run.tokens.indices(Span.INPUT)[0])
    with pytest.raises(ScratchpadError, match="was not recorded"):
        weighted_mean(run, token)


def test_attention_on_newlines_alone_is_nothing_to_weigh_by() -> None:
    run = random_vlm_run(5)
    only_newlines = np.where(run.image_tokens.token_patch_I < 0, 0.1, 0.0).astype(np.float32)
    mean = np.tile(only_newlines, (run.attention.query_position_T.size, 1))
    run = replace(run, attention=replace(run.attention, mean_TI=mean, per_layer_LTI=None))
    token = int(run.tokens.indices(Span.OUTPUT)[0])
    means = latent_means(run)
    assert "no attention" in means.reason_T[means.column_of(token)]
    assert np.isfinite(means.weighted_FT).all()


def test_a_scale_of_attention_changes_nothing() -> None:
    run = random_vlm_run(6)
    scaled = replace(run, attention=replace(run.attention, mean_TI=run.attention.mean_TI * np.float32(0.25)))
    np.testing.assert_allclose(latent_means(run).weighted_FT, latent_means(scaled).weighted_FT, rtol=1e-6)


def test_padding_patches_count_in_no_mean() -> None:
    run = next(one for one in (random_vlm_run(s, tile_rows=3) for s in range(20)) if (one.image_tokens.patch_token_P < 0).any())
    padding = run.image_tokens.patch_token_P < 0
    louder = run.latents.csr_PK.toarray()
    louder[padding] += 1000
    from scipy import sparse

    from tb_visualscratchpad.wire.evidence import LatentActivations

    loud = replace(run, latents=LatentActivations.from_csr(sparse.csr_matrix(louder)))
    np.testing.assert_array_equal(plain_mean(loud), plain_mean(run))
    np.testing.assert_array_equal(latent_means(loud).weighted_FT, latent_means(run).weighted_FT)


@pytest.mark.parametrize("view", ["both", "base", "tiles"])
def test_packed_patches(view: str) -> None:
    run = random_vlm_run(7, tile_rows=2)
    assert packed_patches(run.image_tokens, view).tolist() == patches_in_view(run, view)


def test_bad_choices_get_a_sentence() -> None:
    run = random_vlm_run(8, tile_rows=0, tile_columns=0)
    image = int(run.tokens.indices(Span.IMAGE)[0])
    for call, words in (
        (lambda: plain_mean(run, view="tiles"), "choose 'both'"),
        (lambda: plain_mean(run, view="top"), "'base' or 'tiles'"),
        (lambda: latent_means(run, row="next"), "'producing' or 'own'"),
        (lambda: latent_means(run, layers=[7]), "recorded are 0 to 2"),
        (lambda: latent_means(run, layers=[]), "recorded are"),
        (lambda: weighted_mean(run, image), "part of the image"),
        (lambda: weighted_mean(run, len(run.tokens)), "tokens 0 to"),
        (lambda: weighted_mean(run, -1), "tokens 0 to"),
        (lambda: latent_means(replace(run, attention=replace(run.attention, per_layer_LTI=None)), layers=[1]), "sidecar"),
    ):
        with pytest.raises(ScratchpadError, match=words):
            call()


def test_one_patch_one_latent_by_hand() -> None:
    # z = 4, 0, 2, 0 on four patches; a word looks at the first two with .3 and .1.
    run = hand_made_run(np.array([[4.0], [0.0], [2.0], [0.0]]), np.array([[0.3, 0.1, 0.0, 0.0]]))
    assert plain_mean(run) == pytest.approx([1.5])
    assert weighted_mean(run, 6) == pytest.approx([3.0])
