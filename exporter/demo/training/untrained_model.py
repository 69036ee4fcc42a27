"""An untrained model of Emoji World: the bundled one's architecture and processor, or a smaller one of the same make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from tb_visualscratchpad.exporter.demo.compose import BUNDLE


@dataclass(frozen=True)
class ModelSize:
    """Sizes of a LLaVA-Next whose pictures are cut into 2 x 2 tiles.

    Attributes:
        view, patch: sides, in pixels.
        vision_width, vision_layers, vision_heads: of the vision tower, whose last layer is not read.
        text_width, text_layers, text_heads: of the language model.
    """

    view: int
    patch: int
    vision_width: int
    vision_layers: int
    vision_heads: int
    text_width: int
    text_layers: int
    text_heads: int


LIKE_THE_BUNDLE = ModelSize(128, 16, 192, 6, 6, 256, 6, 4)
SMALL = ModelSize(32, 8, 64, 3, 4, 96, 2, 4)


def save_untrained_model(folder: Path, size: ModelSize, seed: int) -> None:
    """Saves an untrained model with its processor into ``folder``, which ``load_vlm`` reads. Vocabulary and template are the bundle's."""
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextProcessor,
    )

    processor = LlavaNextProcessor.from_pretrained(BUNDLE / "vlm")
    images, tokenizer = processor.image_processor, processor.tokenizer
    images.size, images.crop_size = {"shortest_edge": size.view}, {"height": size.view, "width": size.view}
    images.image_grid_pinpoints = [[2 * size.view, 2 * size.view]]
    processor.patch_size = size.patch
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=size.vision_width, intermediate_size=4 * size.vision_width, num_hidden_layers=size.vision_layers,
            num_attention_heads=size.vision_heads, image_size=size.view, patch_size=size.patch, projection_dim=128,
        ),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=size.text_width, intermediate_size=3 * size.text_width, num_hidden_layers=size.text_layers,
            num_attention_heads=size.text_heads, num_key_value_heads=size.text_heads, max_position_embeddings=1024, tie_word_embeddings=False,
            pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids(processor.image_token), image_grid_pinpoints=images.image_grid_pinpoints,
        vision_feature_layer=-2, vision_feature_select_strategy="default", image_seq_length=(size.view // size.patch) ** 2,
        tie_word_embeddings=False,
    )
    torch.manual_seed(seed)
    LlavaNextForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)
