from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.handlers.outcomes import OutcomeHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.comparison import compare_answers
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tests.handlers.held_evidence import HeldEvidence, ask, sentence
from tests.random_evidence import random_statistics
from tests.random_steering_evidence import (
    SPEC,
    random_cluster_sweep,
    random_dose_response,
    random_steering_result,
    random_word_contributions,
)

STEERED = random_steering_result(7, original_run_id="run-1", steered_run_id="run-2", differs_from_logged="It says “dog” now.")
ERASED = random_steering_result(8, erased=True)
SWEEP = random_cluster_sweep(7)
DOSE = random_dose_response(7)
FOUND = random_word_contributions(7)
HELD = {("worker", one.result_id): one for one in (STEERED, ERASED, SWEEP, DOSE, FOUND)}


@pytest.fixture
def store() -> HeldEvidence:
    return HeldEvidence(outcomes=dict(HELD))


@pytest.fixture
def handlers(store: HeldEvidence) -> OutcomeHandlers:
    return OutcomeHandlers(store, RequestGuard(None))


def test_steering_result(handlers: OutcomeHandlers) -> None:
    found = ask(handlers.steering_result, run="worker", id="steering-7").json
    assert (found["run"], found["id"], found["name"], found["prompt"]) == ("worker", "steering-7", STEERED.name, STEERED.prompt)
    assert (found["original_run_id"], found["steered_run_id"]) == ("run-1", "run-2")
    assert found["differs_from_logged"] == "It says “dog” now." and found["reductions"] == []
    assert found["steering"]["interventions"][0]["latent"] == 3 and found["erasure"] is None
    assert found["dictionary"] == {"id": STEERED.dictionary.dictionary_id, "name": "dictionary 7", "n_latents": 64}
    assert [one["condition"] for one in found["answers"]] == ["original", "reconstruction", *["control"] * 5, "steered"]
    assert [one["seed"] for one in found["answers"]] == [None, None, 0, 1, 2, 3, 4, None]
    compared = compare_answers(STEERED)
    for told, expected in zip(found["answers"], compared.answers, strict=True):
        answer = expected.answer
        assert [one["text"] for one in told["tokens"]] == [token.text for token in answer.tokens]
        assert told["latents"] == answer.latents.tolist() and told["change_norm"] == answer.change_norm
        np.testing.assert_allclose(told["along_original"], answer.along_original_O, atol=1e-6)
        np.testing.assert_allclose(told["along_steered"], answer.along_steered_S, atol=1e-6)
        np.testing.assert_allclose(told["change_along_original"], expected.change_O, atol=1e-6)
        np.testing.assert_allclose(told["change_along_steered"], expected.change_S, atol=1e-6)
        assert told["original_logprob"] == expected.original_logprob and told["steered_logprob"] == expected.steered_logprob
        assert told["diff"]["steps"] == [[step.change.value, step.original, step.other] for step in expected.diff.steps]
        assert told["diff"]["parts_at"] == expected.diff.parts_at
    np.testing.assert_allclose(found["control_mean"], compared.control_mean_O, atol=1e-6)
    assert [fall["number"] for fall in found["falls"]] == [fall.number for fall in compared.falls] and found["falls"]
    assert found["falls"][0]["change"] == compared.falls[0].change
    assert found["largest_other"] == {"number": compared.largest_other[0], "change": compared.largest_other[1]}
    assert found["parting"]["number"] == compared.parting.number
    assert [row["latent"] for row in found["edited"]] == STEERED.answers[-1].latents.tolist()
    assert sum(row["before"] for row in found["edited"]) == pytest.approx(float(STEERED.edited.before_N.sum()), rel=1e-5)


def test_an_erasure(handlers: OutcomeHandlers) -> None:
    found = ask(handlers.steering_result, run="worker", id="steering-8").json
    assert found["steering"] is None and found["edited"] is None
    assert found["erasure"] == {"box": [3.5, 4.0, 60.0, 44.25], "fill": "mean"}
    assert [one["condition"] for one in found["answers"]] == ["original", *["control"] * 5, "erased"]


def test_no_figure_is_a_negative_zero(handlers: OutcomeHandlers) -> None:
    assert b"-0.0," not in ask(handlers.steering_result, run="worker", id="steering-7").data


