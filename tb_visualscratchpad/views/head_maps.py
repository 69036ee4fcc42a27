"""Where each head of a layer looked: small maps for an overview, and one head's attention patch by patch.

Shape suffixes: ``L`` layers, ``H`` heads, ``I`` image tokens, ``P`` patches, ``p`` those that count, ``Y``, ``X`` cells of a small map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tb_visualscratchpad.views.patches import ViewChoice, packed_patches
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap, VlmRun
from tb_visualscratchpad.wire.head_evidence import HeadAttention

LONG_SIDE = 24
"""Cells along the longer side of a small map."""

N_NAMED = 5
"""So many heads are named as the first by a measure."""


@dataclass(frozen=True)
class HeadMaps:
    """All heads at one position.

    Attributes:
        layers: numbers of the text model's layers, axis L.
        map_LHYX: uint8, attention per area over the head's peak, 0...255.
        peak_LH: float32, the largest cell: attention per area, as a multiple of all of the word's attention spread evenly over
            the picture.
        mass_LH, newline_LH, sink_LH: float32, attention on the patches that count, on newlines, on the sinks of the view.
        effective_LH: float32, over how many patches the head spreads: exp of the entropy of its attention among those that
            count, 1 for a single one; 0 where it has none.
        most: (layer, head) of those with the largest mass, the largest first, at most ``N_NAMED``.
        localised: (layer, head) of those with the smallest ``effective_LH`` among the half with the larger mass, the smallest first.
    """

    layers: tuple[int, ...]
    map_LHYX: np.ndarray
    peak_LH: np.ndarray
    mass_LH: np.ndarray
    newline_LH: np.ndarray
    sink_LH: np.ndarray
    effective_LH: np.ndarray
    most: tuple[tuple[int, int], ...]
    localised: tuple[tuple[int, int], ...]


def head_maps(
    run: VlmRun,
    heads: HeadAttention,
    position: int,
    *,
    view: ViewChoice | str = ViewChoice.BOTH,
    sink_P: np.ndarray | None = None,
    without_sinks: bool = False,
) -> HeadMaps:
    """The overview of one position.

    Args:
        sink_P: bool [P], the run's sinks; ``without_sinks`` leaves them out of everything but ``sink_LH``.

    Raises:
        ScratchpadError: the maps are not of this run, or not of this position; no such view.
    """
    row = _row(run, heads, position)
    patches, sinks = _counting(run, view, sink_P, without_sinks)
    token_P = run.image_tokens.patch_token_P
    attention_LHI = heads.row_LHI(row)
    attention_LHp = attention_LHI[:, :, token_P[patches]]
    mass_LH = attention_LHp.sum(axis=-1, dtype=np.float64)
    share_LHp = attention_LHp / np.where(mass_LH > 0, mass_LH, 1)[..., None]
    entropy_LH = -(share_LHp * np.log(np.where(share_LHp > 0, share_LHp, 1))).sum(axis=-1)
    effective_LH = np.where(mass_LH > 0, np.exp(entropy_LH), 0)
    n_y, n_x = cells_of(run.image_tokens)
    flat = attention_LHp.reshape(-1, patches.size).astype(np.float64) @ cover_matrix(run.image_tokens, patches).T
    density_LHYX = np.asarray(flat).reshape(*mass_LH.shape, n_y, n_x)
    peak_LH = density_LHYX.max(axis=(2, 3))
    return HeadMaps(
        layers=heads.layers,
        map_LHYX=np.rint(255 * density_LHYX / np.where(peak_LH > 0, peak_LH, 1)[..., None, None]).astype(np.uint8),
        peak_LH=peak_LH.astype(np.float32),
        mass_LH=mass_LH.astype(np.float32),
        newline_LH=attention_LHI[:, :, run.image_tokens.token_patch_I < 0].sum(axis=-1),
        sink_LH=attention_LHI[:, :, token_P[sinks]].sum(axis=-1),
        effective_LH=effective_LH.astype(np.float32),
        most=_first(heads.layers, -mass_LH, np.ones(mass_LH.shape, dtype=bool)),
        localised=_first(heads.layers, effective_LH, (mass_LH >= np.median(mass_LH)) & (mass_LH > 0)),
    )


@dataclass(frozen=True)
class HeadMap:
    """One head at one position; fields as of ``AttentionMap``."""

    attention_P: np.ndarray
    mass_on_picture: float
    mass_on_newlines: float
    mass_on_sinks: float


def head_map(
    run: VlmRun,
    heads: HeadAttention,
    position: int,
    layer: int,
    head: int,
    *,
    view: ViewChoice | str = ViewChoice.BOTH,
    sink_P: np.ndarray | None = None,
    without_sinks: bool = False,
) -> HeadMap:
    """One head's attention per patch; arguments and errors as ``head_maps``, and ScratchpadError for no such layer or head."""
    row = _row(run, heads, position)
    if layer not in heads.layers:
        raise ScratchpadError(f"layer {layer} was asked for, the model has {heads.layers[0]} to {heads.layers[-1]}: choose one of them.")
    if not 0 <= head < heads.n_heads:
        raise ScratchpadError(f"head {head} was asked for, a layer has 0 to {heads.n_heads - 1}: choose one of them.")
    patches, sinks = _counting(run, view, sink_P, without_sinks)
    token_P = run.image_tokens.patch_token_P
    attention_I = heads.head_I(layer, head, row)
    attention_P = np.zeros(run.image_tokens.n_patches, dtype=np.float32)
    attention_P[patches] = attention_I[token_P[patches]]
    return HeadMap(
        attention_P=attention_P,
        mass_on_picture=float(attention_P.sum(dtype=np.float64)),
        mass_on_newlines=float(attention_I[run.image_tokens.token_patch_I < 0].sum()),
        mass_on_sinks=float(attention_I[token_P[sinks]].sum()),
    )


