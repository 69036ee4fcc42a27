from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import AgglomerativeClustering

from tb_visualscratchpad.views import (
    ClusteredMatrix,
    GroupKind,
    Thresholds,
    cluster_columns,
    compute_latent_order,
    latent_means,
    token_latent_matrix,
)
from tb_visualscratchpad.views.ordered_tree import heights_of
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import LatentOrder, Span, VlmRun
from tests.random_evidence import random_statistics, random_vlm_run
from tests.views.dense_loops import correlation_distance
from tests.views.hand_made_run import run_with_matrix


def partition(found: ClusteredMatrix) -> set[frozenset[int]]:
    """The latents of each group."""
    return {
        frozenset(found.matrix.latent_C[one.start : one.start + one.count].tolist()) for one in found.clusters
    }


def cut_run(run: VlmRun, **arguments: object) -> ClusteredMatrix:
    return cluster_columns(latent_means(run), compute_latent_order(run), **arguments)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cut", [0.1, 0.3, 0.8, 1.2])
def test_partition_equals_sklearn_on_distances_from_loops(seed: int, cut: float) -> None:
    run = random_vlm_run(seed, n_latents=30, n_output=9)
    matrix = token_latent_matrix(run)
    columns = matrix.weighted_TC.T.astype(np.float64)
    distance = np.array([[correlation_distance(x, y) if x is not y else 0.0 for y in columns] for x in columns])
    by_height = AgglomerativeClustering(
        n_clusters=None, distance_threshold=cut, metric="precomputed", linkage="average"
    ).fit_predict(distance)
    expected = {frozenset(matrix.latent_C[by_height == label].tolist()) for label in set(by_height)}
    found = cut_run(run, cut=cut)
    assert found.clustered and partition(found) == expected

    by_count = AgglomerativeClustering(n_clusters=5, metric="precomputed", linkage="average").fit_predict(distance)
    expected = {frozenset(matrix.latent_C[by_count == label].tolist()) for label in set(by_count)}
    assert partition(cut_run(run, n_clusters=5)) == expected


@pytest.mark.parametrize("seed", range(3))
def test_order_and_linkage_equal_scipys(seed: int) -> None:
    run = random_vlm_run(seed, n_latents=25, n_output=8)
    matrix, order = token_latent_matrix(run), compute_latent_order(run)
    distance = pdist(matrix.weighted_TC.T.astype(np.float64), "correlation")
    expected = hierarchy.linkage(distance, "average", optimal_ordering=True)
    leaves = hierarchy.leaves_list(expected)
    ours = order.latent_C.tolist()
    assert sorted(ours) == sorted(matrix.latent_C.tolist())
    np.testing.assert_allclose(order.linkage[:, 2], expected[:, 2], rtol=1e-5, atol=1e-7)
    column_of = {latent: place for place, latent in enumerate(matrix.latent_C.tolist())}
    square = squareform(distance)

    def tour(order_of_columns: list[int]) -> float:
        return sum(square[a, b] for a, b in zip(order_of_columns, order_of_columns[1:], strict=False))

    # The optimal order is unique up to a reversal of parts that cost the same: compare what it minimises.
    assert tour([column_of[latent] for latent in ours]) == pytest.approx(tour(leaves.tolist()), rel=1e-6)
    assert hierarchy.leaves_list(order.linkage).tolist() == list(range(len(ours)))


@pytest.mark.parametrize("seed", range(3))
def test_hiding_columns_keeps_order_distances_and_values(seed: int) -> None:
    run = random_vlm_run(seed, n_output=9)
    statistics = random_statistics(seed, dictionary=run.dictionary)
    means, order = latent_means(run), compute_latent_order(run)
    whole = squareform(hierarchy.cophenet(order.linkage))
    keep = Thresholds(0.2, 0.3).passing(run, statistics, order.latent_C)
    assert 2 < keep.sum() < keep.size
    found = cluster_columns(means, order, keep=keep)
    assert found.matrix.latent_C.tolist() == order.latent_C[keep].tolist()
    assert found.linkage.shape == (int(keep.sum()) - 1, 4)
    np.testing.assert_array_equal(squareform(hierarchy.cophenet(found.linkage)), whole[np.ix_(keep, keep)])
    every = cluster_columns(means, order)
    np.testing.assert_array_equal(found.matrix.normalised_TC, every.matrix.normalised_TC[:, keep])
    # What the sliders leave is the old partition without the hidden latents.
    left = set(found.matrix.latent_C.tolist())
    assert partition(found) == {group & left for group in partition(every)} - {frozenset()}


