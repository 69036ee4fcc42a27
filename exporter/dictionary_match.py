"""The same latents in two dictionaries: those whose decoder rows point the same way."""

from __future__ import annotations

import time

import numpy as np
import torch
from tqdm import tqdm

from tb_visualscratchpad.exporter.nearest_counterparts import nearest_counterparts
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import DictionaryInfo
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch

N_COUNTERPARTS = 5


def match_dictionaries(
    dictionary: DictionaryInfo,
    W_dec: torch.Tensor | np.ndarray,
    other: DictionaryInfo,
    other_W_dec: torch.Tensor | np.ndarray,
    *,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> DictionaryMatch:
    """For each latent of either dictionary the five of the other with the largest cosine of decoder rows.

    Rows are compared as they stand: length does not matter, a row of the opposite direction is no counterpart, a row of zeros has none.

    Args:
        W_dec, other_W_dec: [K, d] and [J, d] decoder rows, in any float type.
        device: where cosines are computed; by default where ``W_dec`` lies.
        progress: a bar on stderr.

    Raises:
        ScratchpadError: both are one dictionary, their widths differ, or rows do not belong to them or are not finite.
    """
    rows, others = _rows(dictionary, W_dec), _rows(other, other_W_dec)
    if dictionary.dictionary_id == other.dictionary_id:
        raise ScratchpadError(
            f"{dictionary.name} was given twice: SAE, model and hook are the same. Give another SAE as the other one."
        )
    if dictionary.d_in != other.d_in:
        raise ScratchpadError(
            f"The decoder rows of {dictionary.name} are {dictionary.d_in} wide, those of {other.name} {other.d_in}: cosines need one width. "
            "Give two SAEs that read features of the same width."
        )
    with tqdm(
        total=dictionary.n_latents * other.n_latents, unit="cosine", unit_scale=True, desc="match", disable=not progress
    ) as bar:
        forward, backward = nearest_counterparts(
            rows, others, N_COUNTERPARTS, device=rows.device if device is None else device, on_tile=bar.update
        )
    return DictionaryMatch(
        dictionary=dictionary,
        other=other,
        created=time.time(),
        forward_latent_Kn=forward.index,
        forward_cosine_Kn=forward.cosine,
        backward_latent_Jn=backward.index,
        backward_cosine_Jn=backward.cosine,
    )


def differences_told(dictionary: DictionaryInfo, other: DictionaryInfo) -> str | None:
    """A sentence where the two read features of different places, whose axes need not mean the same; None where they read the same."""
    if dictionary.vlm_name != other.vlm_name:
        where = f"{dictionary.hook} of {dictionary.vlm_name} and {other.hook} of {other.vlm_name}"
        return f"They read {where}: axes of two models need not mean the same, so cosines may say nothing."
    if dictionary.hook != other.hook:
        where = f"{dictionary.hook} and {other.hook}"
        return f"They read {where}: cosines compare what they write at two places, which is the same only where features are carried on."
    return None


def _rows(dictionary: DictionaryInfo, W_dec: torch.Tensor | np.ndarray) -> torch.Tensor:
    rows = torch.as_tensor(W_dec).detach()
    if tuple(rows.shape) != (dictionary.n_latents, dictionary.d_in):
        raise ScratchpadError(
            f"The decoder is {list(rows.shape)}, the dictionary {dictionary.name} has {dictionary.n_latents} "
            f"latents of width {dictionary.d_in}: give the W_dec of the same SAE."
        )
    if not all(bool(torch.isfinite(part).all()) for part in rows.split(8192)):
        raise ScratchpadError(f"The decoder of {dictionary.name} holds NaN or infinite values: use another checkpoint.")
    return rows
