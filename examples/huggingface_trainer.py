"""Watch a VLM while Hugging Face's Trainer fine-tunes it: a callback that asks the same questions again and again.

    pip install "tb-visualscratchpad[exporter]"
    python examples/huggingface_trainer.py --logdir LOGS
    tensorboard --logdir LOGS

Each question becomes a run in the Scratchpad, named after its step: what the model answers, where it looked and which latents its words
used. The step slider of the Dictionary has the same steps, and `sae/answers_kept` under Scalars tells whether the SAE still carries
what the model now needs. Here the demo's model learns to answer "describe the picture ." with a bare list, in under two minutes on two
cores.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tb_visualscratchpad.exporter import (
    DictionaryMonitor,
    MonitorPace,
    ScratchpadWriter,
    Vlm,
    load_sae,
    load_vlm,
    new_run_directory,
)
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.image_set import save_labelled_pictures
from tb_visualscratchpad.exporter.demo.questions import DESCRIBE, enumerate_objects

IGNORED = -100
"""Label of what the loss leaves out."""


class Watched(TrainerCallback):
    """Calls a monitor before the first step and after each; it logs what is due.

    Latents mean the same throughout, and the probe images are read once, as long as the vision tower is frozen. Where it is trained too,
    make a monitor anew every time: the SAE then reads features it was not made for, and the figures say how badly.
    """

    def __init__(self, monitor: DictionaryMonitor) -> None:
        self._monitor = monitor

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._log(state.global_step, kwargs["model"])

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._log(state.global_step, kwargs["model"])

    def _log(self, step: int, model: torch.nn.Module) -> None:
        was_training = model.training
        model.eval()
        try:
            self._monitor(step)
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
    # Explained runs at each call; no map, which would never change.
    pace = MonitorPace(every=options.log_every, references_every=0, map_every=0, explain_every=1)
    with tempfile.TemporaryDirectory() as folder, ScratchpadWriter(new_run_directory(options.logdir, "fine-tuning")) as writer:
        save_labelled_pictures(Path(folder) / "probe", n_per_object=1, n_per_ground=1)
        monitor = DictionaryMonitor(
            writer, sae, vlm=vlm, images=Path(folder) / "probe", prompts=questions, max_new_tokens=48, pace=pace, name="demo"
        )
        trainer = Trainer(
            model=vlm.model,
            args=TrainingArguments(
                output_dir=folder, max_steps=options.steps, per_device_train_batch_size=1, gradient_accumulation_steps=2,
                learning_rate=2e-4, report_to="none", save_strategy="no", remove_unused_columns=False, use_cpu=True,
                disable_tqdm=True, logging_steps=10,
            ),
            train_dataset=Listings(vlm, 2 * options.steps, first_seed=1_000),
            data_collator=only_one,
            callbacks=[Watched(monitor)],
        )
        trainer.train()
    print(f"Logged to {writer.run_directory}")


if __name__ == "__main__":
    main()
