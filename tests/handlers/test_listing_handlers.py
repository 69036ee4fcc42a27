from __future__ import annotations

from argparse import Namespace

import pytest
from werkzeug.test import Client

from tb_visualscratchpad import __version__
from tb_visualscratchpad.handlers.listing import ListingHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire.version import SCHEMA_VERSION
from tests.handlers.held_evidence import HeldEvidence, ask
from tests.random_evidence import random_references, random_vlm_run
from tests.random_match import random_match
from tests.random_steering_evidence import random_cluster_sweep

HERE = Namespace(host=None, bind_all=False)
EVERYWHERE = Namespace(host=None, bind_all=True)


def test_an_empty_log() -> None:
    found = ask(ListingHandlers(HeldEvidence(), RequestGuard(EVERYWHERE)).listing).json
    assert found == {
        "schema_version": SCHEMA_VERSION,
        "version": __version__,
        "vlm_runs": [],
        "outcomes": [],
        "failure_sets": [],
        "dictionaries": [], "matches": [],
        "problems": [],
        "warnings": [],
    }


def test_runs_dictionaries_and_problems() -> None:
    run = random_vlm_run(91, steering="{}")
    store = HeldEvidence({("logs/one", "run-91"): run}, problems=("One file is cut short.",))
    answer = ask(ListingHandlers(store, RequestGuard(HERE)).listing)
    assert answer.headers["Cache-Control"] == "private, no-store"
    identity = run.dictionary.dictionary_id
    assert answer.json["vlm_runs"] == [
        {
            "run": "logs/one",
            "id": "run-91",
            "name": run.name,
            "prompt": run.prompt,
            "output_text": run.output_text,
            "created": run.created,
            "dictionary_id": identity,
            "dictionary_name": "dictionary 91",
            "vlm_name": "random-vlm",
            "n_output_tokens": 6,
            "truncated": False,
            "steered": True,
            "has_picture": True,
            "original_run_id": "",
            "series_id": "",
            "step": None,
            "superseded": False,
        }
    ]
    assert answer.json["dictionaries"] == [
        {
            "id": identity,
            "name": "dictionary 91",
            "vlm_name": "random-vlm",
            "sae_name": "random-sae-91",
            "hook": "projector_input",
            "n_latents": 64,
            "steps": [0, 7],
            "has_statistics": False,
            "has_references": False,
            "has_decoder_map": False,
            "has_metrics": False,
            "statistics_steps": [],
            "run": "",
            "has_truth_report": False,
            "has_sae_check": False,
        }
    ]
    assert answer.json["problems"] == ["One file is cut short."] and answer.json["warnings"] == []


def test_outcomes() -> None:
    sweep = random_cluster_sweep(93, original_run_id="run-91")
    store = HeldEvidence(outcomes={("worker", "sweep-93"): sweep})
    answer = ask(ListingHandlers(store, RequestGuard(HERE)).listing).json
    assert answer["outcomes"] == [
        {
            "run": "worker",
            "id": "sweep-93",
            "kind": "cluster_sweep",
            "name": "5 clusters",
            "prompt": sweep.prompt,
            "created": sweep.created,
            "dictionary_id": sweep.dictionary.dictionary_id,
            "original_run_id": "run-91",
            "n_clusters": 3,
        }
    ]


@pytest.mark.parametrize("kind", ["run", "references"])
def test_pictures_beyond_loopback_are_warned_of(kind: str) -> None:
    store, run = HeldEvidence(), random_vlm_run(92)
    if kind == "run":
        store.runs[".", "run-92"] = run
    else:
        references = random_references(92)
        store.of_dictionary["references", references.dictionary.dictionary_id] = references
    assert ask(ListingHandlers(store, RequestGuard(HERE)).listing).json["warnings"] == []
    (warning,) = ask(ListingHandlers(store, RequestGuard(EVERYWHERE)).listing).json["warnings"]
    assert "--no-images" in warning
    store.runs, store.of_dictionary = {(".", "run-92"): run.without_picture()}, {}
    assert ask(ListingHandlers(store, RequestGuard(EVERYWHERE)).listing).json["warnings"] == []


def test_matched_dictionaries_are_listed() -> None:
    match = random_match(1)
    found = ask(ListingHandlers(HeldEvidence(of_dictionary={("match", match.match_id): match}), RequestGuard(None)).listing).json
    assert found["matches"] == [
        {"run": "matching", "id": match.match_id, "dictionary_id": match.dictionary.dictionary_id, "other_id": match.other.dictionary_id}
    ]


def test_who_knows_the_listing_is_told_that_it_holds() -> None:
    handlers = ListingHandlers(HeldEvidence({("one", "run-91"): random_vlm_run(91)}), RequestGuard(HERE))
    first = ask(handlers.listing)
    known = {"If-None-Match": first.headers["ETag"]}
    again = Client(handlers.listing).get("/", headers=known)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "private, no-store"
    other = ListingHandlers(HeldEvidence({("one", "run-92"): random_vlm_run(92)}), RequestGuard(HERE))
    assert Client(other.listing).get("/", headers=known).status_code == 200
