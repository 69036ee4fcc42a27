"""The routes of matched dictionaries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tb_visualscratchpad.handlers.dictionary_matches import DictionaryMatchHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.counterparts import between, coverage
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tests.handlers.held_evidence import HeldEvidence, ask, sentence
from tests.random_evidence import random_dictionary, random_metrics, random_statistics
from tests.random_match import random_match

ONE, OTHER, THIRD = (random_dictionary(seed, n_latents=40 + seed) for seed in (1, 2, 3))
MATCH = random_match(5, dictionary=ONE, other=OTHER)
LATER = random_match(6, dictionary=THIRD, other=ONE)
STATISTICS = random_statistics(1, dictionary=ONE)
METRICS = replace(random_metrics(2), dictionary=OTHER)


@pytest.fixture
def held() -> HeldEvidence:
    return HeldEvidence(
        of_dictionary={
            ("match", MATCH.match_id): MATCH, ("match", LATER.match_id): LATER, ("statistics", ONE.dictionary_id): STATISTICS,
            ("metrics", OTHER.dictionary_id): METRICS,
        }
    )


@pytest.fixture
def handlers(held: HeldEvidence) -> DictionaryMatchHandlers:
    return DictionaryMatchHandlers(held, RequestGuard(None))


def test_a_latent_in_every_matched_dictionary(handlers: DictionaryMatchHandlers) -> None:
    for latent in range(10):
        found = ask(handlers.latent_counterparts, id=ONE.dictionary_id, latent=latent).json
        told = {one["dictionary"]["id"]: one for one in found["matches"]}
        assert set(told) == {OTHER.dictionary_id, THIRD.dictionary_id} and found["problems"] == []
        for match, other in ((MATCH, OTHER), (LATER.reversed(), THIRD)):
            one = told[other.dictionary_id]
            assert one["mutual"] == match.mutual_K[latent]
            expected = [k for k in match.forward_latent_Kn[latent].tolist() if k >= 0]
            assert [row["latent"] for row in one["counterparts"]] == expected
    back = ask(handlers.latent_counterparts, id=OTHER.dictionary_id, latent=0).json
    assert [one["dictionary"]["id"] for one in back["matches"]] == [ONE.dictionary_id]
    best = back["matches"][0]["counterparts"]
    assert all(row["alive"] == STATISTICS.alive_K[row["latent"]] for row in best)


def test_a_dictionary_against_another(handlers: DictionaryMatchHandlers) -> None:
    found = ask(handlers.dictionary_pair, id=ONE.dictionary_id, other=OTHER.dictionary_id, limit=6).json
    expected = coverage(MATCH, STATISTICS)
    for name in ("n_latents", "n_near", "n_close", "n_alive", "n_alive_close", "n_mutual"):
        assert found["first"][name] == getattr(expected, name)
    assert found["first"]["counts"] == expected.counts.tolist() and found["second"]["n_close"] == coverage(MATCH.reversed()).n_close
    assert found["second"]["l0"] == METRICS.l0 and found["first"]["l0"] is None and found["second"]["n_alive"] is None
    listed = between(MATCH, STATISTICS, -1, 0.7)
    assert found["n_listed"] == listed.size and [row["latent"] for row in found["rows"]] == listed[:6].tolist()
    assert found["n_dead_left_out"] == between(MATCH, STATISTICS, -1, 0.7, dead=True).size - listed.size
    assert found["same_images"] is None and (found["low"], found["high"]) == (-1, 0.7)
    turned = ask(handlers.dictionary_pair, id=OTHER.dictionary_id, other=ONE.dictionary_id).json
    assert turned["first"]["counts"] == found["second"]["counts"] and turned["first"]["n_mutual"] == found["first"]["n_mutual"]


def test_what_is_wrong_is_told(handlers: DictionaryMatchHandlers, held: HeldEvidence) -> None:
    assert "match-sae" in sentence(ask(handlers.dictionary_pair, id=OTHER.dictionary_id, other=THIRD.dictionary_id), 404)
    assert "low under high" in sentence(ask(handlers.dictionary_pair, id=ONE.dictionary_id, other=OTHER.dictionary_id, low=1, high=0), 400)
    assert "latent" in sentence(ask(handlers.latent_counterparts, id=ONE.dictionary_id, latent=4000), 400)
    assert ask(handlers.latent_counterparts, id="nobody", latent=0).json["matches"] == []
    held.of_dictionary["statistics", ONE.dictionary_id] = UnreadableEvidence("It is damaged.")
    assert ask(handlers.dictionary_pair, id=ONE.dictionary_id, other=OTHER.dictionary_id).json["problems"] == ["It is damaged."]
