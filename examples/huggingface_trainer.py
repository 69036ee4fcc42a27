"""Watch a VLM while Hugging Face's Trainer fine-tunes it: a callback that asks the same questions again and again.

    pip install "tb-visualscratchpad[exporter]"
    python examples/huggingface_trainer.py --logdir LOGS
    tensorboard --logdir LOGS

Each question becomes a run in the Scratchpad, named after its step: what the model answers, where it looked and which latents its words
used. Here the demo's model learns to answer "describe the picture ." with a bare list, in under two minutes on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tb_visualscratchpad.exporter import (
    ScratchpadWriter,
    SparseAutoencoder,
    Vlm,
    explain,
    load_sae,
    load_vlm,
    new_run_directory,
)
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.questions import DESCRIBE, enumerate_objects

IGNORED = -100
"""Label of what the loss leaves out."""


class ExplainedRuns(TrainerCallback):
    """Logs explained runs of fixed questions before the first step and after every ``every`` steps.

    The model's weights change, so every step is a VLM of its own, with an identity of its own. Latents mean the same throughout
    as long as the vision tower is frozen; where it is trained too, the SAE reads features it was not made for.
    """

    def __init__(
        self, writer: ScratchpadWriter, vlm: Vlm, sae: SparseAutoencoder, questions: Sequence[tuple[Image.Image, str]], every: int
    ) -> None:
        self._writer, self._vlm, self._sae, self._questions, self._every = writer, vlm, sae, questions, every

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._log(state, kwargs["model"])

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step % self._every == 0:
            self._log(state, kwargs["model"])

    def _log(self, state: TrainerState, model: torch.nn.Module) -> None:
        if not state.is_world_process_zero:
            return
        step = state.global_step
        at_step = Vlm(name=f"{self._vlm.name} at step {step}", model=model, processor=self._vlm.processor, family=self._vlm.family)
        was_training = model.training
        model.eval()
        try:
            for picture, prompt in self._questions:
                run = explain(at_step, self._sae, picture, prompt, max_new_tokens=48, name=f"step {step}: {prompt}")
                self._writer.add_vlm_run(run, step)
                print(f"step {step}: {run.output_text}")
        finally:
            model.train(was_training)


class Listings(torch.utils.data.Dataset):
    """Emoji World scenes, each with the answer that is to be learnt; tokens of the question are left out of the loss."""

    def __init__(self, vlm: Vlm, n: int, first_seed: int) -> None:
        self._vlm, self._n, self._first_seed = vlm, n, first_seed

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        scene = random_scene(self._first_seed + index)
        asked = self._vlm.prepare_prompt(compose(scene, self._first_seed + index).picture, DESCRIBE)
        tokenizer = self._vlm.processor.tokenizer
        answer = tokenizer(f"{enumerate_objects(scene)} .{tokenizer.eos_token}", add_special_tokens=False, return_tensors="pt").input_ids
        ids = torch.cat([asked.input_ids, answer], dim=1)
        labels = ids.clone()
        labels[:, : asked.input_ids.shape[1]] = IGNORED
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels, **asked.picture.image_inputs}


def only_one(examples: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Examples are batches of one already: pictures differ in their number of tiles."""
    (example,) = examples
    return example


def main() -> None:
    parser = argparse.ArgumentParser(description="Fine-tunes the demo's model and logs explained runs of fixed questions.")
    parser.add_argument("--logdir", required=True)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--log-every", type=int, default=20)
    options = parser.parse_args()

    torch.set_num_threads(1)  # more only slow so small a model down
    vlm, sae = load_vlm("demo", device="cpu"), load_sae("demo")
    for parameter in vlm.family.vision_tower(vlm.model).parameters():
        parameter.requires_grad_(False)
    questions = [(compose(random_scene(seed), seed).picture, DESCRIBE) for seed in (5, 6)]
    with tempfile.TemporaryDirectory() as folder, ScratchpadWriter(new_run_directory(options.logdir, "fine-tuning")) as writer:
        trainer = Trainer(
            model=vlm.model,
            args=TrainingArguments(
                output_dir=folder, max_steps=options.steps, per_device_train_batch_size=1, gradient_accumulation_steps=2,
                learning_rate=2e-4, report_to="none", save_strategy="no", remove_unused_columns=False, use_cpu=True,
                disable_tqdm=True, logging_steps=10,
            ),
            train_dataset=Listings(vlm, 2 * options.steps, first_seed=1_000),
            data_collator=only_one,
            callbacks=[ExplainedRuns(writer, vlm, sae, questions, options.log_every)],
        )
        trainer.train()
    print(f"Logged to {writer.run_directory}")


if __name__ == "__main__":
    main()
