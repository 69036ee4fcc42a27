"""Which questions about fresh pictures a model answers exactly, by Hugging Face's own ``generate`` and the model's own processor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from tb_visualscratchpad.exporter.demo.compose import Composition
from tb_visualscratchpad.exporter.demo.questions import Question, questions_about
from tb_visualscratchpad.exporter.demo.training.figures import ShareFigure
from tb_visualscratchpad.exporter.demo.training.training_world import TrainingWorld
from tb_visualscratchpad.exporter.vlm import Vlm

MAX_NEW_TOKENS = 48
BATCH = 32


@torch.inference_mode()
def say_answers(vlm: Vlm, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> list[str]:
    """Greedy answers, in batches."""
    answers: list[str] = []
    for start in range(0, len(prompts), BATCH):
        part = slice(start, start + BATCH)
        texts = [
            vlm.processor.apply_chat_template(
                [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}], add_generation_prompt=True
            )
            for prompt in prompts[part]
        ]
        inputs = vlm.processor(images=list(pictures[part]), text=texts, return_tensors="pt", padding=True).to(vlm.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(vlm.dtype)
        sequences = vlm.model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)  # type: ignore[operator]
        said = sequences[:, inputs["input_ids"].shape[1] :]
        answers += [text.strip() for text in vlm.processor.batch_decode(said, skip_special_tokens=True)]
    return answers


def mark_answers(vlm: Vlm, world: TrainingWorld, compositions: Sequence[Composition]) -> dict[str, ShareFigure]:
    """The share of exact answers to each kind of question of ``world``, in its order."""
    asked: list[tuple[int, Question]] = [
        (number, question)
        for number, composition in enumerate(compositions)
        for question in questions_about(composition.scene)
        if question.kind in world.question_weights
    ]
    asked.sort(key=lambda pair: len(pair[1].answer))  # answers of a batch end at about the same time
    answers = say_answers(vlm, [compositions[number].picture for number, _ in asked], [question.text for _, question in asked])
    right = {kind: np.zeros(len(compositions)) for kind in world.question_weights}
    of = {kind: np.zeros(len(compositions)) for kind in world.question_weights}
    for (number, question), answer in zip(asked, answers, strict=True):
        right[question.kind][number] += answer == question.answer
        of[question.kind][number] += 1
    return {f"exact: {kind}": ShareFigure(right[kind], of[kind]) for kind in right}
