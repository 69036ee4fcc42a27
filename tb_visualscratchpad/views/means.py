"""B and C: how strongly a latent fires on the picture at all, and where a token looked.

B[k] = mean_p z[p, k],  C[t, k] = sum_p A[t, p] z[p, k] / sum_p A[t, p], p over the packed patches of the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tb_visualscratchpad.views.patches import ViewChoice, packed_patches
from tb_visualscratchpad.views.token_rows import TokenRow, attention_rows, row_of_token, text_token, text_token_rows
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import RowChoice, Span, VlmRun

_BLOCK = 8192
"""Latents multiplied at once in double precision: bounds the working memory."""


@dataclass(frozen=True)
class LatentMeans:
    """B and C of the latents that fire on a picture, for some text tokens.

    Shape suffixes: ``T`` the tokens asked for, ``F`` latents that fire on a packed patch of the view.

    Attributes:
        n_latents: K, width of the dictionary.
        n_patches: packed patches of the view.
        token_T: int64 token indices, ascending.
        output_T: bool, the token is of the answer.
        reason_T: why C is undefined for a token, a sentence; None where it is defined.
        latent_F: int32, ascending.
        plain_F: float64, B > 0.
        n_firing_F: int32, packed patches of the view on which the latent fires.
        weighted_FT: float32, C; zero where undefined. Latents come first: thresholds pick rows of it.
        mass_T: float64, sum_p A, what C was divided by; zero where undefined.
    """

    n_latents: int
    n_patches: int
    token_T: np.ndarray
    output_T: np.ndarray
    reason_T: tuple[str | None, ...]
    latent_F: np.ndarray
    plain_F: np.ndarray
    n_firing_F: np.ndarray
    weighted_FT: np.ndarray
    mass_T: np.ndarray

    @cached_property
    def defined_T(self) -> np.ndarray:
        """bool: C is defined for the token."""
        return np.array([reason is None for reason in self.reason_T], dtype=bool)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, for caches."""
        return int(self.weighted_FT.nbytes + self.plain_F.nbytes + self.latent_F.nbytes + self.n_firing_F.nbytes)

    def column_of(self, token_index: int) -> int:
        """Where a token stands among ``token_T``."""
        place = int(np.searchsorted(self.token_T, token_index))
        assert place < self.token_T.size and self.token_T[place] == token_index, f"no means were computed for token {token_index}"
        return place

    def place_of(self, latent: int) -> int | None:
        """Where a latent stands among ``latent_F``; None when it does not fire."""
        place = int(np.searchsorted(self.latent_F, latent))
        return place if place < self.latent_F.size and self.latent_F[place] == latent else None


def latent_means(
    run: VlmRun,
    *,
    tokens: Sequence[int] | None = None,
    layers: Sequence[int] | None = None,
    row: RowChoice | str = RowChoice.PRODUCING,
    view: ViewChoice | str = ViewChoice.BOTH,
    without_P: np.ndarray | None = None,
) -> LatentMeans:
    """B and C for all text tokens, or for some.

    A token's C is undefined when its row is, when it comes before the image, and when its row has no attention at all on
    the view: never 0/0.

    Args:
        tokens: indices of text tokens; None for all.
        without_P: bool [P], patches that C leaves out of both its sums (sinks). B asks nothing of attention and keeps them.

    Raises:
        ScratchpadError: no such token, layer or view.
    """
    patches = packed_patches(run.image_tokens, view)
    if tokens is None:
        rows = text_token_rows(run, row)
    else:
        rows = tuple(row_of_token(run, text_token(run, index), row) for index in sorted(set(tokens)))

    latents_pK = run.latents.csr_PK[patches].tocsc()
    n_firing_K = np.diff(latents_pK.indptr)
    latent_F = np.flatnonzero(n_firing_K > 0).astype(np.int32)
    plain_F = np.asarray(latents_pK.sum(axis=0, dtype=np.float64)).ravel()[latent_F] / patches.size

    share_pT, mass_T, reasons = _share_of_patches(run, rows, patches, layers, view, without_P)
    weighted_FT = np.zeros((latent_F.size, len(rows)), dtype=np.float32)
    latents_Fp = latents_pK[:, latent_F].T.tocsr().astype(np.float64)
    for start in range(0, latent_F.size, _BLOCK):
        weighted_FT[start : start + _BLOCK] = latents_Fp[start : start + _BLOCK] @ share_pT
    return LatentMeans(
        n_latents=run.latents.n_latents,
        n_patches=int(patches.size),
        token_T=np.array([one.token.index for one in rows], dtype=np.int64),
        output_T=np.array([one.token.span is Span.OUTPUT for one in rows], dtype=bool),
        reason_T=tuple(reasons),
        latent_F=latent_F,
        plain_F=plain_F,
        n_firing_F=n_firing_K[latent_F].astype(np.int32),
        weighted_FT=weighted_FT,
        mass_T=mass_T,
    )


