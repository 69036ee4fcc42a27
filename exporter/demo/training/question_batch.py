"""A question for each scene of a step, and the tokens that the model learns to answer it with.

Shape suffixes: ``B`` samples, ``T`` tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from tb_visualscratchpad.exporter.demo import questions as ask
from tb_visualscratchpad.exporter.demo.questions import Question
from tb_visualscratchpad.exporter.demo.training.training_world import TrainingWorld
from tb_visualscratchpad.exporter.demo.world import Scene
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.vlm.prompt import tokenize_prompt

NOT_LEARNT = -100


def draw_question(world: TrainingWorld, scene: Scene, rng: np.random.Generator) -> Question:
    """A question that can be asked about ``scene``: its kind by the world's weights, what it is about by chance."""
    kinds = [placed.kind for placed in scene.objects]
    single = [kind for kind in dict.fromkeys(kinds) if kinds.count(kind) == 1]
    animals = [placed.name for placed in scene.objects if placed.kind == "animal"]
    possible = {
        kind: weight for kind, weight in world.question_weights.items()
        if not (kind == "kind" and not single) and not (kind == "doing" and len(animals) != 1)
    }
    weights = np.array(list(possible.values()), dtype=float)
    kind = str(rng.choice(list(possible), p=weights / weights.sum()))
    placed = scene.objects[rng.integers(len(scene.objects))]
    if kind == "exist":
        missing = [name for name in world.objects if name not in {there.name for there in scene.objects}]
        return ask.exist(scene, placed.name if rng.random() < 0.5 else str(rng.choice(missing)))
    if kind == "count":
        # Half of what is counted is there; the answer to the rest is mostly zero.
        return ask.count(scene, placed.kind if rng.random() < 0.5 else str(rng.choice(world.kinds)))
    if kind == "where":
        return ask.where(placed)
    if kind == "kind":
        return ask.of_kind(scene, str(rng.choice(single)))
    if kind == "doing":
        return ask.doing(scene, animals[0])
    return {"describe": ask.describe, "list": ask.list_objects, "place": ask.place, "what": ask.what}[kind](scene)


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """Prompts with their answers, padded on the right.

    Attributes:
        input_ids_BT, attention_mask_BT: int64.
        labels_BT: int64, the same ids on the answer and its end, ``NOT_LEARNT`` elsewhere.
    """

    input_ids_BT: torch.Tensor
    attention_mask_BT: torch.Tensor
    labels_BT: torch.Tensor


class AnswerTokens:
    """Tokens of questions with their answers, as the model's processor and chat template make them, for pictures of one size."""

    def __init__(self, vlm: Vlm, n_image_tokens: int) -> None:
        self._vlm, self._n_image_tokens = vlm, n_image_tokens
        self._prompt = lru_cache(maxsize=4096)(self._tokenize)
        tokenizer = vlm.processor.tokenizer
        self._end, self._pad, self._id_of = int(tokenizer.eos_token_id), int(tokenizer.pad_token_id), tokenizer.get_vocab()

    def prompt_ids(self, text: str) -> tuple[int, ...]:
        """Of one question, the picture's tokens in their place."""
        return self._prompt(text)

    def batch(self, questions: Sequence[Question]) -> TokenBatch:
        """All of them, on the model's device."""
        prompts = [self._prompt(question.text) for question in questions]
        answers = [[*(self._id_of[word] for word in question.answer.split()), self._end] for question in questions]
        longest = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True))
        ids = np.full((len(questions), longest), self._pad)
        labels = np.full_like(ids, NOT_LEARNT)
        mask = np.zeros_like(ids)
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            end = len(prompt) + len(answer)
            ids[row, : len(prompt)], ids[row, len(prompt) : end] = prompt, answer
            labels[row, len(prompt) : end] = answer
            mask[row, :end] = 1
        return TokenBatch(*(torch.from_numpy(array).to(self._vlm.device) for array in (ids, mask, labels)))

    def _tokenize(self, text: str) -> tuple[int, ...]:
        rendered = self._vlm.chat_template.render(text)
        tokens = tokenize_prompt(
            rendered, self._vlm.processor.tokenizer, image_token_id=self._vlm.image_token_id, n_image_tokens=self._n_image_tokens
        )
        return tuple(token.token_id for token in tokens)
