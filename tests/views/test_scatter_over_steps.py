"""The scatter of several steps against a plain count of the same evidence, latent by latent."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.views.scatter_over_steps import PLACES, UNDEFINED_ENTROPY, ScatterOverSteps, scatter_over_steps
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.random_evidence import random_dictionary, random_statistics

DICTIONARY = random_dictionary(5, n_latents=300)


def drawn(seed: int, **more: float) -> LatentStatistics:
    return random_statistics(seed, dictionary=DICTIONARY, n_latents=300, **more)


def place(ends: tuple[float, float], value: float) -> int:
    return round((math.log10(value) - ends[0]) / (ends[1] - ends[0]) * PLACES)


@pytest.mark.parametrize("by", ["images", "patches"])
def test_every_latent_lies_where_its_figures_say(by: str) -> None:
    steps = [drawn(1), drawn(2, n_images=60), drawn(3, dead_share=0.6)]
    found = scatter_over_steps(steps, by, dense=0.1)
    living, defined = [], []
    for one, scatter in zip(steps, found.steps, strict=True):
        firing, total = (one.n_images_firing_K, one.n_images) if by == "images" else (one.n_patches_firing_K, one.n_patches)
        alive = [k for k in range(300) if one.n_patches_firing_K[k] > 0]
        assert scatter.latent_N.tolist() == alive and scatter.n_alive == len(alive) and scatter.n_images == one.n_images
        assert scatter.n_dense == sum(firing[k] / total > 0.1 for k in alive)
        for at, k in enumerate(alive):
            share, mean = firing[k] / total, one.activation_sum_K[k] / one.n_patches_firing_K[k]
            living.append((math.log10(share), math.log10(mean)))
            assert abs(int(scatter.x_N[at]) - place(found.frequency_range, share)) <= 1
            assert abs(int(scatter.y_N[at]) - place(found.mean_range, mean)) <= 1
            if one.label_entropy_defined_K[k]:
                defined.append(float(one.label_entropy_K[k]))
                assert scatter.entropy_N[at] / 254 * found.top_entropy == pytest.approx(defined[-1], abs=found.top_entropy / 254)
            else:
                assert scatter.entropy_N[at] == UNDEFINED_ENTROPY
            assert found.labels[scatter.label_N[at] - 1] == one.label_names[one.top_label_K[k]]
            assert scatter.label_share_N[at] / 255 == pytest.approx(one.top_label_share_K[k], abs=0.002)
    assert found.frequency_range == pytest.approx((min(x for x, _ in living), max(x for x, _ in living)))
    assert found.mean_range == pytest.approx((min(y for _, y in living), max(y for _, y in living)))
    assert found.top_entropy == pytest.approx(max(defined))


def test_a_dead_step_draws_nothing_and_a_dead_dictionary_has_no_axes() -> None:
    dead = drawn(1, dead_share=1.0)
    found = scatter_over_steps([dead, drawn(2)])
    assert found.steps[0].n_alive == found.steps[0].n_dense == found.steps[0].latent_N.size == 0 and found.steps[1].n_alive > 0
    alone = scatter_over_steps([dead, dead])
    assert alone.frequency_range is alone.mean_range is None and alone.top_entropy == 0


def test_latents_that_are_all_alike_lie_at_one_place() -> None:
    one = random_statistics(1, dictionary=random_dictionary(6, n_latents=1), n_latents=1, dead_share=0)
    (scatter,) = scatter_over_steps([one]).steps
    assert (scatter.x_N.tolist(), scatter.y_N.tolist()) == ([0], [0])


def cells(scatter: ScatterOverSteps) -> list[set[tuple[int, int]]]:
    return [{(int(x) * 128 // 65536, int(y) * 96 // 65536) for x, y in zip(one.x_N, one.y_N, strict=True)} for one in scatter.steps]


def test_a_crowd_is_thinned_and_no_place_is_emptied() -> None:
    dictionary = random_dictionary(7, n_latents=20_000)
    steps = [random_statistics(seed, dictionary=dictionary, n_latents=20_000) for seed in (1, 2)]
    # half of them in one heap
    heap = np.arange(20_000) % 2 == 0
    steps = [replace(one, activation_sum_K=np.where(heap & one.alive_K, one.n_patches_firing_K * 1.0, one.activation_sum_K)) for one in steps]
    whole, thinned = scatter_over_steps(steps, max_drawn=20_000), scatter_over_steps(steps, max_drawn=6500)
    assert all(len(occupied) < 6500 for occupied in cells(whole)), "else not every cell can keep one"
    assert cells(thinned) == cells(whole)
    for before, after in zip(whole.steps, thinned.steps, strict=True):
        assert after.latent_N.size == 6500 and before.latent_N.size > 10_000
        assert np.isin(after.latent_N, before.latent_N).all() and (np.diff(after.latent_N) > 0).all()
        kept = np.isin(before.latent_N, after.latent_N)
        for name in ("x_N", "y_N", "entropy_N", "label_N", "label_share_N"):
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name)[kept])
        assert (after.n_alive, after.n_dense) == (before.n_alive, before.n_dense), "shares count all"


def test_names_of_labels_may_differ_between_steps() -> None:
    first, second = drawn(1), replace(drawn(1), label_names=("z", *drawn(1).label_names[1:]))
    found = scatter_over_steps([first, second])
    assert found.labels == (*first.label_names, "z")
    at = np.flatnonzero(first.top_label_K[found.steps[1].latent_N] == 0)[0]
    assert found.labels[found.steps[0].label_N[at] - 1] == first.label_names[0] and found.labels[found.steps[1].label_N[at] - 1] == "z"


def test_a_cut_off_that_is_no_share_gets_a_sentence() -> None:
    with pytest.raises(ScratchpadError, match="dense 1.5 was given; it is a share"):
        scatter_over_steps([drawn(1)], dense=1.5)
