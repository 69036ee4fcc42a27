"""Failure sets come back from their sidecar exactly, ablations from event and sidecar alike; the golden log is read as it was meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs import outcome_kinds
from tb_visualscratchpad.wire.codecs.envelope import decode_event, decode_sidecar, encode_evidence, parse_event
from tb_visualscratchpad.wire.errors import UnreadableEvidence
from tb_visualscratchpad.wire.failure_evidence import FailureSet
from tb_visualscratchpad.wire.sidecar import open_sidecar, write_sidecar
from tb_visualscratchpad.wire.version import SCHEMA_VERSION
from tests.data_providers import PROVIDERS, reading
from tests.evidence_equality import assert_same
from tests.golden import write_golden_failures as golden
from tests.random_failure_evidence import random_failure_set, random_set_ablation
from tests.wire.test_golden_log import content


def _silent(found: FailureSet) -> FailureSet:
    nothing = np.zeros(0, np.float32)
    return replace(found, indptr=np.zeros(len(found.items) + 1, np.int64), latent_Z=np.zeros(0, np.int32), plain_Z=nothing, weighted_Z=nothing)


SETS: dict[str, Callable[[int], FailureSet]] = {
    "whole": random_failure_set,
    "several prompts": lambda seed: random_failure_set(seed, n_prompts=3),
    "no pictures": lambda seed: random_failure_set(seed, with_pictures=False),
    "one item": lambda seed: random_failure_set(seed, n_items=1),
    "nothing fires": lambda seed: _silent(random_failure_set(seed)),
}


@pytest.mark.parametrize("case", SETS)
@pytest.mark.parametrize("seed", [0, 1])
def test_sets_come_back_from_the_sidecar(tmp_path: Path, case: str, seed: int) -> None:
    found = SETS[case](seed)
    encoded = encode_evidence(found)
    reference = write_sidecar(tmp_path, "a.safetensors", encoded.sidecar_tensors, encoded.sidecar_metadata)
    back = decode_sidecar(open_sidecar(tmp_path / reference.path), "it")
    assert_same(back, found)
    # Read from one sidecar, it is written to another as it lies there.
    assert encode_evidence(back).sidecar_tensors.keys() == encoded.sidecar_tensors.keys()
    for name, tensor in encode_evidence(back).sidecar_tensors.items():
        np.testing.assert_array_equal(tensor, encoded.sidecar_tensors[name])
    summary = encoded.plugin_data.failure_set
    assert (encoded.plugin_data.id, summary.n_items, summary.n_wrong) == (found.set_id, len(found.items), found.wrong_N.sum())
    assert summary.has_pictures == (len(found.pictures) > 0)
    assert encoded.event.ByteSize() < 1000, "the event is a manifest"
    with pytest.raises(UnreadableEvidence, match="in a sidecar that is missing"):
        decode_event(parse_event(encoded.event.SerializeToString(), "it"), "it")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("n_controls", [0, 2])
def test_ablations_come_back_both_ways(tmp_path: Path, seed: int, n_controls: int) -> None:
    found = random_set_ablation(seed, n_controls=n_controls)
    encoded = encode_evidence(found)
    reference = write_sidecar(tmp_path, "a.safetensors", encoded.sidecar_tensors, encoded.sidecar_metadata)
    assert_same(decode_event(parse_event(encoded.event.SerializeToString(), "it"), "it"), found)
    assert_same(decode_sidecar(open_sidecar(tmp_path / reference.path), "it"), found)
    data = encoded.plugin_data
    assert (data.kind, data.id, data.outcome.set_id, data.outcome.n_latents) == (pb.SET_ABLATION, found.result_id, found.set_id, found.latents.size)


def test_a_surrogate_in_a_text_becomes_a_mark(tmp_path: Path) -> None:
    found = random_failure_set(0, n_items=1)
    odd = replace(found, items=(replace(found.items[0], output_text="a \ud83d"),))
    encoded = encode_evidence(odd)
    reference = write_sidecar(tmp_path, "a.safetensors", encoded.sidecar_tensors, encoded.sidecar_metadata)
    back = decode_sidecar(open_sidecar(tmp_path / reference.path), "it")
    assert isinstance(back, FailureSet) and back.items[0].output_text == "a �"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"match": "near"}, "match"),
        ({"n_given": 3}, "at least one item"),
        ({"items": ()}, "at least one item"),
        ({"latent_Z": np.full(0, 99, np.int32)}, "indptr"),
        ({"thumbnails": ()}, "all pictures or none"),
        ({"max_new_tokens": 0}, "positive"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(random_failure_set(0), **change)


def test_a_missing_sidecar_is_told_and_the_ablation_still_read(tmp_path: Path) -> None:
    found, ablation = random_failure_set(0), random_set_ablation(0)
    with ScratchpadWriter(tmp_path / "run") as writer:
        writer.add_failure_set(found)
        writer.add_set_ablation(ablation)
    for sidecar in (tmp_path / "run" / "plugins" / "visualscratchpad").iterdir():
        sidecar.unlink()
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        (problem,) = store.listing("").problems
        assert "failure_set/failures-0" in problem and "failure sets cannot be shown" in problem
        with pytest.raises(UnreadableEvidence, match="is missing"):
            store.failure_set("", "run", "failures-0")
        read = store.set_ablation("", "run", "ablation-0")
    assert_same(read, ablation, ignore=frozenset({"reductions"}))
    assert len(read.reductions) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_the_golden_failures_are_read(version: int, provider: str) -> None:
    with reading(provider, golden.golden_failures(version)) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        assert listing.problems == ()
        (entry,) = listing.failure_sets
        assert (entry.set_id, entry.n_items, entry.n_wrong, entry.has_pictures) == ("golden-set", 3, 2, True)
        (outcome,) = listing.outcomes
        assert outcome.kind == "set_ablation" and outcome.details == {"set_id": "golden-set", "n_latents": 2}
        assert_same(store.failure_set("", ".", "golden-set"), golden.failure_set())
        assert_same(store.set_ablation("", ".", "golden-ablation"), golden.set_ablation())


def test_the_writer_writes_what_the_golden_failures_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden.write(tmp_path / "same")
    assert content(tmp_path / "same") == content(golden.golden_failures(SCHEMA_VERSION)), (
        f"the writer no longer writes what schema version {SCHEMA_VERSION} says: raise SCHEMA_VERSION, or take the change back"
    )
    monkeypatch.setattr(outcome_kinds, "encode_set_ablation", lambda ablation: pb.SetAblation())
    golden.write(tmp_path / "other")
    assert content(tmp_path / "other") != content(golden.golden_failures(SCHEMA_VERSION))
