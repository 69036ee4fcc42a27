"""Which patches of a picture count: those packed into the language model, in the view that the user looks at."""

from __future__ import annotations

import enum

import numpy as np

from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap


class ViewChoice(str, enum.Enum):
    """What to look at. The same pixel is seen by the base view and by a tile; both count unless one is chosen."""

    BOTH = "both"
    BASE = "base"
    TILES = "tiles"


def packed_patches(image_tokens: ImageTokenMap, view: ViewChoice | str = ViewChoice.BOTH) -> np.ndarray:
    """int64 numbers of the patches that have an image token and lie in the chosen view, ascending.

    Padding patches (no token) and newline tokens (no patch) are never among them.

    Raises:
        ScratchpadError: the picture has no such view.
    """
    view = view_choice(view)
    chosen = image_tokens.patch_token_P >= 0
    if view is ViewChoice.BASE:
        chosen = chosen & (image_tokens.patch_view_P == 0)
    elif view is ViewChoice.TILES:
        chosen = chosen & (image_tokens.patch_view_P > 0)
    patches = np.flatnonzero(chosen)
    if patches.size == 0:
        raise ScratchpadError(
            f"view '{view.value}' was asked for, but no image token of this picture lies in it: choose 'both'."
        )
    return patches


def view_choice(view: ViewChoice | str) -> ViewChoice:
    """``view`` as a ``ViewChoice``; raises ScratchpadError for any other word."""
    try:
        return ViewChoice(view)
    except ValueError:
        raise ScratchpadError(f"view '{view}' is unknown: choose 'both', 'base' or 'tiles'.") from None
