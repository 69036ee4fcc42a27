"""Figures that say how good a bundle is, and their spread over pictures.

Shape suffixes: ``N`` pictures, ``R`` resamples, ``K`` latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class ShareFigure:
    """Sum over pictures of one thing, over the sum of another: a share of answers, or of variance.

    Attributes:
        amount_N, of_N: float64, not negative.
        higher_is_better: the other way round for what is unexplained.
    """

    amount_N: np.ndarray
    of_N: np.ndarray
    higher_is_better: bool = True

    @property
    def n_pictures(self) -> int:
        return len(self.of_N)

    @property
    def n(self) -> float:
        """How much was looked at, e.g. questions asked."""
        return float(self.of_N.sum())

    def values(self, weights_RN: np.ndarray) -> np.ndarray:
        """float64 [R]: the figure where picture n counts as often as the weights say; NaN where nothing was looked at."""
        amount_R, of_R = weights_RN @ self.amount_N, weights_RN @ self.of_N
        return np.divide(amount_R, of_R, out=np.full(len(of_R), np.nan), where=of_R > 0)


@dataclass(frozen=True, eq=False)
class AliveFigure:
    """The share of latents that fire on any picture. Resampled pictures are fewer different ones, so its interval lies low; a
    difference of two is taken on the same resamples.

    Attributes:
        fires_NK: bool.
    """

    fires_NK: np.ndarray
    higher_is_better: bool = True

    @property
    def n_pictures(self) -> int:
        return len(self.fires_NK)

    @property
    def n(self) -> float:
        """Latents."""
        return float(self.fires_NK.shape[1])

    def values(self, weights_RN: np.ndarray) -> np.ndarray:
        """As ``ShareFigure.values``."""
        fires = self.fires_NK.astype(np.float32)
        return np.array([float((weights_N @ fires > 0).mean()) for weights_N in weights_RN.astype(np.float32)])


Figure = ShareFigure | AliveFigure


def present_value(figure: Figure) -> float:
    """Of all pictures, each once; NaN where nothing was looked at."""
    return float(figure.values(np.ones((1, figure.n_pictures)))[0])


def resamples(n_pictures: int, seed: int, n_resamples: int = N_RESAMPLES) -> np.ndarray:
    """float64 [R, N]: how often each picture is drawn when as many are drawn with replacement."""
    rng = np.random.default_rng([seed, n_pictures])
    return rng.multinomial(n_pictures, np.full(n_pictures, 1 / n_pictures), size=n_resamples).astype(float)


def interval(values_R: np.ndarray) -> tuple[float, float]:
    """The middle 95 %. NaN where no resample had anything to look at."""
    if np.isnan(values_R).all():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(values_R, [2.5, 97.5])
    return float(low), float(high)
