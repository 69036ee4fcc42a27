"""How likely each word of the answer was, and what the model might have said instead."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from transformers import StoppingCriteria

N_ALTERNATIVES = 5


@dataclass(frozen=True)
class StepLogprobs:
    """One output token: its log-probability (nats) and the most likely other tokens, descending."""

    token_id: int
    logprob: float
    alternatives: tuple[tuple[int, float], ...]


@dataclass
class LogprobRecorder(StoppingCriteria):
    """Watches the logits of each step and, once the token is chosen, keeps six numbers of them.

    Raw logits, before penalties or temperature: what the model believes. Keeping all logits of 512 steps at 128,000 words
    would take 0.25 GiB, so each step is settled as soon as ``generate`` asks whether to stop.
    """

    steps: list[StepLogprobs] = field(default_factory=list)
    _logits: torch.Tensor | None = None

    def watch(self, logits_BV: torch.Tensor) -> None:
        """Takes the last position's logits of a forward pass."""
        self._logits = logits_BV[0]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor | None, **kwargs: object) -> torch.Tensor:
        if self._logits is None:
            raise RuntimeError("a token was chosen before any logits were seen")
        logprobs = torch.log_softmax(self._logits.float(), dim=-1)
        chosen = int(input_ids[0, -1])
        values, ids = logprobs.topk(min(N_ALTERNATIVES + 1, logprobs.numel()))
        others = [(int(i), float(v)) for i, v in zip(ids, values, strict=True) if int(i) != chosen]
        self.steps.append(
            StepLogprobs(token_id=chosen, logprob=float(logprobs[chosen].clamp_max(0)) + 0.0, alternatives=tuple(others[:N_ALTERNATIVES]))
        )
        self._logits = None
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
