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
        mass_on_sinks: sum over the sinks of the view, whether they count elsewhere or not; None as above, and where sinks were
            not given.
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
    mass_on_sinks: float | None = None


@dataclass(frozen=True)
class JointAttention:
    """Attention of several text tokens, each row as it is, averaged: no row is divided by anything first.

    Attributes:
        maps: one per token, in the order that was asked for.
        attention_P: float32 [P], the mean over the tokens whose map is defined; zero where none is.
        n_averaged: how many these are.
        mass_on_picture, mass_on_newlines, mass_on_sinks, mass_by_layer_L: their means, None where no map is defined or, of the
            last two, where they are not at hand.
    """

    maps: tuple[AttentionMap, ...]
    attention_P: np.ndarray
    n_averaged: int
    mass_on_picture: float | None
    mass_on_newlines: float | None
    mass_on_sinks: float | None
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
    sink_P: np.ndarray | None = None,
    without_sinks: bool = False,
) -> AttentionMap:
    """The attention of one text token per patch, with its masses.

    Args:
        sink_P: bool [P], the run's sinks (``find_sinks``).
        without_sinks: the map and every mass but ``mass_on_sinks`` leave them out.

    Raises:
        ScratchpadError: no such text token, layer or view.
    """
    chosen = row_of_token(run, text_token(run, token_index), row)
    patches = packed_patches(run.image_tokens, view)
    sinks = patches[:0] if sink_P is None else patches[sink_P[patches]]
    if without_sinks and sink_P is not None:
        patches = patches[~sink_P[patches]]
    columns = run.image_tokens.patch_token_P[patches]
    attention_P = np.zeros(run.image_tokens.n_patches, dtype=np.float32)
    sees = chosen.sight is not Sight.BEFORE_IMAGE
    if chosen.row is None:
        attention_rows(run.attention, [], layers)  # unknown layers are refused all the same
        mass = None if sees else 0.0
        on_sinks = None if sink_P is None else mass
        return AttentionMap(token_index, chosen.position, False, sees, chosen.reason, attention_P, mass, mass, None, on_sinks)

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
        mass_on_sinks=None if sink_P is None else float(row_I[run.image_tokens.patch_token_P[sinks]].sum()),
    )


def joint_attention(
    run: VlmRun,
    tokens: Sequence[int],
    *,
    layers: Sequence[int] | None = None,
    row: RowChoice | str = RowChoice.PRODUCING,
    view: ViewChoice | str = ViewChoice.BOTH,
    sink_P: np.ndarray | None = None,
    without_sinks: bool = False,
) -> JointAttention:
    """The maps of several text tokens and their mean; arguments and errors as ``attention_map``."""
    maps = tuple(
        attention_map(run, token, layers=layers, row=row, view=view, sink_P=sink_P, without_sinks=without_sinks) for token in tokens
    )
    seen = [one for one in maps if one.defined]

    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    by_layer = [one.mass_by_layer_L for one in seen if one.mass_by_layer_L is not None]
    return JointAttention(
        maps=maps,
        attention_P=np.mean([one.attention_P for one in seen], axis=0, dtype=np.float64).astype(np.float32)
        if seen
        else np.zeros(run.image_tokens.n_patches, dtype=np.float32),
        n_averaged=len(seen),
        mass_on_picture=mean([one.mass_on_picture for one in seen]),
        mass_on_newlines=mean([one.mass_on_newlines for one in seen]),
        mass_on_sinks=mean([one.mass_on_sinks for one in seen]),
        mass_by_layer_L=np.mean(by_layer, axis=0) if by_layer else None,
    )


def attention_masses(
    run: VlmRun,
    *,
    layers: Sequence[int] | None = None,
    row: RowChoice | str = RowChoice.PRODUCING,
    without_P: np.ndarray | None = None,
) -> AttentionMasses:
    """The mass on the picture of every text token.

    Args:
        without_P: bool [P], patches that do not count.

    Raises:
        ScratchpadError: no such layer.
    """
    rows = text_token_rows(run, row)
    patch_I = run.image_tokens.token_patch_I
    counts_I = patch_I >= 0
    if without_P is not None:
        counts_I = counts_I & ~without_P[patch_I]
    columns = np.flatnonzero(counts_I)
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
