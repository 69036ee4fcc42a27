"""Which latents to take away: rules that use only what the tab shows of a run, never what is known of the scene."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.word_gradient import word_contributions
from tb_visualscratchpad.views import GroupKind, cluster_columns, latent_means
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tb_visualscratchpad.wire.steering_evidence import WordContributions

N_CARRIERS = 3


def cluster_of_word(run: VlmRun, word: int) -> list[int]:
    """The latents of the cluster that weighs most on a word of the answer, at the tab's default cut.

    In the tab: choose the word; its cluster is the widest band that is dark in the word's row, and has the word in its name.

    Args:
        word: number of the token within the answer.

    Returns:
        Latents; among clusters that are specific to the word where there are any. Empty where the run was not clustered.
    """
    token = int(run.tokens.indices(Span.OUTPUT)[word])
    clustered = cluster_columns(latent_means(run), run.order) if run.order is not None else None
    if clustered is None or not clustered.clustered:
        return []
    row = int(np.flatnonzero(clustered.matrix.token_T == token)[0])
    clusters = [cluster for cluster in clustered.clusters if cluster.kind is GroupKind.CLUSTER]
    specific = [cluster for cluster in clusters if token in cluster.word_indices] or clusters
    return max(specific, key=lambda cluster: cluster.weight_T[row]).latent_c.tolist() if specific else []


def carriers(found: WordContributions, n: int = N_CARRIERS) -> list[int]:
    """The first latents of "Which latents carried this word" that speak for the word: their estimate has a plus. Fewer where fewer do."""
    return found.latent_N[found.contribution_N > 0][:n].tolist()


def carriers_of_word(asked: AskedPicture, word: int, n: int = N_CARRIERS) -> list[int]:
    """``carriers`` of a word of the answer to ``asked``, without the check by real ablation that the tab adds."""
    return carriers(word_contributions(asked, word, 0), n)
