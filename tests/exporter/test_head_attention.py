"""Maps of heads against eager ``output_attentions``, on tiny models of both families with grouped heads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText

from tb_visualscratchpad.exporter import explain, head_attention
from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.hooks import count_hooks
from tb_visualscratchpad.exporter.job_progress import Cancelled, NoProgress
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tests.tiny_vlm import save_tiny_llava, save_tiny_llava_next

PROMPT = "w1 w2 ?"


def picture(seed: int = 7) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (60, 90, 3), dtype=np.uint8))


def eager_heads(folder: Path, asked: AskedPicture, run: VlmRun, features: torch.Tensor | None) -> torch.Tensor:
    """[layers, heads, positions, keys] of a model of its own over the whole known sequence, from the same embeddings."""
    ids = torch.tensor([[token.token_id for token in run.tokens]])
    read = asked.embeddings(features)
    answer = asked.vlm.text_model.get_input_embeddings()(ids[:, asked.n_prompt :])
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.inference_mode():
        out = model(inputs_embeds=torch.cat([read, answer], dim=1), output_attentions=True, use_cache=False)
    return torch.stack([layer[0] for layer in out.attentions])


@pytest.mark.parametrize("row", ["producing", "own"])
@pytest.mark.parametrize(("kind", "options"), [("next", {}), ("next", {"n_heads": 4, "n_kv_heads": 4}), ("llava", {"n_kv_heads": 1}), ("llava", {"sliding_window": 24})])
def test_heads_equal_eager_attention(
    kind: str, options: dict[str, int], row: str, tiny_sae: SparseAutoencoder, tmp_path: Path
) -> None:
    folder = (save_tiny_llava_next if kind == "next" else save_tiny_llava)(tmp_path, seed=3, **options)
    vlm = load_vlm(folder, device="cpu")
    asked = AskedPicture(vlm, tiny_sae, picture(), PROMPT)
    run = explain(vlm, tiny_sae, picture(), PROMPT, max_new_tokens=6)
    output = run.tokens.indices(Span.OUTPUT).tolist()
    prompt = int(run.tokens.indices(Span.INPUT)[-1])
    tokens = [output[3], prompt, output[0]]
    before = count_hooks(vlm.model)
    found = head_attention(asked, run, tokens, row=row)
    assert count_hooks(vlm.model) == before and vlm.text_model.config._attn_implementation != "visualscratchpad_deferred"
    shift = 1 if row == "producing" else 0
    assert found.query_position_T.tolist() == sorted({output[3] - shift, prompt, output[0] - shift})
    expected = eager_heads(folder, asked, run, None)[:, :, found.query_position_T][..., run.tokens.indices(Span.IMAGE)].numpy()
    assert found.share_LHTI.shape == expected.shape == (3, 4, found.query_position_T.size, run.image_tokens.n_tokens)
    got = found.share_LHTI.astype(np.float32) * found.row_scale_LHT[..., None]
    largest = expected.max(axis=-1, keepdims=True)
    assert np.all(np.abs(got - expected) <= 2.0**-11 * expected + 1e-7 * np.maximum(largest, 1))
    np.testing.assert_allclose(found.row_scale_LHT, largest[..., 0], rtol=1e-4)
    # heads differ from one another: a mixed up order would show
    assert np.abs(expected[:, 1:] - expected[:, :-1]).max() > 0.05 * expected.max()
    rows = [run.attention.query_position_T.tolist().index(position) for position in found.query_position_T]
    over = found.over_heads()
    np.testing.assert_allclose(over.per_layer_LTI, run.attention.per_layer_LTI[:, rows], atol=2e-4)
    np.testing.assert_allclose(over.mean_TI, run.attention.mean_TI[rows], atol=2e-4)
    assert found.difference < 1e-5
    place = found.row_of(output[0] - shift)
    np.testing.assert_array_equal(found.row_LHI(place)[1, 2], got[1, 2, place])
    np.testing.assert_array_equal(found.head_I(1, 2, place), got[1, 2, place])
    assert found.row_of(0) is None and found.original_run_id == run.run_id and found.dictionary == run.dictionary


def test_a_steered_run_is_read_under_its_steering(llava_next_folder: Path, llava_next: Vlm, tiny_sae: SparseAutoencoder) -> None:
    asked = AskedPicture(llava_next, tiny_sae, picture(), PROMPT)
    latents = np.argsort(-np.asarray(asked.latents.csr_PK.sum(axis=0)).ravel())[:4].tolist()
    spec = SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 6.0) for latent in latents))
    run = explain(llava_next, tiny_sae, picture(), PROMPT, steering=spec, max_new_tokens=5)
    token = int(run.tokens.indices(Span.OUTPUT)[2])
    found = head_attention(asked, run, [token])
    expected = eager_heads(llava_next_folder, asked, run, asked.edit(spec).features())[:, :, [token - 1]][..., run.tokens.indices(Span.IMAGE)].numpy()
    got = found.share_LHTI.astype(np.float32) * found.row_scale_LHT[..., None]
    np.testing.assert_allclose(got, expected, atol=2e-4)
    assert found.difference < 1e-5
    plain = head_attention_difference(asked, replace(run, steering=None), token)
    assert plain is None or plain > 1e-3, "steering changes what is attended to, and the comparison sees it"


def head_attention_difference(asked: AskedPicture, run: VlmRun, token: int) -> float | None:
    """None where it was refused."""
    try:
        return head_attention(asked, run, [token]).difference
    except ScratchpadError:
        return None


def test_another_model_is_refused(llava_next: Vlm, tiny_sae: SparseAutoencoder, tmp_path: Path) -> None:
    run = explain(llava_next, tiny_sae, picture(), PROMPT, max_new_tokens=4)
    token = int(run.tokens.indices(Span.OUTPUT)[1])
    other = AskedPicture(load_vlm(save_tiny_llava_next(tmp_path / "other", seed=9), device="cpu"), tiny_sae, picture(), PROMPT)
    with pytest.raises(ScratchpadError, match=r"not the one of this run: over its heads .* by \d+% .*own model"):
        head_attention(other, run, [token])
    with pytest.raises(ScratchpadError, match="logged compressed only"):
        head_attention(other, replace(run, exact_picture=None), [token])
    fewer = replace(run.attention, layers=(0, 1), mean_TI=run.attention.mean_TI, per_layer_LTI=None)
    asked = AskedPicture(llava_next, tiny_sae, picture(), PROMPT)
    with pytest.raises(ScratchpadError, match="it has 3 layers, 2 were recorded"):
        head_attention(asked, replace(run, attention=fewer), [token])
    with pytest.raises(ScratchpadError, match="reads the prompt as"):
        head_attention(AskedPicture(llava_next, tiny_sae, picture(), "w9"), run, [token])


def test_what_cannot_be_asked(llava_next: Vlm, tiny_sae: SparseAutoencoder) -> None:
    run = explain(llava_next, tiny_sae, picture(), PROMPT, max_new_tokens=12)
    asked = AskedPicture(llava_next, tiny_sae, picture(), PROMPT)
    output = run.tokens.indices(Span.OUTPUT).tolist()
    for tokens, row, why in (
        ([], "producing", "1 to 8"), (output[:9], "producing", "9 tokens were given"), ([0], "producing", "cannot see the image"),
        ([9999], "producing", "the run has tokens"), ([output[-1]], "own", "never fed back"), ([output[0]], "other", "unknown"),
    ):
        with pytest.raises(ScratchpadError, match=why):
            head_attention(asked, run, tokens, row=row)

    class Stop(NoProgress):
        def check(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        head_attention(asked, run, output[:2], progress=Stop())
