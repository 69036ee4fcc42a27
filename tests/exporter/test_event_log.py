"""The writer: whole or nothing, in its own event file or in a SummaryWriter's."""

from __future__ import annotations

import errno
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto import summary_pb2
from torch.utils.tensorboard import SummaryWriter

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter, new_run_directory
from tb_visualscratchpad.wire.errors import ScratchpadError
from tests.data_providers import reading
from tests.random_evidence import (
    random_decoder_map,
    random_metrics,
    random_references,
    random_statistics,
    random_vlm_run,
)


@contextmanager
def no_file_beyond(n_bytes: int) -> Iterator[None]:
    """Writes beyond a size fail half-way, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def event_file(directory: Path) -> Path:
    (path,) = directory.glob("*tfevents*")
    return path


def events(directory: Path) -> list:
    """Events of the only event file, without its head."""
    return [event for event in EventFileLoader(str(event_file(directory))).Load() if event.HasField("summary")]


def test_every_tag_bears_what_tensorboard_needs(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        writer.add_vlm_run(random_vlm_run(1, run_id="a-b_C9"))
        writer.add_latent_statistics(random_statistics(1), step=4)
        writer.add_references(random_references(1))
        writer.add_decoder_map(random_decoder_map(1))
        writer.add_sae_metrics(random_metrics(1))
    logged = events(tmp_path)
    values = [value for event in logged for value in event.summary.value]
    identity = random_metrics(1).dictionary.dictionary_id
    own = [value for value in values if value.metadata.plugin_data.plugin_name == "visualscratchpad"]
    assert [value.tag for value in own] == [
        "visualscratchpad/vlm_run/a-b_C9",
        *(f"visualscratchpad/{kind}/{identity}" for kind in ("latent_statistics", "reference_images", "decoder_map", "sae_metrics")),
    ]
    assert [event.step for event in logged] == [0, 4, 0, 0, 0]
    assert {value.tag: value.metadata.plugin_data.plugin_name for value in values if value not in own} == {
        "sae/log10_frequency": "histograms", "sae/mean_activation": "histograms",
    }
    for value in own:
        assert value.metadata.data_class == summary_pb2.DATA_CLASS_TENSOR
        assert len(value.metadata.plugin_data.content) < 2_000
        assert [dim.size for dim in value.tensor.tensor_shape.dim] == [1]


def test_what_is_added_is_on_disk_at_once(tmp_path: Path) -> None:
    writer = ScratchpadWriter(tmp_path)
    assert list(tmp_path.iterdir()) == []
    writer.add_sae_metrics(random_metrics(1))
    assert len(events(tmp_path)) == 1
    writer.flush()
    writer.close()
    writer.close()
    with pytest.raises(ScratchpadError, match="closed"):
        writer.add_sae_metrics(random_metrics(1), 1)


def test_steps_must_rise(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        writer.add_sae_metrics(random_metrics(1), 3)
        writer.add_sae_metrics(random_metrics(2), 3)
        with pytest.raises(ScratchpadError, match="logged already"):
            writer.add_sae_metrics(random_metrics(1), 3)
        with pytest.raises(ScratchpadError, match="after step 3.*above 3"):
            writer.add_sae_metrics(random_metrics(1), 2)
        with pytest.raises(ScratchpadError, match="count from 0"):
            writer.add_sae_metrics(random_metrics(3), -1)
        writer.add_sae_metrics(random_metrics(1), 4)
    assert len(events(tmp_path)) == 3


def test_a_second_writer_does_not_log_the_same_run_again(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as first, ScratchpadWriter(tmp_path) as second:
        first.add_vlm_run(random_vlm_run(1))
        before = (tmp_path / "plugins/visualscratchpad/vlm_run.run-1.0.safetensors").read_bytes()
        with pytest.raises(ScratchpadError, match="there already"):
            second.add_vlm_run(random_vlm_run(1))
    assert (tmp_path / "plugins/visualscratchpad/vlm_run.run-1.0.safetensors").read_bytes() == before


@pytest.mark.parametrize("run_id", ["", "a/b", "../x", "a b", "ä", "a" * 129])
def test_ids_that_are_no_file_names_are_refused(tmp_path: Path, run_id: str) -> None:
    with ScratchpadWriter(tmp_path) as writer, pytest.raises(ScratchpadError, match="letters, digits"):
        writer.add_vlm_run(replace(random_vlm_run(1), run_id=run_id))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_within_an_event_leaves_neither_event_nor_sidecar(tmp_path: Path) -> None:
    writer = ScratchpadWriter(tmp_path)
    writer.add_latent_statistics(random_statistics(1, n_latents=8192))
    before = event_file(tmp_path).read_bytes()
    with no_file_beyond(len(before) + 3000), pytest.raises(ScratchpadError, match="event file.*free some space"):
        writer.add_vlm_run(random_vlm_run(1))
    assert event_file(tmp_path).read_bytes() == before
    assert not (tmp_path / "plugins").exists()
    writer.add_vlm_run(random_vlm_run(1))
    writer.close()
    assert len(events(tmp_path)) == 2


def test_a_disk_that_is_full_from_the_start_leaves_nothing(tmp_path: Path) -> None:
    with no_file_beyond(10), ScratchpadWriter(tmp_path) as writer:
        with pytest.raises(ScratchpadError, match="event file"):
            writer.add_sae_metrics(random_metrics(1))
        with pytest.raises(ScratchpadError, match="sidecar"):
            writer.add_vlm_run(random_vlm_run(1))
    assert list(tmp_path.iterdir()) == []


def test_a_sidecar_that_cannot_be_written_leaves_the_event_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = ScratchpadWriter(tmp_path)
    writer.add_sae_metrics(random_metrics(1))
    before = event_file(tmp_path).read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ScratchpadError, match="No space left on device"):
            writer.add_vlm_run(random_vlm_run(1))
    writer.close()
    assert event_file(tmp_path).read_bytes() == before and not (tmp_path / "plugins").exists()


def test_an_interruption_within_an_event_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = ScratchpadWriter(tmp_path)
    writer.add_sae_metrics(random_metrics(1))
    before = event_file(tmp_path).read_bytes()

    def interrupted(_: object, data: bytes) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tb_visualscratchpad.exporter.event_file.RecordWriter.write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.add_vlm_run(random_vlm_run(1))
    assert event_file(tmp_path).read_bytes() == before and not (tmp_path / "plugins").exists()
    writer.close()


def test_threads_may_share_a_writer(tmp_path: Path) -> None:
    with ScratchpadWriter(tmp_path) as writer:
        threads = [
            threading.Thread(target=writer.add_vlm_run, args=(random_vlm_run(seed),)) for seed in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(events(tmp_path)) == 8


def test_a_summary_writer_shares_its_file_and_stays_open(tmp_path: Path) -> None:
    shared = SummaryWriter(str(tmp_path))
    shared.add_scalar("loss", 1.0, 0)
    with ScratchpadWriter(shared) as writer:
        assert writer.run_directory == tmp_path
        writer.add_vlm_run(random_vlm_run(1))
    shared.add_scalar("loss", 0.5, 1)
    shared.close()
    tags = [value.tag for event in events(tmp_path) for value in event.summary.value]
    assert tags == ["loss", "visualscratchpad/vlm_run/run-1", "loss"]
    with reading("python", tmp_path) as reader:
        store = EventStore(reader.context)
        assert store.vlm_run("", ".", "run-1").attention.per_layer_LTI is not None
        assert store.listing("").problems == ()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_full_disk_under_a_summary_writer_leaves_whole_records(tmp_path: Path) -> None:
    shared = SummaryWriter(str(tmp_path))
    for step in range(2000):
        shared.add_scalar("loss", 1.0, step)
    shared.flush()
    before = event_file(tmp_path).read_bytes()
    writer = ScratchpadWriter(shared)
    with no_file_beyond(len(before) + 3000), pytest.raises(ScratchpadError, match="event file"):
        writer.add_vlm_run(random_vlm_run(1))
    # Its thread dies of the error; wait for it, so that the warning is this test's.
    shared.file_writer.event_writer._async_writer._worker.join()
    assert event_file(tmp_path).read_bytes() == before and not (tmp_path / "plugins").exists()


def test_other_writers_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ScratchpadError, match="cannot be made"):
        ScratchpadWriter(tmp_path / "file" / "run")
    with pytest.raises(ScratchpadError, match="expected a run directory or"):
        ScratchpadWriter(object())


def test_run_directories_are_unique_and_safely_named(tmp_path: Path) -> None:
    made = [new_run_directory(tmp_path / "deep" / "log", "Emoji Wörld/1") for _ in range(5)]
    assert len(set(made)) == 5 and all(path.is_dir() and path.parent == tmp_path / "deep" / "log" for path in made)
    assert all(path.name.startswith("Emoji-W-rld-1-") for path in made)
    assert new_run_directory(tmp_path, "//").name.startswith("run-")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ScratchpadError, match="is a file|cannot be made"):
        new_run_directory(tmp_path / "file", "a")
