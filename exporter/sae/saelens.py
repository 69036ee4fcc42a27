"""SAELens checkpoints: ``cfg.json`` and ``sae_weights.safetensors`` in a folder, as saved for inference or in training.

    p = (norm(x) - b_dec * apply_b_dec_to_input) W_enc + b_enc
    standard: relu(p)      jumprelu: relu(p) * (p > threshold)      topk: relu of the k largest p
    x' = unnorm(z W_dec + b_dec)

Two linear things are folded into the weights here, as SAELens itself folds them:
- ``expected_average_only_in`` with scalar s (``activation_scaler.json`` beside a training checkpoint): the SAE reads
  s x. W_enc <- W_enc s, W_dec <- W_dec / s, b_dec <- b_dec / s.
- ``rescale_acts_by_decoder_norm`` with n the norms of the decoder rows: p is multiplied by n before the top-k,
  z divided by n before decoding. W_enc <- W_enc n, b_enc <- b_enc n, W_dec <- W_dec / n. After s, so that latents are
  in units of x.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from tb_visualscratchpad.exporter.sae.activation_functions import ActivationFunction, JumpRelu, Relu, TopK
from tb_visualscratchpad.exporter.sae.normalisations import NORMALISATION_OF_NAME, NoNormalisation
from tb_visualscratchpad.exporter.sae.saelens_config import CONFIG_FILE, EXPECTED_AVERAGE, SaeLensConfig, read_config
from tb_visualscratchpad.exporter.sae.sparse_autoencoder import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.tensor_file import hash_tensors, read_tensors, require_shape
from tb_visualscratchpad.wire.errors import ScratchpadError

WEIGHTS_FILE = "sae_weights.safetensors"
SCALER_FILE = "activation_scaler.json"


@dataclass(frozen=True)
class Answers:
    """What a user says of a checkpoint because its file does not. None: not said.

    Attributes:
        scaling_factor: the scalar of ``expected_average_only_in``; 1 where it is already folded into the weights.
        k: of a topk SAE.
    """

    scaling_factor: float | None = None
    k: int | None = None


@dataclass(frozen=True, eq=False)
class FoldedWeights:
    """Weights that read and rebuild the features themselves: what SAELens keeps apart is folded in (see the module)."""

    W_enc: Tensor
    b_enc: Tensor
    W_dec: Tensor
    b_dec: Tensor

    @classmethod
    def fold(
        cls, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor, *, scale: float, rescales_by_decoder_norm: bool
    ) -> FoldedWeights:
        """Weights [d, K], [K], [K, d], [d] as SAELens holds them; ``scale`` is 1 where none is to be folded."""
        if scale != 1.0:
            W_enc, W_dec, b_dec = W_enc * scale, W_dec / scale, b_dec / scale
        if rescales_by_decoder_norm:
            norm = W_dec.norm(dim=-1)
            # A latent without a decoder row never fires under the rescaling, and rebuilds nothing.
            W_enc, b_enc = W_enc * norm, b_enc * norm
            W_dec = W_dec / torch.where(norm == 0, torch.ones_like(norm), norm)[:, None]
        return cls(W_enc, b_enc, W_dec, b_dec)


def load_saelens(folder: Path, name: str, answers: Answers) -> SparseAutoencoder:
    """Load a SAELens folder in float32 (float64 where stored so) on the CPU.

    Raises:
        ScratchpadError: something is missing, broken, not understood, or not said.
    """
    config = read_config(folder / CONFIG_FILE)
    path = folder / WEIGHTS_FILE
    tensors = read_tensors(path)
    d_in, n_latents = _widths(config, tensors, path)
    scale, k = _scaling_factor(config, folder, answers.scaling_factor), _k(config, folder, answers.k, n_latents)

    W_enc = require_shape(tensors, "W_enc", (d_in, n_latents), path)
    W_dec = require_shape(tensors, "W_dec", (n_latents, d_in), path)
    b_enc = require_shape(tensors, "b_enc", (n_latents,), path)
    b_dec = require_shape(tensors, "b_dec", (d_in,), path)
    activation, used = _activation(config, tensors, k, n_latents, path)
    _refuse_other_tensors(tensors, {"W_enc", "W_dec", "b_enc", "b_dec", *used}, n_latents, config, path)

    folded = FoldedWeights.fold(
        W_enc, b_enc, W_dec, b_dec, scale=scale, rescales_by_decoder_norm=config.rescales_by_decoder_norm
    )
    decisions = {name: value for name, value in asdict(config).items() if name not in ("hook", "k")}
    return SparseAutoencoder(
        name=name,
        hook=config.hook,
        identity=hash_tensors(tensors, json.dumps({**decisions, "k": k, "scale": scale}, sort_keys=True)),
        W_enc=folded.W_enc,
        b_enc=folded.b_enc,
        W_dec=folded.W_dec,
        b_dec=folded.b_dec,
        activation_function=activation,
        normalisation=NORMALISATION_OF_NAME.get(config.normalisation, NoNormalisation()),
        subtracts_b_dec=config.subtracts_b_dec,
    )


def _widths(config: SaeLensConfig, tensors: dict[str, Tensor], path: Path) -> tuple[int, int]:
    stored = tensors.get("W_enc")
    if stored is None or stored.ndim != 2:
        raise ScratchpadError(f"{path} has no matrix W_enc: it holds {', '.join(sorted(tensors)) or 'nothing'}.")
    d_in, n_latents = int(stored.shape[0]), int(stored.shape[1])
    if (config.d_in or d_in, config.n_latents or n_latents) != (d_in, n_latents):
        raise ScratchpadError(
            f"{path}: W_enc is [{d_in}, {n_latents}], {CONFIG_FILE} says d_in {config.d_in} and d_sae "
            f"{config.n_latents}: "
            "the two files do not belong together."
        )
    return d_in, n_latents


def _activation(
    config: SaeLensConfig, tensors: dict[str, Tensor], k: int | None, n_latents: int, path: Path
) -> tuple[ActivationFunction, set[str]]:
    """The activation function and the names of the tensors it used."""
    if config.architecture == "jumprelu":
        # Training files from before release 6 hold the logarithm.
        if "log_threshold" in tensors and "threshold" not in tensors:
            return JumpRelu(require_shape(tensors, "log_threshold", (n_latents,), path).exp()), {"log_threshold"}
        return JumpRelu(require_shape(tensors, "threshold", (n_latents,), path)), {"threshold"}
    if k is not None:
        return TopK(k), set()
    return Relu(), set()


def _refuse_other_tensors(
    tensors: dict[str, Tensor], used: set[str], n_latents: int, config: SaeLensConfig, path: Path
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


def _k(config: SaeLensConfig, folder: Path, said: int | None, n_latents: int) -> int | None:
    if config.architecture != "topk":
        if said is not None:
            raise ScratchpadError(f"{folder} is a {config.architecture} SAE, which has no k: leave out k (--sae-k).")
        return None
    if said is not None and config.k is not None and said != config.k:
        raise ScratchpadError(f"{folder} says k is {config.k}, you said {said}: leave out k (--sae-k).")
    k = config.k if config.k is not None else said
    if k is None:
        raise ScratchpadError(f"{folder} is a topk SAE and does not say k: give load_sae(..., k=...) or --sae-k.")
    if not 1 <= k <= n_latents:
        raise ScratchpadError(f"k is {k} for an SAE of {n_latents} latents in {folder}: expected 1 to {n_latents}.")
    return k


def _scaling_factor(config: SaeLensConfig, folder: Path, said: float | None) -> float:
    """The scalar that inputs are multiplied by, 1 for none."""
    if said is not None and not (math.isfinite(said) and said > 0):
        raise ScratchpadError(f"The scaling factor is {said}: expected a number above 0.")
    if said is not None and config.normalisation != EXPECTED_AVERAGE:
        raise ScratchpadError(
            f"{folder} normalises by {config.normalisation}, which takes no scaling factor: leave out scaling_factor "
            "(--sae-scaling-factor)."
        )
    stored = _stored_scaling_factor(folder / SCALER_FILE)
    if config.normalisation != EXPECTED_AVERAGE:
        if stored is not None:
            raise ScratchpadError(
                f"{folder / SCALER_FILE} has the scaling factor {stored}, but {CONFIG_FILE} normalises by "
                f"{config.normalisation}: "
                f"set normalize_activations to {EXPECTED_AVERAGE} if the weights are not folded, else remove "
                f"{SCALER_FILE}."
            )
        return 1.0
    if said is not None:
        return said
    if stored is None:
        raise ScratchpadError(
            f"{folder} was trained on inputs scaled by {EXPECTED_AVERAGE} and does not say the factor: give "
            "load_sae(..., scaling_factor=...) or --sae-scaling-factor (sqrt(d_in) / mean norm of the training "
            "inputs; 1 if already folded)."
        )
    return stored


def _stored_scaling_factor(path: Path) -> float | None:
    if not path.is_file():
        return None
    try:
        scaler = json.loads(path.read_text(encoding="utf-8"))
        if scaler.get("has_whitening"):
            raise ScratchpadError(
                f"{path} says the inputs were whitened, which is not read: fold the whitening with SAELens first."
            )
        value = scaler.get("scaling_factor")
        factor = None if value is None else float(value)
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise ScratchpadError(f"{path} cannot be read ({error}): expected an object with scaling_factor.") from error
    if factor is not None and not (math.isfinite(factor) and factor > 0):
        raise ScratchpadError(f"{path} has the scaling factor {factor}: expected a number above 0.")
    return factor
