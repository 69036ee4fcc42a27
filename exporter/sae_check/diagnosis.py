"""What would have to be read otherwise: the simplest changes, one after the other, that clearly leave less unexplained.

One change alone is tried of each kind: another place, other tokens, another value of each decision. The best of those that are
clearly better is taken, and from there it begins again, so that two mistakes are found one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.activation_functions import TopK
from tb_visualscratchpad.exporter.sae_check.measured import Measured, measure, share_better
from tb_visualscratchpad.exporter.sae_check.readings import Reading, fixed_readings, with_k, with_scale
from tb_visualscratchpad.exporter.sae_check.searches import ScaleSearch, search_k, search_scale, usual_k
from tb_visualscratchpad.exporter.sae_check.token_sample import Place, TokenSample

MAX_CHANGES = 3
CLEAR_SHARE = 0.975
"""Another reading counts as clearly better where it leaves less unexplained in this share of bootstrap samples of the images ..."""
CLEAR_DIFFERENCE = 0.001
"""... by this much ..."""
CLEAR_RATIO = 1.25
"""... and by this factor; ..."""
CLEAR_RATIO_WITH_SLOPE = 1.1
"""... or by this one where the slope comes nearer to 1 too, by half: under TopK a wrong scale or k may cost little else."""
HIGH_FVU = 0.6
"""An SAE that leaves more unexplained is of no use as it is read."""
LEAST_FACTOR = 1.25
"""Smaller changes of the scale are none."""
LEAST_FACTOR_OF_K = 1.5
SEARCHED_EVERY = 4
"""Searches look at every fourth token."""


class Tokens(Enum):
    """Which tokens the SAE reads."""

    PATCHES = "patches alone"
    ALL = "patches and class tokens"
    CLASS_TOKEN = "class tokens alone"


@dataclass(frozen=True, eq=False)
class Setup:
    """An SAE that reads some tokens at a place."""

    place: Place
    tokens: Tokens
    sae: SparseAutoencoder

    @property
    def sample(self) -> TokenSample:
        leading = self.place.class_tokens
        if self.tokens is Tokens.PATCHES or leading is None:
            return self.place.patches
        return leading if self.tokens is Tokens.CLASS_TOKEN else self.place.patches.joined(leading)


@dataclass(frozen=True, eq=False)
class Change:
    """A setup that differs from another in one point."""

    decision: str
    words: str
    setup: Setup
    remedy: str
    measured: Measured
    better: float | None
    is_clear: bool


@dataclass(frozen=True, eq=False)
class Round:
    """A setup, and all single changes of it."""

    setup: Setup
    measured: Measured
    changes: tuple[Change, ...]
    scale: ScaleSearch | None
    k: int | None

    @property
    def best(self) -> Change | None:
        """The clear change that leaves least unexplained."""
        return min((change for change in self.changes if change.is_clear), key=lambda change: _fvu(change.measured), default=None)


def diagnose(setup: Setup, places: Sequence[Place]) -> tuple[Round, ...]:
    """The setup as given first; then, as long as a change is clearly better, what results from it. The last has no clear change."""
    rounds = [_round(setup, places)]
    while (best := rounds[-1].best) is not None and len(rounds) <= MAX_CHANGES:
        rounds.append(_round(best.setup, places))
    return tuple(rounds)


def _round(setup: Setup, places: Sequence[Place]) -> Round:
    measured = measure(setup.sae, setup.sample)
    thinned = setup.sample.thinned(SEARCHED_EVERY)
    scale, k = search_scale(setup.sae, thinned), search_k(setup.sae, thinned)
    changes = [_place_change(setup, measured, place) for place in places if place is not setup.place]
    changes += _token_changes(setup, measured)
    readings = list(fixed_readings(setup.sae))
    if scale is not None:
        readings.append(with_scale(setup.sae, scale.factor))
    if k is not None:
        readings.append(with_k(setup.sae, usual_k(k, setup.sae.n_latents)))
    changes += [_reading_change(setup, measured, reading, scale) for reading in readings]
    return Round(setup, measured, tuple(changes), scale, k)


def _place_change(setup: Setup, measured: Measured, place: Place) -> Change:
    other = replace(setup, place=place)
    remedy = f"--hook {place.name}" if place.is_hook else f"no option: no hook reaches {place.name}"
    return _change("place", f"the features of {place.name}", other, remedy, measured)


def _token_changes(setup: Setup, measured: Measured) -> list[Change]:
    if setup.place.class_tokens is None:
        return []
    remedies = {
        Tokens.PATCHES: "--class-token left-out",
        Tokens.CLASS_TOKEN: "another SAE: this one was trained on the class token, patches are new to it",
    }
    found = [
        _change("tokens", tokens.value, replace(setup, tokens=tokens), remedy, measured)
        for tokens, remedy in remedies.items()
        if tokens is not setup.tokens
    ]
    # Class tokens have a variance of their own: an SAE of all tokens may rebuild them better than patches.
    of_no_use = _fvu(measured) > HIGH_FVU
    return [change if of_no_use or change.setup.tokens is Tokens.PATCHES else replace(change, is_clear=False) for change in found]


def _reading_change(setup: Setup, measured: Measured, reading: Reading, scale: ScaleSearch | None) -> Change:
    change = _change(reading.decision, reading.words, replace(setup, sae=reading.sae), reading.remedy, measured)
    if reading.decision == "scale":
        assert scale is not None, "its reading has a scale"
        return change if max(scale.factor, 1 / scale.factor) >= LEAST_FACTOR else replace(change, is_clear=False)
    if reading.decision == "k":
        return replace(change, is_clear=change.is_clear and _k_tells(setup, measured, change.setup, change.measured))
    return change


def _k_tells(setup: Setup, measured: Measured, other: Setup, found: Measured) -> bool:
    """Whether another k is another number, and the slope says so too. A threshold gives way to k only where much is won."""
    function, with_k = setup.sae.activation_function, other.sae.activation_function
    assert isinstance(with_k, TopK), "its reading has a k"
    old, ratio = (function.k, 1.0) if isinstance(function, TopK) else (measured.l0, CLEAR_RATIO)
    differs = max(with_k.k, old) >= LEAST_FACTOR_OF_K * min(with_k.k, old)
    return differs and _slope_comes_nearer(measured, found) and _fvu(measured) >= ratio * _fvu(found)


def _slope_comes_nearer(measured: Measured, found: Measured) -> bool:
    return measured.slope is not None and found.slope is not None and 2 * abs(found.slope - 1) <= abs(measured.slope - 1)


def _change(decision: str, words: str, setup: Setup, remedy: str, measured: Measured) -> Change:
    found = measure(setup.sae, setup.sample)
    better = share_better(found, measured) if len(found.residual_I) == len(measured.residual_I) else None
    here, there = _fvu(measured), _fvu(found)
    ratio = CLEAR_RATIO_WITH_SLOPE if _slope_comes_nearer(measured, found) else CLEAR_RATIO
    clear = better is not None and better >= CLEAR_SHARE and here - there >= CLEAR_DIFFERENCE and here >= ratio * there
    return Change(decision, words, setup, remedy, found, better, clear)


def _fvu(measured: Measured) -> float:
    return float("inf") if measured.fvu is None else measured.fvu
