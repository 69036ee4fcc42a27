"""What follows from a diagnosis, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tb_visualscratchpad.exporter.sae_check.diagnosis import (
    CLEAR_RATIO_WITH_SLOPE,
    CLEAR_SHARE,
    HIGH_FVU,
    Change,
    Round,
)


@dataclass(frozen=True)
class Verdict:
    """``right`` as far as can be told; ``sentence`` begins with it; ``remedies`` are what to change."""

    right: bool
    sentence: str
    remedies: tuple[str, ...]


def verdict_of(rounds: Sequence[Round], no_hook: str | None) -> Verdict:
    """The verdict on the setup of the first round.

    Args:
        no_hook: why the SAE's file does not say where it is read, as a sentence without its end; the first round is then at the hook
            that fits best.
    """
    first, last = rounds[0], rounds[-1]
    taken = [change for one in rounds[:-1] if (change := one.best) is not None]
    where, left = first.setup.place.name, _percent(first.measured.fvu)
    remedies = tuple(change.remedy for change in taken)
    if no_hook is not None:
        remedies = (f"--hook {where}", *remedies)
    if first.measured.fvu is None:
        return Verdict(False, f"It cannot be told whether this SAE is read rightly: the features at {where} do not vary, give other images.", ())
    if taken:
        words = " and ".join(change.words for change in taken)
        told = (
            f"It looks wrong: as loaded it leaves {left} of the variance at {where} unexplained; with {words} it leaves {_percent(last.measured.fvu)}"
            f"{_slopes(first, last)}."
        )
        if last.measured.fvu is None or last.measured.fvu > HIGH_FVU:
            told += " Even that is much: was it trained on another model?"
        return Verdict(False, f"{told} Try: {'; '.join(remedies)}.", remedies)
    if first.measured.fvu > HIGH_FVU:
        return Verdict(
            False, f"It looks wrong: it leaves {left} of the variance at {where} unexplained, and no other place, tokens, scale, normalisation, k, "
            "order of weights or use of b_dec repairs that. Was it trained on another model, or on pictures of another kind?", (),
        )
    told = f"This SAE reads {where} rightly: it leaves {left} of the variance unexplained{_next_best(first)}."
    if no_hook is not None:
        told += f" {no_hook}: give --hook {where}."
    return Verdict(True, told, remedies)


def _slopes(first: Round, last: Round) -> str:
    """Where what is unexplained hardly tells, the slope does."""
    one, other = first.measured, last.measured
    if one.fvu is None or other.fvu is None or one.slope is None or other.slope is None or one.fvu > 2 * other.fvu:
        return ""
    return f", and the slope goes from {one.slope:.3f} to {other.slope:.3f} (1 is right)"


def _next_best(first: Round) -> str:
    places = [change for change in first.changes if change.decision == "place" and change.measured.fvu is not None]
    if not places:
        return "; no other place is as wide"
    second = min(places, key=lambda change: change.measured.fvu or 0.0)
    told = f", {second.setup.place.name}, the next best place, {_percent(second.measured.fvu)}"
    return told + ("; the two are too close to tell apart" if _is_close(first, second) else "")


def _is_close(first: Round, second: Change) -> bool:
    here, there = first.measured.fvu, second.measured.fvu
    assert here is not None and there is not None, "asked of those that have one"
    surely_worse = second.better is not None and second.better <= 1 - CLEAR_SHARE
    return not surely_worse or there < CLEAR_RATIO_WITH_SLOPE * here


def _percent(share: float | None) -> str:
    return "an undefined share" if share is None else f"{100 * share:.1f} %"
