"""Answers under many conditions at once, against one at a time, against the whole model, and against eager attention."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tb_visualscratchpad.exporter import variants as variants_module
from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.hooks import count_hooks
from tb_visualscratchpad.exporter.job_progress import Cancelled, NoProgress
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, load_sae
from tb_visualscratchpad.exporter.steering import BoxScope, LatentIntervention, SteeringSpec, scope_mask
from tb_visualscratchpad.exporter.variants import OtherPicture, Variant, answer_variants, logprobs_under
from tb_visualscratchpad.exporter.vlm import Vlm, load_vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.replaced_features import replacing
from tests.tiny_sae import save_tiny_sae
from tests.tiny_vlm import save_tiny_llava_next

PROMPT = "w1 w2 ?"
HOOKS = ("vision_tower.layers.2", "vision_tower.layers.0")
"""What the projector reads, and an earlier layer."""


def picture(seed: int = 7) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (60, 90, 3), dtype=np.uint8))


@pytest.fixture(scope="module", params=["llava_next", "llava", "sliding"])
def vlm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Vlm:
    if request.param == "sliding":
        return load_vlm(save_tiny_llava_next(tmp_path_factory.mktemp("sliding"), sliding_window=9), device="cpu")
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module", params=HOOKS)
def asked(request: pytest.FixtureRequest, vlm: Vlm, tiny_sae: SparseAutoencoder) -> AskedPicture:
    return AskedPicture(vlm, tiny_sae, picture(), PROMPT, hook=request.param)


def noisy(seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(features: torch.Tensor) -> torch.Tensor:
        return features + torch.randn(features.shape, generator=torch.Generator().manual_seed(seed))

    return change


VARIANTS = [Variant("original"), *(Variant(f"noise {seed}", noisy(seed)) for seed in range(4))]


def inputs_of(asked: AskedPicture) -> dict[str, torch.Tensor]:
    return dict(asked.vlm.processor(images=[asked.picture], text=asked.vlm.chat_template.render(PROMPT).text, return_tensors="pt"))


def test_each_answer_is_the_whole_model_s(asked: AskedPicture) -> None:
    inputs, vlm = inputs_of(asked), asked.vlm
    answers = answer_variants(asked, VARIANTS, 8)
    said = set()
    for variant, found in zip(VARIANTS, answers, strict=True):
        with torch.no_grad(), replacing(asked.point, variant.change or (lambda features: features)):
            ids = vlm.model.generate(**inputs, max_new_tokens=8, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        assert found.answer.token_ids == ids.tolist()
        said.add(tuple(ids.tolist()))
    assert len(said) > 1


def test_weighed_answers_are_as_in_one_eager_pass(asked: AskedPicture, vlm: Vlm) -> None:
    inputs = inputs_of(asked)
    answers = [[20, 33, 41, 12, 59], [17]]
    weighed = logprobs_under(asked, VARIANTS, answers)
    before = vlm.text_model.config._attn_implementation
    vlm.text_model.config._attn_implementation = "eager"
    try:
        for variant, found in zip(VARIANTS, weighed, strict=True):
            for answer, logprobs in zip(answers, found, strict=True):
                ids = torch.cat([inputs["input_ids"], torch.tensor([answer])], dim=1)
                whole = dict(inputs, input_ids=ids, attention_mask=torch.ones_like(ids))
                with torch.no_grad(), replacing(asked.point, variant.change or (lambda features: features)):
                    logits = vlm.model(**whole).logits[0, -len(answer) - 1 : -1]
                expected = torch.log_softmax(logits.double(), dim=-1)[range(len(answer)), answer]
                assert logprobs.dtype == np.float64
                np.testing.assert_allclose(logprobs, expected.numpy(), atol=2e-4)
    finally:
        vlm.text_model.config._attn_implementation = before


def test_a_batch_is_as_one_at_a_time(asked: AskedPicture) -> None:
    along = [[20, 33, 41]]
    together = answer_variants(asked, VARIANTS, 8, along=along)
    first = together[0].answer.token_ids
    for number, variant in enumerate(VARIANTS):
        (alone,) = answer_variants(asked, [variant], 8, along=[first, *along])
        assert alone.answer.token_ids == together[number].answer.token_ids
        for one, other in zip(alone.along, (together[number].along_first, *together[number].along), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_array_equal(together[0].along_first, [step.logprob for step in together[0].answer.steps])
    in_parts = answer_variants(asked, VARIANTS, 8, along=along, batch_size=2)
    for one, other in zip(in_parts, together, strict=True):
        assert one.answer.token_ids == other.answer.token_ids
        np.testing.assert_allclose(one.along_first, other.along_first, atol=1e-5)
        np.testing.assert_allclose(one.along[0], other.along[0], atol=1e-5)
    weighed = logprobs_under(asked, VARIANTS, [first])
    for (one,), other in zip(weighed, together, strict=True):
        np.testing.assert_allclose(one, other.along_first, atol=1e-5)


@pytest.mark.parametrize("cut", [0, 1, 3, 7, 8])
def test_a_draft_changes_no_answer(asked: AskedPicture, cut: int) -> None:
    """Right to its end, right as far as ``cut``, wrong from there, or longer than what is asked for."""
    plain = answer_variants(asked, VARIANTS[:1], 8)[0].answer
    for draft in (plain.token_ids[:cut], [*plain.token_ids[:cut], 13, 13], [*plain.token_ids, 20, 21]):
        drafted = answer_variants(asked, VARIANTS[:1], 8, draft=draft)[0]
        assert drafted.answer.token_ids == plain.token_ids and drafted.answer.truncated
        np.testing.assert_allclose(drafted.along_first, [step.logprob for step in plain.steps], atol=1e-5)
        assert [[i for i, _ in step.alternatives] for step in drafted.answer.steps] == [[i for i, _ in step.alternatives] for step in plain.steps]


@pytest.mark.parametrize("length", [1, 5, 30])
def test_known_words_change_no_answer(asked: AskedPicture, length: int) -> None:
    """Looked up: the answer itself, its pieces in another order, and what it never says."""
    plain = answer_variants(asked, VARIANTS[:1], length)[0].answer
    said = plain.token_ids
    for known in (said, [*said[2:], *said[:3]], [said[0], 13, *said], [13, 14], said * 2):
        found = answer_variants(asked, VARIANTS[:1], length, along=[known])[0]
        assert found.answer.token_ids == said and found.answer.text == plain.text
        np.testing.assert_allclose(found.answer.logprobs, plain.logprobs, atol=1e-5)


def test_an_empty_answer_weighs_nothing(asked: AskedPicture) -> None:
    assert logprobs_under(asked, VARIANTS[:2], [[]])[1][0].shape == (0,)


def test_answers_that_end_at_different_times(llava: Vlm, tiny_sae: SparseAutoencoder) -> None:
    asked = AskedPicture(llava, tiny_sae, picture(), PROMPT)
    free = [found.answer.token_ids for found in answer_variants(asked, VARIANTS, 8)]
    end = next(token for token in free[0][2:5] if token not in free[0][:2])
    llava.model.generation_config.eos_token_id = end
    try:
        ended = answer_variants(asked, VARIANTS, 8)
    finally:
        llava.model.generation_config.eos_token_id = None
    for before, found in zip(free, ended, strict=True):
        expected = before[: before.index(end)] if end in before else before
        assert found.answer.token_ids == expected and found.answer.truncated == (end not in before)
    assert len({len(found.answer.steps) for found in ended}) > 1


def test_scaling_by_one_changes_nothing(asked: AskedPicture) -> None:
    firing = sorted(set(asked.latents.latent_N.tolist()))[:5]
    edit = asked.edit(SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 1.0) for latent in firing)))
    original, scaled = answer_variants(asked, [Variant("original"), Variant("scaled", lambda _: edit.features())], 8)
    assert scaled.answer.token_ids == original.answer.token_ids
    np.testing.assert_allclose([s.logprob for s in scaled.answer.steps], [s.logprob for s in original.answer.steps], atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(asked.embeddings(edit.features()), asked.embeddings())


@pytest.mark.parametrize("family", ["llava_next", "llava"])
@pytest.mark.parametrize("hook", HOOKS)
def test_logits_stay_when_scaled_by_one(request: pytest.FixtureRequest, tiny_sae: SparseAutoencoder, family: str, hook: str) -> None:
    """Against the model that nobody touched, logits of all of the vocabulary."""
    vlm: Vlm = request.getfixturevalue(family)
    asked = AskedPicture(vlm, tiny_sae, picture(), PROMPT, hook=hook)
    with torch.no_grad():
        expected = vlm.model(**inputs_of(asked)).logits[0, -1]
    spec = SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 1.0) for latent in range(tiny_sae.n_latents)))
    prefilled = variants_module.prefill(asked, [Variant("scaled", lambda _: asked.edit(spec).features())], 1)
    torch.testing.assert_close(prefilled.logits_BV[0], expected)


@pytest.mark.parametrize("family", ["llava_next", "llava"])
def test_adding_moves_the_projector_s_input_by_the_decoder_row(
    request: pytest.FixtureRequest, tiny_sae: SparseAutoencoder, family: str
) -> None:
    vlm: Vlm = request.getfixturevalue(family)
    asked = AskedPicture(vlm, tiny_sae, picture(), PROMPT)
    scope = BoxScope("both", (10.0, 5.0, 40.0, 30.0))
    edit = asked.edit(SteeringSpec((LatentIntervention(11, "ADD", 3.0, scope),)))
    read: list[torch.Tensor] = []
    handle = vlm.family.projector(vlm.model).register_forward_pre_hook(lambda _module, inputs: read.append(inputs[0].clone()))
    try:
        with torch.no_grad():
            vlm.model(**inputs_of(asked))
            answer_variants(asked, [Variant("moved", lambda _: edit.features())], 1)
    finally:
        handle.remove()
    plain, steered = (features.reshape(-1, tiny_sae.d_in) for features in read)
    chosen = torch.from_numpy(scope_mask(scope, asked.image_tokens))
    assert chosen.any() and not chosen.all()
    torch.testing.assert_close((steered - plain)[chosen], (3.0 * tiny_sae.W_dec[11]).expand(int(chosen.sum()), -1), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(steered[~chosen], plain[~chosen], atol=1e-6, rtol=0)


def test_a_hook_behind_what_the_projector_reads_gets_a_sentence(llava: Vlm, tiny_sae: SparseAutoencoder) -> None:
    asked = AskedPicture(llava, tiny_sae, picture(), PROMPT, hook="vision_tower.layers.3")
    with pytest.raises(ScratchpadError, match="lies behind what the projector reads"):
        asked.edit(SteeringSpec())


def test_other_pictures_in_the_same_prompt(llava_next: Vlm, tiny_sae: SparseAutoencoder) -> None:
    asked, other = (AskedPicture(llava_next, tiny_sae, picture(seed), PROMPT) for seed in (7, 8))
    beside = answer_variants(asked, [Variant("original"), OtherPicture("other", other)], 6)
    (alone,) = answer_variants(other, [Variant("original")], 6)
    assert beside[1].answer.token_ids == alone.answer.token_ids
    smaller = AskedPicture(llava_next, tiny_sae, picture().resize((40, 120)), PROMPT)
    with pytest.raises(ValueError, match="another prompt"):
        answer_variants(asked, [OtherPicture("smaller", smaller)], 6)


def test_a_prompt_that_ends_with_the_picture(llava_next_folder: Path, tiny_sae: SparseAutoencoder) -> None:
    template = (
        "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }} {% endif %}{% endfor %}"
        "{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>{% endif %}{% endfor %}{% endfor %}"
    )
    vlm = load_vlm(llava_next_folder, device="cpu", chat_template=template)
    asked = AskedPicture(vlm, tiny_sae, picture(), "w5 w6")
    (found,) = answer_variants(asked, [Variant("original")], 6)
    inputs = dict(vlm.processor(images=[picture()], text="w5 w6 <image>", return_tensors="pt"))
    with torch.no_grad():
        ids = vlm.model.generate(**inputs, max_new_tokens=6, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert found.answer.token_ids == ids.tolist()


class StopAt(NoProgress):
    """Cancels when asked for the n-th time."""

    def __init__(self, n: int) -> None:
        self.left = n

    def check(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Cancelled


@pytest.mark.parametrize("n", [1, 3, 9])
def test_cancelled_work_leaves_the_model_as_it_was(asked: AskedPicture, n: int) -> None:
    hooks = count_hooks(asked.vlm.model)
    before = answer_variants(asked, VARIANTS[:2], 4)
    with pytest.raises(Cancelled):
        answer_variants(asked, VARIANTS, 8, progress=StopAt(n))
    assert count_hooks(asked.vlm.model) == hooks
    assert [found.answer for found in answer_variants(asked, VARIANTS[:2], 4)] == [found.answer for found in before]


def test_an_error_in_a_change_leaves_no_hook(asked: AskedPicture) -> None:
    hooks = count_hooks(asked.vlm.model)

    def fails(_features: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        answer_variants(asked, [Variant("fails", fails)], 4)
    with pytest.raises(ValueError, match="keep the shape"):
        answer_variants(asked, [Variant("cut", lambda features: features[:, 1:])], 4)
    assert count_hooks(asked.vlm.model) == hooks


class Stages(NoProgress):
    """Keeps the stages it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def stage(self, what: str, done: int, total: int) -> None:
        self.told.append((what, done, total))


