"""One word of two runs: where each looked, and which latents it used, side by side.

``A`` and ``B`` are the two runs, ``P`` patches of one, ``N`` pairs of latents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.attention_maps import attention_map
from tb_visualscratchpad.views.means import LatentMeans
from tb_visualscratchpad.views.patches import ViewChoice
from tb_visualscratchpad.wire.evidence import RowChoice, VlmRun
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch

NEAR = 0.7
"""A latent with no decoder row this near (cosine over it) has no counterpart."""


@dataclass(frozen=True)
class WordLatents:
    """C of a word: the mean over its tokens that have one.

    Attributes:
        latent_F: int32, those that fire on the picture, ascending.
        weighted_F: float64; zeros where undefined.
        reason: why C is undefined, a sentence; None where it is defined.
    """

    latent_F: np.ndarray
    weighted_F: np.ndarray
    reason: str | None


@dataclass(frozen=True)
class WordAttention:
    """Attention of a word on the patches: the mean over its tokens that see the picture.

    Attributes:
        attention_P: float32; zeros where undefined.
        mass: on the picture; None where undefined.
        reason: a sentence where there is none.
    """

    attention_P: np.ndarray
    mass: float | None
    reason: str | None


@dataclass(frozen=True)
class LatentPairs:
    """Latents of A beside latents of B, the largest difference first; ties: the larger value, then the lower number.

    Attributes:
        latent_a_N, latent_b_N: int32, -1 where one has no counterpart in the other dictionary.
        cosine_N: float32 of the decoder rows; 1 within one dictionary, 0 without a counterpart.
        mutual_N: bool, each is the best counterpart of the other.
        value_a_N, value_b_N: float64, C; with ``relative`` as a share of the word's largest C in that run.
        relative: two dictionaries have their own scales, so shares are compared.
    """

    latent_a_N: np.ndarray
    latent_b_N: np.ndarray
    cosine_N: np.ndarray
    mutual_N: np.ndarray
    value_a_N: np.ndarray
    value_b_N: np.ndarray
    relative: bool


def word_latents(means: LatentMeans, tokens: Sequence[int]) -> WordLatents:
    """C of a word of several tokens."""
    columns = [means.column_of(token) for token in tokens]
    defined = [column for column in columns if means.reason_T[column] is None]
    if not defined:
        reason = means.reason_T[columns[0]] if columns else "This run has no such word."
        return WordLatents(means.latent_F, np.zeros(means.latent_F.size), reason)
    return WordLatents(means.latent_F, means.weighted_FT[:, defined].mean(axis=1, dtype=np.float64), None)


def word_attention(
    run: VlmRun, tokens: Sequence[int], *, layers: Sequence[int] | None, row: RowChoice, view: ViewChoice
) -> WordAttention:
    """Attention of a word of several tokens. Raises ScratchpadError for an unknown token, layer or view."""
    maps = [attention_map(run, token, layers=layers, row=row, view=view) for token in tokens]
    seeing = [one for one in maps if one.defined and one.sees_image and one.mass_on_picture is not None]
    if not seeing:
        reason = maps[0].reason if maps else "This run has no such word."
        return WordAttention(np.zeros(run.image_tokens.n_patches, np.float32), None, reason)
    masses = [one.mass_on_picture for one in seeing if one.mass_on_picture is not None]
    return WordAttention(np.mean([one.attention_P for one in seeing], axis=0).astype(np.float32), float(np.mean(masses)), None)


def same_latents(a: WordLatents, b: WordLatents) -> LatentPairs:
    """Both runs under one dictionary: each latent with itself. Latents that neither word uses are left out."""
    latents = np.union1d(a.latent_F, b.latent_F).astype(np.int32)
    values = [_at(side, latents) for side in (a, b)]
    used = (values[0] != 0) | (values[1] != 0)
    latents = latents[used]
    return _ordered(
        latents, latents, np.ones(latents.size, np.float32), np.ones(latents.size, dtype=bool), values[0][used], values[1][used],
        relative=False,
    )


def matched_latents(a: WordLatents, b: WordLatents, match: DictionaryMatch, near: float = NEAR) -> LatentPairs:
    """Two dictionaries: each latent that a word uses with its best counterpart, where there is one nearer than ``near``.

    Args:
        match: of A's dictionary with B's, in this order.
    """
    used_a, used_b = (side.latent_F[side.weighted_F != 0] for side in (a, b))
    pairs: dict[tuple[int, int], float] = {}
    for latents, best, cosine, turn in (
        (used_a, match.forward_latent_Kn[:, 0], match.forward_cosine_Kn[:, 0], False),
        (used_b, match.backward_latent_Jn[:, 0], match.backward_cosine_Jn[:, 0], True),
    ):
        for latent in latents.tolist():
            other = int(best[latent]) if best[latent] >= 0 and cosine[latent] > near else -1
            pairs.setdefault((other, latent) if turn else (latent, other), float(cosine[latent]) if other >= 0 else 0.0)
    latent_a = np.array([pair[0] for pair in pairs], dtype=np.int32)
    latent_b = np.array([pair[1] for pair in pairs], dtype=np.int32)
    both = (latent_a >= 0) & (latent_b >= 0)
    there = match.forward_latent_Kn[np.maximum(latent_a, 0), 0] == latent_b
    return _ordered(
        latent_a, latent_b, np.array(list(pairs.values()), dtype=np.float32), both & there & match.mutual_K[np.maximum(latent_a, 0)],
        _share(a, latent_a), _share(b, latent_b), relative=True,
    )


def _share(side: WordLatents, latents: np.ndarray) -> np.ndarray:
    return _at(side, latents) / (side.weighted_F.max(initial=0) or 1)


def _at(side: WordLatents, latents: np.ndarray) -> np.ndarray:
    """float64, C of some latents, 0 where they do not fire or are none."""
    if not side.latent_F.size:
        return np.zeros(latents.size)
    place = np.minimum(np.searchsorted(side.latent_F, latents), side.latent_F.size - 1)
    return np.where(side.latent_F[place] == latents, side.weighted_F[place], 0.0)


def _ordered(
    latent_a: np.ndarray, latent_b: np.ndarray, cosine: np.ndarray, mutual: np.ndarray, value_a: np.ndarray, value_b: np.ndarray,
    *, relative: bool,
) -> LatentPairs:
    order = np.lexsort((latent_b, latent_a, -np.maximum(value_a, value_b), -np.abs(value_a - value_b)))
    return LatentPairs(
        latent_a[order], latent_b[order], cosine[order], mutual[order], value_a[order], value_b[order], relative
    )
