"""How often the data provider is asked which tags there are, and how old an answer may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tb_visualscratchpad import tag_index as tag_index_module
from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.tag_index import KEPT_SECONDS, TagIndex
from tb_visualscratchpad.wire import scratchpad_pb2 as pb
from tb_visualscratchpad.wire.errors import EvidenceNotFound
from tb_visualscratchpad.wire.tags import tag_of
from tests.data_providers import LogReader, reading
from tests.random_evidence import random_metrics, random_statistics, random_vlm_run

IDENTITY = random_metrics(1).dictionary.dictionary_id
RUN_TAG = tag_of(pb.VLM_RUN, "run-1")


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(tag_index_module, "time", made)
    return made


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[LogReader]:
    with ScratchpadWriter(tmp_path / "a") as writer:
        writer.add_vlm_run(random_vlm_run(1))
        writer.add_latent_statistics(random_statistics(1))
    with reading("python", tmp_path) as found:
        yield found


@pytest.fixture
def asked(reader: LogReader, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The filter of every question to the provider."""
    found: list[object] = []
    provider = reader.context.data_provider
    real = provider.list_tensors
    monkeypatch.setattr(provider, "list_tensors", lambda *a, **k: found.append(k["run_tag_filter"]) or real(*a, **k))
    return found


@pytest.mark.usefixtures("clock")
def test_what_is_known_is_not_asked_again(reader: LogReader, asked: list[object]) -> None:
    store = EventStore(reader.context)
    store.listing("")
    for _ in range(5):
        store.vlm_run("", "a", "run-1")
        store.latent_statistics("", IDENTITY)
    assert asked == [None]


def test_after_a_while_it_is_asked_again(reader: LogReader, asked: list[object], clock: Clock) -> None:
    tags = TagIndex(reader.context.data_provider)
    (first,) = tags.series("", RUN_TAG, "a")
    assert (first.run, first.tag, first.max_step) == ("a", RUN_TAG, 0) and len(asked) == 1
    clock.now += KEPT_SECONDS
    assert tags.series("", RUN_TAG, None) == [first] and len(asked) == 1
    clock.now += 0.1
    assert tags.series("", RUN_TAG, "a") == [first] and len(asked) == 2
    assert tags.series("", RUN_TAG, "elsewhere") == [] == tags.series("", "visualscratchpad/none", None)


@pytest.mark.usefixtures("clock")
def test_what_is_not_known_is_asked_for(reader: LogReader, tmp_path: Path) -> None:
    store = EventStore(reader.context)
    store.listing("")
    with pytest.raises(EvidenceNotFound):
        store.sae_metrics("", IDENTITY)
    with ScratchpadWriter(tmp_path / "later") as writer:
        writer.add_sae_metrics(random_metrics(1))
        writer.add_vlm_run(random_vlm_run(9))
    reader.reload()
    assert store.sae_metrics("", IDENTITY).l0 == random_metrics(1).l0
    assert store.vlm_run("", "later", "run-9").run_id == "run-9"


@pytest.mark.usefixtures("clock")
def test_evidence_is_as_new_as_the_last_listing(reader: LogReader, tmp_path: Path) -> None:
    store = EventStore(reader.context)
    store.listing("")
    with ScratchpadWriter(tmp_path / "b") as writer:
        writer.add_latent_statistics(random_statistics(2, dictionary=random_metrics(1).dictionary), step=5)
    reader.reload()
    before = store.latent_statistics("", IDENTITY)
    assert store.listing("").dictionaries[0].steps == (5,)
    after = store.latent_statistics("", IDENTITY)
    assert after is not before and after.image_set_id == random_statistics(2).image_set_id


def test_experiments_are_kept_apart_and_not_without_end(reader: LogReader, asked: list[object]) -> None:
    tags = TagIndex(reader.context.data_provider)
    for number in range(30):
        assert len(tags.series(str(number), RUN_TAG, "a")) == 1
    assert len(asked) == 30 and len(tags._known) <= 8
