from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tb_visualscratchpad.handlers.failure_sets import FailureSetHandlers
from tb_visualscratchpad.handlers.listing import ListingHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views import count_fates, latents_that_tell_apart
from tests.handlers.held_evidence import HeldEvidence, ask, sentence
from tests.random_evidence import random_statistics
from tests.random_failure_evidence import random_failure_set, random_set_ablation

SET = random_failure_set(7, n_prompts=2, set_id="ducks")
ABLATION = random_set_ablation(7, of=SET)
HERE = {"run": "failures", "id": "ducks"}


@pytest.fixture
def store() -> HeldEvidence:
    return HeldEvidence(failure_sets={("failures", "ducks"): SET}, outcomes={("worker", "ablation-7"): ABLATION})


@pytest.fixture
def handlers(store: HeldEvidence) -> FailureSetHandlers:
    return FailureSetHandlers(store, RequestGuard(None))


def test_the_set_and_its_items(handlers: FailureSetHandlers) -> None:
    found = ask(handlers.failure_set, **HERE).json
    assert (found["name"], found["match"], found["system"], found["max_new_tokens"]) == ("set 7", "contains", "Be kind. 桜", 8)
    assert (found["n_given"], found["n_wrong"], found["has_pictures"]) == (41, int(SET.wrong_N.sum()), True)
    assert [one["text"] for one in found["prompts"]] == ["what is 0 ?", "what is 1 ?"]
    assert sum(one["n_wrong"] for one in found["prompts"]) == found["n_wrong"] and sum(one["n"] for one in found["prompts"]) == 40
    assert [one["number"] for one in found["items"]] == list(range(40))
    for told, item in zip(found["items"], SET.items, strict=True):
        assert found["prompts"][told["prompt"]]["text"] == item.prompt
        for key in ("name", "right_answer", "output_text", "truncated", "is_right", "is_flagged", "is_held_out", "run_id"):
            assert told[key] == getattr(item, key)


@pytest.mark.parametrize("by", ["weighted", "plain"])
def test_the_latents_are_those_of_the_view(handlers: FailureSetHandlers, store: HeldEvidence, by: str) -> None:
    statistics = random_statistics(1, dictionary=SET.dictionary, dead_share=0)
    store.of_dictionary["statistics", SET.dictionary.dictionary_id] = statistics
    telling = latents_that_tell_apart(SET, by=by, part="half", prompt="what is 0 ?")
    found = ask(handlers.failure_latents, **HERE, by=by, part="half", prompt=0, limit=10).json
    for key in ("n_wrong", "n_right", "n_firing", "n_tested", "n_telling", "reason"):
        assert found[key] == getattr(telling, key)
    assert (found["min_items"], found["level"], len(found["rows"])) == (3, 0.05, 10)
    for place, row in enumerate(found["rows"]):
        assert row["rank"] == place + 1 and row["latent"] == telling.latent_F[place]
        assert (row["auc"], row["p"], row["q"]) == (telling.auc_F[place], telling.p_F[place], telling.q_F[place])
        assert (row["wrong_share"], row["right_share"], row["exact"]) == (telling.wrong_share_F[place], telling.right_share_F[place], True)
        assert row["label"] == statistics.label_names[statistics.top_label_K[row["latent"]]]
    everything = ask(handlers.failure_latents, **HERE, by=by).json
    assert everything["n_wrong"] + everything["n_right"] == 40 and everything["n_tested"] > found["n_tested"]
    assert ask(handlers.failure_latents, **HERE, by=by).json == everything, "the second time it is kept"


def test_a_set_of_one_kind_says_so(handlers: FailureSetHandlers, store: HeldEvidence) -> None:
    store.failure_sets["failures", "ducks"] = replace(SET, items=tuple(replace(item, is_right=True) for item in SET.items))
    found = ask(handlers.failure_latents, **HERE).json
    assert found["rows"] == [] and "are right" in found["reason"] and found["n_tested"] == 0


