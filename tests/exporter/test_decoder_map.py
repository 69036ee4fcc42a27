"""Maps of latents keep neighbours together, find planted groups, repeat bit for bit, and bear odd dictionaries."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score

from tb_visualscratchpad.exporter import nearest_neighbours
from tb_visualscratchpad.exporter.decoder_map import decoder_map
from tb_visualscratchpad.exporter.nearest_neighbours import nearest_by_cosine
from tb_visualscratchpad.wire.dictionary_evidence import N_REFERENCES, ReferenceImages
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo


def dictionary(rows: np.ndarray, dictionary_id: str = "d") -> DictionaryInfo:
    n_latents, d_in = rows.shape
    return DictionaryInfo(dictionary_id, "test", "vlm", "sae", "hook", d_in, n_latents, "topk")


def planted_rows(n: int, d: int, n_groups: int, noise: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows around some random directions, of different lengths, and the direction of each."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(n_groups, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    group = rng.integers(0, n_groups, size=n)
    rows = directions[group] + noise * rng.normal(size=(n, d)) / np.sqrt(d)
    return (rows * rng.uniform(0.2, 5.0, size=(n, 1))).astype(np.float32), group


def planted_references(
    info: DictionaryInfo, group: np.ndarray, n_of_latent: np.ndarray | None = None
) -> ReferenceImages:
    """Latents of a group fire on the same twenty images, which bear the group's label; some fire on fewer than ten."""
    rng = np.random.default_rng(1)
    n_groups, k = int(group.max()) + 1, info.n_latents
    image = np.stack([rng.permutation(20)[:N_REFERENCES] for _ in range(k)]) + 20 * group[:, None]
    value = -np.sort(-rng.uniform(0.1, 1.0, size=(k, N_REFERENCES)), axis=1)
    if n_of_latent is not None:
        none = np.arange(N_REFERENCES)[None, :] >= n_of_latent[:, None]
        image[none], value[none] = -1, 0
    return ReferenceImages(
        dictionary=info,
        image_set_id="i",
        label_names=tuple(f"label{number}" for number in range(n_groups)),
        image_names=tuple(f"{number}.png" for number in range(20 * n_groups)),
        image_label_M=np.repeat(np.arange(n_groups, dtype=np.int32), 20),
        geometries=(),
        image_geometry_M=np.zeros(20 * n_groups, dtype=np.int32),
        pictures=(),
        image_KR=image.astype(np.int32),
        plain_mean_KR=value.astype(np.float32),
        map_indptr=np.zeros(k * N_REFERENCES + 1, dtype=np.int64),
        map_patch_N=np.zeros(0, dtype=np.int32),
        map_value_N=np.zeros(0, dtype=np.float32),
    )


def test_neighbours_equal_a_sort_of_all_cosines(monkeypatch):
    rows, _ = planted_rows(90, 7, 5)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    monkeypatch.setattr(nearest_neighbours, "_SIMILARITIES_AT_ONCE", 90 * 17)
    finished: list[int] = []
    found = nearest_by_cosine(unit, 6, finished.append)
    cosine = unit.astype(np.float64) @ unit.T.astype(np.float64)
    np.fill_diagonal(cosine, -2)
    np.testing.assert_array_equal(found.index_KN, np.argsort(-cosine, axis=1)[:, :6])
    np.testing.assert_allclose(found.cosine_KN, -np.sort(-cosine, axis=1)[:, :6], atol=1e-6)
    assert sum(finished) == 90 and len(finished) == 6


def test_planted_groups_lie_together_on_both_maps():
    rows, group = planted_rows(400, 32, 8)
    info = dictionary(rows)
    n_of_latent = np.full(400, N_REFERENCES)
    n_of_latent[:6] = [0, 1, 2, 3, 9, 10]
    other_group = np.roll(group, 1)
    found = decoder_map(
        info, torch.from_numpy(rows), planted_references(info, other_group, n_of_latent), progress=False
    )
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert trustworthiness(unit, found.xy_K2, n_neighbors=15) > 0.9
    on = found.cluster_K >= 0
    assert on.mean() > 0.9 and adjusted_rand_score(group[on], found.cluster_K[on]) > 0.9
    assert np.diff(np.bincount(found.cluster_K[on])).max() <= 0
    assert (group[found.neighbour_KN] == group[:, None]).mean() > 0.95
    assert found.neighbour_KN.shape == (400, 8) and (np.diff(found.neighbour_cosine_KN) <= 0).all()

    placed = np.isfinite(found.firing_xy_K2).all(axis=1)
    assert placed.tolist() == [False] * 3 + [True] * 397
    assert (found.firing_cluster_K[:3] == -1).all()
    on = found.firing_cluster_K >= 0
    assert on.mean() > 0.9 and adjusted_rand_score(other_group[on], found.firing_cluster_K[on]) > 0.9
    for word in ("UMAP", "HDBSCAN"):
        assert word in found.method and word in found.firing_method

    again = decoder_map(info, rows, planted_references(info, other_group, n_of_latent), progress=False)
    for name in ("xy_K2", "cluster_K", "neighbour_KN", "neighbour_cosine_KN", "firing_xy_K2", "firing_cluster_K"):
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))
    other = decoder_map(info, rows, None, seed=1, progress=False)
    assert not np.array_equal(other.xy_K2, found.xy_K2) and other.seed == 1


