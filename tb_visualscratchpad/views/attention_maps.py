"""Where on the picture a token looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.views.patches import ViewChoice, packed_patches
from tb_visualscratchpad.views.token_rows import Sight, attention_rows, row_of_token, text_token, text_token_rows
from tb_visualscratchpad.wire.evidence import RowChoice, VlmRun


@dataclass(frozen=True)
class AttentionMap:
    """Attention of one text token to the patches of the picture.

    Attributes:
        position: the sequence position whose row this is.
        defined: the row is there and can see the image.
        sees_image: False for a position before the image; its masses are zero.
        reason: why it is not defined, a sentence; None when it is.
        attention_P: float32 [P], zero on patches that are not packed or not in the view, and where not defined.
        mass_on_picture: sum over the packed patches of the view, 0...1; None where the row is undefined.
        mass_on_newlines: sum over the newline tokens, which no other figure includes; None as above.
        mass_by_layer_L: ``mass_on_picture`` for every recorded layer, whatever layers were chosen; None where single
            layers are not at hand or the row is undefined.
    """

    token: int
    position: int
    defined: bool
    sees_image: bool
    reason: str | None
    attention_P: np.ndarray
    mass_on_picture: float | None
    mass_on_newlines: float | None
    mass_by_layer_L: np.ndarray | None


@dataclass(frozen=True)
class AttentionMasses:
    """How much of its attention each text token spends on the picture, newlines left out.

    Attributes:
        token_T: int64 indices of all text tokens.
        mass_T: float64, 0...1, both views; NaN where the row is undefined, 0 where the token cannot see the image.
        sees_image_T: bool.
    """

    token_T: np.ndarray
    mass_T: np.ndarray
    sees_image_T: np.ndarray


def attention_map(
    run: VlmRun,
    token_index: int,
    *,
    layers: Sequence[int] | None = None,
    row: RowChoice | str = RowChoice.PRODUCING,
    view: ViewChoice | str = ViewChoice.BOTH,
) -> AttentionMap:
    """The attention of one text token per patch, with its masses.

    Raises:
        ScratchpadError: no such text token, layer or view.
    """
    chosen = row_of_token(run, text_token(run, token_index), row)
    patches = packed_patches(run.image_tokens, view)
    columns = run.image_tokens.patch_token_P[patches]
    attention_P = np.zeros(run.image_tokens.n_patches, dtype=np.float32)
    sees = chosen.sight is not Sight.BEFORE_IMAGE
    if chosen.row is None:
        attention_rows(run.attention, [], layers)  # unknown layers are refused all the same
        mass = None if sees else 0.0
        return AttentionMap(token_index, chosen.position, False, sees, chosen.reason, attention_P, mass, mass, None)

    row_I = attention_rows(run.attention, [chosen.row], layers)[0]
    attention_P[patches] = row_I[columns]
    newlines = run.image_tokens.token_patch_I < 0
    by_layer = None
    if run.attention.per_layer_LTI is not None:
        per_layer_LI = np.asarray(run.attention.per_layer_LTI[:, chosen.row], dtype=np.float64)
        by_layer = per_layer_LI[:, columns].sum(axis=1)
    return AttentionMap(
        token=token_index,
        position=chosen.position,
        defined=True,
        sees_image=True,
        reason=None,
        attention_P=attention_P,
        mass_on_picture=float(row_I[columns].sum()),
        mass_on_newlines=float(row_I[newlines].sum()),
        mass_by_layer_L=by_layer,
    )


def attention_masses(
    run: VlmRun, *, layers: Sequence[int] | None = None, row: RowChoice | str = RowChoice.PRODUCING
) -> AttentionMasses:
    """The mass on the picture of every text token.

    Raises:
        ScratchpadError: no such layer.
    """
    rows = text_token_rows(run, row)
    columns = np.flatnonzero(run.image_tokens.token_patch_I >= 0)
    mass_T = np.array([0.0 if one.sight is Sight.BEFORE_IMAGE else np.nan for one in rows])
    seeing = [i for i, one in enumerate(rows) if one.sight is Sight.SEES]
    if seeing:
        attention_RI = attention_rows(run.attention, [rows[i].row for i in seeing], layers)
        mass_T[seeing] = attention_RI[:, columns].sum(axis=1)
    return AttentionMasses(
        token_T=np.array([one.token.index for one in rows], dtype=np.int64),
        mass_T=mass_T,
        sees_image_T=np.array([one.sight is not Sight.BEFORE_IMAGE for one in rows], dtype=bool),
    )