def test_a_latent_on_every_item(handlers: FailureSetHandlers) -> None:
    for by in ("weighted", "plain"):
        found = ask(handlers.failure_latent, **HERE, latent=2, by=by).json
        np.testing.assert_array_equal(np.float32(found["values"]), SET.used_NK(by).toarray()[:, 2])
    assert not any(ask(handlers.failure_latent, **HERE, latent=63).json["values"]), "it is dead"


def test_pictures(handlers: FailureSetHandlers, store: HeldEvidence) -> None:
    answer = ask(handlers.failure_picture, **HERE, item=3)
    assert answer.data == SET.thumbnails[3].data and answer.mimetype == "image/jpeg" and answer.headers["ETag"]
    for item in (-1, 40):
        assert "40, counted from 0" in sentence(ask(handlers.failure_picture, **HERE, item=item), 404)
    store.failure_sets["failures", "ducks"] = SET.without_pictures()
    assert "--no-images" in sentence(ask(handlers.failure_picture, **HERE, item=0), 404)


def test_an_ablation(handlers: FailureSetHandlers) -> None:
    found = ask(handlers.set_ablation, run="worker", id="ablation-7").json
    counts = count_fates(ABLATION)
    assert (found["set_id"], found["chosen_on"], found["latents"], found["seeds"]) == ("ducks", "half", list(range(9)), [0, 1])
    assert found["differs_from_logged"] == "It says “dog” today." and found["reductions"] == [] and found["prompt"] == ""
    for name in ("all", "chosen", "held_out"):
        told, part = found["parts"][name], getattr(counts, name)
        assert (told["n_items"], told["n_firing"]) == (part.n_items, part.n_firing)
        for one, of in zip((told["ablated"], *told["controls"]), (part.ablated, *part.controls), strict=True):
            assert one["mended"] == vars(of.mended) and one["broken"] == vars(of.broken)
            assert (one["changed"], one["unchanged"]) == (of.changed, of.unchanged)
    changed = [number for number, fate in enumerate(counts.fate_N) if fate.value != "unchanged"]
    assert [one["number"] for one in found["items"]] == changed
    for one in found["items"]:
        number = one["number"]
        assert one["fate"] == counts.fate_N[number].value and one["n_firing"] == ABLATION.n_firing_N[number]
        assert (one["original"], one["ablated"]) == (ABLATION.original.text_N[number], ABLATION.ablated.text_N[number])


@pytest.mark.parametrize(
    ("route", "query", "status", "says"),
    [
        ("failure_set", {"run": "failures", "id": "none"}, 404, "none"),
        ("failure_set", {"run": "failures"}, 400, "'id'"),
        ("set_ablation", {"run": "worker", "id": "none"}, 404, "none"),
        ("failure_latents", {**HERE, "by": "size"}, 400, "weighted, plain"),
        ("failure_latents", {**HERE, "part": "third"}, 400, "all, half"),
        ("failure_latents", {**HERE, "prompt": 2}, 400, "the set has 2"),
        ("failure_latents", {**HERE, "limit": 0}, 400, "limit 0"),
        ("failure_latent", {**HERE, "latent": 64}, 400, "64"),
        ("failure_latent", HERE, 400, "'latent'"),
    ],
)
def test_what_cannot_be_answered(handlers: FailureSetHandlers, route: str, query: dict[str, object], status: int, says: str) -> None:
    assert says in sentence(ask(getattr(handlers, route), **query), status)


def test_the_listing_has_it_and_warns_of_its_pictures(store: HeldEvidence) -> None:
    from argparse import Namespace

    everywhere = RequestGuard(Namespace(host=None, bind_all=True))
    found = ask(ListingHandlers(store, everywhere).listing).json
    assert found["failure_sets"] == [
        {
            "run": "failures", "id": "ducks", "name": "set 7", "created": SET.created, "dictionary_id": SET.dictionary.dictionary_id,
            "n_items": 40, "n_wrong": int(SET.wrong_N.sum()), "has_pictures": True,
        }
    ]
    assert len(found["warnings"]) == 1
    store.failure_sets["failures", "ducks"] = SET.without_pictures()
    assert ask(ListingHandlers(store, everywhere).listing).json["warnings"] == []