def test_cluster_sweep(handlers: OutcomeHandlers) -> None:
    found = ask(handlers.cluster_sweep, run="worker", id="sweep-7").json
    assert [one["text"] for one in found["original_tokens"]] == [token.text for token in SWEEP.original_tokens]
    assert found["columns"] == [0, 2, 4]
    for told, cluster in zip(found["clusters"], SWEEP.clusters, strict=True):
        assert (told["name"], told["latents"], told["truncated"]) == (cluster.name, cluster.latents.tolist(), cluster.truncated)
        expected = cluster.along_original_O - np.array([token.logprob for token in SWEEP.original_tokens])
        np.testing.assert_allclose(told["change"], expected, atol=1e-6)
        assert told["control_hardest"]["change"] == pytest.approx(min(told["control_mean"]), abs=1e-6)
    assert found["clusters"][0]["hardest"]["number"] == 0 and found["clusters"][1]["hardest"] is None
    assert found["clusters"][1]["diff"]["passages"] == []


def test_dose_response(handlers: OutcomeHandlers) -> None:
    found = ask(handlers.dose_response, run="worker", id="dose-7").json
    assert found["values"] == DOSE.value_D.tolist() and (found["op"], found["at_rest"]) == ("SCALE", 1.0)
    assert found["latents"] == DOSE.latents.tolist() and found["output_texts"] == list(DOSE.output_text_D)
    assert [word["number"] for word in found["words"]] == DOSE.word_V.tolist()
    first = found["words"][0]
    np.testing.assert_allclose(first["logprob"], DOSE.logprob_DV[:, 0], atol=1e-6)
    np.testing.assert_allclose(first["controls"], DOSE.control_logprob_RDV[:, :, 0], atol=1e-6)
    np.testing.assert_allclose(first["control_mean"], DOSE.control_logprob_RDV[:, :, 0].mean(axis=0), atol=1e-6)
    assert 0 < first["falls_below"] < 1 and first["falls_above"] is None


def test_word_contributions(handlers: OutcomeHandlers, store: HeldEvidence) -> None:
    found = ask(handlers.word_contributions, run="worker", id="contributions-7").json
    assert (found["word"], found["n_firing"], found["n_checked"], len(found["rows"])) == (1, 40, 10, 40)
    assert [row["latent"] for row in found["rows"]] == FOUND.latent_N.tolist()
    assert found["rows"][9]["ablated"] is not None and found["rows"][10]["ablated"] is None
    assert found["agreement"] > 0.8 and found["total"] == pytest.approx(FOUND.contribution_N.sum())
    assert found["rows"][0]["label"] is None and found["problem"] is None
    identity = FOUND.dictionary.dictionary_id
    statistics = random_statistics(1, dictionary=FOUND.dictionary, dead_share=0)
    store.of_dictionary["statistics", identity] = statistics
    few = ask(handlers.word_contributions, run="worker", id="contributions-7", limit=3).json
    assert len(few["rows"]) == 3
    label = statistics.label_names[statistics.top_label_K[FOUND.latent_N[0]]]
    assert few["rows"][0]["label"] == label and 0 < few["rows"][0]["label_share"] <= 1
    store.of_dictionary["statistics", identity] = UnreadableEvidence("They are damaged: log them again.")
    damaged = ask(handlers.word_contributions, run="worker", id="contributions-7").json
    assert "damaged" in damaged["problem"] and damaged["rows"][0]["label"] is None


@pytest.mark.parametrize("kind", ["steering_result", "cluster_sweep", "dose_response", "word_contributions"])
def test_what_is_not_there_or_not_named(handlers: OutcomeHandlers, kind: str) -> None:
    sentence(ask(getattr(handlers, kind), run="worker", id="none"), 404)
    assert "'id'" in sentence(ask(getattr(handlers, kind), run="worker"), 400)
    assert "'run'" in sentence(ask(getattr(handlers, kind), id="x"), 400)


def test_what_cannot_be_answered(handlers: OutcomeHandlers, store: HeldEvidence) -> None:
    assert "limit 0" in sentence(ask(handlers.word_contributions, run="worker", id="contributions-7", limit=0), 400)
    store.outcomes["worker", "steering-7"] = replace(STEERED, steering=SPEC[:-1])
    assert "no JSON" in sentence(ask(handlers.steering_result, run="worker", id="steering-7"), 422)
