"""The index of steps: append-only, whole after every kind of end, and damage is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tb_visualscratchpad.wire.errors import ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.step_index import StepIndexWriter, StepRecord, kept_records, read_record, scan_index
from tests.exporter.test_event_log import no_file_beyond

MESSAGES = [b"a" * 10, b"", b"c" * 300]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "x.index"
    writer = StepIndexWriter(path)
    for step, message in enumerate(MESSAGES):
        writer.append(step * 10, 100.5 + step, message)
    return path


def test_what_is_appended_comes_back(index: Path) -> None:
    scanned = scan_index(index)
    assert scanned.fault is None and scanned.end == index.stat().st_size
    assert [(one.step, one.wall_time) for one in scanned.records] == [(0, 100.5), (10, 101.5), (20, 102.5)]
    assert [read_record(index, one) for one in scanned.records] == MESSAGES


def test_only_what_is_new_is_read(index: Path) -> None:
    end = scan_index(index).end
    StepIndexWriter(index).append(30, 1.0, b"new")
    (record,) = scan_index(index, end).records
    assert record.step == 30 and read_record(index, record) == b"new"


def test_an_index_cut_anywhere_gives_its_whole_records_and_is_gone_on_with(index: Path) -> None:
    whole = index.read_bytes()
    ends = [8] + [one.offset + one.length for one in scan_index(index).records]
    for size in range(len(whole) + 1):
        index.write_bytes(whole[:size])
        scanned = scan_index(index)
        n_whole = sum(size >= end for end in ends[1:])
        assert len(scanned.records) == n_whole and scanned.fault is None, size
        StepIndexWriter(index).append(99, 5.0, b"after")
        again = scan_index(index)
        assert len(again.records) == n_whole + 1 and again.end == index.stat().st_size
        assert read_record(index, again.records[-1]) == b"after"


def test_damage_is_told_and_what_is_before_it_is_read(index: Path) -> None:
    data = bytearray(index.read_bytes())
    second = scan_index(index).records[1]
    data[second.offset - 20] ^= 1
    index.write_bytes(data)
    scanned = scan_index(index)
    assert len(scanned.records) == 1 and "damaged behind record 1" in (scanned.fault or "")


def test_other_files_are_refused(index: Path) -> None:
    index.write_bytes(b"something else")
    with pytest.raises(UnreadableEvidence, match="no index of steps"):
        scan_index(index)
    with pytest.raises(UnreadableEvidence, match="cannot be read"):
        scan_index(index.parent / "none")
    with pytest.raises(UnreadableEvidence, match="cut short"):
        read_record(index, StepRecord(1, 1.0, 10, 100))


def test_a_full_disk_leaves_the_index_as_it_was(index: Path) -> None:
    before = index.read_bytes()
    writer = StepIndexWriter(index)
    with no_file_beyond(len(before) + 10), pytest.raises(ScratchpadError, match="free some space"):
        writer.append(50, 1.0, b"x" * 100)
    assert index.read_bytes() == before
    writer.append(50, 1.0, b"x" * 100)
    assert len(scan_index(index).records) == 4


def test_what_was_appended_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "x.index"
    writer = StepIndexWriter(path)
    assert writer.append(1, 1.0, b"first") == 0
    end = writer.append(2, 1.0, b"second")
    writer.take_back(end)
    assert [one.step for one in scan_index(path).records] == [1] and os.path.getsize(path) == end
    writer.take_back(0)
    assert not path.exists()
    writer.append(3, 1.0, b"third")
    assert [one.step for one in scan_index(path).records] == [3]


def test_a_later_record_takes_back_its_step_and_what_is_above() -> None:
    steps = [0, 10, 20, 30, 20, 25]
    records = [StepRecord(step, float(place), 0, 0) for place, step in enumerate(steps)]
    assert [(one.step, one.wall_time) for one in kept_records(records)] == [(0, 0.0), (10, 1.0), (20, 4.0), (25, 5.0)]
    assert kept_records([]) == []
