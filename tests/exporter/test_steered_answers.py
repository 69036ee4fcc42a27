"""What a steered answer leaves as evidence, against the model asked directly, on tiny models of both families."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.exporter import NamedLatents, dose_response, explain, steer, sweep_clusters
from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.hooks import count_hooks
from tb_visualscratchpad.exporter.job_progress import Cancelled, NoProgress
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tb_visualscratchpad.wire.steering_evidence import Condition, SteeringResult

PROMPT = "w1 w2 ?"
N_NEW = 6


def picture(seed: int = 7) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (60, 90, 3), dtype=np.uint8))


@pytest.fixture(scope="module", params=["llava_next", "llava"])
def vlm(request: pytest.FixtureRequest) -> Vlm:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module", params=["vision_tower.layers.2", "vision_tower.layers.1"])
def asked(request: pytest.FixtureRequest, vlm: Vlm, tiny_sae: SparseAutoencoder) -> AskedPicture:
    return AskedPicture(vlm, tiny_sae, picture(), PROMPT, hook=request.param)


def strongest(asked: AskedPicture, n: int) -> list[int]:
    strength = np.asarray(asked.latents.csr_PK.sum(axis=0)).ravel()
    return [int(latent) for latent in np.argsort(-strength)[:n]]


class Told(NoProgress):
    """Keeps everything it is told, and may cancel."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stages: list[tuple[str, int, int]] = []
        self.texts: list[tuple[str, str]] = []
        self.left = stop_at

    def stage(self, what: str, done: int, total: int) -> None:
        self.stages.append((what, done, total))

    def token(self, condition: str, text: str) -> None:
        self.texts.append((condition, text))
        self.stages.append(("token", 0, 0))

    def check(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                raise Cancelled


@pytest.fixture(scope="module")
def spec(asked: AskedPicture) -> SteeringSpec:
    return SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 6.0) for latent in strongest(asked, 4)))


@pytest.fixture(scope="module")
def steered(asked: AskedPicture, spec: SteeringSpec) -> tuple[SteeringResult, VlmRun]:
    return steer(asked, spec, max_new_tokens=N_NEW, name="mine")


def test_the_conditions_stand_in_order(steered: tuple[SteeringResult, VlmRun], asked: AskedPicture) -> None:
    result, run = steered
    assert [answer.condition for answer in result.answers] == [
        Condition.ORIGINAL, Condition.RECONSTRUCTION, *[Condition.CONTROL] * 5, Condition.STEERED,
    ]
    assert [answer.seed for answer in result.answers] == [None, None, 0, 1, 2, 3, 4, None]
    assert (result.name, result.prompt, result.steered_run_id, result.dictionary) == ("mine", PROMPT, run.run_id, asked.dictionary)
    assert result.original_run_id == result.differs_from_logged == "" and result.result_id != run.run_id
    norm = result.answers[-1].change_norm
    for answer in result.answers[2:7]:
        assert answer.change_norm == pytest.approx(norm, rel=0.1)
        assert len(answer.latents) == 4 and not set(answer.latents) & set(result.answers[-1].latents)


def test_answers_are_those_of_explain(
    steered: tuple[SteeringResult, VlmRun], asked: AskedPicture, spec: SteeringSpec, vlm: Vlm, tiny_sae: SparseAutoencoder
) -> None:
    result, run = steered
    hook = asked.dictionary.hook
    original = explain(vlm, tiny_sae, picture(), PROMPT, max_new_tokens=N_NEW, hook=hook)
    rebuilt = explain(vlm, tiny_sae, picture(), PROMPT, SteeringSpec(error="dropped"), N_NEW, hook=hook)
    alone = explain(vlm, tiny_sae, picture(), PROMPT, spec, N_NEW, hook=hook)
    for answer, expected in zip((*result.answers[:2], result.answers[-1]), (original, rebuilt, alone), strict=True):
        tokens = [token for token in expected.tokens if token.span is Span.OUTPUT]
        assert [token.token_id for token in answer.tokens] == [token.token_id for token in tokens]
        assert [token.text for token in answer.tokens] == [token.text for token in tokens]
        np.testing.assert_allclose([t.logprob for t in answer.tokens], [t.logprob for t in tokens], atol=1e-4)
        assert answer.output_text == expected.output_text and answer.truncated == expected.truncated
    np.testing.assert_allclose(run.latents.csr_PK.toarray(), alone.latents.csr_PK.toarray(), atol=1e-5)
    np.testing.assert_allclose(run.attention.mean_TI, alone.attention.mean_TI, atol=1e-6)
    assert (run.steering, run.max_new_tokens) == (spec.to_json(), N_NEW)


