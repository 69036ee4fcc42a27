from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from tb_visualscratchpad.views.ordered_tree import cut_at_height, cut_into, heights_of, keep_leaves, linkage_of


def random_ordered_linkage(seed: int, n_leaves: int) -> np.ndarray:
    """Average linkage of random points, its leaves numbered from left to right."""
    linkage = hierarchy.linkage(np.random.default_rng(seed).random((n_leaves, 3)), "average", optimal_ordering=True)
    place = np.argsort(hierarchy.leaves_list(linkage))
    children = linkage[:, :2].astype(int)
    linkage[:, :2] = np.where(children < n_leaves, place[np.minimum(children, n_leaves - 1)], children)
    return linkage


@pytest.mark.parametrize("n_leaves", [2, 3, 7, 40])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_heights_hold_the_whole_tree(seed: int, n_leaves: int) -> None:
    linkage = random_ordered_linkage(seed, n_leaves)
    rebuilt = linkage_of(heights_of(linkage))
    assert hierarchy.is_valid_linkage(rebuilt)
    assert hierarchy.leaves_list(rebuilt).tolist() == list(range(n_leaves))
    np.testing.assert_array_equal(hierarchy.cophenet(rebuilt), hierarchy.cophenet(linkage))
    np.testing.assert_array_equal(heights_of(rebuilt), heights_of(linkage))


@pytest.mark.parametrize("seed", range(5))
def test_leaves_that_stay_meet_where_they_met(seed: int) -> None:
    n_leaves = 30
    linkage = random_ordered_linkage(seed, n_leaves)
    before = squareform(hierarchy.cophenet(linkage))
    rng = np.random.default_rng(seed)
    for n_kept in (2, 3, 11, 29, 30):
        kept = np.sort(rng.permutation(n_leaves)[:n_kept])
        pruned = linkage_of(keep_leaves(heights_of(linkage), kept))
        assert hierarchy.is_valid_linkage(pruned)
        np.testing.assert_array_equal(squareform(hierarchy.cophenet(pruned)), before[np.ix_(kept, kept)])


@pytest.mark.parametrize("n_kept", [0, 1])
def test_fewer_than_two_leaves_have_no_tree(n_kept: int) -> None:
    assert keep_leaves(np.array([0.5, 0.2]), np.arange(n_kept)).size == 0
    assert linkage_of(np.zeros(0)).shape == (0, 4)


@pytest.mark.parametrize("seed", range(4))
def test_cuts_equal_scipys(seed: int) -> None:
    linkage = random_ordered_linkage(seed, 25)
    heights = heights_of(linkage)

    def partition(labels: np.ndarray) -> set[frozenset[int]]:
        return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}

    for height in (0.0, 0.1, 0.3, *linkage[::5, 2], 2.0):
        expected = hierarchy.fcluster(linkage, height, "distance")
        assert partition(cut_at_height(heights, height)) == partition(expected)
    for count in (1, 2, 9, 25, 26):
        found = cut_into(heights, count)
        assert partition(found) == partition(hierarchy.fcluster(linkage, count, "maxclust"))
        assert found.max() + 1 == min(count, 25)


def test_a_count_is_met_exactly_among_ties() -> None:
    for count in range(1, 6):
        assert cut_into(np.full(4, 0.5), count).max() + 1 == count


def test_leaves_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="left to right"):
        heights_of(np.array([[0, 2, 0.1, 2], [1, 3, 0.2, 3]]))


def test_distances_of_a_small_tree_by_hand() -> None:
    heights = np.array([0.1, 0.7, 0.2])
    np.testing.assert_array_equal(hierarchy.cophenet(linkage_of(heights)), [0.1, 0.7, 0.7, 0.7, 0.7, 0.2])
    assert cut_at_height(heights, 0.2).tolist() == [0, 0, 1, 1]
