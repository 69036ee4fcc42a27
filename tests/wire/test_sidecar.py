"""Sidecars: whole or absent, mapped, checked, and never outside their run."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from tb_visualscratchpad.wire.errors import ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.sidecar import SidecarHashes, open_sidecar, resolve_sidecar, write_sidecar

TENSORS = {
    "bytes": np.arange(5, dtype=np.uint8),
    "empty": np.zeros((3, 0), np.float32),
    "halves": np.arange(3, dtype=np.float16),
    "longs": np.arange(6, dtype=np.int64).reshape(2, 3),
    "scalar": np.array(1.5),
    "strided": np.arange(12, dtype=np.float32).reshape(3, 4).T,
    "truths": np.array([True, False]),
}
NAME = "vlm_run.a.0.safetensors"


def write(run: Path) -> Path:
    return run / write_sidecar(run, NAME, TENSORS, {"schema_version": "1", "name": "ä"}).path


def test_tensors_come_back_mapped_and_read_only(tmp_path: Path) -> None:
    sidecar = open_sidecar(write(tmp_path))
    assert sidecar.metadata == {"schema_version": "1", "name": "ä"}
    assert set(sidecar.tensors) == set(TENSORS)
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(sidecar.tensors[name], array)
        assert sidecar.tensors[name].dtype == array.dtype and sidecar.tensors[name].shape == array.shape
        assert not sidecar.tensors[name].flags.owndata and not sidecar.tensors[name].flags.writeable
        assert sidecar.tensors[name].flags.aligned


def test_the_safetensors_package_reads_ours_and_we_read_its(tmp_path: Path) -> None:
    theirs = safetensors.numpy.load_file(write(tmp_path))
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(theirs[name], array)
    other = tmp_path / "other.safetensors"
    safetensors.numpy.save_file({name: np.ascontiguousarray(array) for name, array in TENSORS.items()}, other, {"a": "b"})
    ours = open_sidecar(other)
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(ours.tensors[name], array)


def test_the_reference_holds_what_was_written(tmp_path: Path) -> None:
    reference = write_sidecar(tmp_path, NAME, TENSORS, {})
    path = tmp_path / reference.path
    assert path.stat().st_size == reference.size
    SidecarHashes().require(path, reference.sha256)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    before = write(tmp_path).read_bytes()
    with pytest.raises(ScratchpadError, match="there already"):
        write_sidecar(tmp_path, NAME, {"x": np.zeros(1)}, {})
    assert (tmp_path / "plugins/visualscratchpad" / NAME).read_bytes() == before


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(ScratchpadError, match="No space left on device.*free some space"):
        write(tmp_path)
    assert list(tmp_path.rglob("*")) == []


def test_failing_after_the_rename_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.fsync, []

    def second_refuses(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", second_refuses)
    with pytest.raises(ScratchpadError, match="Input/output error"):
        write(tmp_path)
    assert len(calls) == 2 and list(tmp_path.rglob("*")) == []


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path)
    assert list(tmp_path.rglob("*")) == []


def test_every_truncation_is_told(tmp_path: Path) -> None:
    path = write(tmp_path)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 13), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableEvidence, match="cannot be read|truncated or damaged"):
            open_sidecar(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(UnreadableEvidence):
        open_sidecar(path)


@pytest.mark.parametrize("entry", [
    {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
    {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
    {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]},
    {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]},
    {"shape": [1]},
    7,
])
def test_a_lying_header_is_told(tmp_path: Path, entry: object) -> None:
    text = json.dumps({"a": entry}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(UnreadableEvidence, match="damaged"):
        open_sidecar(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableEvidence, match="missing"):
        open_sidecar(tmp_path / "none.safetensors")
    with pytest.raises(UnreadableEvidence, match="missing"):
        SidecarHashes().require(tmp_path / "none.safetensors", "0")


def test_tensors_of_another_kind_are_told(tmp_path: Path) -> None:
    sidecar = open_sidecar(write(tmp_path))
    assert sidecar.tensor("longs", np.int64, (None, 3)).shape == (2, 3)
    for name, dtype, shape in [("longs", np.int32, (2, 3)), ("longs", np.int64, (2, 4)), ("longs", np.int64, (6,)), ("x", np.int8, ())]:
        with pytest.raises(UnreadableEvidence, match="damaged"):
            sidecar.tensor(name, dtype, shape)


def test_an_altered_file_is_told_and_a_hash_is_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = write_sidecar(tmp_path, NAME, TENSORS, {})
    path, hashes = tmp_path / reference.path, SidecarHashes()
    hashes.require(path, reference.sha256)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(UnreadableEvidence, match="altered"):
        hashes.require(path, reference.sha256)

    def never(_: Path) -> str:
        raise AssertionError("hashed again")

    monkeypatch.setattr("tb_visualscratchpad.wire.sidecar._sha256_of", never)
    with pytest.raises(UnreadableEvidence, match="altered"):
        hashes.require(path, reference.sha256)


@pytest.mark.parametrize("relative", ["../secret", "plugins/../../secret", "/etc/passwd", "", ".", "plugins/link"])
def test_paths_that_leave_the_run_are_refused(tmp_path: Path, relative: str) -> None:
    run = tmp_path / "run"
    (run / "plugins").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (run / "plugins" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(UnreadableEvidence, match="outside its run directory"):
        resolve_sidecar(run, relative)


def test_a_linked_run_directory_is_no_escape(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    real.mkdir()
    path = write(real)
    (tmp_path / "run").symlink_to(real)
    assert resolve_sidecar(tmp_path / "run", f"plugins/visualscratchpad/{NAME}") == path
