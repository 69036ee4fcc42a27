"""Which latents serve which tokens: C for tokens x latents, each column divided by its maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tb_visualscratchpad.views.means import LatentMeans, latent_means
from tb_visualscratchpad.views.patches import ViewChoice
from tb_visualscratchpad.views.thresholds import Thresholds
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import RowChoice, VlmRun

MAX_COLUMNS = 800
"""The optimal leaf order takes 0.9 s at 1,000 columns and 10 s at 2,000."""


@dataclass(frozen=True)
class TokenLatentMatrix:
    """C of some latents for some tokens. Tokens whose C is undefined have no row.

    Attributes:
        token_T: int64 token indices, ascending.
        left_out: tokens without a row, and why, a sentence each.
        latent_C: int32, the columns; by falling ``column_max_C`` (ties: lower number) unless ``with_columns`` chose.
        weighted_TC: float32, C.
        n_candidates: latents that fire on the picture and pass the thresholds; more than C when the cap cut some off.
    """

    token_T: np.ndarray
    left_out: tuple[tuple[int, str], ...]
    latent_C: np.ndarray
    weighted_TC: np.ndarray
    n_candidates: int

    @property
    def capped(self) -> bool:
        """Some candidates are not shown."""
        return self.n_candidates > self.latent_C.size

    @cached_property
    def column_max_C(self) -> np.ndarray:
        """float32 [C], max_t C; all zero when there are no rows."""
        return self.weighted_TC.max(axis=0, initial=0.0)

    @cached_property
    def normalised_TC(self) -> np.ndarray:
        """float32 [T, C], each column divided by its maximum, 0...1; a zero column stays zero."""
        return self.weighted_TC / np.where(self.column_max_C > 0, self.column_max_C, 1)


def token_latent_matrix(
    run: VlmRun,
    *,
    layers: Sequence[int] | None = None,
    row: RowChoice | str = RowChoice.PRODUCING,
    include_prompt: bool = False,
    view: ViewChoice | str = ViewChoice.BOTH,
    statistics: LatentStatistics | None = None,
    max_frequency: float | None = None,
    min_mean: float | None = None,
    max_columns: int = MAX_COLUMNS,
    means: LatentMeans | None = None,
) -> TokenLatentMatrix:
    """The matrix as defined: of the latents that pass the thresholds, those with the largest max_t C.

    Candidates fire on a packed patch of the view, though their C may be zero for every token.

    Args:
        include_prompt: rows for the prompt's text tokens too.
        max_columns: at most so many columns, applied after the thresholds.
        means: what ``latent_means`` gave for this run, ``layers``, ``row`` and ``view``, to spare computing it again.

    Raises:
        ScratchpadError: no such layer or view; a threshold without statistics; no room for a column.
    """
    if max_columns < 1:
        raise ScratchpadError(f"max_columns {max_columns} was given: choose 1 or more.")
    thresholds = Thresholds(max_frequency, min_mean)
    if means is None:
        means = latent_means(run, layers=layers, row=row, view=view)
    passing = np.flatnonzero(thresholds.passing(run, statistics, means.latent_F))
    shown_T = _rows_shown(means, include_prompt)
    strength = _strength_F(means, shown_T)[passing]
    strongest = passing[np.argsort(-strength, kind="stable")[:max_columns]]
    return _matrix(means, shown_T, include_prompt, means.latent_F[strongest], strongest, int(passing.size))


def matrix_with_columns(
    means: LatentMeans, latent_C: np.ndarray, *, include_prompt: bool = False, n_candidates: int | None = None
) -> TokenLatentMatrix:
    """The matrix of given columns in the given order: what a slider leaves of a stored order.

    A latent that does not fire on the view gets a zero column.

    Args:
        n_candidates: what to report as such; all of ``latent_C`` when None.
    """
    place = np.minimum(np.searchsorted(means.latent_F, latent_C), max(means.latent_F.size - 1, 0))
    if means.latent_F.size:
        place = np.where(means.latent_F[place] == latent_C, place, -1)
    else:
        place = np.full(latent_C.size, -1)
    shown_T = _rows_shown(means, include_prompt)
    count = int(latent_C.size) if n_candidates is None else n_candidates
    return _matrix(means, shown_T, include_prompt, np.asarray(latent_C, dtype=np.int32), place, count)


def _rows_shown(means: LatentMeans, include_prompt: bool) -> np.ndarray:
    return np.flatnonzero(means.defined_T & (means.output_T | include_prompt))


def _strength_F(means: LatentMeans, shown_T: np.ndarray) -> np.ndarray:
    # Text tokens are in sequence order: shown rows are nearly always one block, which needs no copy.
    if shown_T.size and shown_T[-1] - shown_T[0] + 1 == shown_T.size:
        shown = means.weighted_FT[:, shown_T[0] : shown_T[-1] + 1]
    else:
        shown = means.weighted_FT[:, shown_T]
    return shown.max(axis=1, initial=0.0)


def _matrix(
    means: LatentMeans,
    shown_T: np.ndarray,
    include_prompt: bool,
    latent_C: np.ndarray,
    place_C: np.ndarray,
    n_candidates: int,
) -> TokenLatentMatrix:
    weighted_CT = np.zeros((latent_C.size, shown_T.size), dtype=np.float32)
    firing = place_C >= 0
    weighted_CT[firing] = means.weighted_FT[place_C[firing]][:, shown_T]
    left_out = tuple(
        (int(index), reason)
        for index, output, reason in zip(means.token_T, means.output_T, means.reason_T, strict=True)
        if reason is not None and (output or include_prompt)
    )
    return TokenLatentMatrix(
        token_T=means.token_T[shown_T],
        left_out=left_out,
        latent_C=latent_C,
        weighted_TC=np.ascontiguousarray(weighted_CT.T),
        n_candidates=n_candidates,
    )
