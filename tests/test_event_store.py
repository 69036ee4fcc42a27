"""The store on both of TensorBoard's data providers: whole logs, growing logs, and every kind of damage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext

from tb_visualscratchpad import listing as listing_module
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.run_directories import RunDirectories
from tb_visualscratchpad.wire.codecs import envelope
from tb_visualscratchpad.wire.errors import EvidenceNotFound, ScratchpadError, UnreadableEvidence
from tests.data_providers import PROVIDERS, LogReader, reading
from tests.evidence_equality import assert_same
from tests.random_evidence import (
    random_decoder_map,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)

IDENTITY = random_metrics(1).dictionary.dictionary_id
SIDECARS = "plugins/visualscratchpad"


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for TensorBoard's next reload before a file is called a problem."""
    monkeypatch.setattr(listing_module, "FRESH_SECONDS", -1.0)


def write_all(directory: Path, seed: int = 1) -> None:
    """Two runs and everything about their dictionary."""
    with ScratchpadWriter(directory) as writer:
        writer.add_vlm_run(random_vlm_run(seed))
        writer.add_vlm_run(random_vlm_run(seed + 100, dictionary=random_vlm_run(seed).dictionary, picture=False))
        writer.add_latent_statistics(random_statistics(seed))
        writer.add_references(random_references(seed))
        writer.add_decoder_map(random_decoder_map(seed))
        writer.add_sae_metrics(random_metrics(seed))


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def reader(provider: str, tmp_path: Path) -> Iterator[LogReader]:
    write_all(tmp_path / "a" / "run")
    with reading(provider, tmp_path) as found:
        yield found


def event_file(directory: Path) -> Path:
    (path,) = directory.glob("*tfevents*")
    return path


def test_everything_is_listed_and_comes_back(reader: LogReader) -> None:
    store = EventStore(reader.context)
    listing = store.listing("")
    assert listing.problems == ()
    newest, oldest = listing.vlm_runs
    run = random_vlm_run(1)
    assert (oldest.run, oldest.run_id, oldest.name, oldest.prompt) == ("a/run", "run-1", run.name, run.prompt)
    assert (oldest.output_text, oldest.created, oldest.dictionary) == (run.output_text, run.created, run.dictionary)
    assert (oldest.n_output_tokens, oldest.truncated, oldest.steered, oldest.has_picture) == (6, False, False, True)
    assert newest.run_id == "run-101" and not newest.has_picture
    (dictionary,) = listing.dictionaries
    assert dictionary.info == run.dictionary and dictionary.steps == (0,)
    assert dictionary.has_statistics and dictionary.has_references and dictionary.has_decoder_map and dictionary.has_metrics

    assert_same(store.vlm_run("", "a/run", "run-1"), run)
    assert_same(store.latent_statistics("", IDENTITY), random_statistics(1))
    assert_same(store.references("", IDENTITY), random_references(1))
    assert_same(store.decoder_map("", IDENTITY), random_decoder_map(1))
    assert_same(store.sae_metrics("", IDENTITY, step=0), random_metrics(1))
    assert store.vlm_run("", "a/run", "run-1") is store.vlm_run("", "a/run", "run-1")


def test_what_is_not_there_is_told(reader: LogReader) -> None:
    store = EventStore(reader.context)
    for run, run_id in [("a/run", "none"), ("none", "run-1"), ("a/run", "../x"), ("../a/run", "run-1"), ("/", "run-1"), ("", "")]:
        with pytest.raises(EvidenceNotFound, match="no run"):
            store.vlm_run("", run, run_id)
    for read in (store.latent_statistics, store.references, store.decoder_map, store.sae_metrics):
        with pytest.raises(EvidenceNotFound, match="--logdir"):
            read("", "none")


def test_an_empty_log_is_empty(provider: str, tmp_path: Path) -> None:
    with reading(provider, tmp_path) as reader:
        assert EventStore(reader.context).listing("") == listing_module.Listing((), (), ())


