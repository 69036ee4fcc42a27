"""The statistics scatter at several steps of a training, thinned for small pictures on shared axes.

Shape suffixes: ``K`` latents, ``N`` latents that are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.errors import ScratchpadError

MAX_DRAWN = 6500
"""Latents drawn at each step: twelve steps are then under a megabyte, and a small picture has hardly more places."""

PLACES = 2**16 - 1
"""A coordinate is a whole number, 0 and this the ends of its range."""
UNDEFINED_ENTROPY = 255
"""In place of an entropy, whose largest is 254."""
_CELLS_X, _CELLS_Y = 128, 96
_LEAST = 1e-9
_NO_RANGE = (0.0, 0.0)


@dataclass(frozen=True)
class StepScatter:
    """The scatter at one step.

    Attributes:
        n_alive, n_dense: of all latents; dense are those over the cut-off.
        latent_N: int32, ascending: what is drawn of the living.
        x_N, y_N: uint16, log10 of frequency and mean activation, 0...65535 over the shared ranges.
        entropy_N: uint8, label entropy, 0...254 up to the shared largest; 255 where undefined.
        label_N: uint16, 1 + number of the prevailing label; 0 for none.
        label_share_N: uint8, its share, 0...255 for 0...1.
    """

    n_images: int
    n_alive: int
    n_dense: int
    latent_N: np.ndarray
    x_N: np.ndarray
    y_N: np.ndarray
    entropy_N: np.ndarray
    label_N: np.ndarray
    label_share_N: np.ndarray


@dataclass(frozen=True)
class ScatterOverSteps:
    """Scatters that share their axes and colours.

    Attributes:
        frequency_range, mean_range: log10 of the smallest and largest among the living of all steps; None where none lives.
        top_entropy: nats, the largest that is defined at any step; 0 where none is.
        labels: names, which ``label_N`` counts from 1.
    """

    frequency_range: tuple[float, float] | None
    mean_range: tuple[float, float] | None
    top_entropy: float
    labels: tuple[str, ...]
    steps: tuple[StepScatter, ...]


def scatter_over_steps(
    statistics: Sequence[LatentStatistics], by: str = "images", dense: float = 0.2, max_drawn: int = MAX_DRAWN
) -> ScatterOverSteps:
    """Place the latents of every step on shared axes, and thin them where they crowd.

    Up to ``max_drawn`` living latents all are drawn. Of more, the plane is divided into 128 x 96 cells, and each gives its first
    latent, then its second, and so on until there are enough: a lone latent is never left out while a crowd is drawn.

    Args:
        by: frequency is the share of ``images``, or of ``patches``.
        dense: latents with a larger frequency are dense.

    Raises:
        ScratchpadError: ``dense`` is no share.
    """
    if not 0 <= dense <= 1:
        raise ScratchpadError(f"dense {dense} was given; it is a share: choose a number from 0 to 1.")
    frequencies = [one.image_frequency_K if by == "images" else one.patch_frequency_K for one in statistics]
    log_x = [np.log10(np.maximum(frequency, _LEAST)) for frequency in frequencies]
    log_y = [np.log10(np.maximum(one.mean_activation_K, _LEAST)) for one in statistics]
    drawable = [one.alive_K & np.isfinite(y) for one, y in zip(statistics, log_y, strict=True)]
    x_range, y_range = _range_of(log_x, drawable), _range_of(log_y, drawable)
    tops = [float(one.label_entropy_K[one.alive_K & one.label_entropy_defined_K].max(initial=0)) for one in statistics]
    top_entropy = max(tops, default=0.0)
    numbers: dict[str, int] = {}
    for one in statistics:
        for name in one.label_names:
            numbers.setdefault(name, len(numbers))
    steps = []
    for one, frequency, x, y, drawn in zip(statistics, frequencies, log_x, log_y, drawable, strict=True):
        latent = np.flatnonzero(drawn)
        x_N, y_N = _placed(x[latent], x_range), _placed(y[latent], y_range)
        kept = _thinned(x_N, y_N, max_drawn)
        latent, x_N, y_N = latent[kept], x_N[kept], y_N[kept]
        entropy = np.clip(np.round(one.label_entropy_K[latent] / (top_entropy or 1) * (UNDEFINED_ENTROPY - 1)), 0, UNDEFINED_ENTROPY - 1)
        number_of = np.array([0, *(numbers[name] + 1 for name in one.label_names)])
        steps.append(
            StepScatter(
                n_images=one.n_images,
                n_alive=int(one.alive_K.sum()),
                n_dense=int((one.alive_K & (frequency > dense)).sum()),
                latent_N=latent.astype(np.int32),
                x_N=x_N,
                y_N=y_N,
                entropy_N=np.where(one.label_entropy_defined_K[latent], entropy, UNDEFINED_ENTROPY).astype(np.uint8),
                label_N=number_of[one.top_label_K[latent] + 1].astype(np.uint16),
                label_share_N=np.round(255 * np.clip(one.top_label_share_K[latent], 0, 1)).astype(np.uint8),
            )
        )
    return ScatterOverSteps(x_range, y_range, top_entropy, tuple(numbers), tuple(steps))


def _range_of(values: Sequence[np.ndarray], drawable: Sequence[np.ndarray]) -> tuple[float, float] | None:
    shown = [value[drawn] for value, drawn in zip(values, drawable, strict=True) if drawn.any()]
    return (min(float(one.min()) for one in shown), max(float(one.max()) for one in shown)) if shown else None


def _placed(value: np.ndarray, ends: tuple[float, float] | None) -> np.ndarray:
    """uint16, 0 to 65535 from one end of the range to the other; 0 where the ends meet."""
    low, high = ends or _NO_RANGE
    return np.round((value - low) / ((high - low) or 1) * PLACES).astype(np.uint16)


def _thinned(x_N: np.ndarray, y_N: np.ndarray, max_drawn: int) -> np.ndarray:
    """Places of those that are drawn, ascending."""
    if x_N.size <= max_drawn:
        return np.arange(x_N.size)
    column, row = x_N.astype(np.int64) * _CELLS_X // (PLACES + 1), y_N.astype(np.int64) * _CELLS_Y // (PLACES + 1)
    # Of 16 bits, where a stable sort takes linear time.
    cell = (column * _CELLS_Y + row).astype(np.uint16)
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(cell[order].astype(np.int32), prepend=-1))
    rank = np.empty(x_N.size, np.uint16)
    rank[order] = np.minimum(np.arange(x_N.size) - np.repeat(starts, np.diff(starts, append=x_N.size)), PLACES)
    return np.sort(np.argsort(rank, kind="stable")[:max_drawn])