def test_own_words_are_weighed_as_they_were_said(steered: tuple[SteeringResult, VlmRun]) -> None:
    result, _ = steered
    assert result.answers[0].output_text != result.answers[-1].output_text
    np.testing.assert_array_equal(result.answers[0].along_original_O, [token.logprob for token in result.answers[0].tokens])
    np.testing.assert_array_equal(result.answers[-1].along_steered_S, [token.logprob for token in result.answers[-1].tokens])
    # Greedy answers part at a token that the other model finds less likely than its own.
    first = next(i for i, (a, b) in enumerate(zip(result.answers[0].tokens, result.answers[-1].tokens, strict=True)) if a.token_id != b.token_id)
    assert result.answers[-1].along_original_O[first] < result.answers[-1].along_steered_S[first]
    assert result.answers[0].along_steered_S[first] < result.answers[0].along_original_O[first]


def test_edited_latents_by_hand(steered: tuple[SteeringResult, VlmRun], asked: AskedPicture, spec: SteeringSpec) -> None:
    result, run = steered
    z = asked.latents.csr_PK.toarray()
    after = run.latents.csr_PK.toarray()
    latents = sorted(item.latent for item in spec.interventions)
    expected = [
        (patch, latent, z[patch, latent], np.float32(6.0) * z[patch, latent], after[patch, latent])
        for patch in range(z.shape[0])
        for latent in latents
        if z[patch, latent] or after[patch, latent]
    ]
    edited = result.edited
    found = list(zip(edited.patch_N, edited.latent_N, edited.before_N, edited.edited_N, edited.after_N, strict=True))
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(np.array(found, dtype=float), np.array(expected, dtype=float), rtol=1e-6)


def test_the_steered_answer_is_told_first(asked: AskedPicture, spec: SteeringSpec) -> None:
    told = Told()
    result, _ = steer(asked, spec, max_new_tokens=N_NEW, progress=told)
    assert {condition for condition, _ in told.texts} == {"steered"}
    assert "".join(text for _, text in told.texts).strip() == result.answers[-1].output_text
    kinds = [what for what, _, _ in told.stages]
    # A special token adds nothing to the text.
    assert N_NEW - 1 <= len(told.texts) <= N_NEW
    assert kinds == ["steered answer", *["token"] * len(told.texts), "steered answer", *["baselines and controls"] * 3]


def test_scaling_by_one_gives_the_original_again(asked: AskedPicture) -> None:
    spec = SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 1.0) for latent in strongest(asked, 4)))
    result, _ = steer(asked, spec, max_new_tokens=N_NEW)
    assert [answer.condition for answer in result.answers] == [Condition.ORIGINAL, Condition.RECONSTRUCTION, Condition.STEERED]
    original, rebuilt, same = result.answers
    assert same.change_norm == 0 and same.output_text == original.output_text
    np.testing.assert_allclose(same.along_original_O, original.along_original_O, atol=1e-5)
    assert rebuilt.change_norm > 0


@pytest.mark.parametrize("stop_at", [1, N_NEW + 1, N_NEW + 4, N_NEW + 12])
def test_cancelled_at_any_point_nothing_is_left(asked: AskedPicture, spec: SteeringSpec, stop_at: int) -> None:
    hooks = count_hooks(asked.vlm.model)
    told = Told(stop_at)
    with pytest.raises(Cancelled):
        steer(asked, spec, max_new_tokens=N_NEW, progress=told)
    assert len(told.texts) <= min(stop_at - 1, N_NEW)
    assert count_hooks(asked.vlm.model) == hooks


def test_a_logged_run_that_is_asked_again(llava: Vlm, tiny_sae: SparseAutoencoder) -> None:
    logged = explain(llava, tiny_sae, picture(), PROMPT, max_new_tokens=N_NEW)
    asked = AskedPicture(llava, tiny_sae, picture(), PROMPT)
    spec = SteeringSpec((LatentIntervention(strongest(asked, 1)[0], "SCALE", 0.0),))
    result, run = steer(asked, spec, max_new_tokens=N_NEW, logged=logged, keep_picture=False)
    assert (result.original_run_id, run.original_run_id, result.differs_from_logged) == (logged.run_id, logged.run_id, "")
    assert run.picture is None and run.exact_picture is None
    other = AskedPicture(llava, tiny_sae, picture(8), PROMPT)
    result, _ = steer(other, spec, max_new_tokens=N_NEW, logged=logged)
    assert logged.output_text in result.differs_from_logged and result.answers[0].output_text in result.differs_from_logged


