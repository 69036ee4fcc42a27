from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.views import cluster_columns, cluster_name, compute_latent_order, latent_means
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import VlmRun
from tests.views.hand_made_run import hand_made_statistics, run_with_matrix


def names(run: VlmRun, statistics: LatentStatistics | None = None) -> list[str]:
    found = cluster_columns(latent_means(run), compute_latent_order(run))
    return [cluster_name(run, cluster, statistics) for cluster in found.clusters]


def run_of_one_cluster(n_latents: int, column: list[float], words: tuple[str, ...]) -> VlmRun:
    return run_with_matrix(np.stack([np.array(column)] * n_latents, axis=1), words)


@pytest.mark.parametrize(
    ("n_latents", "labels", "shares", "expected"),
    [
        (4, [0, 0, 1, 1], [0.4, 0.8, 0.2, 0.2], "cat"),  # 1.2 / 4 = .30
        (4, [0, 0, 1, 1], [0.4, 0.79, 0.2, 0.2], "“tom”"),
        (4, [0, 0, 1, 1], [0.9, 0.9, 1.0, 1.0], "dog"),
        (4, [1, 1, 0, 0], [0.9, 0.9, 0.9, 0.9], "cat"),  # a tie: the label that sorts first
        (4, [-1, -1, -1, -1], [0.0] * 4, "“tom”"),
        (3, [0, 0, 0], [1.0] * 3, "“tom”"),  # too few latents
        (5, [0, 0, 0, 0, -1], [0.5, 0.5, 0.5, 0.5, 0.0], "cat"),
    ],
)
def test_a_label_names_from_three_tenths_and_four_latents(
    n_latents: int, labels: list[int], shares: list[float], expected: str
) -> None:
    run = run_of_one_cluster(n_latents, [1.0, 0.1, 0.2, 0.3], ("tom", "b", "c", "d"))
    statistics = hand_made_statistics(
        run,
        n_images_firing=[5] * n_latents,
        mean=[1.0] * n_latents,
        labels=("cat", "dog"),
        top_label=labels,
        top_label_share=shares,
    )
    assert names(run, statistics) == [expected]
    assert names(run) == ["“tom”"]


def test_strong_latents_count_for_more() -> None:
    """Three weak dogs against one cat ten times as strong: (10 * .5) / 13 = .38 for the cat, 3 / 13 = .23 for the dogs."""
    column = np.array([1.0, 0.1, 0.2, 0.3])
    run = run_with_matrix(np.stack([column, column, column, column * 10], axis=1), ("tom", "b", "c", "d"))
    statistics = hand_made_statistics(
        run,
        n_images_firing=[5] * 4,
        mean=[1.0] * 4,
        labels=("cat", "dog"),
        top_label=[1, 1, 1, 0],
        top_label_share=[1.0, 1.0, 1.0, 0.5],
    )
    assert names(run, statistics) == ["cat"]


@pytest.mark.parametrize(
    ("column", "words", "expected"),
    [
        ([0.7, 1.0, 0.1], ("top", "left", "x"), "“left top”"),  # strongest first
        ([1.0, 0.9, 0.1], (" cat", "cat ", "x"), "“cat”"),  # each word once
        ([1.0, 0.95, 0.9, 0.85, 0.1], ("a", "b", "c", "d", "e"), "“a b c…”"),
        ([1.0, 0.9, 0.1], (".", "cat", "x"), "“cat”"),  # no punctuation beside words
        ([1.0, 0.1, 0.2], (".", "b", "c"), "“.”"),
        ([1.0, 0.1, 0.2], ("\n", "b", "c"), "“\\n”"),
        ([1.0, 0.1, 0.2], ("", "b", "c"), "“∅”"),
        ([1.0, 0.1, 0.2], ("\u200b", "b", "c"), "“<U+200B>”"),
        ([1.0, 0.1, 0.2], ("\u202eevil", "b", "c"), "“<U+202E>evil”"),
        ([1.0, 0.1, 0.2], ("👩\u200d👧", "b", "c"), "“👩\u200d👧”"),
    ],
)
def test_else_the_words_it_is_specific_to(column: list[float], words: tuple[str, ...], expected: str) -> None:
    assert names(run_of_one_cluster(2, column, words)) == [expected]


def test_a_cluster_specific_to_no_word() -> None:
    # Two latents alike enough to share a cluster, each at its largest where the other is low.
    first = np.array([1.0, 0.15, 0.0, 0.0, 0.0, 0.0])
    second = np.array([0.15, 1.0, 0.0, 0.0, 0.0, 0.0])
    run = run_with_matrix(np.stack([first, second], axis=1))
    means = latent_means(run)
    found = cluster_columns(means, compute_latent_order(run), cut=2.0)
    (cluster,) = found.clusters
    assert cluster.word_indices == () and cluster_name(run, cluster, None) == "several words"


def test_groups_outside_the_tree_bear_their_kind() -> None:
    columns = np.array([[1.0, 4, 2], [2, 2, 2], [3, 3, 2], [4, 1, 2]])
    assert names(run_with_matrix(columns))[-1] == "all words"
