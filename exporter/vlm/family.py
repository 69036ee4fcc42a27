"""What a model family must tell; one adapter each, found by the checkpoint's model type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import nn

from tb_visualscratchpad.wire.evidence import ImageTokenMap


class VlmFamily(ABC):
    """Knowledge about one family of vision-language models. Adapters hold no state.

    The three parts of a model are looked for where Hugging Face's LLaVA models have them; other layouts override.

    Attributes:
        model_type: as in ``config.json``.
    """

    model_type: str

    def vision_tower(self, model: nn.Module) -> nn.Module:
        """The encoder that sees views [n, 3, S, S]."""
        return model.model.vision_tower

    def text_model(self, model: nn.Module) -> nn.Module:
        """The decoder whose attention is recorded."""
        return model.model.language_model

    def projector(self, model: nn.Module) -> nn.Module:
        """What turns vision features into embeddings of the text model."""
        return model.model.multi_modal_projector

    @abstractmethod
    def image_token_map(self, model: nn.Module, image_processor: Any, width: int, height: int, n_views: int) -> ImageTokenMap:
        """Which patch of which view each image token of a picture of this size stands for.

        Args:
            n_views: how many views the processor made of it.

        Raises:
            ScratchpadError: the processor is set up in a way whose geometry is unknown.
        """

    @abstractmethod
    def image_inputs(self, processed: Mapping[str, Any]) -> dict[str, Any]:
        """What ``generate`` wants besides tokens, from what the image processor returned for one picture."""


_FAMILIES: dict[str, VlmFamily] = {}


def register_family(family: VlmFamily) -> VlmFamily:
    """Makes a family known. A model type can be registered once."""
    if family.model_type in _FAMILIES:
        raise ValueError(f"model type {family.model_type} is registered already")
    _FAMILIES[family.model_type] = family
    return family


def families() -> Mapping[str, VlmFamily]:
    """The known families by model type."""
    return dict(_FAMILIES)
