"""One picture and one prompt -> a :class:`VlmRun`: the answer, and the evidence for how it came about."""

from __future__ import annotations

import copy
import secrets
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from transformers import StoppingCriteria

from tb_visualscratchpad.exporter.answer_stream import AnswerStream
from tb_visualscratchpad.exporter.attention import DeferredAttention, recording_queries, require_plain_decoding
from tb_visualscratchpad.exporter.hooks import capturing, replacing, watching_logits
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress
from tb_visualscratchpad.exporter.pictures import PictureSource, encode_exactly, encode_picture, read_picture
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.steering import SteeringSpec, steering_change
from tb_visualscratchpad.exporter.token_logprobs import LogprobRecorder, StepLogprobs
from tb_visualscratchpad.exporter.vlm import PreparedPrompt, Vlm
from tb_visualscratchpad.exporter.vlm.prompt import output_pieces, readable
from tb_visualscratchpad.views import compute_latent_order
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import (
    LatentActivations,
    Span,
    Token,
    TokenAlternative,
    TokenAttention,
    TokenSequence,
    VlmRun,
)
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
    if max_new_tokens < 1:
        raise ScratchpadError(f"max_new_tokens is {max_new_tokens}, expected at least 1.")
    dictionary = dictionary_info(vlm, sae, hook)
    picture = read_picture(image)
    prepared = vlm.prepare_prompt(picture, prompt, system=system)
    image_tokens = prepared.picture.image_tokens
    point = vlm.hook_point(dictionary.hook)
    logprobs = LogprobRecorder()
    # The last position produces the first word, even where a template ends with the picture.
    rows = {token.index for token in prepared.tokens if token.span is not Span.IMAGE} | {len(prepared.tokens) - 1}
    try:
        with ExitStack() as stack:
            if steering is not None:
                stack.enter_context(replacing(point, steering_change(sae, steering, image_tokens)))
            features = stack.enter_context(capturing(point))
            recorder = stack.enter_context(recording_queries(vlm.text_model, len(prepared.tokens), sorted(rows)))
            stack.enter_context(watching_logits(vlm.model.get_output_embeddings(), logprobs.watch))
            condition = Condition.ORIGINAL if steering is None else Condition.STEERED
            stream = AnswerStream(vlm.processor.tokenizer, len(prepared.tokens), progress, condition.value)
            generated = _generate(vlm, prepared, max_new_tokens, [logprobs, stream])
            attention = _attention(recorder, generated.past_key_values, prepared)
        latents = _latents(sae, features[0])
    except torch.OutOfMemoryError as error:
        raise ScratchpadError(
            f"The device {vlm.device} ran out of memory at {len(prepared.tokens)} prompt tokens: use --dtype bfloat16, a smaller picture or "
            "fewer new tokens."
        ) from error
    output_text, output_tokens, truncated = _output(vlm, prepared, logprobs.steps)
    run = VlmRun(
        run_id=f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}",
        name=name or prompt,
        created=time.time(),
        dictionary=dictionary,
        prompt=prompt,
        output_text=output_text,
        truncated=truncated,
        tokens=TokenSequence((*prepared.tokens, *output_tokens)),
        attention=attention,
        image_tokens=image_tokens,
        latents=latents,
        picture=encode_picture(picture) if keep_picture else None,
        steering=None if steering is None else steering.to_json(),
        system=system,
        max_new_tokens=max_new_tokens,
        exact_picture=encode_exactly(picture) if keep_picture else None,
    )
    return replace(run, order=compute_latent_order(run))


@torch.inference_mode()
def _generate(vlm: Vlm, prepared: PreparedPrompt, max_new_tokens: int, watchers: list[StoppingCriteria]) -> Any:
    config = copy.deepcopy(vlm.model.generation_config)
    require_plain_decoding(config)
    # Sampling would make the same question give another answer; what a checkpoint says about it is set aside.
    config.update(use_cache=True, return_dict_in_generate=True, do_sample=False, temperature=None, top_p=None, top_k=None, min_p=None, typical_p=None)
    limit = vlm.max_tokens
    config.max_length = None
    config.max_new_tokens = max_new_tokens if limit is None else min(max_new_tokens, limit - len(prepared.tokens))
    if config.pad_token_id is None:
        ends = config.eos_token_id
        config.pad_token_id = ends[0] if isinstance(ends, list) else ends
    inputs = {
        key: value.to(vlm.device, vlm.dtype) if torch.is_floating_point(value) else value.to(vlm.device)
        for key, value in prepared.picture.image_inputs.items()
    }
    input_ids = prepared.input_ids.to(vlm.text_model.get_input_embeddings().weight.device)
    return vlm.model.generate(
        input_ids=input_ids,
        attention_mask=torch.ones_like(input_ids),
        generation_config=config,
        stopping_criteria=watchers,
        **inputs,
    )


def _attention(recorder: DeferredAttention, cache: Any, prepared: PreparedPrompt) -> TokenAttention:
    columns = [token.index for token in prepared.tokens if token.span is Span.IMAGE]
    weights_LTI = recorder.attend(cache, columns=columns).numpy()
    return TokenAttention(
        query_position_T=np.array(recorder.positions, dtype=np.int32),
        layers=tuple(range(weights_LTI.shape[0])),
        mean_TI=weights_LTI.mean(axis=0, dtype=np.float32),
        per_layer_LTI=weights_LTI,
    )


def _latents(sae: SparseAutoencoder, features: torch.Tensor) -> LatentActivations:
    return LatentActivations.from_csr(sae.encode_sparse(features.reshape(-1, features.shape[-1])))


def _output(vlm: Vlm, prepared: PreparedPrompt, steps: list[StepLogprobs]) -> tuple[str, tuple[Token, ...], bool]:
    """The answer's text and tokens without the end-of-sequence token, and whether it was cut off."""
    ends = vlm.model.generation_config.eos_token_id
    end_ids = set(ends) if isinstance(ends, (list, tuple)) else {ends}
    ended = bool(steps) and steps[-1].token_id in end_ids
    shown = steps[:-1] if ended else steps
    tokenizer = vlm.processor.tokenizer
    text, pieces = output_pieces(tokenizer, [step.token_id for step in shown])
    first = len(prepared.tokens)
    tokens = tuple(
        Token(
            index=first + i,
            token_id=step.token_id,
            text=readable(piece),
            span=Span.OUTPUT,
            logprob=step.logprob,
            alternatives=tuple(
                TokenAlternative(token_id=token_id, text=readable(tokenizer.decode([token_id])), logprob=logprob)
                for token_id, logprob in step.alternatives
            ),
        )
        for i, (step, piece) in enumerate(zip(shown, pieces, strict=True))
    )
    return text.strip(" "), tokens, not ended
