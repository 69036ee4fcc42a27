"""The interval of a share."""

from __future__ import annotations

from scipy import stats


def wilson_interval(hits: float, total: int) -> tuple[float, float]:
    """E. B. Wilson's score interval at 95 % (J. Am. Stat. Assoc. 22, 1927) for ``hits`` of ``total``, at least 1.

    It stays within 0...1, and says something for 0 of a few.

    Args:
        hits: from 0 to ``total``; not whole where an observation is a share itself.
    """
    z = float(stats.norm.ppf(0.975))
    share = hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * (share * (1 - share) / total + z * z / (4 * total * total)) ** 0.5
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))  # rounding may pass the share
