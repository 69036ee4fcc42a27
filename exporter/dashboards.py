"""What of a training step TensorBoard's own dashboards show: metrics under Scalars, statistics under Histograms."""

from __future__ import annotations

import numpy as np
from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.histogram import summary_v2 as histograms
from tensorboard.plugins.scalar import summary_v2 as scalars

from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics, SaeMetrics

N_BUCKETS = 50


def metrics_values(metrics: SaeMetrics, group: str, answers_kept: float | None = None) -> list[summary_pb2.Summary.Value]:
    """Scalars ``<group>/l0``, ``/explained_variance`` (1 - fvu, absent when the features do not vary), ``/dead``, ``/dense`` (latents),
    and ``/answers_kept`` where it is known."""
    found: dict[str, float | None] = {
        "l0": metrics.l0,
        "explained_variance": None if metrics.fvu is None else 1 - metrics.fvu,
        "dead": metrics.n_dead,
        "dense": metrics.n_dense,
        "answers_kept": answers_kept,
    }
    return [
        _with_class(scalars.scalar_pb(f"{group}/{name}", float(value)), summary_pb2.DATA_CLASS_SCALAR)
        for name, value in found.items()
        if value is not None
    ]


def statistics_values(statistics: LatentStatistics, group: str) -> list[summary_pb2.Summary.Value]:
    """Histograms over the latents that fire: ``<group>/log10_frequency`` (share of images) and ``/mean_activation``. None where all
    are dead."""
    alive_K = statistics.alive_K
    if not alive_K.any():
        return []
    found = {
        "log10_frequency": np.log10(statistics.image_frequency_K[alive_K]),
        "mean_activation": statistics.mean_activation_K[alive_K],
    }
    return [
        _with_class(histograms.histogram_pb(f"{group}/{name}", values, N_BUCKETS), summary_pb2.DATA_CLASS_TENSOR)
        for name, values in found.items()
    ]


def _with_class(summary: summary_pb2.Summary, data_class: int) -> summary_pb2.Summary.Value:
    (value,) = summary.value
    value.metadata.data_class = data_class
    return value
