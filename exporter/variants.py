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
        along: float64 [T] for each given answer, log-probabilities of its tokens, never positive.
    """

    answer: Answer
    along: tuple[np.ndarray, ...]


def answer_variants(
    asked: AskedPicture,
    variants: Sequence[AnyVariant],
    max_new_tokens: int,
    *,
    along: Sequence[Sequence[int]] = (),
    along_first: bool = False,
    batch_size: int = BATCH_SIZE,
    progress: JobProgress = NoProgress(),
    what: str = "answers",
) -> list[VariantAnswer]:
    """An answer under each condition.

    Args:
        along: token ids of answers to weigh under each condition.
        along_first: weigh the first condition's answer, too; its log-probabilities come before the others'.
        batch_size: at most so many conditions at once; halved where memory does not suffice.
        what: name of the stage that ``progress`` is told.

    Raises:
        ScratchpadError: too little memory for a single condition.
        Cancelled: ``progress`` says so.
    """
    given = [list(answer) for answer in along]

    def run(batch: Sequence[AnyVariant]) -> list[VariantAnswer]:
        prefilled = prefill(asked, batch, max_new_tokens, progress)
        steps = decode(
            asked.vlm, asked.input_ids, prefilled.logits_BV, prefilled.cache, max_new_tokens, lambda _steps: progress.check()
        )
        answers = [answer_of(asked.vlm, row) for row in steps]
        if along_first and len(given) == len(along):
            given.insert(0, answers[0].token_ids)
        weighed = [_along(asked, prefilled, answers, token_ids, progress) for token_ids in given]
        return [VariantAnswer(answer, tuple(weights[row] for weights in weighed)) for row, answer in enumerate(answers)]

    return _in_batches(asked, variants, batch_size, run, progress, what)


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


def _along(
    asked: AskedPicture, prefilled: Prefilled, answers: Sequence[Answer], token_ids: Sequence[int], progress: JobProgress
) -> list[np.ndarray]:
    progress.check()
    own = [np.array([step.logprob for step in answer.steps]) if answer.token_ids == token_ids else None for answer in answers]
    if all(logprobs is not None for logprobs in own):
        return [logprobs for logprobs in own if logprobs is not None]
    weighed = asked.along(prefilled, token_ids)
    # What a row said itself was weighed as it was said.
    return [weighed[row] if logprobs is None else logprobs for row, logprobs in enumerate(own)]


def _in_batches(
    asked: AskedPicture,
    variants: Sequence[AnyVariant],
    batch_size: int,
    run: Callable[[Sequence[AnyVariant]], list[Found]],
    progress: JobProgress,
    what: str,
) -> list[Found]:
    found: list[Found] = []
    size = max(1, batch_size)
    with memory_in_a_sentence(asked.vlm.device, asked.n_prompt):
        while len(found) < len(variants):
            progress.stage(what, len(found), len(variants))
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
    progress.stage(what, len(variants), len(variants))
    return found
