"""Attention head by head of a few words of a logged run: its tokens are read again, teacher-forced, in one pass.

Only the queries of the wanted rows are kept (see :mod:`tb_visualscratchpad.exporter.attention`). Beside the model and the cache of
one prompt with its answer, memory holds 2 bytes for each layer, head, row and image token: 60 MB for 40 layers of 32 heads,
8 rows and 2,928 image tokens.

Shape suffixes: ``L`` layers, ``H`` heads, ``T`` rows, ``I`` image tokens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.attention import recording_queries
from tb_visualscratchpad.exporter.explain import new_id
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress
from tb_visualscratchpad.exporter.out_of_memory import memory_in_a_sentence
from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.views.token_rows import Sight, row_choice, row_of_token, text_token
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import RowChoice, Span, VlmRun
from tb_visualscratchpad.wire.head_evidence import MAX_TOKENS, HeadAttention, as_shares

MAX_DIFFERENCE = 0.1
"""Half precision, another device or another order of summing move a percent or two of a row's attention; another model, most."""


def wanted_positions(run: VlmRun, tokens: Sequence[int], row: RowChoice | str = RowChoice.PRODUCING) -> list[int]:
    """The sequence positions whose rows stand for some text tokens, ascending, each once.

    Raises:
        ScratchpadError: no token or more than ``MAX_TOKENS``, no such token, or one whose row cannot be made.
    """
    if not 1 <= len(set(tokens)) <= MAX_TOKENS:
        raise ScratchpadError(f"{len(set(tokens))} tokens were given, maps of heads are made of 1 to {MAX_TOKENS} at a time: choose so many.")
    choice = row_choice(row)
    found = set()
    for index in tokens:
        chosen = row_of_token(run, text_token(run, index), choice)
        if chosen.sight is not Sight.SEES:
            raise ScratchpadError(f"{chosen.reason} Choose another token.")
        found.add(chosen.position)
    return sorted(found)


def head_attention(
    asked: AskedPicture,
    run: VlmRun,
    tokens: Sequence[int],
    *,
    row: RowChoice | str = RowChoice.PRODUCING,
    name: str | None = None,
    progress: JobProgress = NoProgress(),
) -> HeadAttention:
    """The attention of every layer and head for some words of a logged run, under the run's own steering.

    The mean over heads must be what the run recorded; it is compared before anything is given back.

    Args:
        asked: the run's picture, prompt and system text, read by the model that answered.
        run: the logged run.
        tokens: indices of text tokens in the whole sequence, at most ``MAX_TOKENS``.
        row: whose attention stands for a token of the answer.
        name: what the tab calls it; by default the words.

    Raises:
        ScratchpadError: as ``wanted_positions``; the model splits the prompt into other tokens than the run has, has other layers,
            or attends otherwise: it is not the run's; too little memory.
        Cancelled: ``progress`` says so.
    """
    position_T = wanted_positions(run, tokens, row)
    token_ids = _same_tokens(asked, run)
    progress.stage("heads", 0, 1)
    progress.check()
    n_all = len(token_ids)
    with memory_in_a_sentence(asked.vlm.device, n_all), torch.no_grad():
        features = None if run.steering is None else asked.edit(SteeringSpec.from_json(run.steering)).features()
        read = asked.embeddings(features)
        answer = torch.tensor([token_ids[asked.n_prompt :]], device=asked.input_ids.device, dtype=torch.long)
        if answer.numel():
            said = asked.vlm.text_model.get_input_embeddings()(answer)
            read = torch.cat([read, said.to(device=read.device, dtype=read.dtype)], dim=1)
        with recording_queries(asked.vlm.text_model, n_all, position_T) as recorder:
            cache = asked.prefill_whole(read, asked.new_cache(n_all - asked.n_prompt)).cache
        columns = run.tokens.indices(Span.IMAGE).tolist()
        n_heads, n_layers = int(asked.vlm.text_model.config.num_attention_heads), recorder.n_layers
        # one array from the start: this is what the memory is for
        share_LHTI = np.empty((n_layers, n_heads, len(position_T), len(columns)), dtype=np.float16)
        scale_LHT = np.empty(share_LHTI.shape[:3], dtype=np.float32)
        mean_TI = np.zeros(share_LHTI.shape[2:])
        for number, weights in enumerate(recorder.attend_by_head(cache, columns=columns, rows=position_T)):
            progress.stage("heads", number, n_layers)
            progress.check()
            weights_HTI = weights.numpy()
            share_LHTI[number], scale_LHT[number] = as_shares(weights_HTI)
            mean_TI += weights_HTI.mean(axis=0, dtype=np.float64) / n_layers
    difference = _difference(run, position_T, n_layers, mean_TI)
    if not difference <= MAX_DIFFERENCE:
        why = "" if run.exact_picture is not None else " Its picture was logged compressed only, which may be why, too."
        raise ScratchpadError(
            f"The model in the worker is not the one of this run: over its heads it attends otherwise than was recorded, by {difference:.0%} of a "
            f"row (up to {MAX_DIFFERENCE:.0%} is taken for rounding).{why} Start a worker with the run's own model."
        )
    progress.stage("heads", n_layers, n_layers)
    words = [run.tokens[index].text.strip() for index in dict.fromkeys(tokens)]
    return HeadAttention(
        result_id=new_id(),
        name=name or f"heads of {', '.join(words)}",
        created=time.time(),
        dictionary=run.dictionary,
        prompt=run.prompt,
        original_run_id=run.run_id,
        differs_from_logged="",
        query_position_T=np.array(position_T, dtype=np.int32),
        layers=run.attention.layers,
        share_LHTI=share_LHTI,
        row_scale_LHT=scale_LHT,
        difference=difference,
    )


def _same_tokens(asked: AskedPicture, run: VlmRun) -> list[int]:
    """Ids of the whole sequence of the run; raises ScratchpadError where the model splits prompt and picture otherwise."""
    logged = [(token.token_id, token.span is Span.IMAGE) for token in run.tokens]
    here = [(token.token_id, token.span is Span.IMAGE) for token in asked.prepared.tokens]
    if here != logged[: run.tokens.n_prompt]:
        raise ScratchpadError(
            f"The model in the worker is not the one of this run: it reads the prompt as {len(here)} tokens, which are not the "
            f"{run.tokens.n_prompt} that were logged. Start a worker with the run's own model."
        )
    return [token_id for token_id, _ in logged]


def _difference(run: VlmRun, position_T: Sequence[int], n_layers: int, mean_TI: np.ndarray) -> float:
    """As ``HeadAttention.difference``."""
    recorded = run.attention
    if n_layers != len(recorded.layers):
        raise ScratchpadError(
            f"The model in the worker is not the one of this run: it has {n_layers} layers, {len(recorded.layers)} were recorded. "
            "Start a worker with the run's own model."
        )
    rows = np.searchsorted(recorded.query_position_T, position_T)
    expected_TI = recorded.mean_TI[rows].astype(np.float64)
    apart_T, total_T = np.abs(mean_TI - expected_TI).sum(axis=-1), expected_TI.sum(axis=-1)
    return float((apart_T / np.where(total_T > 0, total_T, 1)).max())
