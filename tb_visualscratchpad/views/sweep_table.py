"""Which cluster carries which word: a table of a cluster sweep. ``O`` tokens of the original answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.comparison import falling_words, logprobs
from tb_visualscratchpad.views.output_diff import OutputDiff, output_diff
from tb_visualscratchpad.wire.steering_evidence import AblatedCluster, ClusterSweep


@dataclass(frozen=True)
class SweepRow:
    """One cluster ablated.

    Attributes:
        change_O: float64, change of each word's log-probability along the original answer, in nats.
        control_mean_O, control_worst_O: float64, mean and lowest of the control sets; None without controls.
        hardest: number and change of the word that falls most; None when no word falls (its probability halves, at least).
        control_hardest: number and change of the word that is lowest in the mean of the control sets; None without controls
            or words.
        diff: the original answer and the one without the cluster.
    """

    cluster: AblatedCluster
    change_O: np.ndarray
    control_mean_O: np.ndarray | None
    control_worst_O: np.ndarray | None
    hardest: tuple[int, float] | None
    control_hardest: tuple[int, float] | None
    diff: OutputDiff


@dataclass(frozen=True)
class SweepTable:
    """A row for each cluster, in the order of the evidence. ``columns``: numbers of the words that fall in some row, ascending."""

    rows: tuple[SweepRow, ...]
    columns: tuple[int, ...]


def sweep_table(sweep: ClusterSweep) -> SweepTable:
    """The table of a sweep; the original's log-probabilities are those of its tokens."""
    logprob_O = logprobs(sweep.original_tokens)
    rows = tuple(_row(sweep, cluster, logprob_O) for cluster in sweep.clusters)
    return SweepTable(rows, tuple(sorted({number for row in rows for number in falling_words(row.change_O)})))


def _row(sweep: ClusterSweep, cluster: AblatedCluster, logprob_O: np.ndarray) -> SweepRow:
    change_O = cluster.along_original_O - logprob_O
    control_RO = cluster.control_along_original_RO - logprob_O
    has_controls = control_RO.shape[0] > 0
    control_mean_O = control_RO.mean(axis=0) if has_controls else None
    falling = falling_words(change_O)
    return SweepRow(
        cluster=cluster,
        change_O=change_O,
        control_mean_O=control_mean_O,
        control_worst_O=control_RO.min(axis=0) if has_controls else None,
        hardest=(falling[0], float(change_O[falling[0]])) if falling else None,
        control_hardest=None if control_mean_O is None else _lowest(control_mean_O),
        diff=output_diff(sweep.original_tokens, cluster.tokens),
    )


def _lowest(change_O: np.ndarray) -> tuple[int, float] | None:
    if not change_O.size:
        return None
    number = int(np.argmin(change_O))
    return number, float(change_O[number])
