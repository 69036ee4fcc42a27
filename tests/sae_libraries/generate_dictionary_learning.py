"""Trains a few steps with every trainer of dictionary_learning, which saves as it saves, and loads with the library's own loader."""

from __future__ import annotations

import torch
from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
from dictionary_learning.trainers.gdm import GatedSAETrainer
from dictionary_learning.trainers.jumprelu import JumpReluTrainer
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
from dictionary_learning.trainers.standard import StandardTrainer, StandardTrainerAprilUpdate
from dictionary_learning.trainers.top_k import TopKTrainer
from dictionary_learning.training import trainSAE
from dictionary_learning.utils import load_dictionary
from library_cases import D_IN, N_LATENTS, K, finish_case, inputs, output_folder

STEPS = 60
COMMON = {"activation_dim": D_IN, "dict_size": N_LATENTS, "steps": STEPS, "layer": 3, "lm_name": "a-model", "seed": 5, "device": "cpu", "lr": 1e-2}
TOPK = {"k": K, "warmup_steps": 0, "threshold_start_step": 10}
TRAINERS = {
    "standard": {"trainer": StandardTrainer, "warmup_steps": 1, "sparsity_warmup_steps": 1, "resample_steps": None},
    "april_update": {"trainer": StandardTrainerAprilUpdate, "warmup_steps": 1, "sparsity_warmup_steps": 1},
    "gated": {"trainer": GatedSAETrainer, "warmup_steps": 1, "sparsity_warmup_steps": 1},
    "topk": {"trainer": TopKTrainer, **TOPK},
    "batch_topk": {"trainer": BatchTopKTrainer, **TOPK},
    "matryoshka": {"trainer": MatryoshkaBatchTopKTrainer, "group_fractions": [0.25, 0.75], **TOPK},
    "jumprelu": {"trainer": JumpReluTrainer, "target_l0": K, "warmup_steps": 1, "sparsity_warmup_steps": 1},
}


def activations():
    generator = torch.Generator().manual_seed(2)
    basis = torch.randn(20, D_IN, generator=generator)
    while True:
        yield torch.randn(64, 20, generator=generator).relu() @ basis + 0.5


def main() -> None:
    output = output_folder()
    for name, trainer in TRAINERS.items():
        for normalised in (False, True):
            case = output / (f"{name}_normalised" if normalised else name)
            torch.manual_seed(1)
            trainSAE(
                activations(), [{**COMMON, **trainer}], steps=STEPS, save_dir=str(case / "run"), normalize_activations=normalised, device="cpu",
                save_steps=[30] if name == "batch_topk" and not normalised else None,
            )
            (case / "run" / "trainer_0").rename(case / "checkpoint")
            (case / "run").rmdir()
            sae, _ = load_dictionary(str(case / "checkpoint"), "cpu")
            with torch.no_grad():
                z = sae.encode(inputs())
                finish_case(case, z, sae.decode(z))


if __name__ == "__main__":
    main()
