"""How likely each word of the answer was, and what the model might have said instead."""

from __future__ import annotations

from dataclasses import dataclass

import torch

N_ALTERNATIVES = 5


@dataclass(frozen=True)
class StepLogprobs:
    """One output token: its log-probability (nats) and the most likely other tokens, descending."""

    token_id: int
    logprob: float
    alternatives: tuple[tuple[int, float], ...]


def step_logprobs(logits_BV: torch.Tensor, chosen_B: torch.Tensor) -> list[StepLogprobs]:
    """One token of each row.

    Args:
        logits_BV: raw, before penalties or temperature: what the model believes. Six numbers of each row are kept: all logits of 512
            steps at 128,000 words would take 0.25 GiB.
        chosen_B: int64, the tokens that were chosen.
    """
    logprobs_BV = torch.log_softmax(logits_BV.float(), dim=-1)
    chosen = logprobs_BV.gather(-1, chosen_B[:, None])[:, 0].clamp_max(0)
    values, ids = logprobs_BV.topk(min(N_ALTERNATIVES + 1, logprobs_BV.shape[-1]), dim=-1)
    steps = []
    for token_id, logprob, row_ids, row_values in zip(chosen_B.tolist(), chosen.tolist(), ids.tolist(), values.tolist(), strict=True):
        others = [(other, value) for other, value in zip(row_ids, row_values, strict=True) if other != token_id]
        steps.append(StepLogprobs(token_id=token_id, logprob=logprob + 0.0, alternatives=tuple(others[:N_ALTERNATIVES])))
    return steps


def logprobs_along(logits_BTV: torch.Tensor, token_T: torch.Tensor) -> torch.Tensor:
    """float64 [B, T] on the CPU, never positive: the log-probability of each token of an answer, where ``logits`` [B, T, V] predict it."""
    logprobs = torch.log_softmax(logits_BTV.float(), dim=-1)
    chosen = token_T.to(logprobs.device)[None, :, None].expand(logprobs.shape[0], -1, 1)
    return logprobs.gather(-1, chosen)[..., 0].clamp_max(0).double().cpu() + 0.0