def test_rows_of_zeros_are_on_no_map():
    rows, _ = planted_rows(60, 16, 3)
    rows[[4, 17]] = 0
    found = decoder_map(dictionary(rows), rows, progress=False)
    gone = np.isin(np.arange(60), [4, 17])
    np.testing.assert_array_equal(np.isnan(found.xy_K2).all(axis=1), gone)
    assert np.isfinite(found.xy_K2[~gone]).all()
    assert (found.neighbour_KN[gone] == -1).all() and (found.neighbour_cosine_KN[gone] == 0).all()
    assert not np.isin(found.neighbour_KN[~gone], [-1, 4, 17]).any()
    assert (found.cluster_K[gone] == -1).all()
    assert found.firing_method == "" and np.isnan(found.firing_xy_K2).all() and (found.firing_cluster_K == -1).all()


@pytest.mark.parametrize(("n", "d"), [(1, 4), (2, 1), (3, 2), (19, 5), (20, 1), (25, 2), (40, 3)])
def test_small_and_narrow_dictionaries(n, d):
    rows, _ = planted_rows(n, d, 1)
    found = decoder_map(dictionary(rows), rows, progress=False)
    assert np.isfinite(found.xy_K2).all()
    assert found.neighbour_KN.shape == (n, min(8, n - 1))
    assert (found.neighbour_KN != np.arange(n)[:, None]).all()
    assert ("PCA (fewer" in found.method) == (n < 20)


def test_equal_rows():
    rows = np.tile(np.array([[1.0, 2.0, 3.0]], dtype=np.float32), (50, 1))
    found = decoder_map(dictionary(rows), rows, progress=False)
    assert np.isfinite(found.xy_K2).all()
    np.testing.assert_allclose(found.neighbour_cosine_KN, 1, atol=1e-6)


@pytest.mark.parametrize("n", [5, 60])
def test_nothing_to_map(n):
    rows = np.zeros((n, 4), dtype=np.float32)
    info = dictionary(rows)
    references = planted_references(info, np.zeros(n, dtype=int), np.zeros(n, dtype=int))
    found = decoder_map(info, rows, references, progress=False)
    assert np.isnan(found.xy_K2).all() and np.isnan(found.firing_xy_K2).all() and found.neighbour_KN.shape == (n, 0)


def test_what_does_not_belong_together_is_refused():
    rows, group = planted_rows(40, 8, 2)
    info = dictionary(rows)
    with pytest.raises(ScratchpadError, match="W_dec of the same SAE"):
        decoder_map(info, rows[:-1], progress=False)
    with pytest.raises(ScratchpadError, match="sweep this dictionary"):
        decoder_map(info, rows, planted_references(dictionary(rows, "another"), group), progress=False)
    rows[3, 3] = np.nan
    with pytest.raises(ScratchpadError, match="NaN"):
        decoder_map(info, rows, progress=False)


@pytest.mark.full
def test_two_processes_make_the_same_map(repository):
    def digest(seed: int) -> str:
        program = [sys.executable, "-m", "tests.exporter.decoder_map_digest", str(seed)]
        return subprocess.run(
            program, cwd=repository, capture_output=True, text=True, check=True, env=dict(os.environ)
        ).stdout

    assert digest(0) == digest(0) != digest(1)


@pytest.mark.full
def test_65536_rows_around_500_directions():
    rows, group = planted_rows(65_536, 1_024, 500)
    info = dictionary(rows)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first = decoder_map(info, rows, progress=False)
        second = decoder_map(info, rows, progress=False)
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(first.xy_K2, second.xy_K2)
    np.testing.assert_array_equal(first.cluster_K, second.cluster_K)
    np.testing.assert_array_equal(first.neighbour_KN, second.neighbour_KN)
    sample = np.random.default_rng(0).choice(65_536, 5_000, replace=False)
    trust = trustworthiness(rows[sample], first.xy_K2[sample], n_neighbors=15, metric="cosine")
    assert trust >= 0.8
    assert adjusted_rand_score(group, first.cluster_K) > 0.9
