"""The cache answers as Hugging Face's own does, goes back, and takes rows."""

from __future__ import annotations

import pytest
import torch
from transformers import DynamicCache

from tb_visualscratchpad.exporter.prompt_cache import CacheFilled, PromptCache
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tests.tiny_vlm import save_tiny_llava


@pytest.fixture(scope="module", params=[None, 6], ids=["full", "sliding"])
def vlm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Vlm:
    return load_vlm(save_tiny_llava(tmp_path_factory.mktemp("windowed"), sliding_window=request.param), device="cpu")


@torch.no_grad()
def _logits(vlm: Vlm, ids: list[int], cache: object) -> torch.Tensor:
    return vlm.model(input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=True).logits[0]


def _words(n: int, seed: int = 3) -> list[int]:
    return torch.randint(12, 60, (n,), generator=torch.Generator().manual_seed(seed)).tolist()


@pytest.mark.parametrize("room", [4, 40])
def test_it_answers_as_the_stock_cache(vlm: Vlm, room: int) -> None:
    cache, stock = PromptCache(3, room), DynamicCache(config=vlm.model.config.get_text_config())
    words = _words(20)
    for start, end in ((0, 9), (9, 10), (10, 17), (17, 20)):
        torch.testing.assert_close(_logits(vlm, words[start:end], cache), _logits(vlm, words[start:end], stock))
    assert cache.length == cache.get_seq_length() == 20


def test_going_back_forgets_what_came_after(vlm: Vlm) -> None:
    words, others = _words(20), _words(20, seed=4)
    cache, fresh = PromptCache(3, 12), PromptCache(3, 12)
    _logits(vlm, words, cache)
    cache.go_back_to(9)
    _logits(vlm, words[:9], fresh)
    torch.testing.assert_close(_logits(vlm, others, cache), _logits(vlm, others, fresh))
    with pytest.raises(ValueError, match="holds 29 tokens, not 30"):
        cache.go_back_to(30)


def test_rows_of_other_caches(vlm: Vlm) -> None:
    prompts, tail = [_words(12, seed) for seed in (5, 6, 7)], _words(3, seed=8)
    joined, expected = PromptCache(3, 14), []
    for row, prompt in enumerate(prompts):
        alone = PromptCache(3, 12)
        _logits(vlm, prompt, alone)
        joined.put_row(row, 3, alone)
        expected.append(_logits(vlm, tail, alone))
    with torch.no_grad():
        logits = vlm.model(input_ids=torch.tensor([tail] * 3), past_key_values=joined, use_cache=True).logits
    torch.testing.assert_close(logits, torch.stack(expected))


def test_leaving_once_it_is_filled(vlm: Vlm) -> None:
    words = _words(12)
    filled, whole = PromptCache(3, 12), PromptCache(3, 12)
    filled.stop_when_filled = True
    with pytest.raises(CacheFilled):
        _logits(vlm, words, filled)
    _logits(vlm, words, whole)
    for one, other in zip(filled.layers, whole.layers, strict=True):
        assert torch.equal(one.keys, other.keys) and torch.equal(one.values, other.values)
