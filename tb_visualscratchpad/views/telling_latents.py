"""Which latents tell the wrongly answered pictures of a failure set from the rightly answered ones.

Shape suffixes: ``N`` items, ``F`` latents that were tested.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.rank_sums import benjamini_hochberg, rank_sums
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.failure_evidence import FailureSet

BY = ("weighted", "plain")
"""C, what a word of the answer looked at; or B, what is in the picture at all."""

PARTS = ("all", "half")
"""All items, or those on which latents are chosen; the others are held out, to see whether what was chosen holds there."""

MIN_ITEMS = 3
"""A latent that fires on fewer pictures is not tested: it could hardly tell anything, and would make q of the others larger."""

LEVEL = 0.05
"""q below which a latent is said to tell them apart."""


@dataclass(frozen=True)
class TellingLatents:
    """The latents of a failure set, the most telling first (smallest p; ties: AUC farthest from a half, then number).

    Attributes:
        item_N: int64, the items that were compared, ascending.
        n_wrong, n_right: of them.
        n_firing: latents that fire on one of them at least.
        reason: why nothing could be tested, a sentence; None where something was.
        latent_F: int32.
        auc_F: float64, share of the pairs of a wrong and a right item in which the latent is stronger on the wrong one.
        p_F: float64, two-sided, Mann-Whitney.
        q_F: float64, p after Benjamini and Hochberg over all that were tested.
        wrong_share_F, right_share_F: float64, share of the wrong and of the right items on which it fires.
        exact_F: bool, p was counted out (see ``rank_sums``).
    """

    item_N: np.ndarray
    n_wrong: int
    n_right: int
    n_firing: int
    reason: str | None
    latent_F: np.ndarray
    auc_F: np.ndarray
    p_F: np.ndarray
    q_F: np.ndarray
    wrong_share_F: np.ndarray
    right_share_F: np.ndarray
    exact_F: np.ndarray

    @property
    def n_tested(self) -> int:
        return int(self.latent_F.size)

    @property
    def n_telling(self) -> int:
        """Latents with q under ``LEVEL``."""
        return int((self.q_F < LEVEL).sum())

    def of_the_wrong(self, limit: int) -> np.ndarray:
        """int32, the first latents with q under ``LEVEL`` that are stronger on wrong items: what is worth taking away."""
        return self.latent_F[(self.q_F < LEVEL) & (self.auc_F > 0.5)][:limit]


def latents_that_tell_apart(failure_set: FailureSet, *, by: str = "weighted", part: str = "all", prompt: str | None = None) -> TellingLatents:
    """Tests every latent that fires on at least ``MIN_ITEMS`` of the items compared.

    What differs between prompts (an animal that is only asked about on pictures where it stands) differs between wrong and right
    answers too, where one prompt is answered worse than another. Compare within one prompt to leave that out.

    Args:
        by: one of ``BY``.
        part: one of ``PARTS``.
        prompt: only items that were asked this; None for all.

    Raises:
        ScratchpadError: no such value, part or prompt.
    """
    if by not in BY or part not in PARTS:
        raise ScratchpadError(f"{by!r} of the part {part!r} was asked for: choose one of {', '.join(BY)} and one of {', '.join(PARTS)}.")
    compared_N = np.ones(len(failure_set.items), dtype=bool) if part == "all" else ~failure_set.held_out_N
    if prompt is not None:
        if prompt not in failure_set.prompts:
            raise ScratchpadError(f"No item of '{failure_set.name}' was asked {prompt!r}: choose one of its prompts.")
        compared_N &= failure_set.prompt_N == failure_set.prompts.index(prompt)
    item_N = np.flatnonzero(compared_N)
    wrong_N = failure_set.wrong_N[item_N]
    n_wrong, n_right = int(wrong_N.sum()), int((~wrong_N).sum())
    used_NK = failure_set.used_NK(by)[item_N]
    used_NK.eliminate_zeros()
    n_items_K = np.bincount(used_NK.indices, minlength=used_NK.shape[1])
    reason = _why_nothing(n_wrong, n_right)
    latent_F = np.flatnonzero(n_items_K >= MIN_ITEMS) if reason is None else np.zeros(0, dtype=np.int64)
    if reason is None and latent_F.size == 0:
        reason = f"No latent fires on {MIN_ITEMS} of these {item_N.size} pictures, so none can be tested."
    found = rank_sums(used_NK.tocsc()[:, latent_F], wrong_N)
    order = np.lexsort((latent_F, -np.abs(found.auc_F - 0.5), found.p_F))
    return TellingLatents(
        item_N=item_N,
        n_wrong=n_wrong,
        n_right=n_right,
        n_firing=int((n_items_K > 0).sum()),
        reason=reason,
        latent_F=latent_F[order].astype(np.int32),
        auc_F=found.auc_F[order],
        p_F=found.p_F[order],
        q_F=benjamini_hochberg(found.p_F)[order],
        wrong_share_F=found.n_group_firing_F[order] / max(1, n_wrong),
        right_share_F=found.n_rest_firing_F[order] / max(1, n_right),
        exact_F=found.exact_F[order],
    )


def _why_nothing(n_wrong: int, n_right: int) -> str | None:
    if n_wrong and n_right:
        return None
    if not n_wrong and not n_right:
        return "No picture is among those compared, so nothing can be told apart."
    judged = "right" if n_right else "wrong"
    return f"All {n_wrong + n_right} answers compared are {judged}, so there is nothing to tell apart."
