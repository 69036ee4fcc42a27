"""A VLM's identity: the same weights, configuration and processor give the same hash, wherever and however loaded."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import torch
from torch import nn

_SAMPLES = 1024


def model_identity(model: nn.Module, processor: Any) -> str:
    """sha256 (hex) over every parameter's name, shape and a sample of its values, the architecture, and the processor.

    Hashing all of an 8 B model's bytes would take longer than answering; 1,024 values spread evenly over each tensor tell
    checkpoints apart that were trained for a single step. Values are compared as bfloat16, so that a model loaded as float32,
    float16 or bfloat16 keeps its identity.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().reshape(-1)
        step = max(1, flat.numel() // _SAMPLES)
        sample = flat[::step][:_SAMPLES].to("cpu", torch.bfloat16).contiguous()
        digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
        digest.update(sample.view(torch.int16).numpy().tobytes())
    config = model.config
    for part in ("model_type", "vision_feature_layer", "vision_feature_select_strategy", "image_grid_pinpoints"):
        digest.update(f"{part} {getattr(config, part, None)}\n".encode())
    settings = processor.image_processor.to_dict()
    # What says where the processor came from, or which backend runs it, does not change what it computes.
    for key in ("image_processor_type", "processor_class", "_processor_class", "auto_map", "data_format", "device"):
        settings.pop(key, None)
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    return digest.hexdigest()
