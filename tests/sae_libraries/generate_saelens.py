"""Every architecture of SAELens that is an SAE of one token, in every save it makes; the truth is its own inference form."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import torch
from library_cases import D_IN, N_LATENTS, K, finish_case, inputs, output_folder, randomise
from sae_lens import SAE, LanguageModelSAERunnerConfig
from sae_lens.config import LoggingConfig, SAETrainerConfig
from sae_lens.registry import get_sae_training_class
from sae_lens.saes.matryoshka_batchtopk_sae import MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig
from sae_lens.training.activation_scaler import ActivationScaler, ActivationWhitening
from sae_lens.training.sae_trainer import SAETrainer
from safetensors.torch import load_file, save_file

SCALE = 0.37
ARCHITECTURES = {
    "standard": {}, "gated": {}, "jumprelu": {}, "topk": {"k": K, "rescale_acts_by_decoder_norm": False},
    "topk_rescaled": {"k": K, "rescale_acts_by_decoder_norm": True}, "batchtopk": {"k": float(K), "rescale_acts_by_decoder_norm": False},
    "batchtopk_rescaled": {"k": K + 0.5, "rescale_acts_by_decoder_norm": True},
    "matryoshka_batchtopk": {"k": float(K), "matryoshka_widths": [12, N_LATENTS]},
}


def make(name: str, normalisation: str, seed: int, subtract: bool = True):
    sae_class, config_class = get_sae_training_class(name.removesuffix("_rescaled"))
    config = config_class(
        d_in=D_IN, d_sae=N_LATENTS, normalize_activations=normalisation, apply_b_dec_to_input=subtract, **ARCHITECTURES[name]
    )
    config.metadata.hook_name = "vision_tower.layers.1"
    sae = sae_class(config)
    randomise(sae, seed)
    with torch.no_grad():
        if hasattr(sae, "threshold"):
            sae.threshold.copy_(0.5 * torch.rand(N_LATENTS, generator=torch.Generator().manual_seed(seed)))
        if hasattr(sae, "topk_threshold"):
            sae.topk_threshold.fill_(0.8)
    return sae


def whitening() -> ActivationWhitening:
    generator = torch.Generator().manual_seed(9)
    matrix = torch.randn(D_IN, D_IN, generator=generator, dtype=torch.float64) / D_IN**0.5 + torch.eye(D_IN, dtype=torch.float64)
    return ActivationWhitening(torch.randn(D_IN, generator=generator, dtype=torch.float64), matrix, torch.linalg.inv(matrix))


def truth(sae, case: Path) -> None:
    """What SAELens' own inference form of ``sae`` computes; a zero token is 0/0 under constant_norm_rescale, and left out there."""
    sae.save_inference_model(case / "inference")
    loaded = SAE.load_from_disk(case / "inference")
    x = inputs()
    if loaded.cfg.normalize_activations == "constant_norm_rescale":
        x = x[x.norm(dim=-1) > 0]
    with torch.no_grad():
        z = loaded.encode(x)
        y = loaded.decode(z)
    for file in (case / "inference").iterdir():
        file.unlink()
    (case / "inference").rmdir()
    finish_case(case, z, y, x=x)


def legacy(case: Path, architecture: str) -> None:
    """A file as releases before 6 wrote it, which release 6 still reads."""
    sae = make(architecture, "none", seed=41)
    sae.save_inference_model(case / "checkpoint")
    path = case / "checkpoint" / "cfg.json"
    now = json.loads(path.read_text())
    is_topk = architecture == "topk"
    path.write_text(json.dumps({
        "architecture": "standard" if is_topk else architecture, "d_in": D_IN, "d_sae": N_LATENTS, "dtype": "torch.float32", "device": "cpu",
        "model_name": "a-model", "hook_point": "vision_tower.layers.1", "hook_point_layer": 1, "hook_point_head_index": None,
        "activation_fn_str": "topk" if is_topk else "relu", "activation_fn_kwargs": {"k": now["k"]} if is_topk else {},
        "apply_b_dec_to_input": True, "finetuning_scaling_factor": False, "sae_lens_training_version": "3.2.0", "prepend_bos": True,
        "dataset_path": "a/set", "context_size": 128, "normalize_activations": "none",
    }))
    loaded = SAE.load_from_disk(case / "checkpoint")
    with torch.no_grad():
        z = loaded.encode(inputs())
        finish_case(case, z, loaded.decode(z))
    weights = load_file(case / "checkpoint" / "sae_weights.safetensors")
    save_file({**weights, "scaling_factor": torch.ones(N_LATENTS)}, case / "checkpoint" / "sae_weights.safetensors")


