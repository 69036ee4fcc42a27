"""The routes that say whether a dictionary trained well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tb_visualscratchpad.handlers.health import HealthHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.dictionary_health import dictionary_health
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tests.handlers.held_evidence import HeldEvidence, ask, sentence, unpack
from tests.random_evidence import random_decoder_map, random_dictionary, random_metrics, random_statistics

GOOD, BAD, BARE = (replace(random_dictionary(seed), activation="topk 4") for seed in (71, 72, 73))


@pytest.fixture
def store() -> HeldEvidence:
    return HeldEvidence(
        of_dictionary={
            ("statistics", GOOD.dictionary_id): random_statistics(71, dictionary=GOOD),
            ("map", GOOD.dictionary_id): random_decoder_map(71, dictionary=GOOD),
            ("metrics", GOOD.dictionary_id): replace(random_metrics(71, dictionary=GOOD), fvu=0.1, l0=4.0, n_dead=3),
            ("metrics", BAD.dictionary_id): replace(random_metrics(72, dictionary=BAD), fvu=0.5, l0=1.5, n_dead=3),
            ("map", BARE.dictionary_id): random_decoder_map(73, dictionary=BARE),
        }
    )


@pytest.fixture
def handlers(store: HeldEvidence) -> HealthHandlers:
    return HealthHandlers(store, RequestGuard(None))


def test_health_is_the_view_s(handlers: HealthHandlers, store: HeldEvidence) -> None:
    found = ask(handlers.dictionary_health, id=GOOD.dictionary_id, step=7).json
    assert set(store.asked) == {7}
    known = [store.of_dictionary[kind, GOOD.dictionary_id] for kind in ("metrics", "statistics", "map")]
    expected = dictionary_health(GOOD, *known)
    assert found["verdict"] == expected.verdict.value and found["problems"] == []
    assert [(check["key"], check["verdict"], check["figure"], check["sentence"], check["remedy"], check["n_latents"]) for check in found["checks"]] == [
        (check.key, check.verdict.value, check.figure, check.sentence, check.remedy, check.latents.size) for check in expected.checks
    ]
    assert sum(found["counts"].values()) == len(expected.checks)
    for check in expected.checks:
        header, arrays = unpack(ask(handlers.health_latents, id=GOOD.dictionary_id, check=check.key))
        assert header == {"check": check.key} and arrays["latent"].tolist() == check.latents.tolist()


def test_what_is_not_there_is_unknown_and_what_is_damaged_is_told(handlers: HealthHandlers, store: HeldEvidence) -> None:
    bare = ask(handlers.dictionary_health, id=BARE.dictionary_id).json
    assert bare["counts"]["unknown"] == 8 and bare["problems"] == []
    store.of_dictionary["statistics", GOOD.dictionary_id] = UnreadableEvidence("The statistics are damaged: log them again.")
    damaged = ask(handlers.dictionary_health, id=GOOD.dictionary_id).json
    assert damaged["problems"] == ["The statistics are damaged: log them again."] and damaged["counts"]["unknown"] == 6
    assert "no dictionary 'x'" in sentence(ask(handlers.dictionary_health, id="x"), 404)
    assert "id" in sentence(ask(handlers.dictionary_health), 400)
    assert "sparsity" in sentence(ask(handlers.health_latents, id=GOOD.dictionary_id, check="beauty"), 400)


def test_verdicts_on_all_dictionaries_by_their_metrics(handlers: HealthHandlers, store: HeldEvidence) -> None:
    found = ask(handlers.dictionary_verdicts).json
    by_id = {one["id"]: one for one in found["verdicts"]}
    assert set(by_id) == {GOOD.dictionary_id, BAD.dictionary_id} and found["n_left_out"] == 0
    assert by_id[GOOD.dictionary_id] == {"id": GOOD.dictionary_id, "verdict": "well", "wrong": []}
    assert by_id[BAD.dictionary_id] == {"id": BAD.dictionary_id, "verdict": "wrong", "wrong": ["50 % unexplained", "1.5 of k = 4"]}
    store.asked.clear()
    assert ask(handlers.dictionary_verdicts).json == found and store.asked == [], "kept, so that nothing is read again"


def test_a_dictionary_with_damaged_metrics_has_no_verdict(handlers: HealthHandlers, store: HeldEvidence) -> None:
    store.of_dictionary["metrics", BAD.dictionary_id] = UnreadableEvidence("The metrics are damaged: log them again.")
    found = ask(handlers.dictionary_verdicts).json
    # the listing of held evidence leaves out what is damaged, or the handler does
    assert [one["id"] for one in found["verdicts"]] == [GOOD.dictionary_id]