def test_batches_are_halved_where_memory_does_not_suffice(asked: AskedPicture, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = answer_variants(asked, VARIANTS, 4)
    true_prefill, sizes = variants_module.prefill, []

    def hungry(asked: AskedPicture, batch: list, *rest: object) -> object:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("planted")
        return true_prefill(asked, batch, *rest)

    monkeypatch.setattr(variants_module, "prefill", hungry)
    stages = Stages()
    found = answer_variants(asked, VARIANTS, 4, progress=stages, what="answers")
    assert sizes == [1, 4, 2, 2] and [one.answer.token_ids for one in found] == [one.answer.token_ids for one in expected]
    assert stages.told[-1] == ("answers", 5, 5)

    def starving(*_: object) -> object:
        raise torch.OutOfMemoryError("planted")

    monkeypatch.setattr(variants_module, "prefill", starving)
    with pytest.raises(ScratchpadError, match="ran out of memory"):
        answer_variants(asked, VARIANTS, 4)


def test_a_penalty_of_the_checkpoint_is_kept(llava: Vlm, tiny_sae: SparseAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = AskedPicture(llava, tiny_sae, picture(), PROMPT)
    plain = answer_variants(asked, VARIANTS, 8)[0].answer.token_ids
    monkeypatch.setattr(llava.model.generation_config, "suppress_tokens", [plain[0]])
    monkeypatch.setattr(llava.model.generation_config, "repetition_penalty", 1.3)
    inputs = inputs_of(asked)
    with torch.no_grad():
        ids = llava.model.generate(**inputs, max_new_tokens=8, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    found = answer_variants(asked, VARIANTS, 8)[0].answer.token_ids
    assert found == ids.tolist() and found != plain


def test_an_unlike_sae_is_refused(llava: Vlm, tmp_path: Path) -> None:
    with pytest.raises(ScratchpadError, match="reads 16-wide inputs"):
        AskedPicture(llava, load_sae(save_tiny_sae(tmp_path / "narrow", d_in=16)), picture(), PROMPT)
