"""A worker is believed only through a private, locked file of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tb_visualscratchpad.wire import worker_files
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.worker_files import (
    ENTRIES_FOLDER,
    WorkerEntry,
    WorkerSecret,
    boot_id,
    entries,
    is_abandoned,
    live_secret,
    make_private_folder,
    secret_from_file,
    works_for,
    write_record,
)

ENTRY = WorkerEntry("w1", "host", "boot", 1, 7, "d", "vlm", "sae", 5.0)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "runtime").mkdir(mode=0o700)
    return {"XDG_RUNTIME_DIR": str(tmp_path / "runtime")}


@pytest.fixture
def secret(tmp_path: Path) -> WorkerSecret:
    return WorkerSecret("w1", boot_id(), os.path.realpath(tmp_path), 4000, "s" * 40)


@pytest.fixture
def private_file(environment: dict[str, str], secret: WorkerSecret) -> Iterator[Path]:
    path = make_private_folder(environment) / "w1.json"
    descriptor = write_record(path, secret, private=True)
    yield path
    os.close(descriptor)


def test_a_live_worker_is_found(private_file: Path, environment: dict[str, str], secret: WorkerSecret, tmp_path: Path) -> None:
    assert private_file.stat().st_mode & 0o777 == 0o600 and private_file.parent.stat().st_mode & 0o777 == 0o700
    assert live_secret("w1", environment) == secret
    assert works_for(secret, tmp_path) and not works_for(secret, tmp_path / "copy")
    assert live_secret("w2", environment) is None


def test_an_ended_one_is_not(environment: dict[str, str], secret: WorkerSecret) -> None:
    path = make_private_folder(environment) / "w1.json"
    os.close(write_record(path, secret, private=True))
    assert path.exists() and live_secret("w1", environment) is None


def test_a_killed_one_is_not(environment: dict[str, str], repository: Path) -> None:
    program = (
        "import os, sys, time\nfrom pathlib import Path\nfrom tb_visualscratchpad.wire.worker_files import *\n"
        "path = make_private_folder(os.environ) / 'w1.json'\n"
        "write_record(path, WorkerSecret('w1', boot_id(), '/', 4000, 's' * 40), private=True)\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], env=os.environ | environment, stdout=subprocess.PIPE, cwd=repository)
    try:
        assert process.stdout.readline() == b"ready\n"
        assert live_secret("w1", environment) is not None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert live_secret("w1", environment) is None


def test_a_file_that_others_can_read_is_not_believed(private_file: Path, environment: dict[str, str]) -> None:
    for mode in (0o640, 0o604, 0o620):
        private_file.chmod(mode)
        assert live_secret("w1", environment) is None


def test_a_file_of_another_user_is_not_believed(
    private_file: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_files.os, "geteuid", lambda: os.getuid() + 1)
    assert live_secret("w1", environment) is None


def test_a_link_is_not_followed(private_file: Path, environment: dict[str, str]) -> None:
    private_file.rename(private_file.with_name("elsewhere.json"))
    private_file.symlink_to("elsewhere.json")
    assert live_secret("w1", environment) is None


def test_another_boot_or_machine_is_not_asked_and_not_robbed(environment: dict[str, str], secret: WorkerSecret) -> None:
    """Machines may share a home directory."""
    path = make_private_folder(environment) / "w1.json"
    descriptor = write_record(path, replace(secret, boot_id="another"), private=True)
    assert live_secret("w1", environment) is None and not is_abandoned(path)
    os.close(descriptor)
    assert is_abandoned(path) and not is_abandoned(path.with_name("none.json"))


@pytest.mark.parametrize("name", ["../w1", "a/b", "", ".", "x" * 200, "w\0"])
def test_names_that_are_paths_are_refused(environment: dict[str, str], name: str) -> None:
    with pytest.raises(ScratchpadError):
        live_secret(name, environment)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[" * 9000, b"x" * 20_000, b'{"worker_id": "w1"}', b"\xff\xfe", b"null",
     json.dumps({"worker_id": "w1", "boot_id": "", "logdir": "/", "port": 99999, "secret": "s" * 40}).encode(),
     json.dumps({"worker_id": "w1", "boot_id": "", "logdir": "/", "port": True, "secret": "s" * 40}).encode(),
     json.dumps({"worker_id": "w1", "boot_id": "", "logdir": "/", "port": 80, "secret": "s\r\nHost: evil" * 9}).encode(),
     json.dumps({"worker_id": "w1", "boot_id": "", "logdir": "/", "port": 80, "secret": "short"}).encode()],
)
def test_damaged_private_files_are_no_worker(private_file: Path, environment: dict[str, str], content: bytes) -> None:
    with open(private_file, "r+b") as stream:
        stream.truncate()
        stream.write(content)
    assert live_secret("w1", environment) is None


def test_entries_newest_first_and_rubbish_left_out(tmp_path: Path) -> None:
    folder = tmp_path / ENTRIES_FOLDER
    assert entries(tmp_path) == []
    folder.mkdir(parents=True)
    for name, started in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
        os.close(write_record(folder / f"{name}.json", replace(ENTRY, worker_id=name, started=started), private=False))
    (folder / "d.json").write_text("{")
    (folder / "e.json").write_text(json.dumps({"worker_id": "../../e"}))
    (folder / "f.json").symlink_to("a.json")
    (folder / "g.json").mkdir()
    os.mkfifo(folder / "h.json")
    (folder / "i.json").write_bytes((folder / "a.json").read_bytes())
    (folder / "a.txt").write_bytes((folder / "a.json").read_bytes())
    assert [entry.worker_id for _, entry in entries(tmp_path)] == ["b", "c", "a"]


def test_a_disk_without_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(worker_files.os, "write", full)
    with pytest.raises(OSError):
        write_record(tmp_path / "w.json", ENTRY, private=False)
    assert list(tmp_path.iterdir()) == []


def test_the_private_folder_is_made_private_or_refused(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "runtime" / "visualscratchpad"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    assert make_private_folder(environment) == folder and folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    (tmp_path / "theirs").mkdir()
    folder.symlink_to(tmp_path / "theirs")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert make_private_folder(environment) == tmp_path / "home" / ".visualscratchpad"
    (tmp_path / "home" / ".visualscratchpad").rmdir()
    (tmp_path / "home" / ".visualscratchpad").write_text("a file")
    with pytest.raises(ScratchpadError, match="no private place .*XDG_RUNTIME_DIR"):
        make_private_folder(environment)


def test_token_files(tmp_path: Path, private_file: Path) -> None:
    assert secret_from_file(private_file) == "s" * 40
    plain = tmp_path / "token"
    plain.write_text("t" * 64 + "\n")
    with pytest.raises(ScratchpadError, match="others can read it.*chmod 600"):
        plain.chmod(0o644)
        secret_from_file(plain)
    plain.chmod(0o600)
    assert secret_from_file(plain) == "t" * 64
    for content in ("", "short", "{", '{"secret": 3}', "é" * 40, "{}"):
        plain.write_text(content)
        with pytest.raises(ScratchpadError, match="cannot be used"):
            secret_from_file(plain)
    with pytest.raises(ScratchpadError, match="No such file"):
        secret_from_file(tmp_path / "none")