def means_of_several(means: LatentMeans, tokens: Sequence[int]) -> LatentMeans:
    """C of several tokens taken together, as of one: sum_p A z / sum_p A with A the sum of their rows.

    That is the mean of their C, each weighted by its row's mass on the patches that count. Tokens whose C is undefined add nothing;
    it is undefined for all together when it is for each.

    Args:
        means: of all text tokens.
        tokens: at least one, each of them a text token; the result stands under the first.
    """
    columns = [means.column_of(token) for token in dict.fromkeys(tokens)]
    defined = [column for column in columns if means.reason_T[column] is None]
    mass_t = means.mass_T[defined]
    reason = None if defined else f"None of these tokens has a weighted mean: {means.reason_T[columns[0]]}"
    weighted_F1 = np.zeros((means.latent_F.size, 1), dtype=np.float32)
    if defined:
        weighted_F1[:, 0] = means.weighted_FT[:, defined].astype(np.float64) @ (mass_t / mass_t.sum())
    return LatentMeans(
        n_latents=means.n_latents,
        n_patches=means.n_patches,
        token_T=np.array([tokens[0]], dtype=np.int64),
        output_T=means.output_T[columns[:1]],
        reason_T=(reason,),
        latent_F=means.latent_F,
        plain_F=means.plain_F,
        n_firing_F=means.n_firing_F,
        weighted_FT=weighted_F1,
        mass_T=np.array([mass_t.sum()]),
    )


def _share_of_patches(
    run: VlmRun,
    rows: Sequence[TokenRow],
    patches: np.ndarray,
    layers: Sequence[int] | None,
    view: ViewChoice | str,
    without_P: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
    """float64 [p, T], A / sum A over the patches, zero where undefined; float64 [T], sum A; and the reasons why."""
    reasons = [one.reason for one in rows]
    share_pT, mass_T = np.zeros((patches.size, len(rows))), np.zeros(len(rows))
    recorded = [i for i, one in enumerate(rows) if one.row is not None]
    if not recorded:
        attention_rows(run.attention, [], layers)  # unknown layers are refused all the same
        return share_pT, mass_T, reasons
    attention_RI = attention_rows(run.attention, [rows[i].row for i in recorded], layers)
    attention_Rp = attention_RI[:, run.image_tokens.patch_token_P[patches]]
    if without_P is not None:
        attention_Rp[:, without_P[patches]] = 0
    total_R = attention_Rp.sum(axis=1)
    for i, total in zip(recorded, total_R, strict=True):
        if total == 0:
            name = ViewChoice(view).value
            place = "the picture" if name == "both" else f"the picture's {name}"
            beside = "" if without_P is None else " beside the sinks"
            reasons[i] = f"Token {rows[i].token.index} puts no attention on {place}{beside}: there is nothing to weigh by."
    share_pT[:, recorded] = (attention_Rp / np.where(total_R == 0, 1, total_R)[:, None]).T
    mass_T[recorded] = total_R
    return share_pT, mass_T, reasons


def plain_mean(run: VlmRun, *, view: ViewChoice | str = ViewChoice.BOTH) -> np.ndarray:
    """B, float64 [K]: mean of z over the packed patches of the view; zero where a latent does not fire.

    Raises:
        ScratchpadError: the picture has no such view.
    """
    patches = packed_patches(run.image_tokens, view)
    return np.asarray(run.latents.csr_PK[patches].sum(axis=0, dtype=np.float64)).ravel() / patches.size


def weighted_mean(
    run: VlmRun,
    token_index: int,
    *,
    layers: Sequence[int] | None = None,
    row: RowChoice | str = RowChoice.PRODUCING,
    view: ViewChoice | str = ViewChoice.BOTH,
) -> np.ndarray:
    """C, float64 [K], of one text token.

    Raises:
        ScratchpadError: no such token, layer or view, or C is undefined for this token (the message says why).
    """
    patches = packed_patches(run.image_tokens, view)
    chosen = row_of_token(run, text_token(run, token_index), row)
    share_pT, _, (reason,) = _share_of_patches(run, [chosen], patches, layers, view)
    if reason is not None:
        raise ScratchpadError(f"{reason} Choose another token, row or view.")
    return run.latents.csr_PK[patches].T.astype(np.float64) @ share_pT[:, 0]
