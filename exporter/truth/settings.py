"""What the method lets one choose, and what the benchmark compares: layers, row, view, thresholds, cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views import Thresholds, ViewChoice
from tb_visualscratchpad.views.clusters import DEFAULT_CUT
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import RowChoice

SINGLE_LAYERS = 8
"""Up to so many layers are looked at one by one; of more, quarters."""
CUTS = (DEFAULT_CUT, 0.1, 0.2, 0.4, 0.5, 0.7)
"""Heights at which the dendrogram is cut, the default first."""
TAB_THRESHOLDS = Thresholds(max_frequency=0.50)
"""What the tab begins with; from Python nothing is left out unless one says so."""
TAB_NAME = "frequency at most .50"


def threshold_choices(statistics: LatentStatistics) -> tuple[tuple[str, Thresholds], ...]:
    """Names and thresholds: of frequency, of mean activation (the living latents' median), and of both."""
    means = statistics.mean_activation_K[statistics.alive_K]
    median = float(np.median(means)) if means.size else 0.0
    return (
        (TAB_NAME, TAB_THRESHOLDS),
        ("frequency at most .20", Thresholds(max_frequency=0.20)),
        ("frequency at most .05", Thresholds(max_frequency=0.05)),
        ("mean over the median", Thresholds(min_mean=median)),
        (f"{TAB_NAME}, mean over the median", Thresholds(max_frequency=0.50, min_mean=median)),
    )



@dataclass(frozen=True)
class Reading:
    """How a word's attention is read. ``layers`` None: all."""

    name: str
    layers: tuple[int, ...] | None = None
    row: RowChoice = RowChoice.PRODUCING
    view: ViewChoice = ViewChoice.BOTH


def readings(n_layers: int) -> tuple[Reading, ...]:
    """The default first (all layers, the row that produced the word, both views); then one thing changed at a time, and each choice
    of layers under the other row, too."""
    choices = layer_choices(n_layers)
    found = [Reading("default")]
    found += [Reading(name, layers) for name, layers in choices]
    found += [Reading("own row", row=RowChoice.OWN)]
    found += [Reading(f"{name}, own row", layers, RowChoice.OWN) for name, layers in choices]
    return (*found, Reading("base view", view=ViewChoice.BASE), Reading("tiles", view=ViewChoice.TILES))


def layer_choices(n_layers: int) -> list[tuple[str, tuple[int, ...]]]:
    """Halves, and single layers or quarters; none of a model of one layer."""
    if n_layers < 2:
        return []
    middle = n_layers // 2
    parts = [range(0, middle), range(middle, n_layers)]
    if n_layers <= SINGLE_LAYERS:
        parts += [range(layer, layer + 1) for layer in range(n_layers) if n_layers > 2]
    else:
        edges = [round(quarter * n_layers / 4) for quarter in range(5)]
        parts += [range(first, behind) for first, behind in zip(edges, edges[1:])]
    return [(f"layer {part[0]}" if len(part) == 1 else f"layers {part[0]}-{part[-1]}", tuple(part)) for part in parts]


def cut_name(cut: float) -> str:
    """As the tables name a cut, e.g. ``cut .30``."""
    return f"cut {cut:.2f}".replace("0.", ".", 1)


ABLATED: tuple[tuple[str, float, Thresholds], ...] = (
    *((cut_name(cut), cut, Thresholds()) for cut in (DEFAULT_CUT, 0.1, 0.5, 0.7)),
    (f"{cut_name(DEFAULT_CUT)}, {TAB_NAME}", DEFAULT_CUT, TAB_THRESHOLDS),
)
"""Name, cut and thresholds of the clusters that are ablated, the default first."""
