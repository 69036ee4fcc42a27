"""The same prompt under many conditions: what the model answers, and how likely it finds given answers.

Vision features are not computed again. Each condition's prompt is read once; answers are then written, and given ones weighed,
for a whole batch at once on the same keys and values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from tb_visualscratchpad.exporter.answers import Answer, answer_of
from tb_visualscratchpad.exporter.asked_picture import AskedPicture, Prefilled
from tb_visualscratchpad.exporter.greedy_decoding import decode
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress
from tb_visualscratchpad.exporter.out_of_memory import is_out_of_memory, memory_in_a_sentence

BATCH_SIZE = 16
"""Conditions at once. At 8 B and 3,000 prompt tokens, each takes 0.4 GiB of keys and values."""

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Variant:
    """A condition: what becomes of the features [views, grid * grid, d] at the hook. None leaves them as they are."""

    name: str
    change: Callable[[torch.Tensor], torch.Tensor] | None = None

    def embeddings(self, asked: AskedPicture) -> torch.Tensor:
        """What the text model reads, [1, n_prompt, width]."""
        return asked.embeddings(None if self.change is None else self.change(asked.features))


@dataclass(frozen=True, eq=False)
class OtherPicture:
    """A condition: another picture of the same size in the same prompt."""

    name: str
    picture: AskedPicture

    def embeddings(self, asked: AskedPicture) -> torch.Tensor:
        """What the text model reads, [1, n_prompt, width]."""
        if not torch.equal(self.picture.prepared.input_ids, asked.prepared.input_ids):
            raise ValueError(f"{self.name} makes another prompt")
        return self.picture.embeddings()


AnyVariant = Variant | OtherPicture


@dataclass(frozen=True, eq=False)
class VariantAnswer:
    """What the model answered under a condition, and how likely it found given answers.

    Attributes:
        along_first: float64 [O], log-probabilities of the tokens of the first condition's answer, never positive.
        along: the same [T] for each answer that was given.
    """

    answer: Answer
    along_first: np.ndarray
    along: tuple[np.ndarray, ...]


def answer_variants(
    asked: AskedPicture,
    variants: Sequence[AnyVariant],
    max_new_tokens: int,
    *,
    along: Sequence[Sequence[int]] = (),
    draft: Sequence[int] = (),
    batch_size: int = BATCH_SIZE,
    progress: JobProgress = NoProgress(),
    what: str = "answers",
) -> list[VariantAnswer]:
    """An answer under each condition. The first comes first, and the others need not be written as far as they say the same.

    Args:
        along: token ids of answers to weigh under each condition, without the end of sequence.
        draft: token ids of what the first condition is expected to answer, from a log for example: it saves time where it is right.
        batch_size: at most so many conditions at once; halved where memory does not suffice.
        what: name of the stage that ``progress`` is told.

    Raises:
        ScratchpadError: too little memory for a single condition.
        Cancelled: ``progress`` says so.
    """

    def run(batch: Sequence[AnyVariant], draft: Sequence[int]) -> tuple[list[Answer], np.ndarray, list[np.ndarray]]:
        prefilled = prefill(asked, batch, max_new_tokens, progress)
        weighed = []
        for answer in along:
            progress.check()
            weighed.append(asked.along(prefilled, answer))
        prefilled.cache.go_back_to(asked.n_prompt)
        decoded = decode(
            asked.vlm,
            asked.input_ids,
            prefilled.logits_BV,
            prefilled.cache,
            max_new_tokens,
            lambda _steps: progress.check(),
            draft,
            known=[answer for answer in (draft, *along) if answer],
        )
        return [answer_of(asked.vlm, steps) for steps in decoded.answers], decoded.along_draft_BT, weighed

    def found(answer: Answer, along_first: np.ndarray, weighed: Sequence[np.ndarray]) -> VariantAnswer:
        # What a condition says itself is as likely as it was when it was said.
        along_first = answer.logprobs if answer.token_ids == first[0].token_ids else along_first
        return VariantAnswer(
            answer,
            along_first,
            tuple(answer.logprobs if answer.token_ids == list(given) else row for given, row in zip(along, weighed, strict=True)),
        )

    def run_first(batch: Sequence[AnyVariant]) -> list[VariantAnswer]:
        answers, _, weighed = run(batch, draft)
        first[:] = answers
        return [found(answers[0], answers[0].logprobs, [rows[0] for rows in weighed])]

    def run_others(batch: Sequence[AnyVariant]) -> list[VariantAnswer]:
        answers, along_first, weighed = run(batch, first[0].token_ids)
        return [found(answer, along_first[row], [rows[row] for rows in weighed]) for row, answer in enumerate(answers)]

    first: list[Answer] = []
    beginning = _in_batches(asked, variants[:1], 1, run_first, progress, what, n_more=len(variants) - 1)
    if len(variants) == 1:
        return beginning
    return beginning + _in_batches(asked, variants[1:], batch_size, run_others, progress, what, n_before=1)


def logprobs_under(
    asked: AskedPicture,
    variants: Sequence[AnyVariant],
    answers: Sequence[Sequence[int]],
    *,
    batch_size: int = BATCH_SIZE,
    progress: JobProgress = NoProgress(),
    what: str = "log-probabilities",
) -> list[tuple[np.ndarray, ...]]:
    """How likely each condition finds given answers, without answering itself.

    Args:
        answers: token ids, without the end of sequence.
        batch_size, progress, what: as for ``answer_variants``.

    Returns:
        For each condition and answer float64 [T], log-probability of each token given the prompt and the tokens before it.
    """

    def run(batch: Sequence[AnyVariant]) -> list[tuple[np.ndarray, ...]]:
        prefilled = prefill(asked, batch, max((len(answer) for answer in answers), default=0), progress)
        weighed = [asked.along(prefilled, answer) for answer in answers]
        return [tuple(weights[row] for weights in weighed) for row in range(len(batch))]

    return _in_batches(asked, variants, batch_size, run, progress, what)


@torch.no_grad()
def prefill(asked: AskedPicture, variants: Sequence[AnyVariant], max_new_tokens: int, progress: JobProgress = NoProgress()) -> Prefilled:
    """The prompt under each condition, a row each, one after the other: a long prompt fills a device by itself."""
    cache = asked.new_cache(max_new_tokens)
    last = []
    for row, variant in enumerate(variants):
        progress.check()
        embeddings = variant.embeddings(asked)
        alone = asked.new_cache(0)
        asked.prefill_keys(embeddings, alone)
        cache.put_row(row, len(variants), alone)
        last.append(embeddings[:, -1:])
    logits = asked.vlm.model(inputs_embeds=torch.cat(last), past_key_values=cache, use_cache=True, logits_to_keep=1).logits
    return Prefilled(cache, logits[:, -1])


def _in_batches(
    asked: AskedPicture,
    variants: Sequence[AnyVariant],
    batch_size: int,
    run: Callable[[Sequence[AnyVariant]], list[Found]],
    progress: JobProgress,
    what: str,
    n_before: int = 0,
    n_more: int = 0,
) -> list[Found]:
    """``n_before`` and ``n_more`` pieces of the same stage are told to be done before and afterwards."""
    found: list[Found] = []
    size = max(1, batch_size)
    total = n_before + len(variants) + n_more
    with memory_in_a_sentence(asked.vlm.device, asked.n_prompt):
        while len(found) < len(variants):
            progress.stage(what, n_before + len(found), total)
            progress.check()
            batch = variants[len(found) : len(found) + size]
            try:
                found += run(batch)
                continue
            except (RuntimeError, MemoryError) as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
            # Outside the handler, whose traceback still holds what filled the memory.
            size = len(batch) // 2
            if asked.vlm.device.type == "cuda":
                torch.cuda.empty_cache()
    if not n_more:
        progress.stage(what, total, total)
    return found
