"""Small random vision-language models, built from their configurations and saved as Hugging Face saves them.

A fixed seed makes each of them the same every time. They say nonsense, which is all that shapes, attention and geometry need.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BaseImageProcessor,
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextImageProcessorPil,
    LlavaNextProcessor,
    LlavaProcessor,
    MistralConfig,
    PreTrainedTokenizerFast,
)

WORDS = ["<pad>", "<s>", "</s>", "<unk>", "<image>", "user", ":", "assistant", "system", ".", "?"] + [f"w{i}" for i in range(60)]

TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'system' %}system : {{ m['content'][0]['text'] }} "
    "{% elif m['role'] == 'user' %}user : {% for c in m['content'] %}{% if c['type'] == 'image' %}<image> "
    "{% else %}{{ c['text'] }} {% endif %}{% endfor %}{% else %}assistant : {{ m['content'][0]['text'] }} {% endif %}"
    "{% endfor %}{% if add_generation_prompt %}assistant :{% endif %}"
)

IMAGE_SIZE, PATCH = 32, 8
"""Side of a view and of a patch, unless a test asks for others."""


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<pad>", "<s>", "</s>", "<unk>", "<image>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>", padding_side="left",
        extra_special_tokens={"image_token": "<image>"},
    )


def _vision(image_size: int, patch: int) -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=24, intermediate_size=48, num_hidden_layers=4, num_attention_heads=3, image_size=image_size, patch_size=patch,
    )


def _text(sliding_window: int | None, n_heads: int, n_kv_heads: int) -> LlamaConfig | MistralConfig:
    common = dict(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=n_heads,
        num_key_value_heads=n_kv_heads, max_position_embeddings=4096, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        initializer_range=0.4,
    )
    if sliding_window is None:
        return LlamaConfig(**common)
    return MistralConfig(**common, sliding_window=sliding_window)


def save_tiny_llava_next(
    folder: Path, *, seed: int = 0, sliding_window: int | None = None, n_heads: int = 4, n_kv_heads: int = 2,
    pinpoints: list[list[int]] | None = None, image_size: int = IMAGE_SIZE, patch: int = PATCH,
) -> Path:
    """A LLaVA-Next with grouped heads, 4 x 4 patches a view, tiles up to 2 x 2 or 1 x 3 (as the real ones, in views)."""
    torch.manual_seed(seed)
    side = image_size
    grid = pinpoints or [[2 * side, 2 * side], [side, 2 * side], [2 * side, side], [side, 3 * side], [3 * side, side]]
    config = LlavaNextConfig(
        vision_config=_vision(image_size, patch), text_config=_text(sliding_window, n_heads, n_kv_heads), image_token_index=4, image_grid_pinpoints=grid,
        vision_feature_layer=-2, vision_feature_select_strategy="default", image_seq_length=(image_size // patch) ** 2,
    )
    _never_ending(LlavaNextForConditionalGeneration(config)).save_pretrained(folder)
    LlavaNextProcessor(
        image_processor=LlavaNextImageProcessorPil(
            size={"shortest_edge": image_size}, crop_size={"height": image_size, "width": image_size}, image_grid_pinpoints=grid
        ),
        tokenizer=_tokenizer(), patch_size=patch, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    ).save_pretrained(folder)
    return folder


def save_tiny_llava(
    folder: Path, *, seed: int = 0, sliding_window: int | None = None, n_heads: int = 4, n_kv_heads: int = 2,
    vision_feature_layer: int | list[int] = -2,
    image_processor: BaseImageProcessor | None = None, image_size: int = IMAGE_SIZE, patch: int = PATCH,
) -> Path:
    """A LLaVA-1.5 with grouped heads, 4 x 4 patches in its one view, cropped at the centre as CLIP's processor does."""
    torch.manual_seed(seed)
    config = LlavaConfig(
        vision_config=_vision(image_size, patch), text_config=_text(sliding_window, n_heads, n_kv_heads), image_token_index=4,
        vision_feature_layer=vision_feature_layer, vision_feature_select_strategy="default", image_seq_length=(image_size // patch) ** 2,
    )
    _never_ending(LlavaForConditionalGeneration(config)).save_pretrained(folder)
    LlavaProcessor(
        image_processor=image_processor
        or CLIPImageProcessorPil(size={"shortest_edge": image_size}, crop_size={"height": image_size, "width": image_size}),
        tokenizer=_tokenizer(), patch_size=patch, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    ).save_pretrained(folder)
    return folder


def _never_ending(model: torch.nn.Module) -> torch.nn.Module:
    """Random words would end at random lengths; without an end-of-sequence token every answer is as long as was asked.

    Nor does it ever say ``<image>``, which a forward pass over the whole sequence would take for a second picture.
    """
    with torch.no_grad():
        model.lm_head.weight[4] = 0
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    return model
