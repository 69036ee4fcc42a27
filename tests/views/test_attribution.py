from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.views import latent_attribution
from tb_visualscratchpad.views.attribution import summed_attribution
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.random_evidence import random_vlm_run
from tests.views.dense_loops import dense_latents, patches_in_view


@pytest.mark.parametrize("view", ["both", "base", "tiles"])
def test_attribution_equals_dense_loops(view: str) -> None:
    run = random_vlm_run(41, tile_rows=3)
    z = dense_latents(run)
    for latent in range(run.latents.n_latents):
        expected = np.zeros(run.image_tokens.n_patches)
        for patch in patches_in_view(run, view):
            expected[patch] = z[patch, latent]
        found = latent_attribution(run, latent, view)
        np.testing.assert_array_equal(found.value_P, expected.astype(np.float32))
        assert found.value_P.dtype == np.float32
        assert found.maximum == expected.max() and found.n_firing == np.count_nonzero(expected)


def test_a_latent_that_does_not_fire_is_zero() -> None:
    found = latent_attribution(random_vlm_run(42, n_firing=0), 3)
    assert found.maximum == 0 and found.n_firing == 0 and not found.value_P.any()


@pytest.mark.parametrize("latent", [-1, 64])
def test_an_unknown_latent_gets_a_sentence(latent: int) -> None:
    with pytest.raises(ScratchpadError, match="0 to 63"):
        latent_attribution(random_vlm_run(42), latent)


@pytest.mark.parametrize("view", ["both", "base", "tiles"])
def test_several_latents_sum_their_maps(view: str) -> None:
    run = random_vlm_run(43, tile_rows=3)
    z = dense_latents(run)
    expected = np.zeros(run.image_tokens.n_patches)
    for patch in patches_in_view(run, view):
        expected[patch] = z[patch, 3] + z[patch, 0] + z[patch, 17]
    found = summed_attribution(run, [3, 0, 17, 3], view)
    np.testing.assert_allclose(found.value_P, expected, rtol=1e-6)
    assert found.maximum == pytest.approx(expected.max()) and found.n_firing == np.count_nonzero(expected)


def test_an_unknown_latent_among_several_gets_a_sentence() -> None:
    with pytest.raises(ScratchpadError, match="0 to 63"):
        summed_attribution(random_vlm_run(42), [3, 64])
