"""An answer told while it is written."""

from __future__ import annotations

from typing import Any

import torch
from transformers import StoppingCriteria

from tb_visualscratchpad.exporter.job_progress import JobProgress


class AnswerStream(StoppingCriteria):
    """Tells what each token adds to the answer, and lets the work be called off between two tokens.

    The texts told, joined, are the answer as the tokenizer writes it. A token that completes no character tells nothing; the
    one that completes it tells all.

    Args:
        n_prompt: tokens before the answer.
        condition: under which the model answers.
    """

    def __init__(self, tokenizer: Any, n_prompt: int, progress: JobProgress, condition: str) -> None:
        self._tokenizer = tokenizer
        self._n_prompt = n_prompt
        self._progress = progress
        self._condition = condition
        self._told = ""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor | None, **kwargs: object) -> torch.Tensor:
        self._progress.check()
        written = self._tokenizer.decode(input_ids[0, self._n_prompt :].tolist(), skip_special_tokens=True)
        if written.startswith(self._told) and len(written) > len(self._told) and not written.endswith("\ufffd"):
            self._progress.token(self._condition, written[len(self._told) :])
            self._told = written
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
