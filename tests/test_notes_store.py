"""Notes of a dictionary: what a document may hold, and writing it whole, by many at once, or not at all."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import threading
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest

from tb_visualscratchpad import notes_store
from tb_visualscratchpad.notes_document import (
    MAX_BYTES,
    MAX_LATENTS,
    MAX_NAME,
    MAX_NOTE,
    MAX_SELECTIONS,
    KeptSelection,
    LatentNote,
    Notes,
    NotesMalformed,
    decode_notes,
    latent_number,
    no_notes,
)
from tb_visualscratchpad.notes_store import NOTES_DIRECTORY, NotesNotWritable, NotesStore
from tb_visualscratchpad.wire.errors import ScratchpadError, UnreadableEvidence

ID = "ab12" * 16


def noted(notes: Notes, latent: int, name: str) -> Notes:
    return replace(notes, latents={**notes.latents, latent: LatentNote(name, changed=time.time())})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    store = NotesStore(str(tmp_path))
    assert store.why_not_writable() is None and store.read(ID) == no_notes(ID)
    assert list(tmp_path.iterdir()) == [], "looking writes nothing"
    written = Notes(ID, {7: LatentNote("Katzenohr 🐈", "two\nlines\tand “quotes”", True, 12.5)}, {"ears": KeptSelection("ears", "3.17.576", 1.0)})
    store.change(ID, lambda _: written)
    assert NotesStore(str(tmp_path)).read(ID) == written
    names = sorted(path.name for path in (tmp_path / NOTES_DIRECTORY).iterdir())
    assert names == [f".{ID}.lock", f"{ID}.json"]
    assert store.read("other") == no_notes("other")


@pytest.mark.parametrize("identity", ["../../etc/passwd", "a/b", "..", ".hidden", "x\0y", "\ud800", "a" * 300, "CON:", "ü", "-rf"])
def test_hostile_identities_stay_in_the_folder(tmp_path: Path, identity: str) -> None:
    root = tmp_path / "log"
    root.mkdir()
    store = NotesStore(str(root))
    store_id = identity
    if identity == "\ud800":  # nothing that JSON in UTF-8 can hold: refused, nothing left
        with pytest.raises(UnicodeEncodeError):
            store.change(store_id, lambda notes: noted(notes, 1, "x"))
    else:
        store.change(store_id, lambda notes: noted(notes, 1, "x"))
        assert store.read(store_id).latents[1].name == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    (folder,) = root.iterdir()
    assert all(path.suffix in (".json", ".lock") and len(path.name) < 140 for path in folder.iterdir())


def test_two_identities_never_share_a_file(tmp_path: Path) -> None:
    store = NotesStore(str(tmp_path))
    assert len({store.name_of_file(identity) for identity in ("a/b", "a_b", "a-b", "a.b", "A/b")}) == 5


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"version": 2}', "install a newer one"),
        (b'{"version": "1"}', "version is '1'"),
        (b'{"version": 1, "dictionary": "other"}', "of dictionary 'other'"),
        (b'{"version": 1, "dictionary": "ID", "latents": []}', "no object"),
        (b'{"version": 1, "dictionary": "ID", "latents": {"-1": {}}}', "latent '-1'"),
        (b'{"version": 1, "dictionary": "ID", "latents": {"1": {"name": 3}}}', "name 3"),
        (b'{"version": 1, "dictionary": "ID", "latents": {"1": {"changed": NaN}}}', "NaN"),
        (b'{"version": 1, "dictionary": "ID", "latents": {"1": {"pinned": 1}}}', "pinned 1"),
        (b'{"version": 1, "dictionary": "ID", "selections": [{"name": "a", "latents": "1..2"}]}', "latents '1..2'"),
    ],
)
def test_a_corrupt_file_is_told_and_left_as_it_is(tmp_path: Path, content: bytes, told: str) -> None:
    content = content.replace(b"ID", ID.encode())
    path = tmp_path / NOTES_DIRECTORY / f"{ID}.json"
    path.parent.mkdir()
    path.write_bytes(content)
    store = NotesStore(str(tmp_path))
    with pytest.raises(UnreadableEvidence, match="left as it is") as error:
        store.read(ID)
    assert told in str(error.value) and str(path) in str(error.value)
    with pytest.raises(UnreadableEvidence):
        store.change(ID, lambda notes: noted(notes, 1, "x"))
    assert path.read_bytes() == content
    assert store.change("other", lambda notes: noted(notes, 1, "x")).latents[1].name == "x"


def test_a_file_that_is_too_big_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / NOTES_DIRECTORY / f"{ID}.json"
    path.parent.mkdir()
    with open(path, "wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(UnreadableEvidence, match="more than the"):
        NotesStore(str(tmp_path)).read(ID)


def test_a_pipe_in_the_place_of_the_file_holds_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / NOTES_DIRECTORY / f"{ID}.json"
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(UnreadableEvidence, match="no plain file"):
        NotesStore(str(tmp_path)).read(ID)


def test_bounds() -> None:
    assert LatentNote("x" * MAX_NAME, "y" * MAX_NOTE).name
    for bad in ({"name": "x" * (MAX_NAME + 1)}, {"note": "y" * (MAX_NOTE + 1)}, {"name": "two\nlines"}, {"name": " x"}, {"note": "\x00"}, {"name": "\ud800"},
                {"note": None}, {"pinned": 1}, {"changed": -1.0}, {"changed": float("inf")}, {"changed": True}):
        with pytest.raises(ScratchpadError):
            LatentNote(**bad)  # type: ignore[arg-type]
    for bad_latents in ("", "1.", "~", "1,2", "~zAB", "1" * 500_001, 3):
        with pytest.raises(ScratchpadError):
            KeptSelection("a", bad_latents)  # type: ignore[arg-type]
    with pytest.raises(ScratchpadError, match="under a name"):
        KeptSelection("", "1")
    with pytest.raises(ScratchpadError, match="10,000"):
        Notes(ID, {latent: LatentNote("x") for latent in range(MAX_LATENTS + 1)}, {})
    with pytest.raises(ScratchpadError, match="500"):
        Notes(ID, {}, {str(number): KeptSelection(str(number), "1") for number in range(MAX_SELECTIONS + 1)})
    with pytest.raises(ScratchpadError, match="at most 8,388,608"):
        Notes(ID, {latent: LatentNote(note="ü" * MAX_NOTE) for latent in range(1100)}, {}).encoded()
    for given in (-1, 5, True, "05x", "-1", None, [], "1" * 10):
        with pytest.raises(ScratchpadError, match="from 0 to 4"):
            latent_number(given, 5)
    assert latent_number("04", 5) == latent_number(4, 5) == 4


@pytest.mark.full
def test_a_document_of_the_largest_size_is_read_again() -> None:
    notes = Notes(ID, {latent: LatentNote(f"n {latent}", "x" * 700, latent % 2 == 0, 1.0) for latent in range(MAX_LATENTS)}, {})
    data = notes.encoded()
    assert len(data) > 7_000_000 and decode_notes(data, ID) == notes
    with pytest.raises(NotesMalformed):
        decode_notes(data[:-10], ID)


def _write_many(logdir: str, first: int, n: int) -> None:
    store = NotesStore(logdir)
    for latent in range(first, first + n):
        store.change(ID, lambda notes, latent=latent: noted(notes, latent, f"by {first}"))


def test_no_writer_loses_what_another_wrote(tmp_path: Path) -> None:
    """Two processes and four threads of one store, each writing other latents."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_write_many, args=(str(tmp_path), first, 15)) for first in (1000, 2000)]
    for process in processes:
        process.start()
    store = NotesStore(str(tmp_path))

    def write(first: int) -> None:
        for latent in range(first, first + 8):
            store.change(ID, lambda notes, latent=latent: noted(notes, latent, f"by {first}"))

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    seen = [len(store.read(ID).latents) for _ in range(60)]
    for one in [*threads, *processes]:
        one.join()
    assert seen == sorted(seen), "a reader never sees less than before, nor half a file"
    assert all(process.exitcode == 0 for process in processes)
    found = store.read(ID).latents
    assert set(found) == {first + i for first in (0, 100, 200, 300) for i in range(8)} | {first + i for first in (1000, 2000) for i in range(15)}
    assert not list((tmp_path / NOTES_DIRECTORY).glob("*.tmp"))


