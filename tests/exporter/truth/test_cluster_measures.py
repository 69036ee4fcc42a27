"""Purity of the clusters specific to a word, against a count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster import hierarchy

from tb_visualscratchpad.exporter.truth.cluster_measures import measure_clusters
from tb_visualscratchpad.exporter.truth.named_words import NamedWord
from tb_visualscratchpad.exporter.truth.settings import CUTS, cut_name
from tb_visualscratchpad.exporter.truth.tally import Tally
from tb_visualscratchpad.views import latent_means
from tests.exporter.truth.made_up_truth import output_tokens, random_learned, random_run


@pytest.mark.parametrize("seed", range(4))
def test_against_scipy_and_a_count(seed: int) -> None:
    run = random_run(seed)
    learned = random_learned(run, seed)
    token = output_tokens(run)[seed]
    tally = Tally()
    measure_clusters(tally, run, "it", [NamedWord("dog", "dog", token)], learned)
    owned = learned.owners.latents_of("dog")

    means = latent_means(run)
    rows = [means.column_of(index) for index in output_tokens(run)]
    weighted_CT = means.weighted_FT[:, rows].astype(np.float64)
    place = output_tokens(run).index(token)
    normalised_CT = weighted_CT / weighted_CT.max(axis=1, keepdims=True)
    tree = hierarchy.linkage(weighted_CT, method="average", metric="correlation")
    for cut in CUTS:
        group_C = hierarchy.fcluster(tree, cut, criterion="distance")
        specific = [np.flatnonzero(group_C == g) for g in np.unique(group_C) if normalised_CT[group_C == g, place].mean() > 0.6]
        latents = [int(means.latent_F[c]) for columns in specific for c in columns]
        assert tally.mean("clusters.found", cut_name(cut)) == float(bool(specific))
        if specific:
            heaviest = max(specific, key=lambda columns: weighted_CT[columns, place].sum())
            assert tally.mean("clusters.purity", cut_name(cut)) == pytest.approx(len(owned & set(latents)) / len(latents))
            assert tally.mean("clusters.size", cut_name(cut)) == heaviest.size
        else:
            assert tally.mean("clusters.purity", cut_name(cut)) is None


def test_cuts_have_names() -> None:
    assert [cut_name(cut) for cut in (0.3, 0.05, 1.2)] == ["cut .30", "cut .05", "cut 1.20"]
