"""Which label a patch shows.

Shape suffixes: ``P`` patches of all views, ``H`` and ``W`` pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tb_visualscratchpad.exporter.truth.labelled_pictures import LabelledPicture
from tb_visualscratchpad.wire.evidence import ImageTokenMap

ON_LABEL = 0.5
"""A patch shows a label that covers at least this share of it."""
ON_BACKGROUND = 0.98
"""A patch shows a background that covers at least this share of it."""


def coverage_P(mask_HW: np.ndarray, image_tokens: ImageTokenMap) -> np.ndarray:
    """float64 [P], 0 to 1: the share of each patch's rectangle that a mask over the picture covers; 0 in the padding."""
    corner = np.zeros((mask_HW.shape[0] + 1, mask_HW.shape[1] + 1))
    corner[1:, 1:] = mask_HW.cumsum(0).cumsum(1)
    x0, y0, x1, y1 = np.round(image_tokens.patch_box_P4).astype(int).T
    covered = corner[y1, x1] - corner[y0, x1] - corner[y1, x0] + corner[y0, x0]
    return covered / np.maximum((x1 - x0) * (y1 - y0), 1)


def patches_of_label(shown: LabelledPicture, label: str, image_tokens: ImageTokenMap) -> np.ndarray:
    """bool [P]: packed patches that show ``label``, in every view."""
    least = ON_BACKGROUND if label in shown.backgrounds else ON_LABEL
    return (coverage_P(shown.masks[label], image_tokens) >= least) & (image_tokens.patch_token_P >= 0)


def label_of_patches(shown: LabelledPicture, labels: Sequence[str], image_tokens: ImageTokenMap) -> np.ndarray:
    """int64 [P] into ``labels``: what a packed patch shows, -1 for none (a rim, the padding). Backgrounds give way to the rest."""
    label_P = np.full(image_tokens.n_patches, -1)
    for label in sorted(shown.masks, key=lambda label: (label not in shown.backgrounds, label)):
        label_P[patches_of_label(shown, label, image_tokens)] = labels.index(label)
    return label_P
