"""Nearest rows of another matrix by cosine, both ways in one pass, exact, a tile of the product at a time.

Never more than a tile of cosines exists, whatever the numbers of rows: 4,096 x 8,192 float32 (128 MiB), once more while it is turned,
and the unit rows of its two sides; measured 390 MiB at a width of 1,024. Shape suffixes: ``K`` rows of the one matrix, ``J`` of the other, ``d`` width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

TILE_ROWS, TILE_COLUMNS = 4096, 8192


@dataclass(frozen=True)
class Counterparts:
    """``index`` int32 and ``cosine`` float32 [rows, n], best first, ties by the lower number; -1 and 0 where there are fewer."""

    index: np.ndarray
    cosine: np.ndarray


@torch.no_grad()
def nearest_counterparts(
    rows_Kd: torch.Tensor,
    others_Jd: torch.Tensor,
    n: int,
    *,
    device: torch.device | str = "cpu",
    tile: tuple[int, int] = (TILE_ROWS, TILE_COLUMNS),
    on_tile: Callable[[int], None] = lambda n_cosines: None,
) -> tuple[Counterparts, Counterparts]:
    """The n rows of either matrix with the largest cosine to each row of the other.

    A row of zeros has no direction: it has no counterpart and is none.

    Args:
        rows_Kd, others_Jd: of any length and float type, finite, on any device; read a tile at a time.
        device: where cosines are computed, in float32.
        tile: rows and others of a tile.
        on_tile: told how many cosines were computed, after each tile.
    """
    live_rows, live_others = _with_direction(rows_Kd), _with_direction(others_Jd)
    forward = _Best(rows_Kd.shape[0], n, device)
    backward = _Best(others_Jd.shape[0], n, device)
    for rows in live_rows.split(tile[0]):
        unit_rows = _unit(rows_Kd, rows, device)
        for others in live_others.split(tile[1]):
            cosine = unit_rows @ _unit(others_Jd, others, device).T
            cosine.clamp_(-1, 1)
            forward.take(rows, others, cosine)
            backward.take(others, rows, cosine.T.contiguous())
            on_tile(cosine.numel())
    return forward.found(), backward.found()


def _with_direction(rows: torch.Tensor) -> torch.Tensor:
    """int64 numbers of the rows that are not zero, ascending."""
    return torch.cat([part.ne(0).any(dim=1) for part in rows.detach().split(TILE_COLUMNS)]).nonzero().flatten().cpu()


def _unit(rows: torch.Tensor, chosen: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    part = rows.detach()[chosen.to(rows.device)].to(device=device, dtype=torch.float32)
    # A row is scaled by its largest element first, so that the squares of tiny or huge ones stay within float32.
    part = part / part.abs().amax(dim=1, keepdim=True)
    return part / part.norm(dim=1, keepdim=True)


class _Best:
    """The best so far of some rows: value and number, best first, ties by the lower number."""

    def __init__(self, n_rows: int, n: int, device: torch.device | str) -> None:
        self.n = n
        self.cosine = torch.full((n_rows, n), -torch.inf, device=device)
        self.index = torch.full((n_rows, n), -1, dtype=torch.int64, device=device)

    def take(self, rows: torch.Tensor, others: torch.Tensor, cosine: torch.Tensor) -> None:
        """The cosines [rows, others] of a tile; tiles of the same rows come with rising numbers of others."""
        device = cosine.device
        place, others = rows.to(device), others.to(device)
        # One more than is kept tells where a tie lies across the border.
        wide = min(self.n + 1, cosine.shape[1])
        value, at = cosine.topk(wide, dim=1)
        if wide > self.n:
            for row in (value[:, self.n - 1] == value[:, self.n]).nonzero().flatten().tolist():
                at[row, : self.n] = _lowest_of_tied(cosine[row], value[row, self.n - 1], self.n)
            value, at = cosine.gather(1, at[:, : self.n]), at[:, : self.n]
        value = torch.cat((self.cosine[place], value), dim=1)
        index = torch.cat((self.index[place], others[at]), dim=1)
        # Sorted by number, then stably by cosine: ties keep the lower number first.
        order = index.argsort(dim=1, stable=True)
        value, index = value.gather(1, order), index.gather(1, order)
        order = value.argsort(dim=1, descending=True, stable=True)[:, : self.n]
        self.cosine[place], self.index[place] = value.gather(1, order), index.gather(1, order)

    def found(self) -> Counterparts:
        none = self.index < 0
        return Counterparts(
            self.index.to(torch.int32).cpu().numpy(), torch.where(none, 0, self.cosine).to(torch.float32).cpu().numpy()
        )


def _lowest_of_tied(cosine: torch.Tensor, least: torch.Tensor, n: int) -> torch.Tensor:
    """Numbers of the n largest, of those at the border the lowest."""
    above = (cosine > least).nonzero().flatten()
    tied = (cosine == least).nonzero().flatten()
    return torch.cat((above, tied))[:n]
