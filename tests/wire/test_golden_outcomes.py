"""The golden log of the worker's outcomes is read as it was meant, and the writer goes on writing so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.codecs import outcome_kinds
from tb_visualscratchpad.wire.version import SCHEMA_VERSION
from tests.data_providers import PROVIDERS, reading
from tests.evidence_equality import assert_same
from tests.golden import write_golden_outcomes as golden
from tests.wire.test_golden_log import content

VERSIONS = range(1, SCHEMA_VERSION + 1)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_golden_outcomes_are_read(version: int, provider: str) -> None:
    with reading(provider, golden.golden_outcomes(version)) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        assert listing.problems == () and len(listing.outcomes) == 5
        assert {one.result_id: one.kind for one in listing.outcomes}["golden-erasure"] == "steering_result"
        assert listing.vlm_runs[0].original_run_id == "golden-run"
        assert_same(store.vlm_run("", ".", "golden-steered"), golden.asked_again())
        assert_same(store.steering_result("", ".", "golden-steering"), golden.steering_result())
        assert_same(store.steering_result("", ".", "golden-erasure"), golden.erasure_result())
        assert_same(store.cluster_sweep("", ".", "golden-sweep"), golden.cluster_sweep())
        assert_same(store.dose_response("", ".", "golden-dose"), golden.dose_response())
        assert_same(store.word_contributions("", ".", "golden-contributions"), golden.word_contributions())


def test_the_writer_writes_what_the_golden_outcomes_hold(tmp_path: Path) -> None:
    golden.write(tmp_path)
    assert content(tmp_path) == content(golden.golden_outcomes(SCHEMA_VERSION)), (
        f"the writer no longer writes what schema version {SCHEMA_VERSION} says: raise SCHEMA_VERSION, or take the change back"
    )


def test_a_change_of_the_writer_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_kinds, "encode_dose_response", lambda response, rounded=False: pb.DoseResponse())
    golden.write(tmp_path)
    assert content(tmp_path) != content(golden.golden_outcomes(SCHEMA_VERSION))

