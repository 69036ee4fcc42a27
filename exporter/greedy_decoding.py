"""Greedy decoding of several answers to one prompt at once, from a filled cache.

Everything that a checkpoint's generation config says of how tokens are chosen (penalties, suppressed tokens, ends) is prepared by
Hugging Face's ``generate``; the loop itself is here, so that each token can be shown, stopped at, and its raw logits kept, and so that
keys and values stay in the cache that filled it.

Conditions that hardly matter leave an answer as it was. A draft, an answer expected, is therefore checked in one pass: as long as each
of its tokens is the one that greedy decoding chooses, they need not be written one by one. Where an answer leaves what was expected, it
often comes back to words of a known answer; they are looked up and checked alike (prompt lookup decoding). What is answered is the same.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tb_visualscratchpad.exporter.attention import require_plain_decoding
from tb_visualscratchpad.exporter.prompt_cache import PromptCache
from tb_visualscratchpad.exporter.token_logprobs import StepLogprobs, logprobs_along, step_logprobs
from tb_visualscratchpad.exporter.vlm import Vlm

OnStep = Callable[[list[StepLogprobs | None]], None]
"""Called after each step with the new token of every row that is still written, None where one has ended; may raise to leave."""

_GUESSED_AT_ONCE = 12
"""Words looked up at a time. More cost more where the guess is wrong."""

LOGITS_AT_ONCE = 1 << 25
"""Logits held at once where many positions are predicted: 128 MiB of float32."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """Answers to one prompt.

    Attributes:
        answers: the tokens of each row, the end of sequence included where it came.
        along_draft_BT: float64, never positive: log-probability of each token of the draft in each row.
    """

    answers: list[list[StepLogprobs]]
    along_draft_BT: np.ndarray


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
    vlm: Vlm,
    input_ids: torch.Tensor,
    logits_BV: torch.Tensor,
    cache: PromptCache,
    max_new_tokens: int,
    on_step: OnStep | None = None,
    draft: Sequence[int] = (),
    known: Sequence[Sequence[int]] = (),
) -> Decoded:
    """Answers every row.

    Args:
        input_ids: int64 [1, n], the prompt of all rows.
        logits_BV: what the prompt's last position predicts in each row.
        cache: holds the prompt, a row each. Without a draft it holds the answers, too, afterwards (of rows that ended early, padding);
            with one it is used up.
        max_new_tokens: at least 1.
        draft: token ids of the answer that most rows are expected to give, without the end of sequence.
        known: token ids of other answers, whose words a single row may use again.
    """
    decoding = _Decoding(vlm, logits_BV, cache, on_step, list(draft), [list(answer) for answer in known])
    ids = input_ids.expand(logits_BV.shape[0], -1)
    vlm.model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        generation_config=greedy_config(vlm, ids.shape[1], max_new_tokens),
        custom_generate=decoding.run,
    )
    return Decoded(decoding.answers, decoding.along_draft_BT)


class _Decoding:
    """One call of ``decode``. Rows that are still written are ``rows``, in the cache's order."""

    def __init__(
        self, vlm: Vlm, logits_BV: torch.Tensor, cache: PromptCache, on_step: OnStep | None, draft: list[int], known: list[list[int]]
    ) -> None:
        self._vlm, self._logits, self._cache, self._on_step, self._draft, self._known = vlm, logits_BV, cache, on_step, draft, known
        self._rows = list(range(logits_BV.shape[0]))
        self.answers: list[list[StepLogprobs]] = [[] for _ in self._rows]
        self.along_draft_BT = np.zeros((len(self._rows), 0))

    def run(self, model: Any, input_ids: torch.Tensor, logits_processor: Any, stopping_criteria: Any, generation_config: Any, **_: Any) -> None:
        """What Hugging Face's ``generate`` calls with everything prepared."""
        self._choose_scores, self._is_over = logits_processor, stopping_criteria
        if self._draft:
            input_ids = self._follow_draft(input_ids)
        if len(self._rows) == 1 and self._known:
            self._write_looking_up(input_ids)
        elif self._rows:
            self._write(input_ids, generation_config.pad_token_id)

    def _choose(self, input_ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return self._choose_scores(input_ids, logits.to(torch.float32)).argmax(dim=-1)

    def _forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """Logits [rows, tokens, V] behind each of the tokens [rows, tokens] that are fed."""
        logits = self._vlm.model(
            input_ids=token_ids, past_key_values=self._cache, use_cache=True, logits_to_keep=token_ids.shape[1]
        ).logits
        return logits.to(token_ids.device)

    def _write(self, input_ids: torch.Tensor, pad_token_id: int | None) -> None:
        """Token by token, until every row has ended."""
        logits = self._logits.to(input_ids.device)
        ended = torch.zeros(len(self._rows), dtype=torch.bool, device=input_ids.device)
        while True:
            chosen = self._choose(input_ids, logits)
            new: list[StepLogprobs | None] = list(step_logprobs(logits, chosen))
            for place, over in enumerate(ended.tolist()):
                if over:
                    new[place] = None
                else:
                    self.answers[self._rows[place]].append(new[place])
            if self._on_step is not None:
                self._on_step(new)
            if pad_token_id is not None:
                chosen = chosen.masked_fill(ended, pad_token_id)
            input_ids = torch.cat([input_ids, chosen[:, None]], dim=1)
            ended = ended | self._is_over(input_ids, None)
            if bool(ended.all()):
                return
            logits = self._forward(chosen[:, None])[:, -1]

    def _write_looking_up(self, input_ids: torch.Tensor) -> None:
        """One row, until it has ended; several tokens at a time where a known answer goes on as this one does."""
        (row,) = self._rows
        predictions, guess = self._logits[None].to(input_ids.device), list[int]()
        while True:
            # predictions [tokens, 1, V]: of the next token, and of each behind a guessed one
            for number, logits in enumerate(predictions):
                chosen = self._choose(input_ids, logits)
                new: list[StepLogprobs | None] = list(step_logprobs(logits, chosen))
                self.answers[row] += [step for step in new if step is not None]
                if self._on_step is not None:
                    self._on_step(new)
                input_ids = torch.cat([input_ids, chosen[:, None]], dim=1)
                if bool(self._is_over(input_ids, None).all()):
                    return
                if number < len(guess) and int(chosen) != guess[number]:
                    break
            # Everything but the token just chosen was fed; of the guess, what was right.
            self._cache.go_back_to(input_ids.shape[1] - 1)
            said = [step.token_id for step in self.answers[row]]
            guess = _continuation(said, self._known)
            predictions = self._forward(torch.tensor([[said[-1], *guess]], device=input_ids.device)).transpose(0, 1)

    def _follow_draft(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Checks the draft in every row, and gives back what has been said by those that leave it, which then go on together.

        They go on from where the first of them leaves the draft.
        """
        n_rows, n_prompt = input_ids.shape
        draft = torch.tensor(self._draft, device=input_ids.device)
        following = torch.ones(n_rows, dtype=torch.bool, device=input_ids.device)
        leaving: list[int] = []
        left_at, left_logits = 0, self._logits
        along = []
        for number, logits in enumerate(self._predictions(draft)):
            if number < len(self._draft):
                along.append(logprobs_along(logits[:, None], draft[number : number + 1]))
            if not bool(following.any()):
                continue
            said = torch.cat([input_ids, draft[None, :number].expand(n_rows, -1)], dim=1)
            chosen = self._choose(said, logits)
            for row, (step, follows) in enumerate(zip(step_logprobs(logits, chosen), following.tolist(), strict=True)):
                if follows:
                    self.answers[row].append(step)
            over = self._is_over(torch.cat([said, chosen[:, None]], dim=1), None)
            agrees = chosen == draft[number] if number < len(self._draft) else torch.zeros_like(following)
            parting = (following & ~agrees & ~over).nonzero()[:, 0].tolist()
            if parting and not leaving:
                left_at, left_logits = number, logits
            leaving += parting
            following &= agrees & ~over
        self.along_draft_BT = torch.cat(along, dim=1).numpy()
        self._rows = sorted(leaving)
        if leaving:
            for row in leaving:
                del self.answers[row][left_at:]
            self._cache.keep_rows(self._rows)
            self._cache.go_back_to(n_prompt + left_at)
            self._logits = left_logits[self._rows]
        return torch.cat([input_ids[self._rows], draft[None, :left_at].expand(len(self._rows), -1)], dim=1)

    def _predictions(self, draft: torch.Tensor) -> Iterator[torch.Tensor]:
        """Logits [rows, V] at each position of the draft, and behind it."""
        yield self._logits.to(draft.device)
        n_rows, n_words = self._logits.shape
        at_once = max(1, LOGITS_AT_ONCE // (n_rows * n_words))
        for start in range(0, len(draft), at_once):
            fed = draft[start : start + at_once]
            yield from self._forward(fed[None].expand(n_rows, -1)).unbind(dim=1)


def _continuation(said: list[int], known: list[list[int]]) -> list[int]:
    """What follows, in a known answer, the last two words said, or else the last one; empty where none knows them."""
    for n in (2, 1):
        tail = said[-n:]
        for answer in known:
            for start in range(len(answer) - len(tail), -1, -1):
                if answer[start : start + n] == tail and len(tail) == n:
                    return answer[start + n : start + n + _GUESSED_AT_ONCE]
    return []


def ended_by_itself(vlm: Vlm, steps: list[StepLogprobs]) -> bool:
    """Whether the last of an answer's tokens is an end of sequence."""
    ends = vlm.model.generation_config.eos_token_id
    return bool(steps) and steps[-1].token_id in (set(ends) if isinstance(ends, (list, tuple)) else {ends})
