"""Figures of a dictionary on labelled pictures, against sums over all pairs."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.exporter.truth.dictionary_measures import dictionary_figures, monosemanticity, unexplained
from tests.exporter.truth.made_up_truth import LABELS, random_learned, random_run


@pytest.mark.parametrize("seed", range(4))
def test_monosemanticity_is_the_mean_similarity_of_pairs(seed: int) -> None:
    learned = random_learned(random_run(seed), seed)
    n_latents = learned.statistics.dictionary.n_latents
    sum_IE = np.zeros((7, len(LABELS) * n_latents))
    sum_IE[:, learned.pair_E] = learned.pair_sum_IE.toarray()
    sum_ICK = sum_IE.reshape(7, len(LABELS), n_latents)
    found = []
    for latent in range(n_latents):
        alike = every = 0.0
        for one, other in itertools.permutations(range(7), 2):
            for label, label_of_other in itertools.product(range(len(LABELS)), repeat=2):
                weight = sum_ICK[one, label, latent] * sum_ICK[other, label_of_other, latent]
                every += weight
                alike += weight * (label == label_of_other)
        if every > 0:
            found.append(alike / every)
    interval, n_told = monosemanticity(learned)
    assert interval is not None and interval.value == pytest.approx(np.mean(found)) and n_told == len(found)
    assert interval.low is not None and interval.high is not None and interval.low < interval.value < interval.high


def test_one_label_alone_is_one_and_one_picture_tells_nothing() -> None:
    learned = random_learned(random_run(3), 3)
    n_latents = learned.statistics.dictionary.n_latents
    of_dogs = learned.pair_E < n_latents
    alone = replace(learned, pair_E=learned.pair_E[of_dogs], pair_sum_IE=learned.pair_sum_IE[:, of_dogs].tocsr())
    interval, _ = monosemanticity(alone)
    assert interval is not None and interval.value == pytest.approx(1.0)
    one = replace(learned, pair_sum_IE=learned.pair_sum_IE[:1], n_patches_I=learned.n_patches_I[:1])
    assert monosemanticity(one) == (None, 0)


def test_unexplained_is_residual_over_spread() -> None:
    rng = np.random.default_rng(5)
    n_patches = [4, 9, 6]
    x = [rng.normal(3.0, 1.0, (n, 5)) for n in n_patches]
    rebuilt = [one + rng.normal(0, 0.3, one.shape) for one in x]
    learned = replace(
        random_learned(random_run(0), 0),
        n_patches_I=np.array(n_patches),
        residual_I=np.array([((one - other) ** 2).sum() for one, other in zip(x, rebuilt, strict=True)]),
        square_I=np.array([(one**2).sum() for one in x]),
        sum_Id=np.stack([one.sum(axis=0) for one in x]),
    )
    for weight in ([1, 1, 1], [2, 0, 1]):
        drawn = [number for number, times in enumerate(weight) for _ in range(times)]
        every = np.concatenate([x[number] for number in drawn])
        error = sum(((x[number] - rebuilt[number]) ** 2).sum() for number in drawn)
        expected = error / ((every - every.mean(axis=0)) ** 2).sum()
        assert unexplained(np.array([weight], dtype=float), learned)[0] == pytest.approx(expected)


def test_figures_of_a_dead_dictionary_are_told() -> None:
    learned = random_learned(random_run(0), 0)
    nothing = replace(
        learned,
        statistics=replace(learned.statistics, n_images_firing_K=np.zeros(40, np.int64), n_patches_firing_K=np.zeros(40, np.int64)),
        owners=replace(learned.owners, mean_CK=np.zeros((3, 40))),
        pair_E=learned.pair_E[:0], pair_sum_IE=learned.pair_sum_IE[:, :0],
    )
    figures = {one.measure: one for one in dictionary_figures(nothing, 0)}
    assert figures["quality.dead"].value == 1.0
    assert figures["quality.owned"].value is None and figures["quality.monosemanticity"].value is None