def trained(case: Path, last: bool) -> None:
    """A checkpoint of SAELens' own trainer, in the middle of a run (scales apart) or at its end (folded), with all that lies beside it."""
    run = LanguageModelSAERunnerConfig(
        sae=MatryoshkaBatchTopKTrainingSAEConfig(
            d_in=D_IN, d_sae=N_LATENTS, k=K, matryoshka_widths=[12, N_LATENTS], normalize_activations="expected_average_only_in", decoder_init_norm=0.6
        ),
        device="cpu", hook_name="vision_tower.layers.1", checkpoint_path=None,
    )
    torch.manual_seed(3)
    sae = MatryoshkaBatchTopKTrainingSAE(run.sae)
    config = SAETrainerConfig(
        total_training_samples=64 * 20, train_batch_size_samples=64, lr=1e-2, lr_end=1e-3, device="cpu", n_batches_for_norm_estimate=5,
        n_checkpoints=0 if last else 1, checkpoint_path=str(case / "run"), save_final_checkpoint=last,
        logger=LoggingConfig(log_to_wandb=False),
    )

    def batches():
        generator = torch.Generator().manual_seed(6)
        basis = torch.randn(20, D_IN, generator=generator)
        while True:
            yield torch.randn(64, 20, generator=generator).relu() @ basis + 0.5

    def save_run_config(checkpoint_path: Path | None) -> None:
        if checkpoint_path is not None:
            (checkpoint_path / "runner_cfg.json").write_text(json.dumps(run.to_dict()))

        kept.append(copy.deepcopy(sae))

    kept: list[MatryoshkaBatchTopKTrainingSAE] = []
    SAETrainer(config, sae, batches(), save_checkpoint_fn=save_run_config).fit()
    (saved,) = (case / "run").iterdir()
    saved.rename(case / "checkpoint")
    (case / "run").rmdir()
    (folded,) = kept
    scale = json.loads((case / "checkpoint" / "activation_scaler.json").read_text())["scaling_factor"]
    if scale is not None:
        folded.fold_activation_norm_scaling_factor(scale)
    truth(folded, case)


def main() -> None:
    output = output_folder()
    for seed, name in enumerate(ARCHITECTURES):
        for form in ("training", "inference"):
            case = output / f"{name}_{form}"
            sae = make(name, "none", seed, subtract=seed % 2 == 0)
            (sae.save_model if form == "training" else sae.save_inference_model)(case / "checkpoint")
            truth(sae, case)
        case = output / f"{name}_scaled"
        sae = make(name, "expected_average_only_in", seed)
        sae.save_model(case / "checkpoint")
        ActivationScaler(scaling_factor=SCALE).save(str(case / "checkpoint" / "activation_scaler.json"))
        save_file({"sparsity": torch.zeros(N_LATENTS)}, case / "checkpoint" / "sparsity.safetensors")
        folded = copy.deepcopy(sae)
        folded.fold_activation_norm_scaling_factor(SCALE)
        truth(folded, case)
    for number, name in enumerate(("standard", "gated", "topk", "batchtopk")):
        for normalisation in ("layer_norm", "constant_norm_rescale"):
            case = output / f"{name}_{normalisation}"
            sae = make(name, normalisation, 20 + number)
            sae.save_model(case / "checkpoint")
            truth(sae, case)
        for subtract in (True, False):
            case = output / f"{name}_whitened_{'subtracting' if subtract else 'reading_raw'}"
            sae = make(name, "covariance_whitening", 30 + number, subtract)
            sae.save_model(case / "checkpoint")
            ActivationScaler(whitening=whitening()).save(str(case / "checkpoint" / "activation_scaler.json"))
            white = whitening()
            folded = copy.deepcopy(sae)
            folded.fold_activation_whitening(white.mean, white.matrix, white.inverse_matrix)
            truth(folded, case)
    trained(output / "trained_midway", last=False)
    trained(output / "trained_to_the_end", last=True)
    for architecture in ("standard", "topk", "jumprelu", "gated"):
        legacy(output / f"legacy_{architecture}", architecture)


if __name__ == "__main__":
    main()
