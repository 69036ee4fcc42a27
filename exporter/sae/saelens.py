"""SAELens checkpoints: ``cfg.json`` and ``sae_weights.safetensors`` in a folder, as saved for inference or in training.

    p = (norm(x) - b_dec * apply_b_dec_to_input) W_enc + b_enc
    standard: relu(p)      jumprelu: relu(p) * (p > threshold)      topk: relu of the k largest p
    batchtopk, matryoshka_batchtopk (training saves; for inference SAELens saves them as jumprelu): relu(p) * (p > topk_threshold)
    gated, with u = p - b_enc: relu(u exp(r_mag) + b_mag) * (u + b_gate > 0)
    x' = unnorm(z W_dec + b_dec)

Linear things are folded into the weights here, as SAELens itself folds them:
- ``expected_average_only_in`` with scalar s (``activation_scaler.json`` beside a training checkpoint): the SAE reads s x.
- ``covariance_whitening`` with mean m and matrix M (``activation_whitening.safetensors`` beside it): the SAE reads (x - m) M.
- ``rescale_acts_by_decoder_norm`` with n the norms of the decoder rows: p is multiplied by n before the selection, z divided by n
  before decoding. After s, so that latents are in units of x; a topk_threshold is in units of p n and is divided by s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from tb_visualscratchpad.exporter.sae.activation_functions import (
    ActivationFunction,
    BatchTopK,
    Gated,
    JumpRelu,
    Relu,
    TanhRelu,
    TopK,
)
from tb_visualscratchpad.exporter.sae.answers import AnswerSheet
from tb_visualscratchpad.exporter.sae.checkpoint_files import CheckpointFiles, ConfigFile, WeightsFile
from tb_visualscratchpad.exporter.sae.found_checkpoint import FoundCheckpoint, LoadedParts, settled_k, stored
from tb_visualscratchpad.exporter.sae.load_report import Decision, Source
from tb_visualscratchpad.exporter.sae.normalisations import NORMALISATION_OF_NAME, NoNormalisation
from tb_visualscratchpad.exporter.sae.saelens_config import (
    BATCH_TOPK,
    CONFIG_FILE,
    EXPECTED_AVERAGE,
    WHITENING,
    SaeLensConfig,
    read_config,
)
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.standard_tensors import standard_weights
from tb_visualscratchpad.exporter.sae.tensor_file import require_matrix, require_number, require_shape
from tb_visualscratchpad.wire.errors import ScratchpadError

FORMAT = "SAELens"
WEIGHTS_FILE = "sae_weights.safetensors"
SCALER_FILE = "activation_scaler.json"
WHITENING_TENSORS = {"mean", "matrix", "inverse_matrix"}
_CONFIG_KEYS = ("d_sae", "hook_point", "hook_name", "apply_b_dec_to_input", "normalize_activations", "activation_fn_str", "architecture")


def recognises(weights: WeightsFile, files: CheckpointFiles) -> bool:
    """A W_dec or W_enc, and a config with a key that SAELens writes."""
    return weights.wrapper is None and bool({"W_enc", "W_dec"} & set(weights.shapes)) and _config_file(files) is not None


def load(found: FoundCheckpoint, answers: AnswerSheet) -> SparseAutoencoder:
    """Load a SAELens folder.

    Raises:
        ScratchpadError: something is missing, broken, not understood, or not said.
    """
    file = _config_file(found.files)
    assert file is not None, "recognises() saw it"
    config = read_config(file.content, file.path)
    tensors, path = found.weights.tensors(), found.path
    d_in, n_latents = _widths(config, tensors, path)
    scale = _scale(config, found, answers)
    decisions = [
        stored("subtracts_b_dec", config.subtracts_b_dec, f"{file.path.name}, apply_b_dec_to_input"),
        stored("normalisation", config.normalisation, f"{file.path.name}, normalize_activations"),
    ]
    decisive = {name: value for name, value in asdict(config).items() if name not in ("hook", "k", "function")}
    if scale is not None:
        decisions.append(scale)
    factor = float(scale.value) if scale is not None and scale.value is not None else 1.0

    k = None
    if config.architecture == "topk":
        where = str(path.parent)
        k = settled_k(answers, config.k, n_latents, where, f"{where} is a topk SAE and does not say k")
        decisions.append(k)
    activation, b_enc, used = _activation(config, tensors, None if k is None else int(k.value or 0), n_latents, factor, found, decisions)
    weights = standard_weights(tensors, path, subtracts_b_dec=config.subtracts_b_dec, b_enc=b_enc)
    _refuse_other_tensors(tensors, {"W_enc", "W_dec", "b_dec", *used}, n_latents, config, path)
    hashed: dict[str, Tensor] = dict(tensors)
    if config.normalisation == WHITENING:
        whitening = _whitening(found, d_in)
        hashed |= {f"whitening {name}": tensor for name, tensor in whitening.items()}
        weights = weights.whitened(whitening["mean"], whitening["matrix"], whitening["inverse_matrix"])
    weights = weights.scaled(factor)
    if config.rescales_by_decoder_norm:
        weights = weights.by_decoder_norm()
    decisive |= {"k": None if k is None else k.value, "scale": factor}
    if config.function != "relu":
        decisive["function"] = config.function
    return LoadedParts(
        FORMAT, config.architecture, hashed, weights, activation, tuple(decisions), config.hook,
        NORMALISATION_OF_NAME.get(config.normalisation, NoNormalisation()), decisive,
    ).sae(found.name)


def _config_file(files: CheckpointFiles) -> ConfigFile | None:
    """The config of the SAE; that of the run, which SAELens writes beside it, has the SAE's within it."""
    candidates = [config for config in files.configs if "sae" not in config.content and set(_CONFIG_KEYS) & set(config.content)]
    return max(candidates, key=lambda config: len(set(_CONFIG_KEYS) & set(config.content)), default=None)


