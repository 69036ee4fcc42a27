"""Maps of neighbouring steps lie on one another."""

from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.exporter.decoder_map import decoder_map
from tb_visualscratchpad.exporter.map_alignment import aligned, renumbered, start_from
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.exporter.test_decoder_map import dictionary, planted_rows


def test_a_turned_mirrored_and_moved_map_comes_back() -> None:
    rng = np.random.default_rng(0)
    there = rng.normal(size=(40, 2)).astype(np.float32)
    there[3] = np.nan
    turn = np.array([[np.cos(2), np.sin(2)], [np.sin(2), -np.cos(2)]])
    here = ((there + [3, -7]) @ turn).astype(np.float32)
    here[3] = (1, 1)
    here[9] = np.nan
    found = aligned(here, there)
    both = [k for k in range(40) if k not in (3, 9)]
    assert np.allclose(found[both], there[both], atol=1e-4)
    assert np.isfinite(found[3]).all() and np.isnan(found[9]).all()
    lengths = np.linalg.norm(found[both][1:] - found[3], axis=1)
    assert np.allclose(lengths, np.linalg.norm(here[both][1:] - here[3], axis=1), atol=1e-4), "distances stay"


def test_too_few_places_leave_a_map_as_it_is() -> None:
    here = np.ones((5, 2), np.float32)
    there = np.full((5, 2), np.nan, np.float32)
    assert aligned(here, there) is here
    assert start_from(there, np.zeros((5, 2), np.int32)) is None and start_from(there[:0], np.zeros((0, 2), np.int32)) is None


def test_a_new_latent_starts_amid_its_neighbours() -> None:
    earlier = np.array([[0, 0], [4, 0], [8, 6], [np.nan, np.nan], [np.nan, np.nan]], np.float32)
    neighbours = np.array([[1, 2], [0, 2], [0, 1], [0, 1], [3, 3]])
    start = start_from(earlier, neighbours)
    assert start is not None
    assert np.allclose(start, [[0, 0], [4, 0], [8, 6], [2, 0], [4, 2]])


def test_clusters_keep_the_numbers_of_those_they_share_most_with() -> None:
    earlier = np.array([0, 0, 0, 1, 1, 1, 2, 2, -1, -1])
    now = np.array([1, 1, 1, 0, 0, 0, 3, -1, 2, 2])
    assert renumbered(now, earlier).tolist() == [0, 0, 0, 1, 1, 1, 2, -1, 3, 3]
    nothing = np.full(4, -1)
    assert renumbered(nothing, nothing).tolist() == [-1] * 4


def test_latents_do_not_jump_from_step_to_step() -> None:
    rows, _ = planted_rows(400, 16, 8, noise=0.6)
    info = dictionary(rows)
    changed = rows + 0.05 * np.linalg.norm(rows, axis=1, keepdims=True) * np.random.default_rng(3).normal(size=rows.shape).astype(np.float32) / 4
    first = decoder_map(info, rows, progress=False)
    cold = decoder_map(info, changed, progress=False, seed=5)
    onwards = decoder_map(info, changed, progress=False, seed=5, earlier=first)
    spread = first.xy_K2.std()
    moved = np.median(np.linalg.norm(onwards.xy_K2 - first.xy_K2, axis=1)) / spread
    moved_cold = np.median(np.linalg.norm(cold.xy_K2 - first.xy_K2, axis=1)) / spread
    assert moved < 0.2 and moved < moved_cold / 3, (moved, moved_cold)
    kept = (first.cluster_K >= 0) & (onwards.cluster_K >= 0)
    assert kept.sum() > 200 and np.mean(first.cluster_K[kept] == onwards.cluster_K[kept]) > 0.9
    assert "from the map before" in onwards.method


def test_a_map_of_another_dictionary_is_refused() -> None:
    rows, _ = planted_rows(30, 8, 3)
    first = decoder_map(dictionary(rows), rows, progress=False)
    with pytest.raises(ScratchpadError, match="30 latents.* has 20"):
        decoder_map(dictionary(rows[:20]), rows[:20], progress=False, earlier=first)
