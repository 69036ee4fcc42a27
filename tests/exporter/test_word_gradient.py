"""What latents contributed to a word: against finite differences, a plain backward pass and single ablations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter import word_gradient
from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.hooks import count_hooks
from tb_visualscratchpad.exporter.job_progress import Cancelled, NoProgress
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.sae.normalisations import ConstantNorm, LayerNorm, NoNormalisation, Normalisation
from tb_visualscratchpad.exporter.steered_answers import variant_of
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.variants import Variant, answer_variants, logprobs_under
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.exporter.word_gradient import contributions, gradient_at_hook, word_contributions
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.replaced_features import replacing

EARLIER = "vision_tower.layers.1"
WORD = 2


def _picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (45, 70, 3), dtype=np.uint8))


def _asked(vlm: Vlm, sae: SparseAutoencoder, hook: str | None = None, normalisation: Normalisation = NoNormalisation()) -> AskedPicture:
    return AskedPicture(vlm, replace(sae, normalisation=normalisation), _picture(), "w1 w2 ?", hook=hook)


def _said(asked: AskedPicture) -> list[int]:
    return answer_variants(asked, [Variant("original")], WORD + 1)[0].answer.token_ids


@pytest.fixture(params=["llava_next", "llava"])
def vlm(request: pytest.FixtureRequest) -> Vlm:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("normalisation", [NoNormalisation(), LayerNorm(), ConstantNorm()], ids=lambda one: one.name)
@pytest.mark.parametrize("hook", [None, EARLIER])
def test_contributions_are_the_slope_of_scaling(vlm: Vlm, tiny_sae: SparseAutoencoder, hook: str | None, normalisation: Normalisation) -> None:
    asked = _asked(vlm, tiny_sae, hook, normalisation)
    said = _said(asked)
    latent_N, contribution_N = contributions(asked.read, gradient_at_hook(asked, said))
    step = 0.005
    for place in (0, 1, 5, len(latent_N) // 2):
        specs = [SteeringSpec((LatentIntervention(int(latent_N[place]), "SCALE", scale),)) for scale in (1 + step, 1 - step)]
        (more,), (less,) = logprobs_under(asked, [variant_of("", asked.edit(spec)) for spec in specs], [said])
        assert (more[-1] - less[-1]) / (2 * step) == pytest.approx(contribution_N[place], rel=0.01, abs=1e-3)


@pytest.mark.parametrize("hook", [None, EARLIER])
@pytest.mark.parametrize("word", [0, WORD])
def test_the_gradient_is_that_of_a_plain_backward_pass(vlm: Vlm, tiny_sae: SparseAutoencoder, hook: str | None, word: int) -> None:
    asked = _asked(vlm, tiny_sae, hook)
    said = _said(asked)[: word + 1]
    leaf = asked.features.detach().clone().requires_grad_()
    ids = torch.cat([asked.input_ids, torch.tensor([said[:-1]], dtype=torch.long)], dim=1)
    inputs = dict(asked.prepared.picture.image_inputs)
    with replacing(asked.point, lambda _features: leaf):
        logits = vlm.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **inputs).logits
    torch.log_softmax(logits[0, -1], dim=-1)[said[-1]].backward()
    vlm.model.zero_grad(set_to_none=True)
    expected = leaf.grad.reshape(-1, leaf.shape[-1])
    torch.testing.assert_close(gradient_at_hook(asked, said), expected, rtol=1e-3, atol=1e-6)
    assert expected.abs().max() > 1e-4


@pytest.mark.parametrize("hook", [None, EARLIER])
def test_checkpointing_keeps_less_and_gives_the_same(vlm: Vlm, tiny_sae: SparseAutoencoder, hook: str | None) -> None:
    asked = _asked(vlm, tiny_sae, hook)
    said = _said(asked)
    kept: dict[bool, int] = {}
    gradient: dict[bool, torch.Tensor] = {}
    for checkpoint in (False, True):
        seen: list[int] = []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            seen.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            gradient[checkpoint] = gradient_at_hook(asked, said, checkpoint=checkpoint)
        kept[checkpoint] = sum(seen)
    torch.testing.assert_close(gradient[True], gradient[False], rtol=1e-4, atol=1e-7)
    assert kept[True] < kept[False] / 3


def test_big_passes_are_checkpointed_of_themselves(llava: Vlm, tiny_sae: SparseAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _asked(llava, tiny_sae)
    used: list[int] = []
    real = word_gradient.checkpointing
    monkeypatch.setattr(word_gradient, "checkpointing", lambda layers: used.append(len(layers)) or real(layers))
    gradient_at_hook(asked, [5])
    assert used == []
    monkeypatch.setattr(word_gradient, "_KEPT_BYTES", 1000)
    gradient_at_hook(asked, [5])
    assert used == [4 + 3]


def test_nothing_is_left_behind(vlm: Vlm, tiny_sae: SparseAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _asked(vlm, tiny_sae, EARLIER)
    hooks = count_hooks(vlm.model)
    wanting = [weight.requires_grad for weight in vlm.model.parameters()]
    assert any(wanting)
    gradient_at_hook(asked, [5, 6], checkpoint=True)
    assert all(weight.grad is None for weight in vlm.model.parameters())

    def fail(*_: object) -> None:
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(torch.autograd, "grad", fail)
        with pytest.raises(RuntimeError, match="in the middle"):
            gradient_at_hook(asked, [5, 6], checkpoint=True)
    assert count_hooks(vlm.model) == hooks
    assert [weight.requires_grad for weight in vlm.model.parameters()] == wanting


def test_half_precision(llava_folder, tiny_sae: SparseAutoencoder) -> None:
    from tb_visualscratchpad.exporter.vlm import load_vlm

    exact = gradient_at_hook(_asked(load_vlm(llava_folder, device="cpu"), tiny_sae), [5, 6])
    for dtype in (torch.float16, torch.bfloat16):
        half = gradient_at_hook(_asked(load_vlm(llava_folder, device="cpu", dtype=dtype), tiny_sae), [5, 6])
        assert half.dtype == torch.float32
        assert torch.nn.functional.cosine_similarity(half.flatten(), exact.flatten(), dim=0) > 0.98


def test_a_gradient_that_overflows_is_told(llava: Vlm, tiny_sae: SparseAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _asked(llava, tiny_sae)
    monkeypatch.setattr(torch.autograd, "grad", lambda *_: (torch.full((1, 16, 24), torch.inf),))
    with pytest.raises(ScratchpadError, match="not finite.*--dtype"):
        gradient_at_hook(asked, [5])


def test_the_evidence(vlm: Vlm, tiny_sae: SparseAutoencoder) -> None:
    asked = _asked(vlm, tiny_sae)
    found = word_contributions(asked, WORD, 7, max_new_tokens=5)
    assert sorted(found.latent_N.tolist()) == np.unique(asked.latents.latent_N).tolist()
    assert len(found.original_tokens) == 5 and found.name == found.original_tokens[WORD].text
    assert found.n_checked == 7 and found.dictionary == asked.dictionary and found.prompt == "w1 w2 ?"
    assert (found.original_run_id, found.differs_from_logged, found.word) == ("", "", WORD)
    # Each ablation by itself, in a whole forward pass.
    said = [token.token_id for token in found.original_tokens[: WORD + 1]]
    before = _logprob_by_hand(asked, asked.features, said)
    assert before == pytest.approx(found.original_tokens[WORD].logprob, abs=1e-4)
    for place in (0, 6):
        latent = int(found.latent_N[place])
        z = torch.from_numpy(asked.latents.csc_PK[:, latent].toarray())
        without = asked.features - (z * tiny_sae.W_dec[latent]).reshape(asked.features.shape)
        assert before - _logprob_by_hand(asked, without, said) == pytest.approx(found.ablated_N[place], abs=2e-4)


@torch.no_grad()
def _logprob_by_hand(asked: AskedPicture, features: torch.Tensor, said: list[int]) -> float:
    ids = torch.cat([asked.input_ids, torch.tensor([said[:-1]], dtype=torch.long)], dim=1)
    with replacing(asked.point, lambda _features: features):
        logits = asked.vlm.model(
            input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **asked.prepared.picture.image_inputs
        ).logits
    return float(torch.log_softmax(logits[0, -1], dim=-1)[said[-1]])


def test_a_logged_run_is_asked_again(llava: Vlm, tiny_sae: SparseAutoencoder) -> None:
    logged = explain(llava, tiny_sae, _picture(), "w1 w2 ?", max_new_tokens=3)
    asked = _asked(llava, tiny_sae)
    found = word_contributions(asked, 0, 0, max_new_tokens=3, logged=logged, name="mine")
    assert (found.original_run_id, found.differs_from_logged, found.name) == (logged.run_id, "", "mine")
    assert found.n_checked == 0 and found.ablated_N.shape == (0,)
    other = explain(llava, tiny_sae, _picture(), "w3", max_new_tokens=3)
    assert word_contributions(asked, 0, 0, max_new_tokens=3, logged=other).differs_from_logged


def test_what_cannot_be_asked(llava: Vlm, tiny_sae: SparseAutoencoder) -> None:
    asked = _asked(llava, tiny_sae)
    for word in (-1, 4):
        with pytest.raises(ScratchpadError, match=f"Word {word} was asked about, the answer has 4"):
            word_contributions(asked, word, max_new_tokens=4)
    with pytest.raises(ScratchpadError, match="max_new_tokens is 0"):
        word_contributions(asked, 0, max_new_tokens=0)
    with pytest.raises(ScratchpadError, match="-1 latents to check"):
        word_contributions(asked, 0, -1)
    with pytest.raises(ScratchpadError, match="lies behind"):
        word_contributions(_asked(llava, tiny_sae, "vision_tower.layers.3"), 0)


class _Told(NoProgress):
    def __init__(self, stop_at: str | None = None) -> None:
        self.stages: list[tuple[str, int, int]] = []
        self._stop_at = stop_at

    def stage(self, what: str, done: int, total: int) -> None:
        self.stages.append((what, done, total))

    def check(self) -> None:
        if self.stages and self.stages[-1][0] == self._stop_at:
            raise Cancelled


def test_progress_is_told_and_heeded(llava: Vlm, tiny_sae: SparseAutoencoder) -> None:
    asked, told = _asked(llava, tiny_sae), _Told()
    word_contributions(asked, 0, 4, max_new_tokens=3, batch_size=2, progress=told)
    assert [what for what, _, _ in told.stages] == ["answer"] * 2 + ["gradient"] * 2 + ["ablations"] * 4
    assert told.stages[-1] == ("ablations", 5, 5)
    for stage in ("answer", "gradient", "ablations"):
        with pytest.raises(Cancelled):
            word_contributions(asked, 0, 4, max_new_tokens=3, progress=_Told(stop_at=stage))