def _widths(config: SaeLensConfig, tensors: Mapping[str, Tensor], path: Path) -> tuple[int, int]:
    d_in, n_latents = require_matrix(tensors, "W_enc", path)
    if (config.d_in or d_in, config.n_latents or n_latents) != (d_in, n_latents):
        raise ScratchpadError(
            f"{path}: W_enc is [{d_in}, {n_latents}], {CONFIG_FILE} says d_in {config.d_in} and d_sae "
            f"{config.n_latents}: "
            "the two files do not belong together."
        )
    return d_in, n_latents


def _activation(
    config: SaeLensConfig, tensors: Mapping[str, Tensor], k: int | None, n_latents: int, scale: float, found: FoundCheckpoint,
    decisions: list[Decision],
) -> tuple[ActivationFunction, Tensor, set[str]]:
    """The activation function, the encoder's bias, and the names of the tensors that they used."""
    path = found.path
    if config.architecture == "gated":
        b_gate, r_mag, b_mag = (require_shape(tensors, name, (n_latents,), path) for name in ("b_gate", "r_mag", "b_mag"))
        return Gated.from_biases(b_gate, r_mag, b_mag), b_gate, {"b_gate", "r_mag", "b_mag"}
    b_enc = require_shape(tensors, "b_enc", (n_latents,), path)
    if config.architecture == "jumprelu":
        # Training files from before release 6 hold the logarithm.
        if "log_threshold" in tensors and "threshold" not in tensors:
            return JumpRelu(require_shape(tensors, "log_threshold", (n_latents,), path).exp()), b_enc, {"b_enc", "log_threshold"}
        return JumpRelu(require_shape(tensors, "threshold", (n_latents,), path)), b_enc, {"b_enc", "threshold"}
    if config.architecture in BATCH_TOPK:
        threshold = require_number(tensors, "topk_threshold", path) / (scale if config.rescales_by_decoder_norm else 1.0)
        decisions.append(stored("threshold", threshold, f"topk_threshold in {path.name}"))
        return BatchTopK(threshold), b_enc, {"b_enc", "topk_threshold"}
    if k is not None:
        return TopK(k), b_enc, {"b_enc"}
    return TanhRelu() if config.function == "tanh-relu" else Relu(), b_enc, {"b_enc"}


