"""What ``explain`` records, against the model asked directly."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.hooks import count_hooks
from tb_visualscratchpad.exporter.pictures import read_picture
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import RowChoice, Span, VlmRun


def _picture(width: int = 90, height: int = 60) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture(scope="module", params=["llava_next", "llava"])
def vlm(request: pytest.FixtureRequest) -> Vlm:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def run(vlm: Vlm, tiny_sae: SparseAutoencoder) -> VlmRun:
    return explain(vlm, tiny_sae, _picture(), "w1 w2 ?", max_new_tokens=8)


def _stock(vlm: Vlm) -> dict[str, torch.Tensor]:
    text = vlm.chat_template.render("w1 w2 ?").text
    return dict(vlm.processor(images=[_picture()], text=text, return_tensors="pt"))


def test_the_answer_is_the_stock_model_s(vlm: Vlm, run: VlmRun) -> None:
    inputs = _stock(vlm)
    with torch.inference_mode():
        ids = vlm.model.generate(**inputs, max_new_tokens=8, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    output = [token for token in run.tokens if token.span is Span.OUTPUT]
    assert [token.token_id for token in output] == ids.tolist()
    assert run.output_text.split() == vlm.processor.tokenizer.decode(ids, skip_special_tokens=True).split()
    assert run.truncated


def test_log_probabilities_and_alternatives(vlm: Vlm, run: VlmRun) -> None:
    inputs = _stock(vlm)
    output = [token for token in run.tokens if token.span is Span.OUTPUT]
    ids = torch.tensor([[token.token_id for token in output]])
    whole = dict(inputs, input_ids=torch.cat([inputs["input_ids"], ids], dim=1))
    whole["attention_mask"] = torch.ones_like(whole["input_ids"])
    with torch.inference_mode():
        logits = vlm.model(**whole).logits[0]
    n_prompt = run.tokens.n_prompt
    for number, token in enumerate(output):
        expected = torch.log_softmax(logits[n_prompt + number - 1].double(), dim=-1)
        assert token.logprob == pytest.approx(float(expected[token.token_id]), abs=1e-4)
        others = [i for i in expected.argsort(descending=True).tolist() if i != token.token_id][:5]
        assert [alternative.token_id for alternative in token.alternatives] == others
        for alternative in token.alternatives:
            assert alternative.logprob == pytest.approx(float(expected[alternative.token_id]), abs=1e-4)
    assert all(token.logprob is None for token in run.tokens if token.span is not Span.OUTPUT)


def test_latents_of_every_patch_of_every_view(vlm: Vlm, run: VlmRun, tiny_sae: SparseAutoencoder) -> None:
    prepared = vlm.prepare_picture(_picture())
    with torch.inference_mode():
        hidden = vlm.family.vision_tower(vlm.model)(prepared.pixel_values, output_hidden_states=True).hidden_states[-2][:, 1:]
        dense = tiny_sae.encode(hidden.reshape(-1, hidden.shape[-1])).numpy()
    np.testing.assert_allclose(run.latents.csr_PK.toarray(), dense, atol=1e-5)
    assert run.latents.n_patches == run.image_tokens.n_patches == prepared.pixel_values.shape[0] * 16


def test_rows_of_prompt_and_answer(run: VlmRun) -> None:
    text = run.tokens.indices(Span.SYSTEM, Span.INPUT).tolist()
    n_prompt = run.tokens.n_prompt
    assert run.attention.query_position_T.tolist() == [*text, *range(n_prompt, n_prompt + 7)]
    first, last = run.tokens[n_prompt], run.tokens[n_prompt + 7]
    assert run.attention.row_of(first) == len(text) - 1
    assert run.attention.row_of(first, RowChoice.OWN) == len(text)
    assert run.attention.row_of(last) == len(text) + 6
    assert run.attention.row_of(last, RowChoice.OWN) is None
    assert run.attention.per_layer_LTI is not None
    np.testing.assert_allclose(run.attention.mean_TI, run.attention.per_layer_LTI.mean(axis=0), atol=1e-7)
    before = [row for row, position in enumerate(run.attention.query_position_T) if position < run.tokens.indices(Span.IMAGE)[0]]
    assert before and not run.attention.mean_TI[before].any()


def test_an_answer_that_ends_by_itself(vlm: Vlm, run: VlmRun, tiny_sae: SparseAutoencoder) -> None:
    """Make the fourth word the end-of-sequence token: it is not shown, and the last word's own row is known."""
    words = [token.token_id for token in run.tokens if token.span is Span.OUTPUT]
    if words[3] in words[:3]:
        pytest.fail("the tiny model repeats itself too early for this test: choose another seed")
    vlm.model.generation_config.eos_token_id = words[3]
    try:
        ended = explain(vlm, tiny_sae, _picture(), "w1 w2 ?", max_new_tokens=8)
    finally:
        vlm.model.generation_config.eos_token_id = None
    output = [token for token in ended.tokens if token.span is Span.OUTPUT]
    assert [token.token_id for token in output] == words[:3]
    assert not ended.truncated
    assert ended.attention.row_of(output[-1], RowChoice.OWN) is not None
    assert int(ended.attention.query_position_T[-1]) == output[-1].index


