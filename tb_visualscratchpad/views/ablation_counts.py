"""What taking latents away does to the answers of a failure set, beside controls, each share with an interval.

Shape suffixes: ``N`` items.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.wilson import wilson_interval
from tb_visualscratchpad.wire.failure_evidence import SetAblation, SetAnswers


class Fate(str, enum.Enum):
    """What became of an answer."""

    MENDED = "mended"
    BROKEN = "broken"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Share:
    """``n`` of ``total``, with Wilson's interval at 95 %; null ends where the total is 0."""

    n: int
    total: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class FateCounts:
    """How many answers were mended (of the wrong ones), broken (of the right ones), otherwise changed, or stayed."""

    mended: Share
    broken: Share
    changed: int
    unchanged: int


@dataclass(frozen=True)
class PartCounts:
    """The ablation and its controls on some of the items. ``controls`` by seed; ``n_firing`` items on which a latent fires."""

    n_items: int
    n_firing: int
    ablated: FateCounts
    controls: tuple[FateCounts, ...]


@dataclass(frozen=True)
class AblationCounts:
    """``held_out`` are the items that latents were not chosen on; ``chosen`` the others. ``fate_N`` of each answer without the latents."""

    all: PartCounts
    chosen: PartCounts
    held_out: PartCounts
    fate_N: tuple[Fate, ...]


def count_fates(ablation: SetAblation) -> AblationCounts:
    """Mended and broken answers, on all items and on either half."""
    fates_N = _fates(ablation.original, ablation.ablated)
    controls = [_fates(ablation.original, control) for control in ablation.controls]

    def part(within_N: np.ndarray) -> PartCounts:
        wrong_N = ~ablation.original.is_right_N
        return PartCounts(
            n_items=int(within_N.sum()),
            n_firing=int((ablation.n_firing_N[within_N] > 0).sum()),
            ablated=_counts(fates_N, wrong_N, within_N),
            controls=tuple(_counts(fates, wrong_N, within_N) for fates in controls),
        )

    return AblationCounts(
        all=part(np.ones(len(fates_N), dtype=bool)),
        chosen=part(~ablation.held_out_N),
        held_out=part(ablation.held_out_N),
        fate_N=tuple(fates_N),
    )


def wilson(n: int, total: int) -> Share:
    """A share with its interval."""
    return Share(n, total, *(wilson_interval(n, total) if total else (None, None)))


def _fates(original: SetAnswers, other: SetAnswers) -> list[Fate]:
    fates = []
    for before, after, was_right, is_right in zip(original.text_N, other.text_N, original.is_right_N, other.is_right_N, strict=True):
        if was_right != is_right:
            fates.append(Fate.MENDED if is_right else Fate.BROKEN)
        else:
            fates.append(Fate.UNCHANGED if before == after else Fate.CHANGED)
    return fates


def _counts(fates: list[Fate], wrong_N: np.ndarray, within_N: np.ndarray) -> FateCounts:
    n = {fate: sum(one is fate for one, within in zip(fates, within_N, strict=True) if within) for fate in Fate}
    return FateCounts(
        mended=wilson(n[Fate.MENDED], int((wrong_N & within_N).sum())),
        broken=wilson(n[Fate.BROKEN], int((~wrong_N & within_N).sum())),
        changed=n[Fate.CHANGED],
        unchanged=n[Fate.UNCHANGED],
    )
