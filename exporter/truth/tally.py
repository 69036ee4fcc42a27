"""What each measure found, word by word, kept as sums per picture."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from tb_visualscratchpad.exporter.truth.intervals import Interval, interval, ratio
from tb_visualscratchpad.wire.truth_evidence import TruthFigure


class Tally:
    """Adds up observations by measure and setting; the mean of a measure is the sum of its values over their count.

    The first setting that a measure is given is its default: the others are compared with it, picture by picture.
    """

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, dict[Hashable, np.ndarray]]] = {}

    def add(self, measure: str, setting: str, picture: Hashable, value: float, count: float = 1.0) -> None:
        """One observation: ``value`` out of ``count``. A count of 0 tells nothing but keeps the setting's place."""
        of_picture = self._sums.setdefault(measure, {}).setdefault(setting, {})
        if count:
            of_picture.setdefault(picture, np.zeros(3))[:] += (value, count, 1)

    def mean(self, measure: str, setting: str) -> float | None:
        """None where nothing was observed."""
        seen = list(self._sums.get(measure, {}).get(setting, {}).values())
        return float(sum(one[0] for one in seen) / sum(one[1] for one in seen)) if seen else None

    def figures(self, seed: int) -> list[TruthFigure]:
        """A figure for each measure and setting, in the order in which they came, with bootstrap intervals over pictures."""
        found = []
        for measure, settings in self._sums.items():
            default = next(iter(settings))
            for setting, seen in settings.items():
                difference = None if setting == default else _difference(seen, settings[default], seed)
                mean = _mean(seen, seed)
                found.append(
                    TruthFigure(
                        measure=measure,
                        setting=setting,
                        is_default=setting == default,
                        value=None if mean is None else mean.value,
                        low=None if mean is None else mean.low,
                        high=None if mean is None else mean.high,
                        n=int(sum(one[2] for one in seen.values())),
                        n_pictures=len(seen),
                        difference=None if difference is None else difference.value,
                        difference_low=None if difference is None else difference.low,
                        difference_high=None if difference is None else difference.high,
                    )
                )
        return found


def _mean(seen: dict[Hashable, np.ndarray], seed: int) -> Interval | None:
    if not seen:
        return None
    table = np.stack(list(seen.values()))
    return interval(lambda weight_RI: ratio(weight_RI, table[:, 0], table[:, 1]), len(seen), seed)


def _difference(seen: dict[Hashable, np.ndarray], default: dict[Hashable, np.ndarray], seed: int) -> Interval | None:
    """Of two settings on the same draws of pictures."""
    if not seen or not default:
        return None
    pictures = list(dict.fromkeys([*default, *seen]))
    nothing = np.zeros(3)
    own, other = (np.stack([table.get(picture, nothing) for picture in pictures]) for table in (seen, default))
    return interval(
        lambda weight_RI: ratio(weight_RI, own[:, 0], own[:, 1]) - ratio(weight_RI, other[:, 0], other[:, 1]), len(pictures), seed
    )
