"""How the labels of a latent's references are spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelSpread:
    """Per latent: entropy in nats (float32) where it is defined (bool), and the strongest label with its share."""

    entropy_K: np.ndarray
    defined_K: np.ndarray
    top_label_K: np.ndarray
    top_share_K: np.ndarray


def label_spread(plain_mean_KR: np.ndarray, label_KR: np.ndarray) -> LabelSpread:
    """Entropy H = -sum_c p_c ln p_c, with p_c the share of label c in the sum of plain means over the references.

    Args:
        plain_mean_KR: >= 0, 0 where there are fewer references than R.
        label_KR: -1 where there is no reference or it has no label.

    Returns:
        Entropy is defined where all R references exist and are labelled. The top label is that with the largest share
        (of equals the lowest number), -1 with share 0 where no reference is labelled.
    """
    weight = plain_mean_KR.astype(np.float64)
    labelled = label_KR >= 0
    total = weight.sum(axis=1, keepdims=True)
    p_KR = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    n_references = label_KR.shape[1]
    share_KR = np.zeros_like(p_KR)
    for r in range(n_references):
        share_KR += p_KR[:, r : r + 1] * (label_KR[:, r : r + 1] == label_KR)
    share_KR = np.where(labelled, share_KR, 0.0)
    # Summed over references instead of labels: each carries its part p of its label's term.
    log_share = np.log(share_KR, out=np.zeros_like(share_KR), where=share_KR > 0)
    defined = labelled.all(axis=1) & (weight > 0).all(axis=1)
    entropy = np.where(defined, np.maximum(-(p_KR * log_share).sum(axis=1), 0.0), 0.0)

    top_share = share_KR.max(axis=1)
    best = labelled & (share_KR >= top_share[:, None] * (1 - 1e-12))
    top_label = np.where(best, label_KR, np.iinfo(np.int32).max).min(axis=1)
    top_label = np.where(best.any(axis=1) & (top_share > 0), top_label, -1)
    return LabelSpread(
        entropy_K=entropy.astype(np.float32),
        defined_K=defined,
        top_label_K=top_label.astype(np.int32),
        top_share_K=top_share.astype(np.float32),
    )
