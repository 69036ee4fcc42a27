"""One picture and one prompt -> a :class:`VlmRun`: the answer, and the evidence for how it came about."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from tb_visualscratchpad.exporter.answer_stream import AnswerStream
from tb_visualscratchpad.exporter.answers import Answer, answer_of
from tb_visualscratchpad.exporter.asked_picture import AskedPicture, Prefilled
from tb_visualscratchpad.exporter.attention import DeferredAttention, recording_queries
from tb_visualscratchpad.exporter.greedy_decoding import decode
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress
from tb_visualscratchpad.exporter.latent_edits import LatentEdit, encode
from tb_visualscratchpad.exporter.out_of_memory import memory_in_a_sentence
from tb_visualscratchpad.exporter.pictures import PictureSource, encode_exactly, encode_picture
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.views import compute_latent_order
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import LatentActivations, Span, TokenAttention, TokenSequence, VlmRun
from tb_visualscratchpad.wire.steering_evidence import Condition


def explain(
    vlm: Vlm,
    sae: SparseAutoencoder,
    image: PictureSource,
    prompt: str,
    steering: SteeringSpec | None = None,
    max_new_tokens: int = 512,
    *,
    hook: str | None = None,
    system: str | None = None,
    name: str | None = None,
    keep_picture: bool = True,
    progress: JobProgress = NoProgress(),
) -> VlmRun:
    """Answers ``prompt`` about ``image`` by greedy decoding and records what the answer rests on.

    Attention is recorded for every text token of the prompt and every output token, per layer (see
    :mod:`tb_visualscratchpad.exporter.attention`); latents for every patch of every view. A steered run records the latents
    re-encoded from what the intervention left, and the attention under it.

    Args:
        hook: where the SAE reads; by default the hook its file names, else what the projector reads.
        system: a system text, where the chat template has a place for one.
        name: what the tab calls the run; by default the prompt.
        keep_picture: False leaves the pixels out of the evidence.
        progress: is told every token (condition ``original`` or ``steered``) and asked whether to go on.

    Raises:
        ScratchpadError: an unreadable picture, a prompt the model cannot be asked, an SAE that does not fit, or too little
            memory.
        Cancelled: ``progress`` says so.
    """
    require_some_tokens(max_new_tokens)
    asked = AskedPicture(vlm, sae, image, prompt, hook=hook, system=system)
    edit = None if steering is None else asked.edit(steering)
    recorded = record_answer(asked, edit, max_new_tokens, progress=progress)
    return run_of(asked, recorded, steering=steering, name=name, keep_picture=keep_picture)


def require_some_tokens(max_new_tokens: int) -> None:
    """Raises ScratchpadError for less than one."""
    if max_new_tokens < 1:
        raise ScratchpadError(f"max_new_tokens is {max_new_tokens}, expected at least 1.")


@dataclass(frozen=True, eq=False)
class RecordedAnswer:
    """An answer with its evidence, and the prompt's cache under which other answers can be weighed (``AskedPicture.along``)."""

    answer: Answer
    max_new_tokens: int
    attention: TokenAttention
    latents: LatentActivations
    prefilled: Prefilled


def record_answer(
    asked: AskedPicture,
    edit: LatentEdit | None,
    max_new_tokens: int,
    *,
    condition: Condition | None = None,
    progress: JobProgress = NoProgress(),
) -> RecordedAnswer:
    """Answers with ``edit`` in place and records attention and latents.

    Args:
        condition: under which ``progress`` is told the tokens; by default steered with an edit, else original.

    Raises:
        ScratchpadError: too little memory.
        Cancelled: ``progress`` says so.
    """
    vlm, tokens = asked.vlm, asked.prepared.tokens
    shown_as = condition or (Condition.ORIGINAL if edit is None else Condition.STEERED)
    stream = AnswerStream(vlm.processor.tokenizer, progress, shown_as.value)
    # The last position produces the first word, even where a template ends with the picture.
    rows = {token.index for token in tokens if token.span is not Span.IMAGE} | {len(tokens) - 1}
    with memory_in_a_sentence(vlm.device, len(tokens)), torch.no_grad():
        features = None if edit is None else edit.features()
        embeddings = asked.embeddings(features)
        with recording_queries(vlm.text_model, len(tokens), sorted(rows)) as recorder:
            prefilled = asked.prefill_whole(embeddings, asked.new_cache(max_new_tokens))
            steps = decode(vlm, asked.input_ids, prefilled.logits_BV, prefilled.cache, max_new_tokens, lambda new: stream.push(new[0].token_id)).answers[0]
        attention = _attention(recorder, prefilled, asked)
        latents = asked.latents if features is None else encode(asked.sae, features)
    return RecordedAnswer(answer_of(vlm, steps), max_new_tokens, attention, latents, prefilled)


def run_of(
    asked: AskedPicture,
    recorded: RecordedAnswer,
    *,
    steering: SteeringSpec | None = None,
    name: str | None = None,
    original_run_id: str = "",
    keep_picture: bool = True,
) -> VlmRun:
    """The evidence of a recorded answer, with an id of its own.

    Args:
        original_run_id: the logged run that a steered one asks again.
    """
    return with_order(
        bare_run(asked, recorded, steering=steering, name=name, original_run_id=original_run_id, keep_picture=keep_picture)
    )


def with_order(run: VlmRun) -> VlmRun:
    """The run with the leaf order of its latents, which takes longer than all else of a small run."""
    return replace(run, order=compute_latent_order(run))


def bare_run(
    asked: AskedPicture,
    recorded: RecordedAnswer,
    *,
    steering: SteeringSpec | None = None,
    name: str | None = None,
    original_run_id: str = "",
    keep_picture: bool = True,
) -> VlmRun:
    """As ``run_of``, without the leaf order."""
    answer, tokens = recorded.answer, asked.prepared.tokens
    return VlmRun(
        run_id=new_id(),
        name=name or asked.prompt,
        created=time.time(),
        dictionary=asked.dictionary,
        prompt=asked.prompt,
        output_text=answer.text,
        truncated=answer.truncated,
        tokens=TokenSequence((*tokens, *answer.output_tokens(asked.vlm, len(tokens)))),
        attention=recorded.attention,
        image_tokens=asked.image_tokens,
        latents=recorded.latents,
        picture=encode_picture(asked.picture) if keep_picture else None,
        steering=None if steering is None else steering.to_json(),
        system=asked.system,
        max_new_tokens=recorded.max_new_tokens,
        original_run_id=original_run_id,
        exact_picture=encode_exactly(asked.picture) if keep_picture else None,
    )


def new_id() -> str:
    """An id that no other run or result has: the time, and chance."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"


def _attention(recorder: DeferredAttention, prefilled: Prefilled, asked: AskedPicture) -> TokenAttention:
    columns = [token.index for token in asked.prepared.tokens if token.span is Span.IMAGE]
    weights_LTI = recorder.attend(prefilled.cache, columns=columns).numpy()
    return TokenAttention(
        query_position_T=np.array(recorder.positions, dtype=np.int32),
        layers=tuple(range(weights_LTI.shape[0])),
        mean_TI=weights_LTI.mean(axis=0, dtype=np.float32),
        per_layer_LTI=weights_LTI,
    )