def test_weights_words_and_values_of_clusters() -> None:
    run = random_vlm_run(5, n_output=9)
    found = cut_run(run, cut=0.6)
    matrix = found.matrix
    covered = []
    for cluster in found.clusters:
        columns = range(cluster.start, cluster.start + cluster.count)
        covered += columns
        for t, token in enumerate(matrix.token_T.tolist()):
            weight = sum(float(matrix.weighted_TC[t, c]) for c in columns)
            mean = sum(float(matrix.weighted_TC[t, c] / matrix.weighted_TC[:, c].max()) for c in columns) / cluster.count
            assert cluster.weight_T[t] == pytest.approx(weight, rel=1e-5)
            assert cluster.mean_T[t] == pytest.approx(mean, rel=1e-5)
            assert (token in cluster.word_indices) == (mean > 0.6)
    assert covered == list(range(matrix.latent_C.size))


def test_heights_at_hand_change_nothing() -> None:
    run = random_vlm_run(5, n_latents=60, n_output=9)
    means, order = latent_means(run), compute_latent_order(run)
    heights = heights_of(order.linkage)
    for seed in range(5):
        keep = np.random.default_rng(seed).random(order.latent_C.size) < seed / 4
        found, plain = (cluster_columns(means, order, keep=keep, heights=given) for given in (heights, None))
        np.testing.assert_array_equal(found.linkage, plain.linkage)
        assert [(one.start, one.count, one.kind) for one in found.clusters] == [(one.start, one.count, one.kind) for one in plain.clusters]
        assert found.reason == plain.reason and (found.reason is None) == (keep.sum() > 0)
    np.testing.assert_array_equal(heights, heights_of(order.linkage))


def test_specific_means_more_than_six_tenths() -> None:
    # Two equal columns: mean normalised value 1, .6 and .61.
    column = np.array([10.0, 6.0, 6.1, 0.0])
    run = run_with_matrix(np.stack([column, column], axis=1))
    (cluster,) = cut_run(run).clusters
    first = int(run.tokens.indices(Span.OUTPUT)[0])
    assert cluster.word_indices == (first, first + 2)


def test_constant_columns_are_all_words_and_zero_columns_no_words() -> None:
    varying = np.array([[1.0, 9.0, 2.0], [2.0, 8.0, 4.1], [3.0, 1.0, 6.0], [4.0, 2.0, 8.0]])
    run = run_with_matrix(np.concatenate([varying, np.full((4, 1), 5.0)], axis=1))
    order = compute_latent_order(run)
    assert order.latent_C.tolist()[-1] == 3 and order.linkage.shape == (3, 4)
    assert hierarchy.is_valid_linkage(order.linkage)
    silent = LatentOrder(order.latent_C, order.linkage)
    for cut in (0.0, 0.3, 1.9, 2.0):
        found = cluster_columns(latent_means(run), silent, cut=cut)
        last = found.clusters[-1]
        assert last.kind is GroupKind.ALL_WORDS and (last.start, last.count) == (3, 1)
        assert len(last.word_indices) == 4
        assert np.isfinite(found.linkage).all() and found.linkage[-1, 2] == 2.0
    counted = cluster_columns(latent_means(run), order, n_clusters=1)
    assert [one.kind for one in counted.clusters] == [GroupKind.CLUSTER, GroupKind.ALL_WORDS]


