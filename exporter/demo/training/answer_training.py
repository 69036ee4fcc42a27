"""Then the whole model: the right answer to a question about a picture, word after word."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from tb_visualscratchpad.exporter.demo.training.drawn_views import ANSWERS, DrawnViews
from tb_visualscratchpad.exporter.demo.training.pace import Pace
from tb_visualscratchpad.exporter.demo.training.question_batch import NOT_LEARNT, AnswerTokens, draw_question
from tb_visualscratchpad.exporter.demo.training.training_world import TrainingWorld
from tb_visualscratchpad.exporter.vlm import Vlm


class AnswerTraining:
    """Teacher forcing through Hugging Face's own model, which puts the image features where the prompt has image tokens."""

    name = "answers"

    def __init__(self, vlm: Vlm, world: TrainingWorld, pace: Pace, seed: int) -> None:
        self._world, self._pace, self._seed = world, pace, seed
        self._drawn = DrawnViews(vlm, world, seed, ANSWERS)
        self._device_type = vlm.device.type
        self._model: Any = vlm.model
        blank = vlm.prepare_picture(Image.new("RGB", (world.side, world.side)))
        self._tokens = AnswerTokens(vlm, blank.image_tokens.n_tokens)
        self._size = torch.tensor([[world.side, world.side]] * pace.batch)
        tower = list(vlm.family.vision_tower(vlm.model).parameters())
        of_tower = {id(parameter) for parameter in tower}
        rest = [parameter for parameter in self._model.parameters() if id(parameter) not in of_tower]
        self._parameters = [*tower, *rest]
        groups = [{"params": tower, "peak": pace.vision_lr}, {"params": rest, "peak": pace.lr}]
        self._optimizer = torch.optim.AdamW(groups, weight_decay=pace.weight_decay)

    def step(self, number: int) -> dict[str, float]:
        """One step of the optimiser on new pictures and questions; gives the loss and the share of right words and of whole answers."""
        pictures, pixel_values = self._drawn.of_step(number, self._pace.batch)
        rng = np.random.default_rng([self._seed, ANSWERS, number])
        tokens = self._tokens.batch([draw_question(self._world, scene, rng) for scene in pictures.scenes.to_scenes()])
        with torch.autocast(self._device_type, torch.bfloat16, enabled=self._device_type == "cuda"):
            logits_BTV = self._model(
                input_ids=tokens.input_ids_BT, attention_mask=tokens.attention_mask_BT, pixel_values=pixel_values, image_sizes=self._size,
                use_cache=False,
            ).logits
        next_BT = tokens.labels_BT[:, 1:]
        learnt_BT = next_BT != NOT_LEARNT
        said_NV, right_N = logits_BTV[:, :-1][learnt_BT].float(), next_BT[learnt_BT]
        loss = functional.cross_entropy(said_NV, right_N)
        self._pace.apply(self._optimizer, self._parameters, loss, number)
        hit_BT = torch.ones_like(learnt_BT)
        hit_BT[learnt_BT] = said_NV.detach().argmax(dim=-1) == right_N
        return {"loss": float(loss.detach()), "words_right": float(hit_BT[learnt_BT].float().mean()), "answers_right": float(hit_BT.all(dim=1).float().mean())}

    def state(self) -> dict[str, Any]:
        return {"model": self._model.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
