"""Each case over many pictures: how often what mends it mends it, and how often as much of something else does."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tb_visualscratchpad.exporter.demo.case_studies.failures import CaseKind, Failure, failures
from tb_visualscratchpad.exporter.demo.case_studies.mending import Mending, mend, run_about
from tb_visualscratchpad.exporter.demo.case_studies.rates import Rate, rate_of
from tb_visualscratchpad.exporter.demo.case_studies.seen import Seen, seen
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.truth.latent_owners import LatentOwners
from tb_visualscratchpad.exporter.vlm import Vlm

N_PICTURES = 30
FIRST_SEED = 500_000
"""The pictures that the documents report on. Rules and prompts were chosen on others, from 700,000 on."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class MeansRate:
    """One means over all failures of a case.

    Attributes:
        mended, controls: shares of pictures.
        n_controls: control answers in all.
        turning_dose: median of the largest dose that mends, over those that any dose mends; None without doses.
    """

    means: str
    mended: Rate
    controls: Rate | None
    n_controls: int
    turning_dose: float | None


@dataclass(frozen=True)
class Study:
    """One case.

    Attributes:
        n_searched: pictures that were asked about to find the failures.
        found: the failures.
        rates: of each means.
        seen: of ``UNUSED``: each failure's figures, where its subject has any.
    """

    kind: CaseKind
    n_searched: int
    found: tuple[Failure, ...]
    rates: tuple[MeansRate, ...]
    seen: tuple[Seen, ...] = ()


def study(
    vlm: Vlm,
    sae: SparseAutoencoder,
    kind: CaseKind,
    *,
    owners: LatentOwners | None = None,
    n_pictures: int = N_PICTURES,
    first_seed: int = FIRST_SEED,
    say: Say = lambda _sentence: None,
) -> Study:
    """Searches ``n_pictures`` failures from ``first_seed`` on and tries every means on each.

    Args:
        owners: needed for the figures of ``UNUSED``; without, there are none.
    """
    found: list[Failure] = []
    tried: list[tuple[Mending, ...]] = []
    figures: list[Seen | None] = []
    n_searched = 0
    for _, failure in failures(vlm, sae, kind, first_seed):
        n_searched += 1
        if failure is None:
            continue
        found.append(failure)
        tried.append(mend(vlm, sae, failure))
        if owners is not None and kind is CaseKind.UNUSED:
            figures.append(seen(run_about(failure.asked(vlm, sae)), failure, owners))
        say(f"{kind.value}: {len(found)} of {n_pictures} failures, {n_searched} pictures asked about")
        if len(found) == n_pictures:
            break
    return Study(kind, n_searched, tuple(found), rates_of(tried), tuple(one for one in figures if one is not None))


def rates_of(tried: list[tuple[Mending, ...]]) -> tuple[MeansRate, ...]:
    """Of each means over failures, on which the same were tried in the same order."""
    rates = []
    for of_means in zip(*tried, strict=True):
        by_controls = [list(mending.by_controls) for mending in of_means]
        doses = [mending.turns_at for mending in of_means if mending.turns_at is not None]
        rates.append(
            MeansRate(
                means=of_means[0].means,
                mended=rate_of([[mending.mended] for mending in of_means]),
                controls=rate_of(by_controls) if any(by_controls) else None,
                n_controls=sum(map(len, by_controls)),
                turning_dose=statistics.median(doses) if doses else None,
            )
        )
    return tuple(rates)
