"""What a SAELens ``cfg.json`` says, current and from before release 6, reduced to what decides how an SAE computes.

Every key is accounted for: it decides something here, or it is known to concern training and data only. Any other key
is refused by name, since an SAE that computes otherwise than it was trained looks healthy and is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tb_visualscratchpad.exporter.sae.found_checkpoint import positive_integer
from tb_visualscratchpad.exporter.sae.normalisations import NORMALISATION_OF_NAME
from tb_visualscratchpad.wire.errors import ScratchpadError

CONFIG_FILE = "cfg.json"
EXPECTED_AVERAGE = "expected_average_only_in"
WHITENING = "covariance_whitening"
ARCHITECTURES = ("standard", "topk", "jumprelu", "gated", "batchtopk", "matryoshka_batchtopk")
BATCH_TOPK = ("batchtopk", "matryoshka_batchtopk")
REFUSED_ARCHITECTURES = {
    "abstopk": "its latents become negative, which no view here can show",
    "matching_pursuit": "it has no encoder: every latent depends on those found before",
    "temporal": "it reads a sequence of tokens, not one",
    "transcoder": "it rebuilds another layer than it reads",
    "skip_transcoder": "it rebuilds another layer than it reads",
    "jumprelu_transcoder": "it rebuilds another layer than it reads",
    "jumprelu_skip_transcoder": "it rebuilds another layer than it reads",
}

_DECIDING = frozenset(
    "architecture d_in d_sae k activation_fn activation_fn_str activation_fn_kwargs apply_b_dec_to_input "
    "normalize_activations rescale_acts_by_decoder_norm reshape_activations finetuning_scaling_factor metadata "
    "hook_name hook_point".split()
)

# How it was trained, on what, and where it was saved: nothing of this reaches encode or decode.
_NEUTRAL = frozenset(
    "act_store_device activations_mixing_fraction adam_beta1 adam_beta2 autocast autocast_lm aux_loss_coefficient "
    "b_dec_init_method cached_activations_path checkpoint_path compile_llm compile_sae context_size d_head "
    "dataset_path dataset_trust_remote_code dead_feature_threshold dead_feature_window decoder_heuristic_init "
    "decoder_heuristic_init_norm decoder_init_norm decoder_orthogonal_init device disable_concat_sequences dtype "
    "eval_batch_size_prompts eval_every_n_wandb_logs exclude_special_tokens expansion_factor feature_sampling_window "
    "finetuning_method finetuning_tokens from_pretrained_path ghost_grad_loss_coefficient hf_hook_name hook_eval "
    "hook_head_index hook_layer hook_point_head_index hook_point_layer init_encoder_as_decoder_transpose "
    "is_dataset_tokenized jumprelu_bandwidth jumprelu_init_threshold jumprelu_sparsity_loss_mode "
    "jumprelu_ste_to_input jumprelu_tanh_scale k_aux l0_coefficient l0_lambda l0_warm_up_steps l1_coefficient "
    "l1_warm_up_steps llm_batch_size llm_compilation_mode log_activations_store_to_wandb log_optimizer_state_to_wandb "
    "log_to_wandb log_weights_to_wandb logger lp_norm lr lr_decay_steps lr_end lr_scheduler_name lr_warm_up_steps "
    "model_class_name model_from_pretrained_kwargs model_kwargs model_name mse_loss_normalization "
    "n_batches_for_norm_estimate n_batches_in_buffer n_checkpoints n_eval_batches n_restart_cycles neuronpedia_id "
    "noise_level normalize_sae_decoder output_path pre_act_loss_coefficient prefetch_llm_batches prepend_bos resume "
    "resume_from_checkpoint run_name sae_compilation_mode sae_lens_training_version sae_lens_version "
    "save_final_checkpoint scale_sparsity_penalty_by_decoder_norm seed seqpos_slice sequence_separator_token "
    "sparsity_penalty_loss_mode store_batch_size_prompts streaming target_l0 tokens_per_buffer "
    "train_batch_size_tokens training_tokens use_cached_activations use_chat_formatting use_ghost_grads "
    "llm_device matryoshka_widths topk_threshold_lr train_batch_size_samples total_training_samples use_matryoshka_aux_loss "
    "use_sparse_activations verbose wandb_entity wandb_id wandb_log_frequency wandb_project".split()
)


@dataclass(frozen=True)
class SaeLensConfig:
    """What a ``cfg.json`` decides.

    Attributes:
        architecture: one of ``ARCHITECTURES``.
        d_in, n_latents: None where an old file is silent and the weights tell.
        k: None where the file does not tell it, or where it has no meaning.
        normalisation: a name of ``NORMALISATION_OF_NAME``, ``expected_average_only_in`` or ``covariance_whitening``.
        rescales_by_decoder_norm: pre-activations are multiplied by the norms of their decoder rows (topk and its batch variants).
        function: ``tanh-relu`` in files from before release 6, else ``relu``.
    """

    architecture: str
    d_in: int | None
    n_latents: int | None
    k: int | None
    normalisation: str
    subtracts_b_dec: bool
    rescales_by_decoder_norm: bool
    hook: str | None
    function: str = "relu"


def read_config(content: Mapping[str, Any], path: Path) -> SaeLensConfig:
    """Check what a ``cfg.json`` holds.

    Raises:
        ScratchpadError: it says something that is not understood.
    """
    return _Reader(content, path).config()


class _Reader:
    """One cfg object, asked key by key; each answer is checked and a refusal names file, key and value."""

    def __init__(self, cfg: Mapping[str, Any], path: Path) -> None:
        self._cfg = cfg
        self._path = path

    def config(self) -> SaeLensConfig:
        architecture, k, function = self._architecture_k_and_function()
        unknown = sorted(set(self._cfg) - _DECIDING - _NEUTRAL)
        if unknown:
            raise self._refusal(f"the keys {', '.join(unknown)} are not known, and may change what the SAE computes")
        self._refuse_reshaping_and_finetuning()
        rescales = self._boolean("rescale_acts_by_decoder_norm", False)
        if rescales and architecture not in ("topk", *BATCH_TOPK):
            raise self._refusal(f"rescale_acts_by_decoder_norm is defined for topk, not for {architecture}")
        return SaeLensConfig(
            architecture=architecture,
            d_in=self._positive_integer(self._cfg, "d_in"),
            n_latents=self._positive_integer(self._cfg, "d_sae"),
            k=k,
            normalisation=self._normalisation(),
            subtracts_b_dec=self._boolean("apply_b_dec_to_input", True),
            rescales_by_decoder_norm=rescales,
            hook=self._hook(),
            function=function,
        )

    def _refusal(self, reason: str) -> ScratchpadError:
        return ScratchpadError(
            f"{self._path}: {reason[:600]}. Convert the SAE to one of {', '.join(ARCHITECTURES)} as SAELens 6 saves it."
        )

    def _architecture_k_and_function(self) -> tuple[str, int | None, str]:
        architecture = self._cfg.get("architecture", "standard")
        if isinstance(architecture, str) and architecture in REFUSED_ARCHITECTURES:
            raise self._refusal(f"the architecture {architecture!r} is not read: {REFUSED_ARCHITECTURES[architecture]}")
        if architecture not in ARCHITECTURES:
            raise self._refusal(f"the architecture {architecture!r} is not read")
        # Before release 6 the activation function said topk, and the architecture stayed standard.
        function = self._cfg.get("activation_fn", self._cfg.get("activation_fn_str", None))
        of_architecture = {"standard": (None, "relu", "topk", "tanh-relu"), "topk": (None, "relu", "topk")}
        if function not in of_architecture.get(architecture, (None, "relu")):
            raise self._refusal(f"the activation function {function!r} of a {architecture} SAE is not read")
        if function == "topk":
            architecture = "topk"
        kwargs = self._cfg.get("activation_fn_kwargs") or {}
        if not isinstance(kwargs, dict):
            raise self._refusal(f"activation_fn_kwargs is {kwargs!r}, expected an object")
        unknown = sorted(set(kwargs) - {"k"})
        if unknown:
            raise self._refusal(f"activation_fn_kwargs has {', '.join(unknown)}, which are not known")
        if architecture != "topk":
            return architecture, None, "tanh-relu" if function == "tanh-relu" else "relu"
        of_file, of_kwargs = self._positive_integer(self._cfg, "k"), self._positive_integer(kwargs, "k")
        if of_file is not None and of_kwargs is not None and of_file != of_kwargs:
            raise self._refusal(f"k is {of_file}, and {of_kwargs} in activation_fn_kwargs")
        return architecture, of_file if of_file is not None else of_kwargs, "relu"

    def _normalisation(self) -> str:
        value = self._cfg.get("normalize_activations")
        if value is None or value is False:
            return "none"
        if value is True:
            return EXPECTED_AVERAGE
        if not isinstance(value, str) or value not in (EXPECTED_AVERAGE, WHITENING, *NORMALISATION_OF_NAME):
            raise self._refusal(f"normalize_activations {value!r} is not read")
        return value

    def _refuse_reshaping_and_finetuning(self) -> None:
        reshape = self._cfg.get("reshape_activations")
        if reshape not in (None, "none"):
            raise self._refusal(f"reshape_activations {reshape!r} is not read: vision features have no heads to join")
        if self._cfg.get("finetuning_scaling_factor"):
            raise self._refusal("finetuning_scaling_factor is not read")

    def _hook(self) -> str | None:
        metadata = self._cfg.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise self._refusal(f"metadata is {metadata!r}, expected an object")
        for hook in (metadata.get("hook_name"), self._cfg.get("hook_name"), self._cfg.get("hook_point")):
            if hook:
                return str(hook)
        return None

    def _boolean(self, key: str, default: bool) -> bool:
        value = self._cfg.get(key, default)
        if not isinstance(value, bool):
            raise self._refusal(f"{key} is {value!r}, expected true or false")
        return value

    def _positive_integer(self, mapping: Mapping[str, Any], key: str) -> int | None:
        return positive_integer(mapping.get(key), key, str(self._path))
