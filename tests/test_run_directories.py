"""What is wrong with files: an event file that grows is followed from where it ended, and the verdict is that of a fresh look."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from tb_visualscratchpad import run_directories
from tb_visualscratchpad.run_directories import FileFaults


def _record(n_bytes: int) -> bytes:
    return struct.pack("<Q", n_bytes) + bytes(4) + os.urandom(n_bytes) + bytes(4)


def test_a_growing_event_file_is_judged_as_a_fresh_look_would(tmp_path: Path) -> None:
    path, rng, faults = tmp_path / "events.out.tfevents.1", np.random.default_rng(0), FileFaults()
    whole, records = b"", [_record(int(n)) for n in rng.integers(0, 300, 40)]
    for record in records:
        for cut in (len(record) // 2, len(record)):  # seen while it is written, and then
            path.write_bytes(whole + record[:cut])
            assert faults.of_event_file(path) == FileFaults().of_event_file(path)
        whole += record
    assert faults.of_event_file(path) is None
    path.write_bytes(whole[: len(whole) // 3])
    assert faults.of_event_file(path) == FileFaults().of_event_file(path)
    other = tmp_path / "other"
    other.write_bytes(_record(10) + whole[:5])
    os.replace(other, path)
    assert "cut short within record 2" in str(faults.of_event_file(path))


def test_whole_records_are_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, faults, looked = tmp_path / "events.out.tfevents.1", FileFaults(), []
    follow = run_directories._follow_records
    monkeypatch.setattr(run_directories, "_follow_records", lambda path, known: looked.append(known.n) or follow(path, known))
    for n in range(1, 8):
        path.write_bytes(b"".join(_record(8 * n) for _ in range(n)) if n == 1 else path.read_bytes() + _record(50))
        faults.of_event_file(path)
        faults.of_event_file(path)
    assert looked == list(range(7)), "once per state, from where the file ended before"


def test_of_more_files_than_are_remembered_the_others_are_looked_at_again(tmp_path: Path) -> None:
    faults = FileFaults(max_files=3)
    for n in range(6):
        (tmp_path / f"{n}").write_bytes(_record(n))
        assert "holds nothing" in str(faults.of_event_file(tmp_path / f"{n}"))
    assert len(faults._found) == 3 and set(faults._followed) == set(faults._found)
    assert "holds nothing" in str(faults.of_event_file(tmp_path / "0"))
