"""Nearest rows of two matrices, against all cosines computed in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tb_visualscratchpad.exporter.nearest_counterparts import Counterparts, nearest_counterparts


def brute(rows: np.ndarray, others: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """All cosines in double precision, sorted by cosine and then by number."""
    index = np.full((len(rows), n), -1)
    cosine = np.zeros((len(rows), n))
    length = np.linalg.norm(others, axis=1)
    live = np.flatnonzero(length > 0)
    for i, row in enumerate(rows):
        if not row.any():
            continue
        all_of = others[live] @ row / np.linalg.norm(row) / length[live]
        order = np.lexsort((live, -all_of))[:n]
        index[i, : order.size], cosine[i, : order.size] = live[order], all_of[order]
    return index, cosine


def check(found: Counterparts, rows: np.ndarray, others: np.ndarray, n: int) -> None:
    index, cosine = brute(rows, others, n)
    np.testing.assert_allclose(found.cosine, cosine, atol=2e-6)
    assert found.index.dtype == np.int32 and found.cosine.dtype == np.float32
    # Single precision may turn rows around that lie closer than it can tell.
    for row in np.flatnonzero((found.index != index).any(axis=1)):
        for mine, theirs in zip(found.index[row], index[row], strict=True):
            if mine != theirs:
                both = [others[mine] @ rows[row], others[theirs] @ rows[row]]
                lengths = np.linalg.norm(others[[mine, theirs]], axis=1) * np.linalg.norm(rows[row])
                assert abs(both[0] / lengths[0] - both[1] / lengths[1]) < 1e-6


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("tile", [(4096, 8192), (7, 5), (1, 1), (3, 64)])
def test_like_all_cosines(seed: int, tile: tuple[int, int]) -> None:
    draw = np.random.default_rng(seed)
    k, j, d = (int(draw.integers(1, 60)) for _ in range(3))
    rows, others = draw.normal(size=(k, d)).astype(np.float32), draw.normal(size=(j, d)).astype(np.float32)
    rows[draw.random(k) < 0.2] = 0
    others[draw.random(j) < 0.2] = 0
    n = int(draw.integers(1, 7))
    forward, backward = nearest_counterparts(torch.from_numpy(rows), torch.from_numpy(others), n, tile=tile)
    check(forward, rows.astype(np.float64), others.astype(np.float64), n)
    check(backward, others.astype(np.float64), rows.astype(np.float64), n)


@pytest.mark.parametrize("tile", [(4096, 8192), (4, 3), (1, 1)])
def test_of_ties_the_lowest_numbers_are_kept(tile: tuple[int, int]) -> None:
    """Unit vectors have exact cosines: each row meets many duplicates."""
    eye = torch.eye(3)
    others = eye[[2, 0, 0, 1, 0, 0, 0, 0, 1, 0]]
    forward, backward = nearest_counterparts(eye, others, 3, tile=tile)
    assert forward.index.tolist() == [[1, 2, 4], [3, 8, 0], [0, 1, 2]]
    assert forward.cosine.tolist() == [[1, 1, 1], [1, 1, 0], [1, 0, 0]]
    assert backward.index[:3].tolist() == [[2, 0, 1], [0, 1, 2], [0, 1, 2]]


def test_no_length_changes_anything() -> None:
    draw = torch.Generator().manual_seed(1)
    rows, others = torch.randn(20, 8, generator=draw), torch.randn(30, 8, generator=draw)
    scale = torch.tensor([2.0**e for e in range(-100, 100, 10)])[:, None]
    one, _ = nearest_counterparts(rows, others, 5)
    same, _ = nearest_counterparts(rows * scale, others * 2.0**60, 5)
    assert (one.index == same.index).all() and (one.cosine == same.cosine).all()


def test_an_opposite_row_is_the_last_and_zero_rows_have_none() -> None:
    rows = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    others = torch.tensor([[-3.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    forward, backward = nearest_counterparts(rows, others, 5)
    assert forward.index.tolist() == [[2, 0, -1, -1, -1], [-1] * 5]
    assert forward.cosine.tolist() == [[0, -1, 0, 0, 0], [0] * 5]
    assert backward.index.tolist() == [[0, -1, -1, -1, -1], [-1] * 5, [0, -1, -1, -1, -1]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_float_type_is_read(dtype: torch.dtype) -> None:
    draw = torch.Generator().manual_seed(2)
    rows, others = torch.randn(9, 4, generator=draw).to(dtype), torch.randn(11, 4, generator=draw).to(dtype)
    forward, _ = nearest_counterparts(rows, others, 2)
    check(forward, rows.double().numpy(), others.double().numpy(), 2)


def test_no_more_than_a_tile_is_computed_at_once() -> None:
    told: list[int] = []
    nearest_counterparts(torch.randn(50, 3), torch.randn(70, 3), 5, tile=(16, 32), on_tile=told.append)
    assert sum(told) == 50 * 70 and max(told) == 16 * 32
