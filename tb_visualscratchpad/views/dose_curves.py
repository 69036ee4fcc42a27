"""How words of an answer bear a growing intervention. ``D`` doses, ``R`` control sets, ``V`` chosen words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tb_visualscratchpad.views.comparison import FALL
from tb_visualscratchpad.wire.steering_evidence import DoseResponse

AT_REST: Mapping[str, float | None] = MappingProxyType({"SCALE": 1.0, "ADD": 0.0, "SET": None})
"""The dose of each operation that changes nothing; SET has none."""


@dataclass(frozen=True)
class DoseCurve:
    """One word over all doses.

    Attributes:
        word: number of the token within the original answer.
        at_rest: its log-probability under the original model, in nats.
        logprob_D: float64.
        control_DR: float64 [D, R]; R may be 0.
        falls_below, falls_above: the doses nearest to rest, on either side of it, at which the word's probability has halved;
            between two doses on a straight line. None where it does not halve on that side. SET has no rest: ``falls_below``
            walks down from the largest dose, ``falls_above`` up from the smallest, and both begin where the word is whole.
    """

    word: int
    at_rest: float
    logprob_D: np.ndarray
    control_DR: np.ndarray
    falls_below: float | None
    falls_above: float | None

    @property
    def control_mean_D(self) -> np.ndarray | None:
        """float64 [D]; None without controls."""
        return self.control_DR.mean(axis=1) if self.control_DR.shape[1] else None


def dose_curves(response: DoseResponse) -> tuple[DoseCurve, ...]:
    """A curve for each chosen word, in the order of the answer."""
    rest = AT_REST[response.op]
    curves = []
    for place, word in enumerate(response.word_V.tolist()):
        at_rest = response.original_tokens[word].logprob
        fall_D = response.logprob_DV[:, place] - at_rest + FALL
        curves.append(
            DoseCurve(
                word=word,
                at_rest=at_rest,
                logprob_D=response.logprob_DV[:, place],
                control_DR=response.control_logprob_RDV[:, :, place].T,
                falls_below=_crossing(response.value_D[::-1], fall_D[::-1], rest, -1),
                falls_above=_crossing(response.value_D, fall_D, rest, 1),
            )
        )
    return tuple(curves)


def _crossing(value_D: np.ndarray, fall_D: np.ndarray, rest: float | None, direction: int) -> float | None:
    """Where ``fall_D`` first goes from positive to zero or less, walking away from rest."""
    if rest is not None:
        beyond = (value_D - rest) * direction > 0
        # At rest nothing has changed, whether or not it is among the doses.
        value_D = np.concatenate([[rest], value_D[beyond]])
        fall_D = np.concatenate([[FALL], fall_D[beyond]])
    for i in range(1, value_D.size):
        if fall_D[i - 1] > 0 >= fall_D[i]:
            share = fall_D[i - 1] / (fall_D[i - 1] - fall_D[i])
            return float(value_D[i - 1] + share * (value_D[i] - value_D[i - 1]))
    return None
