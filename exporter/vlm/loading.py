"""Loads a VLM from a folder, the hub, or the bundle."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from tb_visualscratchpad.exporter.vlm import llava, llava_next
from tb_visualscratchpad.exporter.vlm.family import families
from tb_visualscratchpad.exporter.vlm.model import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError

__all__ = ["load_vlm"]

_ADAPTERS = (llava, llava_next)

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def load_vlm(
    source: str | Path,
    *,
    device: str | None = None,
    dtype: str | torch.dtype | None = None,
    device_map: str | dict | None = None,
    chat_template: str | Path | None = None,
) -> Vlm:
    """Loads a vision-language model as Hugging Face saves it.

    Args:
        source: a folder, a hub id, or ``demo`` for the bundled Emoji World model.
        device: ``cpu``, ``cuda``, ``cuda:1``...; by default a GPU where there is one.
        dtype: ``float32``, ``float16``, ``bfloat16``; by default float32 on a CPU (half precision is slower there) and the
            checkpoint's own elsewhere.
        device_map: spreads the model over several GPUs as accelerate does (``auto``, or a mapping); excludes ``device``.
        chat_template: Jinja text or the path of a file of it, where the model has none or a wrong one.

    Raises:
        ScratchpadError: not found, gated, damaged, of another family, or a processor whose geometry is not what it says.
    """
    if device is not None and device_map is not None:
        raise ScratchpadError("Both device and device_map were given: choose one.")
    name, where = _locate(source)
    target = None if device_map is not None else _device(device)
    chosen = _dtype(dtype, cpu=target is not None and target.type == "cpu")
    model = _load_model(name, where, chosen, device_map)
    family = families()[model.config.model_type]
    if target is not None:
        model = _move(model, target, name)
    vlm = Vlm(
        name=name, model=model.eval(), processor=_load_processor(name, where), family=family, chat_template=_template_text(chat_template)
    )
    _require_patch_strategy(vlm)
    _require_true_geometry(vlm)
    return vlm


def _locate(source: str | Path) -> tuple[str, str]:
    text = str(source)
    if text == "demo":
        return "demo", str(resources.files("tb_visualscratchpad.exporter.demo") / "bundle" / "vlm")
    path = Path(text).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ScratchpadError(f"The folder {text} has no config.json, expected a model as save_pretrained writes it: check the path.")
        return path.resolve().name, str(path)
    if path.exists():
        raise ScratchpadError(f"{text} is a file, expected a model's folder or a hub id: give the folder that holds config.json.")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", text) or text.startswith("."):
        raise ScratchpadError(f"There is no folder {text}, and it is no hub id either (owner/name): check the path.")
    return text, text


def _device(device: str | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ScratchpadError(f"There is no device {device}, expected cpu, cuda or cuda:<number>: choose one with --device.") from error
    if chosen.type == "cuda" and (not torch.cuda.is_available() or (chosen.index or 0) >= torch.cuda.device_count()):
        raise ScratchpadError(f"Device {device} was asked for, torch sees {torch.cuda.device_count()} GPUs: use --device cpu, or mend the CUDA set-up.")
    return chosen


def _dtype(dtype: str | torch.dtype | None, *, cpu: bool) -> torch.dtype | str:
    if dtype is None:
        return torch.float32 if cpu else "auto"
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype not in _DTYPES:
        raise ScratchpadError(f"There is no dtype {dtype}, expected {', '.join(_DTYPES)}: choose one with --dtype.")
    return _DTYPES[dtype]


def _load_model(name: str, where: str, dtype: torch.dtype | str, device_map: str | dict | None) -> nn.Module:
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForImageTextToText

    try:
        config = AutoConfig.from_pretrained(where)
        if config.model_type not in families():
            raise ScratchpadError(
                f"{name} is a {config.model_type} model, supported are {', '.join(sorted(families()))}: choose a model of these families."
            )
        model, info = AutoModelForImageTextToText.from_pretrained(
            where, dtype=dtype, attn_implementation="sdpa", device_map=device_map, output_loading_info=True
        )
    except (OSError, ValueError, SafetensorError, RuntimeError, KeyError) as error:
        raise _loading_error(name, where, error) from error
    spilled = sum(parameter.device.type == "meta" for parameter in model.parameters())
    if spilled:
        raise ScratchpadError(
            f"The model {name} does not fit on the devices: {spilled} of its weights would be kept on disk or in main memory and moved for every "
            "token. Use --dtype bfloat16, more GPUs, or --device cpu."
        )
    if info["missing_keys"] or info["mismatched_keys"]:
        absent = sorted(str(key) for key in (*info["missing_keys"], *info["mismatched_keys"]))
        raise ScratchpadError(
            f"The checkpoint {name} lacks or misshapes {len(absent)} weights ({', '.join(absent[:3])}...), expected all: it is incomplete, download "
            "or save it anew."
        )
    return model


def _loading_error(name: str, where: str, error: BaseException) -> ScratchpadError:
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    kinds = tuple(type(found) for found in causes)

    def any_of(*wanted: type) -> bool:
        return any(issubclass(kind, wanted) for kind in kinds)

    if any_of(GatedRepoError) or "gated repo" in str(error).lower():
        return ScratchpadError(
            f"The model {name} is gated: accept its licence at https://huggingface.co/{name}, then log in with 'hf auth login' and try again."
        )
    if any_of(RepositoryNotFoundError):
        return ScratchpadError(f"There is no folder {name} here and no model {name} on the hub: check the spelling; for a private model run 'hf auth login'.")
    if Path(where).is_dir():
        return ScratchpadError(f"The model in {where} cannot be loaded ({_one_line(error)}): its files are damaged or incomplete, copy or save it anew.")
    if any_of(LocalEntryNotFoundError, OfflineModeIsEnabled) or isinstance(error, OSError):
        return ScratchpadError(f"The model {name} is not in the local cache and the hub cannot be reached: give a folder, or connect and try again.")
    return ScratchpadError(f"The model {name} cannot be loaded ({_one_line(error)}): give a folder that save_pretrained wrote.")


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:157] + "..."


def _load_processor(name: str, where: str):
    from transformers import AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(where)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScratchpadError(
            f"The model {name} comes without a usable processor ({_one_line(error)}): save it with processor.save_pretrained beside the weights."
        ) from error
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        raise ScratchpadError(f"The processor of {name} lacks an image processor or a tokenizer: save the full processor beside the weights.")
    return processor


def _move(model: nn.Module, target: torch.device, name: str) -> nn.Module:
    try:
        return model.to(target)
    except torch.OutOfMemoryError as error:
        raise ScratchpadError(f"The model {name} does not fit into the memory of {target}: use --dtype bfloat16, --device-map auto or --device cpu.") from error


def _template_text(chat_template: str | Path | None) -> str | None:
    if chat_template is None:
        return None
    text = str(chat_template)
    if "{" in text:
        return text
    path = Path(text).expanduser()
    if not path.is_file():
        raise ScratchpadError(f"There is no chat template file {text}: give a path to a Jinja file.")
    return path.read_text(encoding="utf-8")


def _require_patch_strategy(vlm: Vlm) -> None:
    """The projector must read the patch tokens and nothing else, or image tokens would stand for no patch."""
    strategy = vlm.model.config.vision_feature_select_strategy
    tower = vlm.family.vision_tower(vlm.model)
    vision = vlm.model.config.vision_config
    view = torch.zeros(1, 3, vision.image_size, vision.image_size, dtype=vlm.dtype, device=vlm.device)
    with torch.inference_mode():
        n_tokens = tower(view).last_hidden_state.shape[1]
    n_patches = vlm.hook_point(None).n_patches
    n_read = n_tokens - 1 if strategy == "default" else n_tokens
    if n_read != n_patches:
        raise ScratchpadError(
            f"The projector reads {n_read} vectors per view (strategy {strategy}), the picture has {n_patches} patches: set "
            "vision_feature_select_strategy so that it reads the patches alone."
        )


def _require_true_geometry(vlm: Vlm) -> None:
    """Lets the processor itself show where patches lie: a picture whose red and green are x and y, read back per patch."""
    width, height = 150, 97
    ramp = np.zeros((height, width, 3), dtype=np.uint8)
    ramp[..., 0] = np.linspace(20, 235, width)[None, :]
    ramp[..., 1] = np.linspace(20, 235, height)[:, None]
    prepared = vlm.prepare_picture(Image.fromarray(ramp))
    settings, tokens = vlm.processor.image_processor, prepared.image_tokens
    values = prepared.pixel_values
    if settings.do_normalize:
        values = values * torch.tensor(settings.image_std)[:, None, None] + torch.tensor(settings.image_mean)[:, None, None]
    if settings.do_rescale:
        values = values / settings.rescale_factor
    side = values.shape[-1] // tokens.grid
    mean = torch.nn.functional.avg_pool2d(values, side)[:, :2].permute(0, 2, 3, 1).reshape(-1, 2).numpy()
    box = tokens.patch_box_P4
    size = np.stack([box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]], axis=1)
    inner = (box[:, 0] > 3) & (box[:, 1] > 3) & (box[:, 2] < width - 3) & (box[:, 3] < height - 3) & (tokens.patch_token_P >= 0)
    for of_kind in (tokens.patch_view_P == 0, tokens.patch_view_P > 0):
        # Patches at the rim of the padding mix picture and pad, so only whole ones of the base and of the tiles are compared.
        inner &= ~of_kind | (size >= 0.99 * size[of_kind].max(axis=0, initial=0)).all(axis=1)
    if not inner.any():
        raise ScratchpadError(
            f"Views of {tokens.grid} x {tokens.grid} patches are too coarse to check where they lie on a picture: use a model with more patches."
        )
    centre = np.stack([box[:, 0] + box[:, 2], box[:, 1] + box[:, 3]], axis=1)[inner] / 2
    shown = (mean[inner] - 20) / 215 * np.array([width - 1, height - 1]) + 0.5
    error = np.abs(shown - centre) / size[inner]
    if float(error.max()) > 0.25:
        raise ScratchpadError(
            f"The image processor {type(settings).__name__} puts patches up to {error.max():.2f} patch widths from where its settings say: "
            "it is of a kind whose geometry is unknown, use the processor the model was published with."
        )
