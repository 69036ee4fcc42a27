"""Whether the token clusters that are specific to a word are made of latents of what it names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tb_visualscratchpad.exporter.truth.latent_owners import Learned
from tb_visualscratchpad.exporter.truth.named_words import NamedWord
from tb_visualscratchpad.exporter.truth.settings import CUTS, cut_name, threshold_choices
from tb_visualscratchpad.exporter.truth.tally import Tally
from tb_visualscratchpad.views import ClusteredMatrix, GroupKind, TokenCluster, cluster_columns, latent_means
from tb_visualscratchpad.views.clusters import DEFAULT_CUT
from tb_visualscratchpad.views.means import LatentMeans
from tb_visualscratchpad.views.thresholds import Thresholds
from tb_visualscratchpad.wire.evidence import VlmRun


def clusters_of_run(
    run: VlmRun, learned: Learned, cut: float, thresholds: Thresholds = Thresholds(), means: LatentMeans | None = None
) -> ClusteredMatrix:
    """The token-latent matrix as the tab cuts it."""
    assert run.order is not None, "runs of this exporter bear an order"
    keep = thresholds.passing(run, learned.statistics, run.order.latent_C)
    return cluster_columns(latent_means(run) if means is None else means, run.order, keep=keep, cut=cut)


def clusters_of_word(clustered: ClusteredMatrix, token: int) -> list[TokenCluster]:
    """The clusters that are specific to a token, the one that weighs most on it first."""
    place = np.flatnonzero(clustered.matrix.token_T == token)
    if not place.size:
        return []
    specific = [one for one in clustered.clusters if one.kind is GroupKind.CLUSTER and token in one.word_indices]
    return sorted(specific, key=lambda one: -one.weight_T[int(place[0])])


def measure_clusters(tally: Tally, run: VlmRun, picture: str, found: Sequence[NamedWord], learned: Learned) -> None:
    """Adds purity, size and whether there is a specific cluster, of every named word, for every cut and threshold."""
    owned = {word.label: learned.owners.latents_of(word.label) for word in found}
    wanted = [word for word in found if owned[word.label]]
    if not wanted:
        return
    means = latent_means(run)
    settings = [(cut_name(cut), cut, Thresholds()) for cut in CUTS]
    settings += [(f"{cut_name(DEFAULT_CUT)}, {name}", DEFAULT_CUT, thresholds) for name, thresholds in threshold_choices(learned.statistics)]
    for name, cut, thresholds in settings:
        clustered = clusters_of_run(run, learned, cut, thresholds, means)
        for word in wanted:
            count(tally, clusters_of_word(clustered, word.token), owned[word.label], name, picture)
            if name == cut_name(DEFAULT_CUT):
                columns = clustered.matrix.latent_C.tolist()
                tally.add("clusters.purity", "chance", picture, len(owned[word.label] & set(columns)) / max(len(columns), 1))


def count(tally: Tally, clusters: Sequence[TokenCluster], owned: frozenset[int], setting: str, picture: str) -> None:
    """One word: the latents of all clusters specific to it, and the size of the first."""
    latents = [latent for cluster in clusters for latent in cluster.latent_c.tolist()]
    tally.add("clusters.found", setting, picture, float(bool(clusters)))
    tally.add("clusters.purity", setting, picture, len(owned & set(latents)), len(latents))
    tally.add("clusters.size", setting, picture, float(clusters[0].count if clusters else 0), float(bool(clusters)))
