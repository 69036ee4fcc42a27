"""Outcomes of the worker in the store, on both of TensorBoard's data providers: fresh, read, and without their sidecars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tb_visualscratchpad import listing as listing_module
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.steering_evidence import Outcome
from tests.data_providers import PROVIDERS, LogReader, reading
from tests.evidence_equality import assert_same
from tests.random_evidence import random_dictionary, random_metrics, random_vlm_run
from tests.random_steering_evidence import (
    random_cluster_sweep,
    random_dose_response,
    random_steering_result,
    random_word_contributions,
)

DICTIONARY = random_dictionary(1)
STEERED = random_steering_result(1, dictionary=DICTIONARY, original_run_id="run-1", steered_run_id="run-2")
SWEEP = random_cluster_sweep(1, dictionary=DICTIONARY, original_run_id="run-1")
DOSE = random_dose_response(1, dictionary=DICTIONARY)
FOUND = random_word_contributions(1, dictionary=DICTIONARY)
READS: dict[str, tuple[Outcome, Callable[[EventStore], Callable[[str, str, str], Outcome]]]] = {
    "steering_result": (STEERED, lambda store: store.steering_result),
    "cluster_sweep": (SWEEP, lambda store: store.cluster_sweep),
    "dose_response": (DOSE, lambda store: store.dose_response),
    "word_contributions": (FOUND, lambda store: store.word_contributions),
}


def write_outcomes(directory: Path) -> None:
    with ScratchpadWriter(directory) as writer:
        writer.add_vlm_run(random_vlm_run(1, dictionary=DICTIONARY))
        writer.add_steering_result(STEERED)
        writer.add_cluster_sweep(SWEEP)
        writer.add_dose_response(DOSE)
        writer.add_word_contributions(FOUND)


@pytest.fixture(params=PROVIDERS)
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogReader]:
    write_outcomes(tmp_path / "worker")
    with reading(request.param, tmp_path) as found:
        yield found


def test_outcomes_are_listed_and_come_back(reader: LogReader) -> None:
    store = EventStore(reader.context)
    listing = store.listing("")
    assert listing.problems == () and len(listing.vlm_runs) == 1
    assert [(one.kind, one.result_id) for one in listing.outcomes] == [
        ("word_contributions", "contributions-1"), ("dose_response", "dose-1"), ("cluster_sweep", "sweep-1"),
        ("steering_result", "steering-1"),
    ]
    contributions, dose, sweep, steered = listing.outcomes
    assert (steered.run, steered.name, steered.prompt, steered.created) == ("worker", STEERED.name, STEERED.prompt, STEERED.created)
    assert (steered.dictionary, steered.original_run_id) == (DICTIONARY, "run-1")
    assert steered.details == {
        "steered_run_id": "run-2", "output_text": STEERED.answers[-1].output_text, "erased": False, "n_latents": 4,
    }
    assert sweep.details == {"n_clusters": 5} and dose.details == {"op": "SCALE", "n_latents": 4, "n_doses": 7}
    assert contributions.details == {"word": 1, "word_text": FOUND.original_tokens[1].text}
    (dictionary,) = listing.dictionaries
    assert dictionary.info == DICTIONARY and dictionary.steps == ()
    for outcome, read in READS.values():
        assert_same(read(store)("", "worker", outcome.result_id), outcome)


def test_fresh_outcomes_are_read_from_their_sidecars(reader: LogReader, tmp_path: Path) -> None:
    store = EventStore(reader.context)
    with ScratchpadWriter(tmp_path / "later") as writer:
        later = replace(STEERED, result_id="later")
        writer.add_steering_result(later)
    assert_same(store.steering_result("", "later", "later"), later)
    reader.reload()
    assert "later" in [one.result_id for one in store.listing("").outcomes]
    assert_same(store.steering_result("", "later", "later"), later)


@pytest.mark.parametrize("kind", READS)
def test_outcomes_without_their_sidecars_are_read_from_their_events(reader: LogReader, tmp_path: Path, kind: str) -> None:
    outcome, read = READS[kind]
    next((tmp_path / "worker/plugins/visualscratchpad").glob(f"{kind}.*")).unlink()
    store = EventStore(reader.context)
    back = read(store)("", "worker", outcome.result_id)
    assert_same(back, outcome, ignore=frozenset({"reductions"}))
    assert "missing" in back.reductions[0]
    (problem,) = store.listing("").problems
    assert kind in problem and "missing" in problem


def test_outcomes_that_are_not_there_are_told(reader: LogReader) -> None:
    store = EventStore(reader.context)
    for outcome, read in READS.values():
        for run, identifier in (("worker", "none"), ("none", outcome.result_id), ("../worker", outcome.result_id)):
            with pytest.raises(EvidenceNotFound, match="There is no .*Reload"):
                read(store)("", run, identifier)
    with pytest.raises(EvidenceNotFound, match="There is no cluster sweep 'steering-1'"):
        store.cluster_sweep("", "worker", "steering-1")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_outcome_whose_event_was_lost_is_told(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "FRESH_SECONDS", -1.0)
    write_outcomes(tmp_path)
    next(tmp_path.glob("*tfevents*")).unlink()
    with reading(provider, tmp_path) as reader:
        (problem,) = EventStore(reader.context).listing("").problems
        assert "never arrived" in problem and "steering_result/steering-1" in problem


def test_a_kind_of_a_later_version_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_outcomes(tmp_path)
    with ScratchpadWriter(tmp_path / "metrics") as writer:
        writer.add_sae_metrics(random_metrics(1))
    with reading("python", tmp_path) as reader:
        known = {kind: name for kind, name in listing_module.KIND_NAMES.items() if name != "sae_metrics"}
        monkeypatch.setattr(listing_module, "KIND_NAMES", known)
        listing = EventStore(reader.context).listing("")
        assert listing.problems == () and listing.dictionaries[0].steps == () and len(listing.outcomes) == 4


def test_ids_that_make_no_file_name_are_refused(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        with pytest.raises(ScratchpadError, match="result id is '../x'"):
            writer.add_steering_result(replace(STEERED, result_id="../x"))
        writer.add_steering_result(STEERED)
        with pytest.raises(ScratchpadError, match="logged already"):
            writer.add_steering_result(STEERED)


def test_an_outcome_is_not_taken_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_outcomes(tmp_path)
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        monkeypatch.setattr("tb_visualscratchpad.event_store.tag_of", lambda kind, identifier: "visualscratchpad/dose_response/dose-1")
        with pytest.raises(UnreadableEvidence, match="holds DoseResponse, expected SteeringResult"):
            store.steering_result("", ".", "dose-1")
