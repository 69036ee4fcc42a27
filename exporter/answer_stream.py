"""An answer told while it is written."""

from __future__ import annotations

from typing import Any

from tb_visualscratchpad.exporter.job_progress import JobProgress


class AnswerStream:
    """Tells what each token adds to the answer, and lets the work be called off between two tokens.

    The texts told, joined, are the answer as the tokenizer writes it. A token that completes no character tells nothing; the
    one that completes it tells all.

    Args:
        condition: under which the model answers.
    """

    def __init__(self, tokenizer: Any, progress: JobProgress, condition: str) -> None:
        self._tokenizer = tokenizer
        self._progress = progress
        self._condition = condition
        self._token_ids: list[int] = []
        self._told = ""

    def push(self, token_id: int) -> None:
        """Takes the next token. Raises Cancelled where the work was called off."""
        self._progress.check()
        self._token_ids.append(token_id)
        written = self._tokenizer.decode(self._token_ids, skip_special_tokens=True)
        if written.startswith(self._told) and len(written) > len(self._told) and not written.endswith("\ufffd"):
            self._progress.token(self._condition, written[len(self._told) :])
            self._told = written