def test_zero_columns_stand_last_and_stay_zero() -> None:
    # Latent 0 fires on a patch that no word looks at, latent 1 is the same everywhere, 2 and 3 vary.
    values = np.array([[0.0, 1, 1, 4], [0, 1, 2, 3], [0, 1, 4, 1], [9.0, 0, 0, 0]])
    run = run_with_matrix(values)
    blind = run.attention.mean_TI.copy()
    blind[3] = blind[0]
    run = replace(run, attention=replace(run.attention, mean_TI=blind))
    order = compute_latent_order(run)
    assert order.latent_C.tolist()[2:] == [1, 0]
    found = cluster_columns(latent_means(run), order)
    assert [one.kind for one in found.clusters[-2:]] == [GroupKind.ALL_WORDS, GroupKind.NO_WORDS]
    assert not found.matrix.normalised_TC[:, 3].any() and found.clusters[-1].word_indices == ()
    assert np.isfinite(found.matrix.normalised_TC).all()
    assert hierarchy.is_valid_linkage(found.linkage) and hierarchy.leaves_list(found.linkage).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("n_output", [1, 2])
def test_under_three_rows_nothing_is_clustered(n_output: int) -> None:
    run = random_vlm_run(6, n_output=n_output)
    order = compute_latent_order(run)
    assert order.linkage.shape == (0, 4)
    assert order.latent_C.tolist() == token_latent_matrix(run).latent_C.tolist()
    found = cluster_columns(latent_means(run), order)
    assert not found.clustered and found.clusters == () and "at least 3 tokens" in found.reason
    assert found.matrix.latent_C.size == order.latent_C.size > 0


def test_three_rows_are_enough() -> None:
    assert cut_run(random_vlm_run(6, n_output=3)).clustered


def test_one_column_and_no_column_are_not_clustered() -> None:
    one = run_with_matrix(np.array([[1.0], [2.0], [3.0]]))
    assert "two columns" in cut_run(one).reason
    silent = random_vlm_run(7, n_firing=0)
    assert "no columns" in cut_run(silent).reason and compute_latent_order(silent).latent_C.size == 0


def test_masks_that_leave_one_column_or_none() -> None:
    run = random_vlm_run(8)
    means, order = latent_means(run), compute_latent_order(run)
    keep = np.zeros(order.latent_C.size, dtype=bool)
    assert cluster_columns(means, order, keep=keep).matrix.latent_C.size == 0
    keep[4] = True
    found = cluster_columns(means, order, keep=keep)
    assert found.clustered and [one.count for one in found.clusters] == [1] and found.linkage.shape == (0, 4)


def test_equal_columns_share_a_cluster_and_ties_are_decided_alike() -> None:
    column = np.array([1.0, 3.0, 2.0, 5.0])
    run = run_with_matrix(np.stack([column, 2 * column, 3 * column, column[::-1]], axis=1))
    first, again = cut_run(run), cut_run(run)
    assert frozenset({0, 1, 2}) in partition(first)
    assert first.matrix.latent_C.tolist() == again.matrix.latent_C.tolist()
    np.testing.assert_array_equal(first.linkage, again.linkage)


def test_at_most_800_columns_are_clustered() -> None:
    rng = np.random.default_rng(9)
    run = run_with_matrix(rng.gamma(1.0, 1.0, (5, 900)))
    order = compute_latent_order(run)
    assert order.latent_C.size == 800 and order.linkage.shape == (799, 4)
    strongest = np.argsort(-run.latents.csr_PK.toarray()[:5].max(axis=0), kind="stable")[:800]
    assert sorted(order.latent_C.tolist()) == sorted(strongest.tolist())


def test_the_prompts_rows_can_be_clustered_too() -> None:
    run = random_vlm_run(10, n_output=2)
    order = compute_latent_order(run, include_prompt=True)
    found = cluster_columns(latent_means(run), order, include_prompt=True)
    assert found.clustered and found.matrix.token_T.size == 6


@pytest.mark.parametrize(("arguments", "words"), [({"cut": -0.1}, "0 and 2"), ({"cut": 2.1}, "0 and 2"), ({"n_clusters": 0}, "1 or more")])
def test_bad_cuts_get_a_sentence(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ScratchpadError, match=words):
        cut_run(random_vlm_run(11), **arguments)
