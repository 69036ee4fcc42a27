"""Questions for training: only what can be asked, answered rightly, and in the very tokens that the model is asked with later."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter.demo import questions as ask
from tb_visualscratchpad.exporter.demo.compose import random_scene
from tb_visualscratchpad.exporter.demo.training.question_batch import NOT_LEARNT, AnswerTokens, draw_question
from tb_visualscratchpad.exporter.demo.training.training_world import FULL, SMALL
from tb_visualscratchpad.exporter.vlm import Vlm


def test_tokens_are_those_that_the_processor_makes(demo_vlm: Vlm) -> None:
    picture, scene = Image.new("RGB", (256, 256)), random_scene(3)
    tokens = AnswerTokens(demo_vlm, n_image_tokens=336)
    questions = [ask.list_objects(scene), ask.describe(scene)]
    batch = tokens.batch(questions)
    for row, question in enumerate(questions):
        text = demo_vlm.processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question.text}]}], add_generation_prompt=True
        )
        prompt = demo_vlm.processor(images=picture, text=text, return_tensors="pt")["input_ids"][0].tolist()
        answer = [*demo_vlm.processor.tokenizer(question.answer, add_special_tokens=False)["input_ids"], demo_vlm.processor.tokenizer.eos_token_id]
        length = len(prompt) + len(answer)
        assert list(tokens.prompt_ids(question.text)) == prompt
        assert batch.input_ids_BT[row, :length].tolist() == prompt + answer
        assert batch.labels_BT[row].tolist() == [NOT_LEARNT] * len(prompt) + answer + [NOT_LEARNT] * (batch.labels_BT.shape[1] - length)
        assert batch.attention_mask_BT[row].sum() == length
    assert torch.equal(batch.attention_mask_BT.diff(dim=1) > 0, torch.zeros_like(batch.attention_mask_BT[:, 1:]).bool())  # padded on the right


@pytest.mark.parametrize("world", [FULL, SMALL], ids=lambda world: world.name)
def test_every_kind_is_asked_and_can_be(world) -> None:
    rng = np.random.default_rng(0)
    asked: Counter[str] = Counter()
    for seed in range(1200):
        scene = random_scene(seed, ground=None if world is FULL else "sea", objects=None if world is FULL else world.objects[seed % 8 :][:2])
        question = draw_question(world, scene, rng)
        asked[question.kind] += 1
        if question.kind == "exist":
            named = next(name for name in world.objects if f"a {name} ?" in question.text or f"an {name} ?" in question.text)
            assert question.answer.startswith("yes") == any(placed.name == named for placed in scene.objects)
        elif question.kind not in ("count", "doing", "where"):
            assert question in ask.questions_about(scene)
    assert asked.keys() == world.question_weights.keys()
    if world is FULL:
        assert asked["describe"] > 2 * asked["list"] > 2 * asked["place"]
