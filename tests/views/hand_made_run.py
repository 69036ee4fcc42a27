"""Runs whose every number is chosen: to say by hand what a view must show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.evidence import (
    DictionaryInfo,
    ImageTokenMap,
    LatentActivations,
    Span,
    Token,
    TokenAttention,
    TokenSequence,
    VlmRun,
)


def hand_made_run(latents_PK: np.ndarray, attention_TP: np.ndarray, words: tuple[str, ...] | None = None) -> VlmRun:
    """A base view of n x n patches, one system token, the image, one input token, then ``words``, one per row.

    Row t of ``attention_TP`` produced word t. The last word has no row of its own. C[t] is then the mean of z weighted by
    row t; with one-hot rows C[t] = z of one patch, so any matrix C can be asked for.
    """
    n_patches, n_latents = latents_PK.shape
    grid = int(round(n_patches**0.5))
    assert grid * grid == n_patches
    n_rows = attention_TP.shape[0]
    words = words or tuple(f"word{t}" for t in range(n_rows))
    spans = [Span.SYSTEM] + [Span.IMAGE] * n_patches + [Span.INPUT] + [Span.OUTPUT] * n_rows
    texts = ["<s>"] + ["<image>"] * n_patches + ["look"] + list(words)
    corner = np.array([[x, y, x + 1, y + 1] for y in range(grid) for x in range(grid)], dtype=np.float32)
    numbers = np.arange(n_patches, dtype=np.int32)
    return VlmRun(
        run_id="hand-made",
        name="hand made",
        created=0.0,
        dictionary=DictionaryInfo("hand-made", "hand made", "vlm", "sae", "hook", 4, n_latents, "relu"),
        prompt="look",
        output_text=" ".join(words),
        truncated=False,
        tokens=TokenSequence(tuple(Token(i, i, text, span) for i, (span, text) in enumerate(zip(spans, texts, strict=True)))),
        attention=TokenAttention(
            query_position_T=np.arange(1 + n_patches, 1 + n_patches + n_rows, dtype=np.int32),
            layers=(0,),
            mean_TI=attention_TP.astype(np.float32),
        ),
        image_tokens=ImageTokenMap(grid, grid, grid, 0, 0, corner, numbers, numbers, np.zeros_like(numbers)),
        latents=LatentActivations.from_csr(sparse.csr_matrix(latents_PK.astype(np.float32))),
    )


def run_with_matrix(weighted_TC: np.ndarray, words: tuple[str, ...] | None = None) -> VlmRun:
    """A run whose C is this matrix: token t looks at patch t alone."""
    n_tokens, n_latents = weighted_TC.shape
    grid = max(int(np.ceil(n_tokens**0.5)), 1)
    latents = np.zeros((grid**2, n_latents))
    latents[:n_tokens] = weighted_TC
    return hand_made_run(latents, 0.5 * np.eye(n_tokens, grid**2), words)


def hand_made_statistics(
    run: VlmRun,
    *,
    n_images_firing: list[int],
    mean: list[float],
    labels: tuple[str, ...] = (),
    top_label: list[int] | None = None,
    top_label_share: list[float] | None = None,
    n_images: int = 100,
) -> LatentStatistics:
    """Every firing image has one firing patch; zero images is a dead latent."""
    firing = np.array(n_images_firing, dtype=np.int64)
    n_latents = firing.size
    return LatentStatistics(
        dictionary=replace(run.dictionary),
        image_set_id="images",
        n_images=n_images,
        n_patches=n_images * 4,
        n_images_firing_K=firing,
        n_patches_firing_K=firing,
        activation_sum_K=np.array(mean, dtype=np.float64) * firing,
        label_names=labels,
        label_entropy_K=np.zeros(n_latents, np.float32),
        label_entropy_defined_K=np.zeros(n_latents, bool),
        top_label_K=np.array(top_label or [-1] * n_latents, dtype=np.int32),
        top_label_share_K=np.array(top_label_share or [0.0] * n_latents, dtype=np.float32),
    )