def test_a_listing_asks_once_and_reads_nothing(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        write_all(tmp_path / str(n), seed=n)
    with reading(provider, tmp_path) as reader:
        asked = []
        data = reader.context.data_provider
        real = data.list_tensors
        monkeypatch.setattr(data, "list_tensors", lambda *a, **k: asked.append(k) or real(*a, **k))
        monkeypatch.setattr(data, "read_tensors", lambda *a, **k: pytest.fail("read in a listing"))
        assert len(EventStore(reader.context).listing("").vlm_runs) == 6
        assert len(asked) == 1


def test_runs_that_appear_later_are_found(reader: LogReader, tmp_path: Path) -> None:
    store = EventStore(reader.context)
    assert len(store.listing("").vlm_runs) == 2
    later = random_vlm_run(7)
    with ScratchpadWriter(tmp_path / "later") as writer:
        writer.add_vlm_run(later)
    # Before TensorBoard reloads, from the sidecar alone.
    assert_same(store.vlm_run("", "later", "run-7"), later)
    reader.reload()
    assert [entry.run_id for entry in store.listing("").vlm_runs] == ["run-101", "run-7", "run-1"]
    assert_same(store.vlm_run("", "later", "run-7"), later)


def test_the_run_that_was_written_last_speaks_for_a_dictionary(provider: str, tmp_path: Path) -> None:
    new = replace(random_statistics(1), image_set_id="new")
    with ScratchpadWriter(tmp_path / "z-old") as old_writer, ScratchpadWriter(tmp_path / "a-new") as new_writer:
        old_writer.add_latent_statistics(random_statistics(1), step=9)
        new_writer.add_latent_statistics(new, step=2)
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        assert store.latent_statistics("", IDENTITY).image_set_id == "new"
        assert store.listing("").dictionaries[0].steps == (2,)


def test_steps_are_listed_and_read(provider: str, tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        for step in (10, 20, 30):
            writer.add_sae_metrics(replace(random_metrics(1), l0=float(step)), step)
            writer.add_latent_statistics(replace(random_statistics(1), image_set_id=str(step)), step)
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        assert store.listing("").dictionaries[0].steps == (10, 20, 30)
        assert store.sae_metrics("", IDENTITY).l0 == 30
        assert store.sae_metrics("", IDENTITY, 20).l0 == 20
        assert store.latent_statistics("", IDENTITY, 10).image_set_id == "10"


def test_what_was_logged_last_before_a_step_stands_for_it(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        for step in (0, 10, 20, 30):
            writer.add_sae_metrics(replace(random_metrics(1), l0=float(step)), step)
        for step in (10, 25):
            writer.add_latent_statistics(replace(random_statistics(1), image_set_id=str(step)), step)
        writer.add_references(random_references(1), 20)
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        assert store.listing("").dictionaries[0].steps == (0, 10, 20, 25, 30)
        found = {step: store.latent_statistics("", IDENTITY, step).image_set_id for step in (0, 9, 10, 20, 25, 30, None)}
        assert found == {0: "10", 9: "10", 10: "10", 20: "10", 25: "25", 30: "25", None: "25"}
        assert store.steps_shown("", IDENTITY, 20) == {"statistics": 10, "references": 20, "metrics": 20}
        assert store.steps_shown("", IDENTITY) == {"statistics": 25, "references": 20, "metrics": 30}
        assert store.steps_shown("", "none") == {}
        # a slider goes back and forth: what was read once is kept
        monkeypatch.setattr(reader.context.data_provider, "read_tensors", lambda *a, **k: pytest.fail("read again"))
        assert store.latent_statistics("", IDENTITY, 9).image_set_id == "10"


def test_a_run_without_its_sidecar_is_read_from_its_event(reader: LogReader, tmp_path: Path) -> None:
    store = EventStore(reader.context)
    assert store.vlm_run("", "a/run", "run-1").attention.per_layer_LTI is not None
    path = tmp_path / "a/run" / SIDECARS / "vlm_run.run-1.0.safetensors"
    kept = path.rename(tmp_path / "kept")
    run = store.vlm_run("", "a/run", "run-1")
    assert run.attention.per_layer_LTI is None and run.tokens == random_vlm_run(1).tokens
    assert "missing" in run.reductions[0] and len(run.reductions) > 1
    (problem,) = store.listing("").problems
    assert "visualscratchpad/vlm_run/run-1" in problem and "missing" in problem and "run-101" not in problem
    kept.rename(path)
    assert_same(store.vlm_run("", "a/run", "run-1"), random_vlm_run(1))
    assert store.listing("").problems == ()


@pytest.mark.parametrize("kind", ["reference_images", "decoder_map"])
def test_missing_sidecars_of_a_dictionary(reader: LogReader, tmp_path: Path, kind: str) -> None:
    next((tmp_path / "a/run" / SIDECARS).glob(f"{kind}.*")).unlink()
    store = EventStore(reader.context)
    (problem,) = store.listing("").problems
    assert kind in problem and "missing" in problem
    if kind == "reference_images":
        with pytest.raises(UnreadableEvidence, match="missing"):
            store.references("", IDENTITY)
    else:
        assert store.decoder_map("", IDENTITY).neighbour_KN.shape == (64, 0)


def test_a_truncated_sidecar_is_told(reader: LogReader, tmp_path: Path) -> None:
    path = tmp_path / "a/run" / SIDECARS / "vlm_run.run-1.0.safetensors"
    os.truncate(path, path.stat().st_size - 8)
    store = EventStore(reader.context)
    (problem,) = store.listing("").problems
    assert str(path) in problem and "truncated" in problem
    run = store.vlm_run("", "a/run", "run-1")
    assert run.attention.per_layer_LTI is None and "truncated" in run.reductions[0]


def test_an_altered_sidecar_is_told_once_it_is_read(reader: LogReader, tmp_path: Path) -> None:
    path = tmp_path / "a/run" / SIDECARS / "vlm_run.run-1.0.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    store = EventStore(reader.context)
    run = store.vlm_run("", "a/run", "run-1")
    assert run.attention.per_layer_LTI is None and "altered" in run.reductions[0]
    (problem,) = store.listing("").problems
    assert str(path) in problem and "altered" in problem


def test_an_event_that_names_a_file_outside_its_run_is_refused(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ScratchpadWriter._add
    secret = tmp_path / "secret.safetensors"

    def escaping(self: ScratchpadWriter, evidence: envelope.SomeEvidence, step: int | None) -> None:
        from tb_visualscratchpad.exporter import event_log
        from tb_visualscratchpad.wire.sidecar import SidecarReference

        def elsewhere(directory: Path, name: str, *rest: object, replace: bool) -> SidecarReference:
            return SidecarReference("../secret.safetensors", "0" * 64, 1)

        monkeypatch.setattr(event_log, "write_sidecar", elsewhere)
        real(self, evidence, step)

    secret.write_bytes(b"x")
    monkeypatch.setattr(ScratchpadWriter, "_add", escaping)
    with ScratchpadWriter(tmp_path / "run") as writer:
        writer.add_vlm_run(random_vlm_run(1))
    with reading(provider, tmp_path) as reader, pytest.raises(UnreadableEvidence, match="outside its run directory"):
        EventStore(reader.context).vlm_run("", "run", "run-1")


def test_a_newer_schema_is_refused_and_the_rest_is_read(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path / "old")
    with monkeypatch.context() as patch:
        patch.setattr(envelope, "SCHEMA_VERSION", 2)
        with ScratchpadWriter(tmp_path / "new") as writer:
            writer.add_vlm_run(random_vlm_run(5))
            writer.add_sae_metrics(random_metrics(5))
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        assert {entry.run for entry in listing.vlm_runs} == {"old"} and len(listing.dictionaries) == 1
        assert len(listing.problems) == 2 and all("schema version 2" in problem for problem in listing.problems)
        with pytest.raises(UnreadableEvidence, match="schema version 2"):
            store.vlm_run("", "new", "run-5")
        with pytest.raises(UnreadableEvidence, match="schema version 2"):
            store.sae_metrics("", random_metrics(5).dictionary.dictionary_id)


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize(("share", "n_runs"), [(0.99, 2), (0.1, 0), (0.0, 0)])
def test_a_truncated_event_file_is_told(provider: str, tmp_path: Path, share: float, n_runs: int) -> None:
    write_all(tmp_path / "run")
    path = event_file(tmp_path / "run")
    os.truncate(path, int(share * path.stat().st_size))
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        listing = store.listing("")
        assert len(listing.vlm_runs) == n_runs
        assert any(str(path) in problem and ("cut short" in problem or "holds nothing" in problem) for problem in listing.problems)
        assert any("never arrived" in problem and "run-101" in problem for problem in listing.problems) == (n_runs == 0)
        # Nothing is lost: the sidecar is whole.
        assert_same(store.vlm_run("", "run", "run-101").tokens, random_vlm_run(101).tokens)


@pytest.mark.usefixtures("no_patience")
def test_a_missing_event_file_is_told(provider: str, tmp_path: Path) -> None:
    write_all(tmp_path / "run")
    event_file(tmp_path / "run").unlink()
    with reading(provider, tmp_path) as reader:
        (problem,) = EventStore(reader.context).listing("").problems
        assert "'run'" in problem and "never arrived" in problem


def test_a_fresh_file_is_given_time(provider: str, tmp_path: Path) -> None:
    with reading(provider, tmp_path) as reader:
        write_all(tmp_path / "run")
        if provider == "python":
            assert EventStore(reader.context).listing("").problems == ()


@pytest.mark.parametrize("spelling", ["relative", "home"])
def test_log_directories_may_be_spelt_otherwise(
    provider: str, spelling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path / "log" / "run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    # The Python loader expands the name before it gets this far, the store must do it by itself.
    logdir = {"relative": "log", "home": "~/log"}[spelling]
    with reading(provider, logdir) as reader:
        store = EventStore(reader.context)
        monkeypatch.chdir("/")
        if spelling == "relative" or provider == "python":
            assert store.listing("").problems == ()
        assert store.vlm_run("", "run", "run-1").attention.per_layer_LTI is not None


def test_several_named_log_directories_find_their_sidecars(tmp_path: Path) -> None:
    write_all(tmp_path / "one" / "run")
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(tmp_path / "one"), name="first")
    multiplexer.Reload()
    data = MultiplexerDataProvider(multiplexer, "")
    store = EventStore(TBContext(data_provider=data, logdir="", multiplexer=multiplexer))
    listing = store.listing("")
    assert listing.problems == () and listing.vlm_runs[0].run == "first/run"
    assert store.vlm_run("", "first/run", "run-1").attention.per_layer_LTI is not None

    # A provider that says nothing of places, as one in the cloud.
    store = EventStore(TBContext(data_provider=data, logdir="", multiplexer=None))
    (problem,) = store.listing("").problems
    assert "start it with --logdir" in problem
    run = store.vlm_run("", "first/run", "run-1")
    assert run.attention.per_layer_LTI is None and "start it with --logdir" in run.reductions[0]
    with pytest.raises(UnreadableEvidence, match="start it with --logdir"):
        store.references("", IDENTITY)


def test_linked_runs_are_read(provider: str, tmp_path: Path) -> None:
    write_all(tmp_path / "real" / "run")
    (tmp_path / "log").mkdir()
    for name in ("link", "again"):
        (tmp_path / "log" / name).symlink_to(tmp_path / "real" / "run")
    with reading(provider, tmp_path / "log") as reader:
        store = EventStore(reader.context)
        assert {entry.run for entry in store.listing("").vlm_runs} == {"link", "again"}
        assert store.listing("").problems == ()
        assert store.vlm_run("", "link", "run-1").attention.per_layer_LTI is not None


def test_a_link_to_a_folder_above_is_not_followed_for_ever(tmp_path: Path) -> None:
    write_all(tmp_path / "log" / "run")
    (tmp_path / "log" / "run" / "round").symlink_to(tmp_path / "log")
    found = [on_disk.run for on_disk in RunDirectories(str(tmp_path / "log"), None).walk()]
    assert found == ["run"]


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        for seed in range(40):
            writer.add_vlm_run(random_vlm_run(seed, n_output=1))
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        first = store.vlm_run("", ".", "run-0")
        for seed in range(40):
            store.vlm_run("", ".", f"run-{seed}")
        assert len(store._cache) <= 32
        assert store.vlm_run("", ".", "run-0") is not first


def test_a_data_server_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with reading("python", tmp_path) as reader:

        def gone(*_: object, **__: object) -> None:
            raise grpc.RpcError

        monkeypatch.setattr(reader.context.data_provider, "list_tensors", gone)
        with pytest.raises(ScratchpadError, match="did not answer"):
            EventStore(reader.context).listing("")
