"""What mended the failures of the demo's log, as evidence: Compare shows it without a worker."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.cluster_sweep import NamedLatents, sweep_clusters
from tb_visualscratchpad.exporter.demo.case_studies.choice import carriers, cluster_of_word
from tb_visualscratchpad.exporter.demo.case_studies.failures import CaseKind, Failure
from tb_visualscratchpad.exporter.demo.case_studies.fixed_set import SWEPT
from tb_visualscratchpad.exporter.demo.case_studies.mending import box_around
from tb_visualscratchpad.exporter.dose_response import dose_response
from tb_visualscratchpad.exporter.pixel_erasure import erase
from tb_visualscratchpad.exporter.steered_answers import steer
from tb_visualscratchpad.exporter.word_gradient import word_contributions
from tb_visualscratchpad.views import GroupKind, cluster_columns, latent_means
from tb_visualscratchpad.views.cluster_names import cluster_name
from tb_visualscratchpad.views.clusters import TokenCluster
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.steering_evidence import ClusterSweep, DoseResponse, SteeringResult, WordContributions

DOSES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
N_CHECKED = 12
"""Latents that are taken away in truth beside the gradient's estimate; the worker takes sixty."""
MAX_NEW_TOKENS = 24
Evidence = VlmRun | SteeringResult | ClusterSweep | DoseResponse | WordContributions


def evidence_of(asked: AskedPicture, run: VlmRun, failure: Failure, statistics: LatentStatistics | None, other: VlmRun | None = None) -> Iterator[Evidence]:
    """In the order in which it is to be logged. What Compare shall open with comes last, a run before the result that names it.

    Args:
        asked, run: the failure's picture and question, and what was logged of them.
        statistics: of the dictionary, whose labels name the clusters; without, the words name them.
        other: of ``HIDDEN``, the run that names both objects.
    """
    if failure.kind is CaseKind.UNUSED:
        yield from ()
    elif failure.kind is CaseKind.MISLED:
        yield from _misled(asked, run, failure, statistics)
    else:
        assert other is not None, "the run that names both"
        yield from _hidden(asked, run, failure, statistics, other)


def _misled(asked: AskedPicture, run: VlmRun, failure: Failure, statistics: LatentStatistics | None) -> Iterator[Evidence]:
    cluster = cluster_of_word(run, failure.word)
    yield word_contributions(asked, failure.word, N_CHECKED, max_new_tokens=MAX_NEW_TOKENS, logged=run)
    box = box_around(failure)
    result, erased = erase(asked, box, "outside", max_new_tokens=MAX_NEW_TOKENS, name="only the box kept", logged=run)
    yield from (erased, result)
    yield _doses(asked, run, failure, cluster, name_in(run, cluster, statistics))
    if failure in SWEPT:
        yield _sweep(asked, run, statistics)
    result, steered = steer(
        asked, NamedLatents("cluster", tuple(cluster)).ablation, max_new_tokens=MAX_NEW_TOKENS, name=f"{name_in(run, cluster, statistics)} × 0", logged=run
    )
    yield from (steered, result)


def _hidden(asked: AskedPicture, run: VlmRun, failure: Failure, statistics: LatentStatistics | None, other: VlmRun) -> Iterator[Evidence]:
    cluster = cluster_of_word(other, other.output_text.split().index(failure.subject))
    name = name_in(other, cluster, statistics)
    result, steered = steer(asked, NamedLatents(name, tuple(cluster)).ablation, max_new_tokens=MAX_NEW_TOKENS, name=f"{name} × 0", logged=run)
    yield from (steered, result)
    if failure in SWEPT:
        yield _sweep(asked, run, statistics)
    found = word_contributions(asked, failure.word, N_CHECKED, max_new_tokens=MAX_NEW_TOKENS, logged=run)
    yield found
    latents = carriers(found)
    what = f"{len(latents)} latents that carried “{failure.subject}”"
    yield _doses(asked, run, failure, latents, what)
    result, steered = steer(asked, NamedLatents(what, tuple(latents)).ablation, max_new_tokens=MAX_NEW_TOKENS, name=f"without the {what}", logged=run)
    yield from (steered, result)


def _doses(asked: AskedPicture, run: VlmRun, failure: Failure, latents: list[int], name: str) -> DoseResponse:
    return dose_response(asked, latents, "SCALE", DOSES, [failure.word], max_new_tokens=MAX_NEW_TOKENS, name=name, logged=run)


def _sweep(asked: AskedPicture, run: VlmRun, statistics: LatentStatistics | None) -> ClusterSweep:
    clusters = [
        NamedLatents(cluster_name(run, cluster, statistics), tuple(cluster.latent_c.tolist())) for cluster in clusters_of(run)
    ]
    return sweep_clusters(asked, clusters, max_new_tokens=MAX_NEW_TOKENS, name=f"{len(clusters)} clusters", logged=run)


def clusters_of(run: VlmRun) -> list[TokenCluster]:
    """The token clusters of a run at the tab's default cut, without the groups of columns that do not vary."""
    assert run.order is not None, "explained runs are ordered"
    return [cluster for cluster in cluster_columns(latent_means(run), run.order).clusters if cluster.kind is GroupKind.CLUSTER]


def name_in(run: VlmRun, latents: list[int], statistics: LatentStatistics | None) -> str:
    """What the tab calls a cluster of a run."""
    cluster = next(one for one in clusters_of(run) if np.array_equal(one.latent_c, latents))
    return cluster_name(run, cluster, statistics)
