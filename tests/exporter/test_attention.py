"""Deferred attention against eager ``output_attentions`` and against a plain computation from the same queries and keys."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, GenerationConfig

from tb_visualscratchpad.exporter import attention as deferred
from tb_visualscratchpad.exporter.attention import recording_queries, require_plain_decoding
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.tiny_vlm import save_tiny_llava, save_tiny_llava_next

SIZES = [(64, 64), (150, 40), (30, 90)]


def _picture(width: int, height: int, seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def _batch(vlm: Vlm, sizes: list[tuple[int, int]]) -> dict[str, torch.Tensor]:
    """A left-padded batch through the stock processor."""
    prompts = ["w1 w2", "w3 w4 w5 w6 w7 ?", "w8"]
    texts = [vlm.chat_template.render(prompts[i % 3]).text for i in range(len(sizes))]
    pictures = [_picture(w, h, seed) for seed, (w, h) in enumerate(sizes)]
    vlm.processor.tokenizer.padding_side = "left"
    return dict(vlm.processor(images=pictures, text=texts, return_tensors="pt", padding=True))


def _generate(model: torch.nn.Module, inputs: dict[str, torch.Tensor], n_new: int, **options: object):
    with torch.inference_mode():
        return model.generate(
            **inputs, max_new_tokens=n_new, do_sample=False, return_dict_in_generate=True, use_cache=True, **options
        )


def _eager_rows(folder: Path, inputs: dict[str, torch.Tensor], sequences: torch.Tensor) -> torch.Tensor:
    """[layers, batch, positions, keys] of one eager forward pass over the whole generated sequence."""
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    grown = torch.ones_like(sequences[:, inputs["input_ids"].shape[1] :])
    mask = torch.cat([inputs["attention_mask"], grown], dim=1)
    position = (mask.cumsum(-1) - 1).masked_fill(mask == 0, 1)
    rest = {key: value for key, value in inputs.items() if key not in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        out = model(input_ids=sequences, attention_mask=mask, position_ids=position, output_attentions=True, **rest)
    return torch.stack([layer.mean(dim=1) for layer in out.attentions])


@pytest.fixture(
    scope="module",
    params=["llava_next", "llava", "llava_next_sliding", "llava_sliding", "llava_next_one_head_each"],
)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp(request.param)
    save = save_tiny_llava_next if "next" in request.param else save_tiny_llava
    options = {"sliding_window": 24} if "sliding" in request.param else {}
    if "one_head_each" in request.param:
        options |= {"n_heads": 4, "n_kv_heads": 4}
    return save(where, seed=3, **options)


@pytest.mark.parametrize("sizes", [[SIZES[0]], [SIZES[1]], [SIZES[2]], SIZES], ids=["square", "wide", "tall", "padded batch"])
def test_rows_equal_eager_attention(folder: Path, sizes: list[tuple[int, int]]) -> None:
    vlm = load_vlm(folder, device="cpu")
    inputs = _batch(vlm, sizes)
    n_prompt, n_new = inputs["input_ids"].shape[1], 9
    is_image = inputs["input_ids"] == vlm.image_token_id
    text_rows = (~is_image).any(dim=0).nonzero()[:, 0].tolist()
    with recording_queries(vlm.text_model, n_prompt, text_rows) as recorder:
        out = _generate(vlm.model, inputs, n_new)
    expected = _eager_rows(folder, inputs, out.sequences)
    mask = inputs["attention_mask"]
    assert recorder.positions == (*text_rows, *range(n_prompt, n_prompt + n_new - 1))
    for batch in range(len(sizes)):
        columns = is_image[batch].nonzero()[:, 0]
        rows = [p for p in recorder.positions if p >= n_prompt or (mask[batch, p] and not is_image[batch, p])]
        found = recorder.attend(out.past_key_values, columns=columns, rows=rows, batch=batch, prompt_mask=mask)
        eager = expected[:, batch][:, rows][:, :, columns]
        assert found.shape == (vlm.text_model.config.num_hidden_layers, len(rows), len(columns))
        for layer in range(found.shape[0]):
            difference = torch.linalg.norm(found[layer] - eager[layer]) / torch.linalg.norm(eager[layer])
            assert difference < 1e-5, (layer, float(difference))
        before_image = [number for number, row in enumerate(rows) if row < int(columns[0])]
        assert before_image and torch.all(found[:, before_image] == 0)


def test_a_sliding_window_really_hides_old_keys(tmp_path: Path) -> None:
    vlm = load_vlm(save_tiny_llava(tmp_path, seed=5, sliding_window=12), device="cpu")
    inputs = _batch(vlm, [(40, 40)])
    n_prompt = inputs["input_ids"].shape[1]
    with recording_queries(vlm.text_model, n_prompt, [n_prompt - 1]) as recorder:
        out = _generate(vlm.model, inputs, 14)
    columns = (inputs["input_ids"][0] == vlm.image_token_id).nonzero()[:, 0]
    weights = recorder.attend(out.past_key_values, columns=columns)
    for number, row in enumerate(recorder.positions):
        hidden = columns <= row - 12
        assert torch.all(weights[:, number, hidden] == 0)
        assert torch.all(weights[:, number, ~hidden] > 0)


@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
def test_same_queries_and_keys_give_the_textbook_softmax(llava_next: Vlm, tmp_path: Path, n_kv_heads: int) -> None:
    vlm = load_vlm(save_tiny_llava_next(tmp_path, seed=n_kv_heads, n_kv_heads=n_kv_heads), device="cpu")
    inputs = _batch(vlm, [(70, 50)])
    n_prompt = inputs["input_ids"].shape[1]
    with recording_queries(vlm.text_model, n_prompt, range(n_prompt)) as recorder:
        out = _generate(vlm.model, inputs, 5)
    columns = list(range(3, n_prompt, 7))
    found = recorder.attend(out.past_key_values, columns=columns).numpy()
    heads = vlm.text_model.config.num_attention_heads
    for layer in range(found.shape[0]):
        queries = torch.cat(recorder._queries[layer], dim=2)[0].double().numpy()
        keys = out.past_key_values.layers[layer].keys[0].double().numpy()
        for number, row in enumerate(recorder.positions):
            mean = np.zeros(len(columns))
            for head in range(heads):
                seen = keys[head // (heads // n_kv_heads), : row + 1]
                scores = seen @ queries[head, number] / math.sqrt(queries.shape[-1])
                weights = np.exp(scores - scores.max())
                weights /= weights.sum()
                mean += [weights[c] if c <= row else 0.0 for c in columns]
            np.testing.assert_allclose(found[layer, number], mean / heads, atol=1e-6, rtol=0)


def test_static_cache_is_trimmed(llava_next: Vlm) -> None:
    inputs = _batch(llava_next, [(64, 64)])
    n_prompt = inputs["input_ids"].shape[1]
    columns = (inputs["input_ids"][0] == llava_next.image_token_id).nonzero()[:, 0]
    found = []
    for options in ({}, {"cache_implementation": "static", "disable_compile": True}):
        with recording_queries(llava_next.text_model, n_prompt, [n_prompt - 1]) as recorder:
            out = _generate(llava_next.model, inputs, 6, **options)
        found.append(recorder.attend(out.past_key_values, columns=columns))
    assert type(out.past_key_values.layers[0]).__name__ == "StaticLayer"
    assert out.past_key_values.layers[0].keys.shape[2] > n_prompt + 5 - 1
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=0)


def test_chunked_prefill_counts_absolute_positions(llava_next: Vlm) -> None:
    """Prefill in chunks, done by hand: the recorder sees several calls with more than one query."""
    text_model = llava_next.text_model
    torch.manual_seed(0)
    embeddings = torch.randn(1, 23, text_model.config.hidden_size)
    found = []
    for chunks in ((23,), (10, 8, 5), (22, 1)):
        from transformers import DynamicCache

        cache = DynamicCache(config=text_model.config)
        with recording_queries(text_model, 23, [0, 9, 10, 17, 22]) as recorder, torch.inference_mode():
            start = 0
            for n in chunks:
                text_model(inputs_embeds=embeddings[:, start : start + n], past_key_values=cache, use_cache=True)
                start += n
        assert recorder.positions == (0, 9, 10, 17, 22)
        found.append(recorder.attend(cache, columns=[0, 4, 12]))
    torch.testing.assert_close(found[0], found[1], atol=1e-6, rtol=0)
    torch.testing.assert_close(found[0], found[2], atol=1e-6, rtol=0)


def test_recording_changes_neither_the_answer_nor_the_model(llava_next: Vlm) -> None:
    inputs = _batch(llava_next, [(90, 60)])
    n_prompt = inputs["input_ids"].shape[1]
    config = llava_next.text_model.config
    plain = _generate(llava_next.model, inputs, 12).sequences
    with recording_queries(llava_next.text_model, n_prompt, [n_prompt - 1]):
        assert config._attn_implementation == deferred.IMPLEMENTATION
        assert llava_next.model.config.vision_config._attn_implementation == "sdpa"
        recorded = _generate(llava_next.model, inputs, 12).sequences
    assert torch.equal(plain, recorded)
    assert config._attn_implementation == "sdpa"
    with pytest.raises(RuntimeError, match="planted"), recording_queries(llava_next.text_model, n_prompt, []):
        raise RuntimeError("planted")
    assert config._attn_implementation == "sdpa"
    assert deferred._current.get() is None


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"num_beams": 3}, "num_beams"),
        ({"prompt_lookup_num_tokens": 4}, "Assisted"),
        ({"cache_implementation": "quantized"}, "quantized"),
        ({"cache_implementation": "offloaded"}, "offloaded"),
    ],
)
def test_other_ways_of_decoding_are_refused(settings: dict[str, object], names: str) -> None:
    with pytest.raises(ScratchpadError, match=names):
        require_plain_decoding(GenerationConfig(**settings))
    require_plain_decoding(GenerationConfig(cache_implementation="static"))


def test_a_cache_without_plain_keys_is_refused(llava_next: Vlm) -> None:
    inputs = _batch(llava_next, [(64, 64)])
    n_prompt = inputs["input_ids"].shape[1]
    with recording_queries(llava_next.text_model, n_prompt, [n_prompt - 1]) as recorder:
        out = _generate(llava_next.model, inputs, 3)

    class OtherLayer(type(out.past_key_values.layers[0])):
        pass

    out.past_key_values.layers[1].__class__ = OtherLayer
    with pytest.raises(ScratchpadError, match="OtherLayer"):
        recorder.attend(out.past_key_values, columns=[5])


def test_softcapped_attention_is_refused(llava_next: Vlm) -> None:
    with recording_queries(llava_next.text_model, 4, [0]) as recorder:
        module = llava_next.text_model.layers[0].self_attn
        query = torch.zeros(1, 4, 1, 8)
        with pytest.raises(ScratchpadError, match="softcap"):
            recorder._keep(module, query, query, {"softcap": 30.0})
