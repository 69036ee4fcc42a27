"""Random maps of heads of a random run: their mean over heads is not what the run recorded, which nothing here asks for."""

from __future__ import annotations

import numpy as np

from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tb_visualscratchpad.wire.head_evidence import HeadAttention, as_shares


def random_head_attention(run: VlmRun, seed: int = 0, *, n_heads: int = 4, n_rows: int = 2, result_id: str | None = None) -> HeadAttention:
    """The first words of the answer, by their producing rows."""
    rng = np.random.default_rng(seed)
    position_T = (run.tokens.indices(Span.OUTPUT)[:n_rows] - 1).astype(np.int32)
    shape = (len(run.attention.layers), n_heads, position_T.size, run.image_tokens.n_tokens)
    raw = rng.gamma(0.3, 1.0, shape) + 1e-6
    raw *= rng.uniform(0.05, 0.9, shape[:3])[..., None] / raw.sum(axis=-1, keepdims=True)
    share, row_scale = as_shares(raw.astype(np.float32))
    return HeadAttention(
        result_id=result_id or f"heads-{seed}", name=f"heads {seed} größe", created=1_700_002_000.0 + seed, dictionary=run.dictionary,
        prompt=run.prompt, original_run_id=run.run_id, differs_from_logged="", query_position_T=position_T, layers=run.attention.layers,
        share_LHTI=share, row_scale_LHT=row_scale, difference=1e-6,
    )
