"""Each figure against loops over tokens, on random SAEs and weighted tokens; and the conditions that make slope and bias tell."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.activation_functions import Relu, TopK
from tb_visualscratchpad.exporter.sae.normalisations import ConstantNorm, LayerNorm, NoNormalisation, Normalisation
from tb_visualscratchpad.exporter.sae_check import measured as module
from tb_visualscratchpad.exporter.sae_check.expectations import mean_over_b_dec, tied_cosines
from tb_visualscratchpad.exporter.sae_check.measured import measure, share_better
from tb_visualscratchpad.exporter.sae_check.readings import fixed_readings, with_k, with_scale
from tb_visualscratchpad.exporter.sae_check.searches import search_k, search_scale, usual_k
from tb_visualscratchpad.exporter.sae_check.token_sample import TokenSample

D, K = 7, 15


def random_sae(seed: int, normalisation: Normalisation = NoNormalisation(), k: int | None = 4, subtracts: bool = True) -> SparseAutoencoder:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return SparseAutoencoder(
        name="random", hook=None, identity="", W_enc=draw(D, K), b_enc=draw(K), W_dec=draw(K, D), b_dec=draw(D),
        activation_function=Relu() if k is None else TopK(k), normalisation=normalisation, subtracts_b_dec=subtracts,
    )


def random_sample(seed: int, n_images: int = 5) -> TokenSample:
    rng = np.random.default_rng(seed)
    image = np.repeat(np.arange(n_images), rng.integers(1, 6, n_images))
    x = rng.normal(size=(len(image), D)) + 3 + image[:, None]
    return TokenSample(torch.tensor(x, dtype=torch.float32), torch.tensor(image), torch.tensor(rng.uniform(1, 4, len(image))))


@pytest.mark.parametrize("normalisation", [NoNormalisation(), LayerNorm(), ConstantNorm()])
@pytest.mark.parametrize("seed", range(3))
def test_figures_against_loops(normalisation: Normalisation, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DENSE_ELEMENTS_AT_ONCE", 3 * K)  # several blocks
    sae, sample = random_sae(seed, normalisation, k=None if seed == 2 else 4), random_sample(seed)
    found = measure(sae, sample)
    x, w, image = sample.x_Nd.double().numpy(), sample.weight_N.numpy(), sample.image_N.numpy()
    z = sae.encode(sample.x_Nd)
    r = sae.decode(z, sample.x_Nd).double().numpy()
    z = z.double().numpy()
    mean, mean_r = (w @ x) / w.sum(), (w @ r) / w.sum()
    residual, spread = np.zeros(5), np.zeros(5)
    cross = varies = n_firing = strength = 0.0
    fires = {latent: set() for latent in range(K)}
    for n in range(len(x)):
        residual[image[n]] += w[n] * ((x[n] - r[n]) ** 2).sum()
        spread[image[n]] += w[n] * ((x[n] - mean) ** 2).sum()
        cross += w[n] * ((x[n] - mean) @ (r[n] - mean_r))
        varies += w[n] * ((r[n] - mean_r) ** 2).sum()
        for latent in range(K):
            if z[n, latent] > 0:
                n_firing += w[n]
                strength += w[n] * z[n, latent]
                fires[latent].add(image[n])
    assert np.allclose(found.residual_I, residual, rtol=1e-4) and np.allclose(found.spread_I, spread)
    assert found.fvu == pytest.approx(residual.sum() / spread.sum(), rel=1e-4)
    assert found.slope == pytest.approx(cross / varies, rel=1e-3)
    assert found.bias == pytest.approx(w.sum() * ((mean - mean_r) ** 2).sum() / spread.sum(), rel=1e-3)
    assert found.l0 == pytest.approx(n_firing / w.sum()) and found.mean_strength == pytest.approx(strength / n_firing, rel=1e-5)
    assert found.n_dead == sum(not images for images in fires.values()) and found.n_dense == sum(len(images) > 1 for images in fires.values())


def test_one_token_and_nothing_that_fires() -> None:
    sae, sample = random_sae(0), random_sample(0, 1)
    one = TokenSample(sample.x_Nd[:1], sample.image_N[:1], sample.weight_N[:1])
    found = measure(sae, one)
    assert found.fvu is None and found.slope is None and found.bias is None
    silent = SparseAutoencoder(
        name="silent", hook=None, identity="", W_enc=sae.W_enc * 0, b_enc=sae.b_enc * 0 - 1, W_dec=sae.W_dec, b_dec=sae.b_dec,
        activation_function=Relu(), normalisation=NoNormalisation(),
    )
    found = measure(silent, random_sample(1))
    assert (found.l0, found.mean_strength, found.n_dead, found.slope) == (0.0, 0.0, K, None) and found.fvu is not None and found.fvu >= 1
    assert share_better(measure(sae, one), measure(sae, one)) is None


def test_images_count_in_the_bootstrap_as_they_differ() -> None:
    sae, sample = random_sae(0), random_sample(3, 8)
    worse = measure(sae, sample)
    better = measure(with_scale(sae, 1.0).sae, sample)
    assert share_better(better, worse) == 0.0  # the same is not better
    better.residual_I[:] = worse.residual_I * 0.9
    assert share_better(better, worse) == 1.0 and share_better(worse, better) == 0.0
    better.residual_I[0] = worse.residual_I[0] + 0.1 * (worse.residual_I[1:].sum())  # one image takes back what the others gain
    share = share_better(better, worse)
    assert share is not None and 0.2 < share < 0.8


def test_least_squares_makes_slope_one_and_bias_nothing() -> None:
    """The decoder that fits best fulfils the conditions that the check rests on, and no other scale of it does."""
    sae, sample = random_sae(5, k=None), random_sample(5, 20)
    z = sae.encode(sample.x_Nd).double()
    w = sample.weight_N.sqrt()[:, None]
    design = torch.cat([z, torch.ones(len(z), 1, dtype=torch.float64)], dim=1)
    fit = torch.linalg.lstsq(design * w, sample.x_Nd.double() * w, driver="gelsd").solution.float()
    best = SparseAutoencoder(
        name="best", hook=None, identity="", W_enc=sae.W_enc, b_enc=sae.b_enc - sae.b_dec @ sae.W_enc, W_dec=fit[:K], b_dec=fit[K],
        activation_function=Relu(), normalisation=NoNormalisation(), subtracts_b_dec=False,
    )
    found = measure(best, sample)
    assert found.slope == pytest.approx(1, abs=1e-3) and found.bias == pytest.approx(0, abs=1e-5)
    for factor in (0.8, 1.25):
        other = SparseAutoencoder(
            name="other", hook=None, identity="", W_enc=best.W_enc, b_enc=best.b_enc, W_dec=best.W_dec * factor, b_dec=best.b_dec,
            activation_function=Relu(), normalisation=NoNormalisation(), subtracts_b_dec=False,
        )
        assert measure(other, sample).slope == pytest.approx(1 / factor, abs=1e-3)


def test_b_dec_beside_the_mean_and_tied_weights_against_loops() -> None:
    sae, sample = random_sae(7), random_sample(7)
    x, w, b = sample.x_Nd.double().numpy(), sample.weight_N.numpy(), sae.b_dec.double().numpy()
    mean = sum(w[n] * x[n] for n in range(len(x))) / w.sum()
    found = mean_over_b_dec(sae, sample)
    assert found is not None
    assert found[0] == pytest.approx(mean @ b / (b @ b)) and found[1] == pytest.approx(mean @ b / np.linalg.norm(mean) / np.linalg.norm(b))
    own = [torch.cosine_similarity(sae.W_enc[:, n], sae.W_dec[n], dim=0) for n in range(K)]
    other = [torch.cosine_similarity(sae.W_enc[:, n], sae.W_dec[n - 1], dim=0) for n in range(K)]
    assert tied_cosines(sae) == pytest.approx((float(sum(own)) / K, float(sum(other)) / K), abs=1e-5)


@pytest.mark.parametrize("factor", [0.25, 3.0, 11.0])
def test_the_scale_is_found_as_well_as_by_a_fine_grid(factor: float) -> None:
    sae, sample = random_sae(11, k=None), random_sample(11, 30)
    read = with_scale(sae, factor).sae
    assert torch.allclose(read.encode(sample.x_Nd), sae.encode(sample.x_Nd * factor), rtol=1e-3, atol=1e-3)
    found = search_scale(read, sample)
    grid = [measure(with_scale(read, 2.0**power).sae, sample).fvu for power in np.linspace(-6, 6, 481)]
    best = min(value for value in grid if value is not None)
    at = measure(with_scale(read, found.factor).sae, sample).fvu if found is not None else None
    assert at is not None and at <= best * 1.01


def test_k_is_where_the_slope_passes_one() -> None:
    """Orthogonal latents of falling strength, half as long again as they should be beyond the fourth."""
    d = 8
    directions = torch.eye(d)
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(400, d, generator=generator) * torch.tensor([8.0, 7, 6, 5, 1, 1, 1, 1]) + 0.5
    sample = TokenSample(x, torch.arange(400) // 40, torch.ones(400, dtype=torch.float64))
    sae = SparseAutoencoder(
        name="falling", hook=None, identity="", W_enc=directions, b_enc=torch.zeros(d), W_dec=directions * torch.tensor([1.0, 1, 1, 1, 3, 3, 3, 3])[:, None],
        b_dec=torch.zeros(d), activation_function=TopK(8), normalisation=NoNormalisation(),
    )
    found = search_k(sae, sample)
    slopes = {k: measure(with_k(sae, k).sae, sample).slope for k in range(1, 9)}
    assert found is not None and slopes[8] is not None and slopes[8] < 1
    passing = [k for k in range(1, 8) if (slopes[k] or 0) >= 1 >= (slopes[k + 1] or 0)]
    if passing:
        assert min(abs(math.log2(found / k)) for one in passing for k in (one, one + 1)) < 1
    else:
        assert found == min(slopes, key=lambda k: measure(with_k(sae, k).sae, sample).fvu or math.inf)


@pytest.mark.parametrize(("found", "n_latents", "usual"), [(17, 3072, 16), (16, 3072, 16), (22, 3072, 20), (23, 3072, 25), (150, 3072, 150), (6, 4, 6), (1, 9, 1), (9000, 10**5, 9000)])
def test_k_is_told_as_people_choose_it(found: int, n_latents: int, usual: int) -> None:
    assert usual_k(found, n_latents) == usual


def test_a_matrix_read_in_the_other_order_is_found_among_the_readings() -> None:
    sae = random_sae(3)
    stored = sae.W_enc.T.contiguous().reshape(D, K)
    wrong = SparseAutoencoder(
        name="wrong", hook=None, identity="", W_enc=stored, b_enc=sae.b_enc, W_dec=sae.W_dec, b_dec=sae.b_dec,
        activation_function=TopK(4), normalisation=NoNormalisation(),
    )
    reading = next(one for one in fixed_readings(wrong) if one.words == "W_enc transposed")
    assert torch.equal(reading.sae.W_enc, sae.W_enc) and f"[{K}, {D}]" in reading.remedy
