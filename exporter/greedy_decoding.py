"""Greedy decoding of several answers to one prompt at once, from a filled cache.

Everything that a checkpoint's generation config says of how tokens are chosen (penalties, suppressed tokens, ends) is prepared by
Hugging Face's ``generate``; the loop itself is here, so that each token can be shown, stopped at, and its raw logits kept, and so that
keys and values stay in the cache that filled it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from tb_visualscratchpad.exporter.attention import require_plain_decoding
from tb_visualscratchpad.exporter.prompt_cache import PromptCache
from tb_visualscratchpad.exporter.token_logprobs import StepLogprobs, step_logprobs
from tb_visualscratchpad.exporter.vlm import Vlm

OnStep = Callable[[list[StepLogprobs | None]], None]
"""Called after each step with the new token of every row, None where a row has ended; may raise to leave."""


def greedy_config(vlm: Vlm, n_prompt: int, max_new_tokens: int) -> Any:
    """The model's generation config for greedy decoding of at most ``max_new_tokens``, within what the model reads.

    Raises:
        ScratchpadError: the config asks for beams or assisted decoding.
    """
    config = copy.deepcopy(vlm.model.generation_config)
    require_plain_decoding(config)
    # Sampling would make the same question give another answer; what a checkpoint says about it is set aside.
    config.update(use_cache=True, do_sample=False, temperature=None, top_p=None, top_k=None, min_p=None, typical_p=None)
    limit = vlm.max_tokens
    config.max_length = None
    config.max_new_tokens = max_new_tokens if limit is None else min(max_new_tokens, limit - n_prompt)
    config.cache_implementation = None
    if config.pad_token_id is None:
        ends = config.eos_token_id
        config.pad_token_id = ends[0] if isinstance(ends, list) else ends
    return config


@torch.no_grad()
def decode(
    vlm: Vlm, input_ids: torch.Tensor, logits_BV: torch.Tensor, cache: PromptCache, max_new_tokens: int, on_step: OnStep | None = None
) -> list[list[StepLogprobs]]:
    """The tokens of each row's answer, the end of sequence included where it came.

    Args:
        input_ids: int64 [1, n], the prompt of all rows.
        logits_BV: what the prompt's last position predicts in each row.
        cache: holds the prompt, a row each; afterwards also the answers (of rows that ended early, padding).
        max_new_tokens: at least 1.
    """
    n_rows = logits_BV.shape[0]
    answers: list[list[StepLogprobs]] = [[] for _ in range(n_rows)]

    def loop(model: Any, input_ids: torch.Tensor, logits_processor: Any, stopping_criteria: Any, generation_config: Any, **_: Any) -> None:
        logits = logits_BV.to(input_ids.device)
        ended = torch.zeros(n_rows, dtype=torch.bool, device=input_ids.device)
        while True:
            scores = logits_processor(input_ids, logits.to(torch.float32))
            chosen = scores.argmax(dim=-1)
            new: list[StepLogprobs | None] = list(step_logprobs(logits, chosen))
            for row, over in enumerate(ended.tolist()):
                if over:
                    new[row] = None
                else:
                    answers[row].append(new[row])
            if on_step is not None:
                on_step(new)
            if generation_config.pad_token_id is not None:
                chosen = chosen.masked_fill(ended, generation_config.pad_token_id)
            input_ids = torch.cat([input_ids, chosen[:, None]], dim=1)
            ended = ended | stopping_criteria(input_ids, None)
            if bool(ended.all()):
                return
            logits = model(input_ids=chosen[:, None], past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]
            logits = logits.to(input_ids.device)

    ids = input_ids.expand(n_rows, -1)
    vlm.model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        generation_config=greedy_config(vlm, ids.shape[1], max_new_tokens),
        custom_generate=loop,
    )
    return answers


def ended_by_itself(vlm: Vlm, steps: list[StepLogprobs]) -> bool:
    """Whether the last of an answer's tokens is an end of sequence."""
    ends = vlm.model.generation_config.eos_token_id
    return bool(steps) and steps[-1].token_id in (set(ends) if isinstance(ends, (list, tuple)) else {ends})
