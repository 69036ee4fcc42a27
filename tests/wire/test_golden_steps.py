"""The golden log of a training run's steps is read as it was meant, and the writer goes on writing so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.step_log import StepLog
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.step_index import read_record, scan_index
from tb_visualscratchpad.wire.tags import SIDECAR_DIRECTORY, STEPS_FOLDER
from tb_visualscratchpad.wire.version import SCHEMA_VERSION
from tests.data_providers import PROVIDERS, reading
from tests.evidence_equality import assert_same
from tests.golden import write_golden
from tests.golden import write_golden_steps as golden
from tests.wire.test_golden_log import sidecar_content, unpacked

VERSIONS = range(1, SCHEMA_VERSION + 1)
IDENTITY = write_golden.DICTIONARY.dictionary_id


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_golden_steps_are_read(version: int, provider: str) -> None:
    with reading(provider, golden.golden_steps(version)) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        (dictionary,) = listing.dictionaries
        assert dictionary.info == write_golden.DICTIONARY and dictionary.steps == golden.KEPT_STEPS
        assert listing.problems == ()
        for step in golden.KEPT_STEPS:
            process = int(step >= golden.SECOND_PROCESS[0])
            assert_same(store.sae_metrics("", IDENTITY, step), golden.sae_metrics(step, process))
            assert_same(store.latent_statistics("", IDENTITY, step), golden.latent_statistics(step, process))
            mapped = max(one for one in golden.MAPPED_STEPS if one <= step)
            assert_same(store.references("", IDENTITY, step), golden.reference_images(mapped, process))
            assert_same(store.decoder_map("", IDENTITY, step), golden.decoder_map(mapped, process))


def steps_content(directory: Path) -> dict[str, object]:
    """All that a reader sees of a log's steps: records of every index but for their times, and sidecars."""
    folder = directory / SIDECAR_DIRECTORY / STEPS_FOLDER
    found = sidecar_content(folder) | sidecar_content(directory / SIDECAR_DIRECTORY)
    for path in sorted(folder.glob("*.index")):
        scanned = scan_index(path)
        assert scanned.fault is None and scanned.end == path.stat().st_size
        for place, record in enumerate(scanned.records):
            message = pb.Evidence.FromString(read_record(path, record))
            message.sidecar.ClearField("sha256")
            message.sidecar.ClearField("size")
            found[f"{path.name}/{place}"] = (record.step, str(unpacked(message)))
    return found


def test_the_writer_writes_what_the_golden_steps_hold(tmp_path: Path) -> None:
    golden.write(tmp_path)
    held = steps_content(golden.golden_steps(SCHEMA_VERSION))
    assert len([name for name in held if ".index/" in name]) == 2 * 6 + 2 * 3, "superseded records stay"
    assert steps_content(tmp_path) == held, (
        f"the writer no longer writes what schema version {SCHEMA_VERSION} says: raise SCHEMA_VERSION, or take the change back"
    )


def test_a_change_of_the_writer_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StepLog, "remove_later", lambda *given: None)
    golden.write(tmp_path)
    assert steps_content(tmp_path) != steps_content(golden.golden_steps(SCHEMA_VERSION))