def test_a_lock_that_is_held_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    store = NotesStore(str(tmp_path))
    store.change(ID, lambda notes: noted(notes, 1, "x"))
    monkeypatch.setattr(notes_store, "LOCK_SECONDS", 0.05)
    with open(tmp_path / NOTES_DIRECTORY / f".{ID}.lock", "r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(NotesNotWritable, match="try again"):
            store.change(ID, lambda notes: noted(notes, 2, "y"))
    assert set(store.change(ID, lambda notes: noted(notes, 2, "y")).latents) == {1, 2}


@pytest.mark.parametrize("logdir", [None, "", "gs://bucket/logs", "a:/one,b:/two"])
def test_without_a_single_local_directory_nothing_is_written(logdir: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = NotesStore(logdir)
    assert store.why_not_writable() is not None and store.read(ID) == no_notes(ID)
    with pytest.raises(NotesNotWritable):
        store.change(ID, lambda notes: noted(notes, 1, "x"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / NOTES_DIRECTORY).write_text("mine")
    store = NotesStore(str(tmp_path))
    assert "is no folder" in (store.why_not_writable() or "") and store.read(ID) == no_notes(ID)
    with pytest.raises(NotesNotWritable, match="move it away"):
        store.change(ID, lambda notes: noted(notes, 1, "x"))
    assert (tmp_path / NOTES_DIRECTORY).read_text() == "mine"


@pytest.mark.parametrize("made", [False, True])
def test_a_directory_of_others_and_one_that_is_mounted_read_only_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool) -> None:
    """What the system says of them is given: a superuser, whom tests may run as, may write anywhere."""
    store = NotesStore(str(tmp_path))
    if made:
        store.change(ID, lambda notes: noted(notes, 1, "x"))
    with monkeypatch.context() as patch:
        patch.setattr(notes_store.os, "access", lambda path, mode: False)
        assert "cannot be written to" in (store.why_not_writable() or "")
    with monkeypatch.context() as patch:
        patch.setattr(notes_store.os, "statvfs", lambda path: Namespace(f_flag=os.ST_RDONLY))
        assert "cannot be written to" in (store.why_not_writable() or "")
        with pytest.raises(NotesNotWritable):
            store.change(ID, lambda notes: noted(notes, 2, "y"))
    assert store.why_not_writable() is None and set(store.read(ID).latents) == ({1} if made else set())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_a_disk_that_refuses_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    store = NotesStore(str(tmp_path))
    before = store.change(ID, lambda notes: noted(notes, 1, "x"))

    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(notes_store.os, "fsync", refuse)
    with pytest.raises(NotesNotWritable, match=os.strerror(code)):
        store.change(ID, lambda notes: noted(notes, 2, "y"))
    assert store.read(ID) == before and not list((tmp_path / NOTES_DIRECTORY).glob("*.tmp"))


def test_a_relative_directory_is_the_one_that_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").mkdir()
    monkeypatch.chdir(tmp_path)
    store = NotesStore("log")
    monkeypatch.chdir("/")
    store.change(ID, lambda notes: noted(notes, 1, "x"))
    assert json.loads((tmp_path / "log" / NOTES_DIRECTORY / f"{ID}.json").read_text())["latents"]["1"]["name"] == "x"