def test_the_context_is_the_limit(llava: Vlm, tiny_sae: SparseAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    n_prompt = len(llava.prepare_prompt(_picture(), "w1").tokens)
    monkeypatch.setattr(llava.model.config.text_config, "max_position_embeddings", n_prompt + 3)
    run = explain(llava, tiny_sae, _picture(), "w1", max_new_tokens=50)
    assert len(run.tokens) == n_prompt + 3
    assert run.truncated


def test_pictures_can_be_left_out(llava: Vlm, tiny_sae: SparseAutoencoder) -> None:
    run = explain(llava, tiny_sae, _picture(), "w1", max_new_tokens=2, keep_picture=False, name="mine", system="w3")
    assert run.picture is None and run.exact_picture is None
    assert run.name == "mine"
    assert [token.text for token in run.tokens if token.span is Span.SYSTEM] == ["system", ":", "w3"]


def test_a_run_keeps_what_it_takes_to_ask_again(run: VlmRun, llava: Vlm, tiny_sae: SparseAutoencoder) -> None:
    np.testing.assert_array_equal(np.asarray(read_picture(run.exact_picture.data)), np.asarray(_picture()))
    assert (run.system, run.max_new_tokens) == (None, 8)
    asked = explain(llava, tiny_sae, _picture(), "w1", max_new_tokens=2, system="w3")
    assert (asked.system, asked.max_new_tokens) == ("w3", 2)


def test_steering_reaches_the_answer_and_leaves_no_trace(vlm: Vlm, run: VlmRun, tiny_sae: SparseAutoencoder) -> None:
    strongest = int(np.asarray(run.latents.csr_PK.sum(axis=0)).ravel().argmax())
    spec = SteeringSpec((LatentIntervention(strongest, "SCALE", 50.0),))
    hooks = count_hooks(vlm.model)
    steered = explain(vlm, tiny_sae, _picture(), "w1 w2 ?", spec, max_new_tokens=8)
    assert count_hooks(vlm.model) == hooks
    assert steered.steering == spec.to_json()
    assert float(steered.latents.csr_PK[:, strongest].sum()) > 5 * float(run.latents.csr_PK[:, strongest].sum())
    logprobs = [[token.logprob for token in r.tokens if token.span is Span.OUTPUT] for r in (run, steered)]
    assert not np.allclose(*logprobs, atol=1e-3)
    nothing = explain(vlm, tiny_sae, _picture(), "w1 w2 ?", SteeringSpec(), max_new_tokens=8)
    assert nothing.output_text == run.output_text
    again = explain(vlm, tiny_sae, _picture(), "w1 w2 ?", max_new_tokens=8)
    assert [dataclasses.replace(t) for t in again.tokens] == list(run.tokens)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"prompt": ""}, "empty"),
        ({"prompt": "two <image>"}, "one picture per prompt"),
        ({"image": "/nowhere/at.png"}, "does not exist"),
        ({"image": [1, 2]}, "2 pictures"),
        ({"max_new_tokens": 0}, "at least 1"),
        ({"hook": "vision_tower.layers.9"}, "vision_tower.layers.9"),
        ({"steering": SteeringSpec((LatentIntervention(80, "SET", 1.0),))}, "numbered from 0"),
    ],
)
def test_bad_requests_get_a_sentence(llava: Vlm, tiny_sae: SparseAutoencoder, arguments: dict, says: str) -> None:
    hooks = count_hooks(llava.model)
    with pytest.raises(ScratchpadError, match=says):
        explain(llava, tiny_sae, **{"image": _picture(), "prompt": "w1", "max_new_tokens": 2, **arguments})
    assert count_hooks(llava.model) == hooks