def cells_of(image_tokens: ImageTokenMap) -> tuple[int, int]:
    """Rows and columns of a small map."""
    scale = LONG_SIDE / max(image_tokens.width, image_tokens.height)
    return max(1, round(image_tokens.height * scale)), max(1, round(image_tokens.width * scale))


def cover_matrix(image_tokens: ImageTokenMap, patches: np.ndarray) -> sparse.csr_matrix:
    """float64 [Y * X, p]: what attention 1 on a patch adds to each cell, as a multiple of 1 spread evenly over the picture.

    A patch's attention is spread evenly over its rectangle; a cell takes the mean over its area.
    """
    n_y, n_x = cells_of(image_tokens)
    box_p4 = image_tokens.patch_box_P4[patches].astype(np.float64)
    x_pX = _overlap(box_p4[:, 0], box_p4[:, 2], image_tokens.width, n_x)
    y_pY = _overlap(box_p4[:, 1], box_p4[:, 3], image_tokens.height, n_y)
    area_p = (box_p4[:, 2] - box_p4[:, 0]) * (box_p4[:, 3] - box_p4[:, 1])
    cell = (image_tokens.width / n_x) * (image_tokens.height / n_y)
    scale_p = np.where(area_p > 0, image_tokens.width * image_tokens.height / np.where(area_p > 0, area_p, 1) / cell, 0)
    cover_pYX = y_pY[:, :, None] * x_pX[:, None, :] * scale_p[:, None, None]
    return sparse.csr_matrix(cover_pYX.reshape(patches.size, -1).T)


def _overlap(low_p: np.ndarray, high_p: np.ndarray, size: float, n: int) -> np.ndarray:
    """float64 [p, n]: how much of each of ``n`` equal parts of 0...size each interval covers, in pixels."""
    edges = np.linspace(0, size, n + 1)
    inside = np.minimum(high_p[:, None], edges[None, 1:]) - np.maximum(low_p[:, None], edges[None, :-1])
    return np.maximum(inside, 0)


def _row(run: VlmRun, heads: HeadAttention, position: int) -> int:
    if heads.original_run_id != run.run_id or heads.n_image_tokens != run.image_tokens.n_tokens:
        raise ScratchpadError(f"The maps of heads '{heads.name}' are not of run '{run.name}': choose those that were made of it.")
    row = heads.row_of(position)
    if row is None:
        held = ", ".join(map(str, heads.query_position_T.tolist()))
        raise ScratchpadError(f"Position {position} was asked for, '{heads.name}' has maps of the positions {held}: choose one of them, or record its heads.")
    return row


def _counting(
    run: VlmRun, view: ViewChoice | str, sink_P: np.ndarray | None, without_sinks: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The patches that count, and the sinks of the view."""
    patches = packed_patches(run.image_tokens, view)
    sinks = patches[:0] if sink_P is None else patches[sink_P[patches]]
    return (patches[~sink_P[patches]] if without_sinks and sink_P is not None else patches), sinks


def _first(layers: tuple[int, ...], value_LH: np.ndarray, among_LH: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Those with the smallest values; ties by layer and head."""
    flat = np.where(among_LH, value_LH, np.inf).ravel()
    order = np.argsort(flat, kind="stable")[: min(N_NAMED, int(among_LH.sum()))]
    n_heads = value_LH.shape[1]
    return tuple((layers[int(at) // n_heads], int(at) % n_heads) for at in order)
