"""The definitions spelt out as loops over dense arrays: slow, and independent of the views."""

from __future__ import annotations

import math

import numpy as np

from tb_visualscratchpad.wire.evidence import Span, VlmRun


def dense_latents(run: VlmRun) -> np.ndarray:
    """float64 [P, K]"""
    z = np.zeros((run.latents.n_patches, run.latents.n_latents))
    for patch in range(run.latents.n_patches):
        for n in range(run.latents.indptr_P[patch], run.latents.indptr_P[patch + 1]):
            z[patch, run.latents.latent_N[n]] = run.latents.value_N[n]
    return z


def patches_in_view(run: VlmRun, view: str) -> list[int]:
    per_view = run.image_tokens.grid**2
    found = []
    for patch in range(run.image_tokens.n_patches):
        base = patch < per_view
        if run.image_tokens.patch_token_P[patch] >= 0 and (view == "both" or base == (view == "base")):
            found.append(patch)
    return found


def attention_row(run: VlmRun, token_index: int, row: str, layers: list[int] | None) -> np.ndarray | None:
    """float64 [I], None where undefined; zeros before the image."""
    token = run.tokens[token_index]
    position = token_index - 1 if token.span is Span.OUTPUT and row == "producing" else token_index
    first_image = min(one.index for one in run.tokens if one.span is Span.IMAGE)
    if position < first_image:
        return np.zeros(run.image_tokens.n_tokens)
    for number, recorded in enumerate(run.attention.query_position_T):
        if recorded == position:
            if layers is None:
                return run.attention.mean_TI[number].astype(np.float64)
            total = np.zeros(run.image_tokens.n_tokens)
            for layer in layers:
                total += run.attention.per_layer_LTI[run.attention.layers.index(layer), number]
            return total / len(layers)
    return None


def dense_plain(run: VlmRun, view: str) -> np.ndarray:
    patches, z = patches_in_view(run, view), dense_latents(run)
    total = np.zeros(z.shape[1])
    for patch in patches:
        total += z[patch]
    return total / len(patches)


def dense_weighted(
    run: VlmRun, token_index: int, row: str = "producing", view: str = "both", layers: list[int] | None = None
) -> np.ndarray | None:
    """float64 [K], None where undefined."""
    attention = attention_row(run, token_index, row, layers)
    if attention is None:
        return None
    z, numerator, denominator = dense_latents(run), np.zeros(run.latents.n_latents), 0.0
    for patch in patches_in_view(run, view):
        weight = attention[run.image_tokens.patch_token_P[patch]]
        numerator += weight * z[patch]
        denominator += weight
    return numerator / denominator if denominator > 0 else None


def correlation_distance(x: np.ndarray, y: np.ndarray) -> float:
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    scale = math.sqrt(sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y))
    return 1 - covariance / scale
