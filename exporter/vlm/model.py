"""A loaded VLM, as the rest of the exporter sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
from PIL import Image
from torch import nn

from tb_visualscratchpad.exporter.hooks import HookPoint, VisionState, capturing, capturing_state
from tb_visualscratchpad.exporter.vlm.family import VlmFamily
from tb_visualscratchpad.exporter.vlm.hook_points import default_hook, hook_names, hook_point, resolve_hook
from tb_visualscratchpad.exporter.vlm.identity import model_identity
from tb_visualscratchpad.exporter.vlm.prompt import ChatTemplate, tokenize_prompt
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import ImageTokenMap, Token


@dataclass(frozen=True)
class PreparedPicture:
    """A picture as the model's processor makes it, on the CPU.

    Attributes:
        pixel_values: float32 [n_views, 3, S, S].
        image_tokens: where every patch lies on the picture.
        image_inputs: what ``generate`` wants besides tokens.
    """

    pixel_values: torch.Tensor
    image_tokens: ImageTokenMap
    image_inputs: Mapping[str, Any]


@dataclass(frozen=True)
class PreparedPrompt:
    """A picture and a prompt, ready for ``generate``: ``input_ids`` int64 [1, n] and the token at each position."""

    picture: PreparedPicture
    prompt: str
    tokens: tuple[Token, ...]
    input_ids: torch.Tensor


class Vlm:
    """A vision-language model with its processor. Made by :func:`load_vlm`."""

    def __init__(self, *, name: str, model: nn.Module, processor: Any, family: VlmFamily, chat_template: str | None = None) -> None:
        self.name = name
        self.model = model
        self.processor = processor
        self.family = family
        image_token_id = int(model.config.image_token_id)
        self.image_token_id = image_token_id
        self._chat_template_text = chat_template
        self._image_token = getattr(processor, "image_token", None) or processor.tokenizer.convert_ids_to_tokens(image_token_id)
        # Maps depend on nothing but a picture's size, and an image set has few sizes.
        self._image_token_map = lru_cache(maxsize=256)(self._make_image_token_map)

    @property
    def device(self) -> torch.device:
        """Where the vision tower lives, and with it what ``features`` returns."""
        return next(self.family.vision_tower(self.model).parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the vision tower's weights."""
        return next(self.family.vision_tower(self.model).parameters()).dtype

    @property
    def text_model(self) -> nn.Module:
        """The decoder."""
        return self.family.text_model(self.model)

    @cached_property
    def identity(self) -> str:
        """sha256 (hex) of weights, architecture and processor; see :func:`model_identity`."""
        return model_identity(self.model, self.processor)

    @cached_property
    def chat_template(self) -> ChatTemplate:
        """Raises ScratchpadError where the model has none and none was given."""
        return ChatTemplate(self.processor, self._chat_template_text, self._image_token)

    @property
    def default_hook(self) -> str:
        """The hook of what the projector reads."""
        return default_hook(self.model)

    def hooks(self) -> tuple[str, ...]:
        """Names of the vision features an SAE may read, in the order of the forward pass."""
        return hook_names(self.family, self.model)

    def resolve_hook(self, name: str | None) -> str:
        """The canonical name of a hook; None means the default. Raises ScratchpadError where there is none such."""
        return resolve_hook(self.family, self.model, name)

    def hook_point(self, name: str | None) -> HookPoint:
        """Where to hook for ``name``."""
        return hook_point(self.family, self.model, name)

    def prepare_picture(self, picture: Image.Image) -> PreparedPicture:
        """What the vision tower sees of an RGB picture. Pure CPU work, safe in threads.

        Raises:
            ScratchpadError: the processor cannot handle a picture of this size.
        """
        try:
            processed = self.processor.image_processor(images=[picture], return_tensors="pt")
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            raise ScratchpadError(
                f"The model's image processor cannot handle a picture of {picture.width} x {picture.height} ({error}): "
                "crop or scale it."
            ) from error
        pixel_values = processed["pixel_values"]
        views = pixel_values[0] if pixel_values.ndim == 5 else pixel_values
        image_tokens = self._image_token_map(picture.width, picture.height, int(views.shape[0]))
        return PreparedPicture(
            pixel_values=views.float(),
            image_tokens=image_tokens,
            image_inputs=self.family.image_inputs(processed),
        )

    def _make_image_token_map(self, width: int, height: int, n_views: int) -> ImageTokenMap:
        return self.family.image_token_map(self.model, self.processor.image_processor, width, height, n_views)

    @torch.inference_mode()
    def features(self, pixel_values: torch.Tensor, hook: str | None = None) -> torch.Tensor:
        """Patch features of views, class token left out.

        Args:
            pixel_values: [n, 3, S, S]; views of several pictures may be mixed.
            hook: where to read; what the projector reads by default.

        Returns:
            [n, grid * grid, d_in] on the model's device, in the model's dtype.
        """
        point = self.hook_point(hook)
        tower = self.family.vision_tower(self.model)
        values = pixel_values.to(device=self.device, dtype=self.dtype)
        if point.side == "output":
            with capturing(point, stop=True) as captured:
                tower(values)
            return captured[0]
        return self._projector_input(values)

    @torch.no_grad()
    def vision_state(self, pixel_values: torch.Tensor, hook: str | None = None) -> VisionState:
        """What :func:`~tb_visualscratchpad.exporter.hooks.resuming` needs to go on from ``hook``, of one picture's views [n, 3, S, S].

        The layers behind the hook cost nothing.
        """
        point = self.hook_point(hook)
        values = pixel_values.to(device=self.device, dtype=self.dtype)
        if point.side == "input":
            return VisionState(self._projector_input(values))
        with capturing_state(point) as captured:
            self.family.vision_tower(self.model)(values)
        return captured[0]

    def image_embeddings(self, image_inputs: Mapping[str, Any]) -> torch.Tensor:
        """[image tokens, width of the text model]: what the model makes of one picture's inputs, newlines included."""
        inputs = {
            key: value.to(self.device, self.dtype) if torch.is_floating_point(value) else value.to(self.device)
            for key, value in image_inputs.items()
        }
        found = self.model.get_image_features(**inputs)
        packed = getattr(found, "pooler_output", found)
        return packed.flatten(0, -2) if isinstance(packed, torch.Tensor) else torch.cat(list(packed), dim=0)

    def _projector_input(self, values: torch.Tensor) -> torch.Tensor:
        config = self.model.config
        hidden = self.family.vision_tower(self.model)(values, output_hidden_states=True).hidden_states
        chosen = config.vision_feature_layer
        layers = [chosen] if isinstance(chosen, int) else chosen
        n_patches = self.hook_point(None).n_patches
        return torch.cat([hidden[layer][:, -n_patches:] for layer in layers], dim=-1)

    def prepare_prompt(self, picture: Image.Image, prompt: str, *, system: str | None = None) -> PreparedPrompt:
        """Picture and prompt through processor and chat template.

        Raises:
            ScratchpadError: no chat template, an empty prompt, several pictures in it, or more tokens than the model reads.
        """
        prepared = self.prepare_picture(picture)
        tokens = tokenize_prompt(
            self.chat_template.render(prompt, system),
            self.processor.tokenizer,
            image_token_id=self.image_token_id,
            n_image_tokens=prepared.image_tokens.n_tokens,
        )
        limit = self.max_tokens
        if limit is not None and len(tokens) >= limit:
            raise ScratchpadError(
                f"Picture and prompt make {len(tokens)} tokens, the model reads fewer than {limit}: shorten the prompt or scale the "
                "picture down."
            )
        ids = torch.tensor([[token.token_id for token in tokens]], dtype=torch.long)
        return PreparedPrompt(picture=prepared, prompt=prompt, tokens=tokens, input_ids=ids)

    @property
    def max_tokens(self) -> int | None:
        """Length of the longest sequence the text model was made for; None where its configuration does not say."""
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