def _refuse_other_tensors(
    tensors: Mapping[str, Tensor], used: set[str], n_latents: int, config: SaeLensConfig, path: Path
) -> None:
    other = set(tensors) - used
    # Written by old releases for every SAE; all ones unless it was fine-tuned.
    if "scaling_factor" in other and bool((require_shape(tensors, "scaling_factor", (n_latents,), path) == 1).all()):
        other.remove("scaling_factor")
    if other:
        raise ScratchpadError(
            f"{path} holds {', '.join(sorted(other))}, which a {config.architecture} SAE does not use: "
            f"is the architecture in {CONFIG_FILE} right?"
        )


def _scale(config: SaeLensConfig, found: FoundCheckpoint, answers: AnswerSheet) -> Decision | None:
    """What inputs are multiplied by, None where the normalisation has no such scalar."""
    folder = found.path.parent
    in_file, path = _stored_scale(config, found.files)
    if config.normalisation != EXPECTED_AVERAGE:
        if in_file is not None:
            raise ScratchpadError(
                f"{path} has the scaling factor {in_file}, but {CONFIG_FILE} normalises by "
                f"{config.normalisation}: "
                f"set normalize_activations to {EXPECTED_AVERAGE} if the weights are not folded, else remove "
                f"{SCALER_FILE}."
            )
        return None
    said = answers.take("scaling_factor")
    if said is not None:
        return Decision("scale", said, Source.ANSWER, "--sae-scaling-factor", () if in_file is None else (in_file,))
    if in_file is None:
        raise ScratchpadError(
            f"{folder} was trained on inputs scaled by {EXPECTED_AVERAGE} and does not say the factor: give "
            "load_sae(..., scaling_factor=...) or --sae-scaling-factor (sqrt(d_in) / mean norm of the training "
            "inputs; 1 if already folded)."
        )
    return stored("scale", in_file, f"scaling_factor in {path.name if path else SCALER_FILE}")


def _stored_scale(config: SaeLensConfig, files: CheckpointFiles) -> tuple[float | None, Path | None]:
    broken = next((file for file in files.unreadable if file.path.name == SCALER_FILE), None)
    if broken is not None:
        raise ScratchpadError(f"{broken.path} cannot be read ({broken.sentence}): expected an object with scaling_factor.")
    scaler = files.config("scaling_factor")
    if scaler is not None and scaler.content.get("has_whitening") and config.normalisation != WHITENING:
        raise ScratchpadError(
            f"{scaler.path} says the inputs were whitened, but {CONFIG_FILE} normalises by {config.normalisation}: set normalize_activations "
            f"to {WHITENING} if the weights are not folded, else remove {SCALER_FILE}."
        )
    if scaler is None or scaler.content["scaling_factor"] is None:
        return None, None
    value = scaler.content["scaling_factor"]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ScratchpadError(f"{scaler.path} has the scaling factor {str(value)[:60]}: expected a number above 0.")
    return float(value), scaler.path


def _whitening(found: FoundCheckpoint, d_in: int) -> dict[str, Tensor]:
    file = next((file for file in found.files.companions if set(file.shapes) == WHITENING_TENSORS), None)
    if file is None:
        raise ScratchpadError(
            f"{found.path.parent} was trained on inputs whitened by {WHITENING} and lacks activation_whitening.safetensors with mean, matrix "
            "and inverse_matrix: copy it from the training checkpoint, or fold it with SAELens."
        )
    tensors = file.tensors()
    shapes = {"mean": (d_in,), "matrix": (d_in, d_in), "inverse_matrix": (d_in, d_in)}
    return {name: require_shape(tensors, name, shape, file.path) for name, shape in shapes.items()}