def test_a_sweep_is_its_single_ablations(asked: AskedPicture) -> None:
    latents = strongest(asked, 7)
    clusters = [NamedLatents("first", tuple(latents[:4])), NamedLatents("second", tuple(latents[4:]))]
    told = Told()
    sweep = sweep_clusters(asked, clusters, max_new_tokens=N_NEW, n_controls=3, progress=told)
    assert [cluster.name for cluster in sweep.clusters] == ["first", "second"]
    assert {what for what, _, _ in told.stages} == {"clusters", "controls"} and told.stages[-1] == ("controls", 6, 6)
    for cluster, given in zip(sweep.clusters, clusters, strict=True):
        result, _ = steer(asked, given.ablation, max_new_tokens=N_NEW, n_controls=3)
        original, *_, steered = result.answers
        assert [token.token_id for token in sweep.original_tokens] == [token.token_id for token in original.tokens]
        assert cluster.output_text == steered.output_text
        assert cluster.latents.tolist() == sorted(given.latents) and cluster.change_norm == pytest.approx(steered.change_norm)
        np.testing.assert_allclose(cluster.along_original_O, steered.along_original_O, atol=1e-5)
        controls = [answer.along_original_O for answer in result.answers if answer.condition is Condition.CONTROL]
        np.testing.assert_allclose(cluster.control_along_original_RO, controls, atol=1e-5)


def test_doses_are_single_steered_answers(asked: AskedPicture) -> None:
    latents = strongest(asked, 3)
    response = dose_response(asked, latents, "SCALE", [4.0, 0.0, 1.0], [3, 1], max_new_tokens=N_NEW, n_controls=2)
    assert response.value_D.tolist() == [0.0, 1.0, 4.0] and response.word_V.tolist() == [1, 3]
    assert response.latents.tolist() == sorted(latents) and response.control_logprob_RDV.shape == (2, 3, 2)
    for number, dose in enumerate(response.value_D):
        spec = SteeringSpec(tuple(LatentIntervention(latent, "SCALE", float(dose)) for latent in latents))
        result, _ = steer(asked, spec, max_new_tokens=N_NEW, n_controls=0)
        assert response.output_text_D[number] == result.answers[-1].output_text
        np.testing.assert_allclose(response.logprob_DV[number], result.answers[-1].along_original_O[[1, 3]], atol=1e-5)
    # Scaling by one changes nothing under the latents and under every control.
    at_one = response.logprob_DV[1]
    np.testing.assert_allclose(response.control_logprob_RDV[:, 1], np.broadcast_to(at_one, (2, 2)), atol=1e-5)
    added = dose_response(asked, latents, "ADD", [0.5, 5.0], [0], max_new_tokens=N_NEW, n_controls=2)
    assert np.all(np.isfinite(added.control_logprob_RDV)) and added.op == "ADD"


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda asked: steer(asked, SteeringSpec(), max_new_tokens=0), "at least 1"),
        (lambda asked: steer(asked, SteeringSpec((LatentIntervention(80, "SET", 1.0),))), "numbered from 0"),
        (lambda asked: sweep_clusters(asked, []), "No clusters"),
        (lambda asked: sweep_clusters(asked, [NamedLatents("none", ())]), "has no latents"),
        (lambda asked: sweep_clusters(asked, [NamedLatents("twice", (1, 1))]), "twice"),
        (lambda asked: dose_response(asked, [1], "SCALE", [0.0, 0.0], [0]), "two different"),
        (lambda asked: dose_response(asked, [1], "SCALE", [0.0, 1.0], []), "one word"),
        (lambda asked: dose_response(asked, [], "SCALE", [0.0, 1.0], [0]), "one latent"),
        (lambda asked: dose_response(asked, [1], "SCALE", [0.0, 1.0], [9], max_new_tokens=3), "numbered from 0"),
        (lambda asked: dose_response(asked, [1], "SCALE", [-1.0, 1.0], [0]), "0 or more"),
    ],
)
def test_bad_requests_get_a_sentence(llava: Vlm, tiny_sae: SparseAutoencoder, act: object, says: str) -> None:
    asked = AskedPicture(llava, tiny_sae, picture(), PROMPT)
    with pytest.raises(ScratchpadError, match=says):
        act(asked)
